#!/bin/bash
# Installs what is missing, builds the examples, and runs the main one: a test of a client process with
# the mock, which prints their conversation.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/scripts/apt_install.sh

apt_install "${build_packages[@]}"
cmake --preset examples
cmake --build --preset examples
build/examples/examples/runtime_client_test
