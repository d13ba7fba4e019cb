#!/bin/bash
# Tests check_house.sh: it accepts a tree that keeps the rules, and names each violation of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# write_header NAME LINE...: with its include guard.
write_header() {
  local name=$1 guard
  shift
  guard=$(tr 'a-z/.' 'A-Z__' <<<"$name")_
  mkdir -p "$(dirname "$work/tree/include/$name")"
  printf '%s\n' "#ifndef $guard" "#define $guard" "$@" "#endif" >"$work/tree/include/$name"
}

# A tree that keeps the rules, with an #include of each kind that is allowed.
write_tree() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree"/{include,tests,examples}
  write_header mock_hyperstart.hpp '#include "mock_hyperstart/awaited.hpp"' \
    '#include "mock_hyperstart/detail/gtest/mock.hpp"' '#include <gtest/gtest.h>'
  write_header mock_hyperstart/protocol.hpp '#include "mock_hyperstart/detail/wire/bytes.hpp"'
  write_header mock_hyperstart/awaited.hpp '#include <gtest/gtest.h>'
  write_header mock_hyperstart/json.hpp '#include <nlohmann/json.hpp>' '#include <gmock/gmock.h>'
  write_header mock_hyperstart/detail/wire/bytes.hpp '#include <string>'
  write_header mock_hyperstart/detail/net/socket.hpp '#include <asio/io_context.hpp>'
  write_header mock_hyperstart/detail/agent/server.hpp \
    '#include "mock_hyperstart/detail/net/socket.hpp"' '#include "mock_hyperstart/protocol.hpp"'
  write_header mock_hyperstart/detail/gtest/mock.hpp '#include "mock_hyperstart.hpp"' \
    '#include "mock_hyperstart/detail/agent/server.hpp"' '#include <gtest/gtest.h>'
}

# expect_complaint TEXT: the check must fail for the tree as it is now, and say TEXT. Then restores the
# tree.
expect_complaint() {
  local output status=0
  output=$(./check_house.sh "$work/tree" 2>&1) || status=$?
  if ((status == 0)) || [[ $output != *"$1"* ]]; then
    printf 'should have complained: %s\nbut said, with status %s: %s\n' "$1" "$status" "$output" >&2
    failed=1
  fi
  write_tree
}
# expect_refused_include HEADER LAYER INCLUDED
expect_refused_include() {
  write_header "$1" "#include <string>" "#include <$3>"
  expect_complaint "include/$1:4: $2 may not include $3"
}

write_tree
./check_house.sh "$work/tree" || {
  echo "should have accepted the tree" >&2
  failed=1
}

expect_refused_include mock_hyperstart/detail/wire/x.hpp wire mock_hyperstart/protocol.hpp
expect_refused_include mock_hyperstart/detail/wire/x.hpp wire mock_hyperstart/detail/net/socket.hpp
expect_refused_include mock_hyperstart/detail/net/x.hpp net mock_hyperstart/detail/wire/bytes.hpp
expect_refused_include mock_hyperstart/detail/net/x.hpp net mock_hyperstart/messages.hpp
expect_refused_include mock_hyperstart/detail/net/x.hpp net gtest/gtest.h
expect_refused_include mock_hyperstart/reply.hpp values mock_hyperstart/detail/agent/server.hpp
expect_refused_include mock_hyperstart/event.hpp values mock_hyperstart/detail/net/socket.hpp
expect_refused_include mock_hyperstart/detail/agent/x.hpp agent mock_hyperstart/awaited.hpp
expect_refused_include mock_hyperstart/detail/agent/x.hpp agent mock_hyperstart/detail/gtest/mock.hpp
expect_refused_include mock_hyperstart/detail/agent/x.hpp agent mock_hyperstart.hpp
expect_refused_include mock_hyperstart/detail/agent/x.hpp agent gtest/gtest.h
expect_refused_include mock_hyperstart/detail/agent/x.hpp agent asio/io_context.hpp
expect_refused_include mock_hyperstart/detail/gtest/x.hpp gtest asio.hpp
expect_refused_include mock_hyperstart/detail/gtest/x.hpp gtest nlohmann/json.hpp
expect_refused_include mock_hyperstart/recording.hpp recording gtest/gtest.h
expect_refused_include mock_hyperstart.hpp mock gmock/gmock.h
expect_refused_include mock_hyperstart/matchers.hpp matchers nlohmann/json.hpp

write_header mock_hyperstart/detail/other/x.hpp
expect_complaint "include/mock_hyperstart/detail/other/x.hpp: is in no layer"
write_header mock_hyperstart/unknown.hpp
expect_complaint "include/mock_hyperstart/unknown.hpp: is in no layer"
echo '#pragma once' >"$work/tree/include/mock_hyperstart/messages.hpp"
expect_complaint "messages.hpp: lacks the include guard MOCK_HYPERSTART_MESSAGES_HPP_"
mapfile -t lines < <(yes '//' | head -398)
write_header mock_hyperstart/messages.hpp "${lines[@]}"
expect_complaint "include/mock_hyperstart/messages.hpp: has 401 lines"
write_header mock_hyperstart/messages.hpp '  using namespace std;'
expect_complaint "using namespace in a header"
echo 'void f() { std::this_thread::sleep_for(x); }' >"$work/tree/tests/x.cpp"
expect_complaint "sleeps; wait for an event, with a deadline"
echo '#pragma once' >"$work/tree/examples/x.hpp"
expect_complaint "#pragma once"

exit $failed
