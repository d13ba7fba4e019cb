#!/bin/bash
# Rules that no compiler checks: which layer may include which, what no source may contain, and the
# length of a header. check_house.sh [ROOT]: of the repository at ROOT, by default this one.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

failed=0
complain() {
  echo "$*" >&2
  failed=1
}

# ---- Layers. An include points to a lower layer, or stays in its own.

# layer_of HEADER: the layer of a header of ours, named as in an #include. Empty if it has none.
layer_of() {
  case $1 in
    mock_hyperstart.hpp) echo mock ;;
    mock_hyperstart/detail/requirements.hpp) echo requirements ;;
    mock_hyperstart/detail/*/*)
      local rest=${1#mock_hyperstart/detail/}
      echo "${rest%%/*}"
      ;;
    mock_hyperstart/protocol.hpp | mock_hyperstart/messages.hpp | mock_hyperstart/reply.hpp | \
      mock_hyperstart/options.hpp | mock_hyperstart/event.hpp | \
      mock_hyperstart/detail/reply_spec.hpp) echo values ;;
    mock_hyperstart/*/*) ;;
    mock_hyperstart/*.hpp) basename "$1" .hpp ;;
  esac
}

# For each layer, the other layers and the libraries that it may include. "mock" is
# mock_hyperstart.hpp; "values" are the public headers that hold values only.
declare -A may_include=(
  [requirements]=""
  [wire]=""
  [net]="asio"
  [values]="wire"
  [agent]="wire net values"
  [awaited]="wire values agent gtest.h"
  [gtest]="wire net values agent awaited mock gtest.h"
  [mock]="requirements values awaited gtest gtest.h"
  [client_thread]="agent mock gtest.h"
  [matchers]="wire values mock gtest.h gmock"
  [json]="wire values matchers gtest.h gmock nlohmann"
  [program]="values model"
  [model]="wire net values agent program nlohmann"
  [agent_model]="wire values program model mock nlohmann"
  [compare]="values agent_model recording mock nlohmann"
  [recording]="wire net values agent program model mock nlohmann"
)

# Where an #include leads: a layer of ours, one of the libraries that not every layer may include, or
# nothing to check.
target_of() {
  case $1 in
    mock_hyperstart*) layer_of "$1" ;;
    asio/* | asio.hpp) echo asio ;;
    gtest/*) echo gtest.h ;;
    gmock/*) echo gmock ;;
    nlohmann/*) echo nlohmann ;;
  esac
}

# check_layers HEADER
check_layers() {
  local header=$1 layer line included target
  layer=$(layer_of "${header#include/}")
  if [[ -z $layer || -z ${may_include[$layer]+known} ]]; then
    complain "$header: is in no layer"
    return
  fi
  while IFS= read -r line; do
    [[ $line =~ [\<\"]([^\>\"]*)[\>\"] ]] || continue
    included=${BASH_REMATCH[1]}
    target=$(target_of "$included")
    [[ -z $target || $target == "$layer" || " ${may_include[$layer]} " == *" $target "* ]] ||
      complain "$header:${line%%:*}: $layer may not include $included"
  done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "$header" || true)
}

# ---- Every header

while IFS= read -r header; do
  name=${header#include/}
  guard=$(tr 'a-z/.' 'A-Z__' <<<"$name")_
  grep -qx "#ifndef $guard" "$header" && grep -qx "#define $guard" "$header" ||
    complain "$header: lacks the include guard $guard"
  lines=$(wc -l <"$header")
  ((lines <= 400)) || complain "$header: has $lines lines, and at most 400 are allowed"
  check_layers "$header"
done < <(find include -name '*.hpp' | sort)

# ---- Every source

# complain_of WHAT PATTERN PATH...
complain_of() {
  local what=$1 pattern=$2 found
  shift 2
  if found=$(grep -rnE --include='*.hpp' --include='*.cpp' "$pattern" "$@"); then
    complain "$what:"$'\n'"$found"
  fi
}
complain_of "#pragma once" '^[[:space:]]*#[[:space:]]*pragma[[:space:]]+once' include tests examples
complain_of "using namespace in a header" '^[[:space:]]*using[[:space:]]+namespace' include
complain_of "sleeps; wait for an event, with a deadline" \
  '\<(sleep_for|sleep_until|usleep|nanosleep|clock_nanosleep|sleep)[[:space:]]*\(' \
  include tests examples

exit $failed
