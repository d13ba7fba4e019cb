#!/bin/bash
# follow_readme.sh WAY REPOSITORY DIRECTORY: makes in DIRECTORY the project that README.md and
# cmake/README.md of the bare git REPOSITORY describe, from the unchanged code blocks, and runs it. WAY:
# fetch_content, pinned (as CHANGELOG.md says), add_subdirectory, find_package, pkg_config or one_file.
set -euo pipefail
way=$1 repository=$2 directory=$3
rm -rf "$directory"
mkdir -p "$directory/project"
cd "$directory"
git clone --quiet "$repository" mock_hyperstart
tree=$PWD/mock_hyperstart

# block LANGUAGE DOCUMENT LINE: the first block in LANGUAGE after the line of DOCUMENT that begins with
# LINE, and before the next heading or paragraph that begins in bold. Assign its output: the assignment
# fails if there is no such block.
block() {
  awk -v fence='```'"$1" -v line="$3" '
    index($0, line) == 1 { seen = 1; next }
    seen && !inside && /^(#|\*\*)/ { exit }
    seen && $0 == fence { inside = 1; next }
    inside && $0 == "```" { found = 1; exit }
    inside { print }
    END { exit !found }' "$tree/$2"
}
# run_block LINE: the commands after LINE of cmake/README.md.
run_block() {
  local commands
  commands=$(block sh cmake/README.md "$1")
  eval "$commands"
}
# build_project LINES: with README's CMakeLists.txt, and with LINES where that fetches the library.
build_project() {
  local project
  project=$(block cmake README.md "**2. Write")
  awk -v lines="$1" '
    !/FetchContent/ { print; next }
    !done { print lines; done = 1 }
    END { exit !done }' <<<"$project" >project/CMakeLists.txt
  cmake -S project -B build
  cmake --build build
  ctest --test-dir build --output-on-failure --no-tests=error
}
install_library() { (cd mock_hyperstart; run_block "**Install and find_package**"); }
# git replaces the address of the documents, which does not exist, by the repository. use_address LINES
use_address() {
  local url
  url=$(sed -nE 's/.*GIT_REPOSITORY ([^ ]+).*/\1/p' <<<"$1")
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$repository.insteadOf" GIT_CONFIG_VALUE_0=$url
}

block cpp README.md "**3. Write" >project/agent_test.cpp
export DESTDIR=$PWD/root  # for installations
case $way in
  fetch_content)
    lines=$(block cmake README.md "**2. Write" | grep FetchContent)
    use_address "$lines"
    build_project "$lines"
    ;;
  pinned)
    lines=$(block cmake CHANGELOG.md "## How to pin")
    use_address "$lines"
    commit=$(git -C "$tree" rev-parse HEAD)
    build_project "$(sed -E "s/[0-9a-f]{40}/$commit/" <<<"$lines")"
    ;;
  add_subdirectory)
    mkdir project/third_party
    mv mock_hyperstart project/third_party/
    tree=$PWD/project/third_party/mock_hyperstart
    lines=$(block cmake cmake/README.md "**add_subdirectory**")
    build_project "$lines"
    ;;
  find_package)
    install_library
    export CMAKE_PREFIX_PATH=$DESTDIR/usr/local
    cp "$tree/examples/tiny_client.hpp" project/
    lines=$(block cmake cmake/README.md "**Install and find_package**")
    build_project "$lines"
    ;;
  pkg_config)
    install_library
    export PKG_CONFIG_PATH=$DESTDIR/usr/local/share/pkgconfig
    cp "$tree/examples/tiny_client.hpp" project/
    cd project
    run_block "**pkg-config**"
    ./a.out
    ;;
  one_file)
    cp "$tree/examples/tiny_client.hpp" project/
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
