#!/bin/bash
# Builds and runs one test program with the compilers, standards, standard libraries and machines that
# the library supports: the presets of tests/matrix. tests/scripts/matrix.sh [NAME...]: those presets,
# or all. Each entry below lists the Debian packages that its preset needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../matrix"
source ../scripts/apt_install.sh

wanted=("$@")
built=()
failed=()
# entry PRESET PACKAGE...
entry() {
  local preset=$1
  shift
  if ((${#wanted[@]})) && [[ " ${wanted[*]} " != *" $preset "* ]]; then return; fi
  built+=("$preset")
  echo "==== matrix: $preset"
  rm -rf "../../build/matrix/$preset"
  apt_install "${build_packages[@]}" nlohmann-json3-dev "$@" && cmake --workflow --preset "$preset" ||
    failed+=("$preset")
}

entry g++-12-c++20 g++-12
entry g++-12-c++23 g++-12
entry g++-12-m32 g++-12-multilib googletest
entry clang-14-c++20 clang-14
entry clang-15-c++17 clang-15
entry clang-16-c++20 clang-16
entry clang-19-libc++ clang-19 libc++-19-dev libc++abi-19-dev googletest
entry clang-22-c++23 clang-22
entry s390x g++-s390x-linux-gnu qemu-user-static googletest  # big-endian, as the wire is

for preset in ${wanted[@]+"${wanted[@]}"}; do
  [[ " ${built[*]-} " == *" $preset "* ]] || failed+=("$preset, which is no entry")
done
if ((${#failed[@]})); then
  printf 'FAILED: matrix %s\n' "${failed[@]}" >&2
  exit 1
fi
