#!/bin/bash
# run.sh [SECONDS]: installs what is missing, builds the fuzzers, and runs each for that long (by
# default 60) on a copy of its corpus. A fuzzer fails at the first crash, leak or hang, and this script
# prints the path of the input; to keep the input, move it to tests/fuzz/regressions/TARGET.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/scripts/apt_install.sh

seconds=${1:-60}
apt_install "${build_packages[@]}" clang libclang-rt-14-dev nlohmann-json3-dev
cmake --preset fuzz
cmake --build --preset fuzz

export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
failed=0
for target in frame_reader json double; do
  found=build/fuzz/found/$target # new inputs, and inputs that crash
  rm -rf "$found"
  mkdir -p "$found/corpus" "$found/crashes"
  cp tests/fuzz/corpus/"$target"/* "$found/corpus"
  log=$found/log
  echo "==== $target, $seconds s"
  if ! build/fuzz/tests/fuzz/"${target}_fuzz" -max_total_time="$seconds" -timeout=120 \
    -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 -artifact_prefix="$found/crashes/" \
    "$found/corpus" >"$log" 2>&1; then
    failed=1
    grep -vE '^#[0-9]+' "$log" | tail -n 80
    echo "FAILED: $target; the input: $(find "$PWD/$found/crashes" -type f | tr '\n' ' ')"
  fi
  sed -nE 's/.*(cov: [0-9]+ ft: [0-9]+).*/\1/p' "$log" | tail -n 1
  grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$log" || true
done
exit $failed
