#!/bin/bash
# What the public headers do to a source that includes them: they define no macros but their own, and
# if a library that they need is missing, the only error is one that names its Debian package.
# Needs g++ and the libraries. check_headers.sh [INCLUDE_DIR]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
include=${1:-include}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() {
  echo "$*" >&2
  failed=1
}

# Macros: those after all our headers, less those that the headers from elsewhere define.
foreign=$(grep -rhoE '^#include <[^>]+>' "$include" | grep -v '<mock_hyperstart' | sort -u)
ours=$(cd "$include" && find . -name '*.hpp' -printf '#include <%P>\n')
macros() { g++ -std=c++17 -I"$include" -DASIO_STANDALONE -x c++ -dM -E - | sort; }
macros <<<"$foreign" >"$work/before"
macros <<<"$foreign"$'\n'"$ours" >"$work/after"
leaked=$(comm -13 "$work/before" "$work/after" |
  grep -v '^#define MOCK_HYPERSTART_' || true)
[[ -z $leaked ]] || complain "the headers define:"$'\n'"$leaked"

# expect_one_error SENTENCE WHEN OUTPUT: of the compiler.
expect_one_error() {
  local errors
  errors=$(grep -E 'error:|compilation terminated' <<<"$3") || true
  [[ $errors == *"error: #error $1" && $errors != *$'\n'* ]] ||
    complain "$2, the only error should be: $1"$'\n'"but these are: ${errors:-none}"
}

# expect_refusal HEADER LIBRARY SENTENCE: what HEADER says if /usr/include lacks LIBRARY.
expect_refusal() {
  local header=$1 library=$2 sentence=$3 output entry
  mkdir -p "$work/$library"
  for entry in /usr/include/*; do
    [[ $entry == /usr/include/$library* ]] || ln -sf "$entry" "$work/$library"
  done
  output=$(echo "#include <$header>" | g++ -std=c++17 -I"$include" -x c++ -fsyntax-only -nostdinc \
    $(printf -- '-isystem %s ' "${standard[@]}") -isystem "$work/$library" - 2>&1) || true
  expect_one_error "$sentence" "$header without $library" "$output"
}
mapfile -t standard < <(g++ -E -v -x c++ /dev/null 2>&1 |
  sed -n '/^#include </,/^End/s/^ //p' | grep -vx /usr/include)

expect_refusal mock_hyperstart.hpp gtest \
  'mock_hyperstart needs GoogleTest 1.12 or later (Debian: libgtest-dev)'
expect_refusal mock_hyperstart.hpp asio \
  'mock_hyperstart needs standalone Asio 1.22 or later (Debian: libasio-dev)'
expect_refusal mock_hyperstart.hpp fmt 'mock_hyperstart needs fmt 9 or later (Debian: libfmt-dev)'
expect_refusal mock_hyperstart/matchers.hpp gmock \
  'mock_hyperstart needs GoogleMock 1.12 or later (Debian: libgmock-dev)'
expect_refusal mock_hyperstart/json.hpp nlohmann \
  'mock_hyperstart needs nlohmann-json 3 or later (Debian: nlohmann-json3-dev)'
expect_refusal mock_hyperstart/json.hpp gmock \
  'mock_hyperstart needs GoogleMock 1.12 or later (Debian: libgmock-dev)'
output=$(echo '#include <mock_hyperstart.hpp>' |
  g++ -std=c++14 -I"$include" -x c++ -fsyntax-only - 2>&1) || true
expect_one_error 'mock_hyperstart needs C++17 or later' "mock_hyperstart.hpp in C++14" "$output"

exit $failed
