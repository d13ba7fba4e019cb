#!/bin/bash
# Shows what there is: installs what is missing, builds in build/examples, and runs a container's whole
# life with mock-hyperstart, and a test that fails on purpose.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/scripts/apt_install.sh

bold='' dim='' plain=''
if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
  export CLICOLOR_FORCE=1
fi
say() { echo "$bold$*$plain"; }

log=$(mktemp)
agent_pid=''
trap 'rm -f "$log"; [[ -z $agent_pid ]] || kill "$agent_pid" 2>/dev/null || true' EXIT
fail() {
  echo "$*" >&2
  exit 1
}
# quietly COMMAND...: its output is shown only if it fails.
quietly() {
  "$@" >"$log" 2>&1 && return
  cat "$log" >&2
  echo "FAILED: $*" >&2
  exit 1
}

echo "${dim}Building in build/examples: a minute, the first time.$plain"
quietly apt_install "${build_packages[@]}" "${program_packages[@]}"
quietly cmake --preset examples
quietly cmake --build --preset examples --target mock-hyperstart hyperstart-ctl runtime_client \
  failing_test
programs=build/examples/examples

echo
say "1. A container's whole life, without a virtual machine"
echo
echo "mock-hyperstart behaves as the agent in a VM: with its state, and programs that run here."
echo "A small runtime, examples/runtime_client.cpp, starts a pod and a container in it:"
echo
coproc agent { exec "$programs/program/mock-hyperstart" --model --programs local; }
agent_pid=$!
# Bash unsets `agent` when the program ends.
exec {from}<&"${agent[0]-}" {to}>&"${agent[1]-}" || fail "mock-hyperstart did not start"
read -r line <&"$from" || fail "mock-hyperstart did not start"  # listening on ctl PATH, io PATH
ctl=${line#*ctl } ctl=${ctl%%,*} io=${line##*io }
script='read name; echo "Hello, $name"; echo "and goodbye" >&2; exit 3'
echo "${dim}\$ mock-hyperstart --model --programs local"
echo "\$ echo world | runtime_client CTL IO POD sh -c '$script'$plain"
status=0
echo world | "$programs/runtime_client" "$ctl" "$io" '{"hostname":"web","shareDir":"share"}' \
  sh -c "$script" || status=$?
echo "${dim}\$ echo \$?$plain"
echo "$status"
echo
echo "What both said. --> is from the client, <-- from the agent:"
echo
(printf 'transcript\nquit\n' >&"$to") || true  # it may have ended
cat <&"$from"
wait "$agent_pid" || echo "mock-hyperstart: status $?"
agent_pid=''
((status == 3)) || fail "the program in the container ended with $status instead of 3"

echo
say "2. A test that fails"
echo
echo "The code under test in examples/failing_test.cpp has two bugs. This is what the test says:"
echo
"$programs/failing_test" --gtest_brief=1 || true

echo
say "What next"
echo
echo "  by hand, in two terminals:"
echo "    $programs/program/mock-hyperstart --model --ctl /tmp/ctl.sock --io /tmp/io.sock"
echo "    $programs/program/hyperstart-ctl --ctl /tmp/ctl.sock version"
echo "  a test in C++     examples/first_test.cpp, and README.md"
echo "  a test in Go      examples/go/hyperstartmock"
echo "  a test in Python  examples/python/client_test.py"
