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

# run PROGRAM SHARDS SHARD [FILTER [OPTION]]. A program that takes too long is killed. Its output goes to
# a file: if it has started a process that does not end, a pipe would stay open.
run() {
  local name filter=${4:-*} options=("${@:5}") output began=$SECONDS status=0
  name=$(basename "$1")
  if (($2 > 1)); then name+=.$3; fi
  export GTEST_TOTAL_SHARDS=$2 GTEST_SHARD_INDEX=$3
  output=$(mktemp)
  timeout --kill-after=10 10m valgrind ${options[@]+"${options[@]}"} "$1" \
    --gtest_brief=1 --gtest_filter="$filter" >"$output" 2>&1 || status=$?
  if ((status == 0)) && grep -qE '^\[  PASSED  \] [1-9]' "$output"; then
    echo "valgrind: $name: $(tail -1 "$output"), in $((SECONDS - began)) s"
  else
    printf 'FAILED under valgrind: %s, status %s after %s s\n' "$name" "$status" \
      $((SECONDS - began)) >&2
    cat "$output" >&2
    status=1
  fi
  rm "$output"
  ((status == 0))
}
export -f run

# Tests that fork run without the leak check: in the child, memory counts as lost that only the
# parent's threads knew of. The storm of signals, one each 200 µs, leaves valgrind no time to run the
# program. A child process of valgrind's reports another status for a program that can't be executed;
# conformance with the model needs a root directory of its own. In the unit tests, valgrind's own
# operator new takes the place of the one that counts, and it does not know the call openat2. The
# watchdog of the race can't tell a slow valgrind from a deadlock; the race has a step of its own, with
# ThreadSanitizer.
# shards [FILTER [OPTION]]: a line for each shard of the program.
shards() {
  local shard
  for ((shard = 0; shard < shards; ++shard)); do echo "$program" "$shards" "$shard" "$@"; done
}
while read -r program shards; do
  case $(basename "$program") in
    mock_tests)
      shards '-Fork.*'
      shards=1 shards 'Fork.*' --leak-check=no
      ;;
    stress_tests)
      shards '-Isolation.NoOtherUserCanConnect:Race.*'
      shards=1 shards Isolation.NoOtherUserCanConnect --leak-check=no
      ;;
    exhaustion_tests) shards '-Signals.InAStormChangeNothing:*Memory.*' ;;
    conformance_tests) shards '-*Model.*' ;;
    unit_tests) shards '-FrameReaderTest*.Allocates*:FilesOfADirectory.*' ;;
    model_tests) shards '-*TellsHowAnExecFailed:Generated.*' --leak-check=no ;;
    *) shards ;;
  esac
done <"$programs" | xargs -P "$(nproc)" -L 1 bash -c 'run "$@"' run
