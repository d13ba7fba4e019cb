#!/bin/bash
# Installs what is missing, builds the tests and runs them all. The last lines are CTest's summary.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/scripts/apt_install.sh

apt_install "${build_packages[@]}" nlohmann-json3-dev busybox-static \
  "${program_packages[@]}"
cmake --workflow --preset test
