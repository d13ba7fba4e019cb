#!/bin/bash
# install_single_header.sh TREE DIRECTORY: builds and installs the self-contained headers of TREE, and
# nothing else, into DIRECTORY/prefix.
set -euo pipefail
rm -rf "$2"
cmake -S "$1" -B "$2/build" -G Ninja -D MOCK_HYPERSTART_INSTALL_SINGLE_HEADER=ON \
  -D MOCK_HYPERSTART_BUILD_TESTS=OFF -D MOCK_HYPERSTART_BUILD_EXAMPLES=OFF
cmake --build "$2/build"
cmake --install "$2/build" --prefix "$2/prefix"
diff -r "$2/build/single_header" "$2/prefix/include"
