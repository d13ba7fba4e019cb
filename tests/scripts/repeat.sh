#!/bin/bash
# repeat.sh [TIMES]: runs every test program TIMES times in a row (500), beside two processes that use
# all the CPU they can get. Shows the first failure of each program. Runs the programs of the preset
# "test", so run tests/run.sh first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
programs=build/test/tests/programs.txt  # written by tests/program_list.cmake
export TIMES=${1:-500} MOCK_HYPERSTART_STRESS_PERCENT=1

# run PROGRAM SHARDS SHARD
run() {
  local name output passed status=0
  name=$(basename "$1").$3
  export GTEST_TOTAL_SHARDS=$2 GTEST_SHARD_INDEX=$3
  output=$(timeout 3h "$1" --gtest_repeat="$TIMES" --gtest_brief=1 2>&1) || status=$?
  passed=$(grep -cE '^\[  PASSED  \] [1-9]' <<<"$output") || true
  if ((status == 0 && passed == TIMES)) && ! grep -q FAILED <<<"$output"; then
    echo "$name: $passed times"
  else
    printf 'FAILED: %s passed %s times of %s, status %s:\n%s\n' "$name" "$passed" "$TIMES" "$status" \
      "$(grep -B 40 -m 1 FAILED <<<"$output" || tail -n 40 <<<"$output")" >&2
    return 1
  fi
}
export -f run

for _ in 1 2; do
  while :; do :; done &
done
trap 'kill $(jobs -p)' EXIT

while read -r program shards; do
  for ((shard = 0; shard < shards; ++shard)); do echo "$program $shards $shard"; done
done <"$programs" | xargs -P 8 -L 1 bash -c 'run "$@"' run
