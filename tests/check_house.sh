#!/bin/bash
# What the compiler does not check: which room may include what, and what no source may contain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=0
complain() {
  echo "$*" >&2
  failed=1
}

# A room includes only rooms of lower floors. mock_hyperstart is the face.
floors=(
  "awaited printing protocol quiet_thread requirements socket_files"
  "frame_reader messages options"
  "inbox reply setup transcript"
  "outbox mailbox playbook"
  "connection"
  "channel service"
  "mock_hyperstart"
  "mock matchers json"
)
declare -A floor
for i in "${!floors[@]}"; do
  for room in ${floors[i]}; do floor[mock_hyperstart/$room.hpp]=$i; done
done
floor[mock_hyperstart.hpp]=${floor[mock_hyperstart/mock_hyperstart.hpp]}
unset 'floor[mock_hyperstart/mock_hyperstart.hpp]'
includes() { sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]([^>"]+)[>"].*/\1/p' "$1"; }

while IFS= read -r header; do
  room=${header#include/}
  if [[ -z ${floor[$room]:-} ]]; then
    complain "$header: has no floor in $0"
    continue
  fi

  while IFS= read -r included; do
    case $included in
      mock_hyperstart*)
        # The face ends with the one room above it, which is its other half.
        [[ "$room $included" == "mock_hyperstart.hpp mock_hyperstart/mock.hpp" ]] && continue
        if [[ -z ${floor[$included]:-} ]]; then
          complain "$header: includes $included, which is no room"
        elif ((floor[$included] >= floor[$room])); then
          complain "$header: includes $included, which is not on a lower floor"
        fi
        continue ;;
      asio.hpp | asio/*) rooms="channel" ;;
      gtest/*) rooms="awaited mailbox mock_hyperstart mock matchers json" ;;
      gmock/*) rooms="matchers json" ;;
      nlohmann/*) rooms="json" ;;
      *) continue ;;
    esac
    [[ " $rooms " == *" $(basename "$header" .hpp) "* ]] ||
      complain "$header: includes $included, which is for: $rooms"
  done < <(includes "$header")

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
