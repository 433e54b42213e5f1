#!/bin/sh
# The tables' tests on every engine: Spark in this process and ClickHouse as chDB, which the main suite does without.
# Usage: tests/engines.sh [FOLDER]: where the environment (1.5 GB) is made and kept.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-build/engines}
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
"$folder/bin/pip" install -q -e '.[spark,test]' 'chdb>=4,<5'
exec env QOE_ENGINES=1 "$folder/bin/python" -m pytest -q tests/viewers/tables -p no:cacheprovider
