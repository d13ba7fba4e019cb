#!/bin/bash
# What the compiler does not check: which room may include what, and what no source may contain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
complain() {
  echo "$*" >&2
  failed=1
}

while IFS= read -r header; do
  room=${header#include/}
  guard=$(tr 'a-z/.' 'A-Z__' <<<"$room")_
  grep -qx "#ifndef $guard" "$header" && grep -qx "#define $guard" "$header" ||
    complain "$header: lacks the include guard $guard"
done < <(find include -name '*.hpp' | sort)

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
