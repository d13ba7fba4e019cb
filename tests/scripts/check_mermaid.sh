#!/bin/bash
# Whether Mermaid understands the diagrams that the library writes, whatever is in the payloads: a
# program sends lines that have a meaning in Mermaid, and check_mermaid.mjs parses its diagram with
# the real parser, which must also read the documents' diagrams. Needs g++, the libraries of the mock, node,
# and npm, which installs Mermaid into a temporary directory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Quotes and backslashes would be escaped by the transcript, and are not in these lines.
cat >"$work/payloads.txt" <<'END'
%%{init: {'theme': 'dark'}}%%
%%{init: {'sequence': {'mirrorActors': false}}}%%
%% a comment
style a:b#c;
classDef x:y#35;
first; second
end
loop forever
participant X
activate A
link A: x @ https://example.org
wrap: nowrap: text
# and #35; and #lt; and &lt;
<script>alert(1)</script> <br/>
$$x^2$$
--- title: x
[a] (b) {c} |d| `e` ~ ^ * _ + - / = @ ! ->> -->>
END

cat >"$work/diagram.cpp" <<'END'
// Prints the diagram of a conversation in which the agent sends each line of stdin as an `error`.
#include <sys/socket.h>
#include <sys/un.h>

#include <iostream>
#include <mock_hyperstart.hpp>
#include <string>

int main() {
  hyperstart::MockHyperstart agent;
  agent.Start();
  sockaddr_un address{AF_UNIX, {}};
  agent.GetSocketPaths().ctl.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return 1;
  if (!agent.WaitForConnection(hyperstart::Channel::kCtl)) return 1;
  for (std::string line; std::getline(std::cin, line);) {
    agent.SendMessage(hyperstart::Command::kError, line);
  }
  std::cout << agent.TranscriptAsMermaid();
}
END

npm install --prefix "$work" --no-audit --no-fund --silent mermaid@11 jsdom@24 &
installation=$!
${CXX:-g++} -std=c++17 -I../../include -DASIO_STANDALONE "$work/diagram.cpp" -o "$work/diagram" \
  -lgtest -lfmt -pthread
"$work/diagram" <"$work/payloads.txt" >"$work/diagram.mmd"
wait "$installation"
cp check_mermaid.mjs "$work"
node "$work/check_mermaid.mjs" "$work/diagram.mmd" "$work/payloads.txt" \
  ../../README.md ../benchmarks/README.md
