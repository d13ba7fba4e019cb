#!/bin/bash
# The Go package: its format, what go vet finds, and its tests with the race detector. They use the
# mock-hyperstart of build/test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/scripts/apt_install.sh

command -v go >/dev/null || apt_install golang-go
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOPATH=$PWD/build/go GOCACHE=$PWD/build/go/cache
export MOCK_HYPERSTART=$PWD/build/test/examples/program/mock-hyperstart
cd examples/go/hyperstartmock
unformatted=$(gofmt -l .)
if [[ -n $unformatted ]]; then
  echo "not formatted by gofmt: $unformatted" >&2
  exit 1
fi
go vet .
go test -race -count=1 .
