#!/bin/bash
# Which lines of the library the tests execute: prints a table, and writes the lines to
# build/coverage/html. Fails below the percentage of lines in the first argument, by default 95.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/scripts/apt_install.sh

apt_install "${build_packages[@]}" nlohmann-json3-dev clang llvm libclang-rt-14-dev
rm -rf build/coverage/profiles
cmake --workflow --preset coverage

cd build/coverage
llvm-profdata merge -o coverage.profdata profiles/*.profraw
programs=(tests/*_tests tests/explain_inner)
arguments=(-instr-profile=coverage.profdata -ignore-filename-regex='/(tests|examples)/|^/usr/'
           "${programs[0]}" "${programs[@]/#/-object=}")
llvm-cov show "${arguments[@]}" -format=html -output-dir=html
llvm-cov report "${arguments[@]}"
llvm-cov export -summary-only "${arguments[@]}" |
  grep -oP '"totals":.*"lines":\{"count":\d+,"covered":\d+,"percent":\K[0-9.]+' |
  awk -v least="${1:-95}" '{ printf "%.1f %% of lines; required: %s %%\n", $1, least
                             exit $1 < least }'
