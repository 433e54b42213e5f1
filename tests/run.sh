#!/usr/bin/env bash
# Sets up what the tests need and runs lint, types and tests. The end-to-end tests want Debian's servers: they
# are installed where that is possible; elsewhere those tests are skipped, and say so.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(python3-venv ffmpeg nginx libnginx-mod-rtmp prometheus prometheus-alertmanager chromium)
[ -z "${CI:-}" ] || command -v java >/dev/null || packages+=(default-jre-headless) # for Spark
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  if ! { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; }; then
    echo "could not install: ${missing[*]}; tests that need them are skipped" >&2
  fi
fi

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install -q --disable-pip-version-check -e '.[dev]'
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
# Tests against real servers mind what else the machine does: but for some they run one by one, after all others. A test
# that hangs says where, and ends the run; a part of which nothing is asked for (status 5) is no failure. The slowest are
# named, as all of it has 25 minutes.
tests() {
  .venv/bin/pytest --durations=15 --durations-min=4 \
    -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true "$@" || [ "$?" -eq 5 ]
}
beside=(--dist loadfile --no-loadscope-reorder)
failed=0
# Spark and ClickHouse, of 2.4 GB and an environment of their own: in CI, beside the first part.
if [ -n "${CI:-}" ] && [ "$#" -eq 0 ]; then
  mkdir -p build
  QOE_ENGINES="" nice -n 19 timeout 900 sh tests/engines.sh -k "spark or clickhouse or heart" >build/engines.log 2>&1 &
  engines=$!
fi
tests -m "not e2e" --numprocesses auto --maxprocesses 4 "${beside[@]}" "$@" || failed=1
if [ -n "${engines:-}" ]; then
  status=0
  wait "$engines" || status=$?
  tail -n 40 build/engines.log
  if [ "$status" -eq 3 ]; then echo "could not install Spark and ClickHouse: their tests are skipped" >&2; fi
  [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || failed=1
fi
# Only where there are any: to look through all tests takes its time, in each process.
[ "$#" -gt 0 ] || mapfile -t found < <(grep -rl --include='test_*.py' 'pytest\.mark\.e2e' tests)
[ "$#" -gt 0 ] || set -- "${found[@]}"
tests -m "e2e and beside" --numprocesses 3 "${beside[@]}" "$@" || failed=1
tests -m "e2e and not beside" "$@" || failed=1
exit "$failed"
