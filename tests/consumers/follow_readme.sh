#!/bin/bash
# follow_readme.sh WAY REPOSITORY DIRECTORY: makes in DIRECTORY the project that the README of the
# bare git REPOSITORY describes, from the unchanged code blocks, and runs it. WAY: fetch_content,
# add_subdirectory, find_package, pkg_config or one_file.
set -euo pipefail
way=$1 repository=$2 directory=$3
rm -rf "$directory"
mkdir -p "$directory/project"
cd "$directory"
git clone --quiet "$repository" mock_hyperstart
readme=$PWD/mock_hyperstart/README.md

# block LANGUAGE LINE: the first block in LANGUAGE after the line that begins with LINE, and before
# the next heading or paragraph that begins in bold. Assign its output: the assignment fails if there
# is no such block.
block() {
  awk -v fence='```'"$1" -v line="$2" '
    index($0, line) == 1 { seen = 1; next }
    seen && !inside && /^(#|\*\*)/ { exit }
    seen && $0 == fence { inside = 1; next }
    inside && $0 == "```" { found = 1; exit }
    inside { print }
    END { exit !found }' "$readme"
}
# run_block LINE
run_block() {
  local commands
  commands=$(block sh "$1")
  eval "$commands"
}
# build_project LINE: builds with CMake; the block after LINE makes the library known.
build_project() {
  local known linked
  known=$(block cmake "$1")
  linked=$(block cmake "In each of the three, then:")
  printf '%s\n' "cmake_minimum_required(VERSION 3.22)" "project(agent_test LANGUAGES CXX)" "$known" \
    "$linked" >project/CMakeLists.txt
  cmake -S project -B build
  cmake --build build
  build/agent_test
}
install_library() { (cd mock_hyperstart; run_block "**Install and find_package**"); }

block cpp "## A test" >project/agent_test.cpp
export DESTDIR=$PWD/root  # for installations
case $way in
  fetch_content)
    # git replaces the README's address, which does not exist, by the repository.
    url=$(block cmake "**FetchContent**" | sed -nE 's/.*GIT_REPOSITORY ([^ ]+).*/\1/p')
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$repository.insteadOf" GIT_CONFIG_VALUE_0=$url
    build_project "**FetchContent**"
    ;;
  add_subdirectory)
    mkdir project/third_party
    mv mock_hyperstart project/third_party/
    readme=$PWD/project/third_party/mock_hyperstart/README.md
    build_project "**add_subdirectory**"
    ;;
  find_package)
    install_library
    export CMAKE_PREFIX_PATH=$DESTDIR/usr/local
    build_project "**Install and find_package**"
    ;;
  pkg_config)
    install_library
    export PKG_CONFIG_PATH=$DESTDIR/usr/local/share/pkgconfig
    cd project
    run_block "What is installed has a pkg-config file:"
    ./a.out
    ;;
  one_file)
    ln -s ../project mock_hyperstart/YOUR_PROJECT
    cd mock_hyperstart
    run_block "**One file**"
    ./a.out
    ;;
  *)
    echo "no such way: $way" >&2
    exit 1
    ;;
esac
