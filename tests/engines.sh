#!/bin/sh
# The tables' tests on every engine, and the model beside another's: Spark in this process, ClickHouse as chDB and
# lifelines, which the main suite does without.
# Usage: tests/engines.sh [PYTEST-OPTION...]. The environment (2.4 GB) is made and kept in build/engines.
# Status 3: it could not be made.
set -eu
cd "$(dirname "$0")/.."
folder=build/engines
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check -e '.[spark,test]' 'chdb>=4,<5' 'lifelines>=0.30,<1' || exit 3
exec env QOE_ENGINES="${QOE_ENGINES-1}" "$folder/bin/python" -m pytest -q -p no:cacheprovider \
  tests/viewers/tables tests/viewers/test_heart.py "$@"
