#!/bin/bash
# Each header includes what it uses, and nothing else, for none shall compile by luck. With
# clang-tidy, which can tell since its version 17.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/scripts/apt_install.sh
apt_install "${build_packages[@]}" nlohmann-json3-dev clang-tidy-19

# Not judged: headers of the C library and of others that hand on names from headers of their own.
config="{Checks: '-*,misc-include-cleaner',
         WarningsAsErrors: '*',
         CheckOptions: {misc-include-cleaner.IgnoreHeaders: '(fmt|gtest|gmock|asio|nlohmann|sys|bits|asm|asm-generic)/.*;std(lib|io).h'}}"
find include -name '*.hpp' | sort |
  xargs -P "$(nproc)" -I HEADER clang-tidy-19 --quiet --config="$config" HEADER -- \
    -x c++ -std=c++17 -I include -DASIO_STANDALONE -DFMT_SHARED
