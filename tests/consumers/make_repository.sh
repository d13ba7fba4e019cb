#!/bin/bash
# make_repository.sh TREE REPOSITORY: makes a bare repository whose branch main
# holds TREE as it is now.
set -euo pipefail
rm -rf "$2"
git init --quiet --bare --initial-branch=main "$2"
export GIT_DIR=$2 GIT_WORK_TREE=$1
git add --all
git -c user.name=consumer -c user.email=consumer@localhost commit --quiet -m "The tree"
