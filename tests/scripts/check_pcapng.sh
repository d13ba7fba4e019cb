#!/bin/bash
# Whether Wireshark understands the captures that SavePcapng writes: both directions, connects,
# payloads and comments, and with examples/wireshark/hyperstart.lua commands and streams. Needs g++,
# the libraries of the mock, and tshark.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/capture.cpp" <<'END'
// Writes the capture of a conversation to the path in its first argument.
#include <mock_hyperstart.hpp>
#include <mock_hyperstart/recording.hpp>
#include <string>

#include "support/raw_client.hpp"
#include "support/wire.hpp"

int main(int, char** arguments) {
  hyperstart::Options options;
  options.keep_all = true;
  options.log = hyperstart::Log::kNever;
  hyperstart::MockHyperstart agent(options);
  agent.Start();
  const auto [ctl_path, io_path] = agent.GetSocketPaths();
  {
    RawClient ctl = RawClient::Ctl(ctl_path);
    ctl.Call(wire::kStartPod, R"({"hostname":"web"})");
    ctl.Call(wire::kNewContainer, std::string(300'000, 'x'));
    RawClient io = RawClient::Io(io_path);
    io.Write(wire::Io(7, "stdin"));
    if (!agent.ReadIo(7)) return 1;
    agent.Note(hyperstart::Channel::kIo, "a note");
    agent.SendIo(18'000'000'000'000'000'007u, "stdout");
    agent.CloseIo(7);
    io.ReadFrame();
    agent.Disconnect(hyperstart::Channel::kIo);
  }
  if (!agent.WaitForDisconnect(hyperstart::Channel::kCtl)) return 1;
  hyperstart::SavePcapng(agent, arguments[1]);
}
END
${CXX:-g++} -std=c++17 -I../../include -I.. -DASIO_STANDALONE "$work/capture.cpp" -o "$work/capture" \
  -lgtest -lfmt -pthread
"$work/capture" "$work/session.pcapng"

failed=0
# expect WHAT EXPECTED TSHARK_ARGUMENT...: what tshark prints, without empty lines
expect() {
  local what=$1 expected=$2 printed
  shift 2
  printed=$(tshark -r "$work/session.pcapng" "$@" 2>"$work/errors" | sed '/^$/d')
  if [[ $printed != "$expected" ]] || grep -qiE 'error|cut short|malformed' "$work/errors"; then
    printf '%s: expected\n%s\nprinted\n%s\n' "$what" "$expected" "$printed" >&2
    cat "$work/errors" >&2
    failed=1
  fi
}
lua=(-X "lua_script:$PWD/../../examples/wireshark/hyperstart.lua")

expect "connects" $'2\t3\t1024\t2718\n2\t3\t1025\t2719' -Y 'vsock.op == 1' \
  -T fields -e vsock.src_cid -e vsock.dst_cid -e vsock.src_port -e vsock.dst_port
expect "ends: by the mock, then by the client" $'3\t1025\n2\t2718' -Y 'vsock.op == 2' \
  -T fields -e vsock.src_cid -e vsock.dst_port
expect "a payload as it was sent" 000000000000000700000011737464696e \
  -Y 'vsock.op == 4 && vsock.dst_port == 2719' -T fields -e vsock.payload
expect "the note" "io: a note" -Y frame.comment -T fields -e frame.comment
expect "nothing malformed" "" -Y '_ws.malformed'
expect "commands of the client" $'startpod\nnewcontainer' "${lua[@]}" \
  -Y 'hyperstart.command && vsock.src_cid == 2' -T fields -e hyperstart.command
expect "a filter by a command" 300000 "${lua[@]}" -Y 'hyperstart.command == "newcontainer"' \
  -T fields -e hyperstart.length
expect "streams" $'7\n18000000000000000007\n7' "${lua[@]}" -Y hyperstart.seq \
  -T fields -e hyperstart.seq
expect "answers" $'9\n9' "${lua[@]}" -Y 'hyperstart.command == "ack"' -T fields -e hyperstart.code
exit $failed
