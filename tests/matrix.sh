#!/bin/bash
# Builds and runs one program of tests with the compilers, standards, standard libraries and machines
# that the library is used with. tests/matrix.sh [NAME...]: those entries, or all.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/apt_install.sh

wanted=("$@")
failed=()
# entry NAME PACKAGES COMPILER STANDARD FLAGS [CMAKE_ARGUMENT...]
entry() {
  local name=$1 packages=$2 compiler=$3 standard=$4 flags=$5 build=build/matrix/$1
  shift 5
  if ((${#wanted[@]})) && [[ " ${wanted[*]} " != *" $name "* ]]; then return; fi
  echo "==== matrix: $name"
  # shellcheck disable=SC2086  # a list of packages
  apt_install "${build_packages[@]}" nlohmann-json3-dev $packages &&
    cmake -S tests/matrix -B "$build" -G Ninja --fresh -DCMAKE_CXX_COMPILER="$compiler" \
      -DCMAKE_CXX_STANDARD="$standard" -DCMAKE_CXX_FLAGS="-D_GLIBCXX_ASSERTIONS $flags" \
      "$@" >"$build.log" 2>&1 || { cat "$build.log"; failed+=("$name"); return; }
  cmake --build "$build" && ctest --test-dir "$build" --output-on-failure --no-tests=error ||
    failed+=("$name")
}
mkdir -p build/matrix

no_rtti="-fno-rtti -DASIO_NO_TYPEID"  # which Asio does not find out by itself
own=(-DMATRIX_OWN_LIBRARIES=ON)
entry g++-12-c++20 "g++-12" g++-12 20 "$no_rtti -fvisibility=hidden"
entry g++-12-c++23 "g++-12" g++-12 23 ""
entry g++-12-m32 "g++-12-multilib googletest" g++-12 17 \
  "-m32 -isystem /usr/include/x86_64-linux-gnu" "${own[@]}" -DCMAKE_C_FLAGS=-m32
entry clang-14-c++20 "clang-14" clang++-14 20 "-fvisibility=hidden"
entry clang-15-c++17 "clang-15" clang++-15 17 "$no_rtti"
entry clang-16-c++20 "clang-16" clang++-16 20 ""
entry clang-19-libc++ "clang-19 libc++-19-dev libc++abi-19-dev googletest" clang++-19 20 \
  "-stdlib=libc++" "${own[@]}" -DCMAKE_C_COMPILER=clang-19
entry clang-22-c++23 "clang-22" clang++-22 23 ""
# The wire is big-endian; this machine is too.
entry s390x "g++-s390x-linux-gnu qemu-user-static googletest" s390x-linux-gnu-g++ 17 "" "${own[@]}" \
  -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=s390x -DCMAKE_C_COMPILER=s390x-linux-gnu-gcc \
  -DCMAKE_EXE_LINKER_FLAGS=-static -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-s390x-static

if ((${#failed[@]})); then
  printf 'FAILED: matrix %s\n' "${failed[@]}" >&2
  exit 1
fi
