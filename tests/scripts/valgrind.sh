#!/bin/bash
# Runs every test program under valgrind, but not the programs that tests start: no invalid access, no
# use of an uninitialised value, no lost memory. Runs the programs of the preset "test", so run
# tests/run.sh first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/scripts/apt_install.sh
apt_install valgrind
programs=build/test/tests/programs.txt  # written by tests/program_list.cmake

# show-mismatched-frees=no: the compiler inlines a test's own operator new, which is no mismatch.
# fair-sched: no thread waits for ever for one that spins in the scheduler of valgrind.
export VALGRIND_OPTS="--quiet --error-exitcode=9 --fair-sched=yes --show-mismatched-frees=no
  --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect"
export MOCK_HYPERSTART_STRESS_PERCENT=1

# run PROGRAM [FILTER [OPTION]]
run() {
  local name output filter=${2:-*} options=("${@:3}")
  name=$(basename "$1")
  if output=$(timeout 15m valgrind ${options[@]+"${options[@]}"} "$1" \
    --gtest_brief=1 --gtest_filter="$filter" 2>&1) &&
    grep -qE '^\[  PASSED  \] [1-9]' <<<"$output"; then
    echo "valgrind: $name: $(tail -1 <<<"$output")"
  else
    printf 'FAILED under valgrind: %s\n%s\n' "$name" "$output" >&2
    return 1
  fi
}
export -f run

# Tests that fork run without the leak check: in the child, memory counts as lost that only the
# parent's threads knew of. The storm of signals, one each 200 µs, leaves valgrind no time to run the
# program. A child process of valgrind's reports another status for a program that can't be executed;
# conformance with the model needs a root directory of its own. In the unit tests, valgrind's own
# operator new takes the place of the one that counts, and it does not know the call openat2.
while read -r program _; do
  case $(basename "$program") in
    mock_tests)
      echo "$program -Fork.*"
      echo "$program Fork.* --leak-check=no"
      ;;
    stress_tests)
      echo "$program -Isolation.NoOtherUserCanConnect"
      echo "$program Isolation.NoOtherUserCanConnect --leak-check=no"
      ;;
    exhaustion_tests)
      echo "$program -Signals.InAStormChangeNothing:*Memory.*"
      ;;
    conformance_tests)
      echo "$program -*Model.*"
      ;;
    unit_tests)
      echo "$program -FrameReaderTest*.Allocates*:FilesOfADirectory.*"
      ;;
    model_tests)
      echo "$program -*TellsHowAnExecFailed:Generated.* --leak-check=no"
      ;;
    *)
      echo "$program"
      ;;
  esac
done <"$programs" | xargs -P "$(nproc)" -L 1 bash -c 'run "$@"' run
