#!/bin/bash
# repeat.sh [TIMES]: the suite so many times in a row (500), beside two processes that take all the
# CPU they can get; shows the first failure of each program. Takes the programs of the preset "test",
# so run tests/run.sh before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../build/test/tests"
export TIMES=${1:-500} MOCK_HYPERSTART_STRESS_PERCENT=1

# run PROGRAM SHARDS SHARD: most tests wait more than they work, so parts of a program run at once.
run() {
  local name=$1.$3 output passed status=0
  export GTEST_TOTAL_SHARDS=$2 GTEST_SHARD_INDEX=$3
  output=$(timeout 3h "./$1" --gtest_repeat="$TIMES" --gtest_brief=1 2>&1) || status=$?
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

{
  for program in unit_tests conformance_tests explain_tests stress/exhaustion_tests \
    fuzz/{json,frame_reader,double}_fuzz_replay ../examples/{first_test,runtime_client_test}; do
    echo "$program 1 0"
  done
  for program in mock_tests fault_tests stress/stress_tests; do
    for shard in 0 1 2; do echo "$program 3 $shard"; done
  done
} | xargs -P 8 -L 1 bash -c 'run "$@"' run
