#!/bin/bash
# repeat.sh [TIMES]: the suite so many times in a row (500), beside two processes that take all the
# CPU they can get; ends with the first failure of each program. Takes the programs of the preset
# "test", so run tests/run.sh before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../build/test/tests"
export TIMES=${1:-500} MOCK_HYPERSTART_STRESS_PERCENT=1

# run PROGRAM SHARDS SHARD: most tests wait more than they work, so parts of a program run at once.
run() {
  local name=$1.$3 output
  export GTEST_TOTAL_SHARDS=$2 GTEST_SHARD_INDEX=$3
  if output=$("./$1" --gtest_repeat="$TIMES" --gtest_fail_fast --gtest_brief=1 2>&1) &&
    ! grep -q "FAILED" <<<"$output"; then
    echo "$name: $(grep -c '^\[  PASSED' <<<"$output") times"
  else
    printf '%s\nFAILED: %s, after %s times\n' \
      "$(grep -B 50 -m 1 FAILED <<<"$output")" "$name" "$(grep -c '^\[  PASSED' <<<"$output")" >&2
    return 1
  fi
}
export -f run

for _ in 1 2; do
  while :; do :; done &
done
trap 'kill $(jobs -p)' EXIT

{
  for program in unit_tests conformance_tests explain_tests compiled_test stress/exhaustion_tests \
    fuzz/{json,frame_reader,double}_fuzz_replay; do
    echo "$program 1 0"
  done
  for program in double_tests fault_tests stress/stress_tests; do
    for shard in 0 1 2; do echo "$program 3 $shard"; done
  done
} | xargs -P 8 -L 1 bash -c 'run "$@"' run
