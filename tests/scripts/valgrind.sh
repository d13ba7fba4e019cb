#!/bin/bash
# The suite under valgrind, without the programs that tests start: no invalid access, no value used
# unset, no memory lost. Takes the programs of the preset "test", so run tests/run.sh before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/scripts/apt_install.sh
apt_install valgrind

# A test's own operator new, which the compiler inlines, is no mismatch. fair-sched: no thread is
# left waiting for ever by one that spins in the scheduler of valgrind.
export VALGRIND_OPTS="--quiet --error-exitcode=9 --fair-sched=yes --show-mismatched-frees=no
  --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
export MOCK_HYPERSTART_STRESS_PERCENT=1

# run PROGRAM [FILTER [OPTION]]
run() {
  local program=$1 filter=${2:-*} options=("${@:3}") output
  if output=$(timeout 15m valgrind ${options[@]+"${options[@]}"} "build/test/tests/$program" \
    --gtest_brief=1 --gtest_filter="$filter" 2>&1) &&
    grep -qE '^\[  PASSED  \] [1-9]' <<<"$output"; then
    echo "valgrind: $program: $(tail -1 <<<"$output")"
  else
    printf 'FAILED under valgrind: %s\n%s\n' "$program" "$output" >&2
    return 1
  fi
}
export -f run

# Without: a signal each 200 µs, which leaves valgrind no time for the program. In a forked child the
# memory that only its parent's threads knew of counts as lost, so those tests run apart.
xargs -P "$(nproc)" -L 1 bash -c 'run "$@"' run <<'END'
mock_tests -Fork.*
fault_tests
unit_tests
stress/stress_tests -Isolation.NoOtherUserCanConnect
mock_tests Fork.* --leak-check=no
stress/stress_tests Isolation.NoOtherUserCanConnect --leak-check=no
stress/exhaustion_tests -Signals.InAStormChangeNothing
conformance_tests
explain_tests
../examples/first_test
../examples/runtime_client_test
fuzz/json_fuzz_replay
fuzz/frame_reader_fuzz_replay
fuzz/double_fuzz_replay
END
