#!/bin/bash
# compile_and_run.sh DIRECTORY FLAG...: compiles the consumer into DIRECTORY
# without a build system, and runs it.
set -euo pipefail
directory=$1
shift
source=$(dirname "${BASH_SOURCE[0]}")/source
mkdir -p "$directory"
"${CXX:-g++}" -std=c++17 "$source"/agent_{helper,test}.cpp -o "$directory/agent_test" "$@"
"$directory/agent_test"
