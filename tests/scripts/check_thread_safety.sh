#!/bin/bash
# Whether each member that a mutex guards is touched with that mutex only: clang's thread safety
# analysis of the library, as the annotations of detail/net/mutex.hpp state it. First proves that the
# analysis finds such an error. Needs clang++ and the libraries. check_thread_safety.sh [INCLUDE_DIR]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
include=${1:-include}
failed=0

# analyse: the source on stdin.
analyse() {
  clang++ -std=c++17 -fsyntax-only -Wthread-safety -Wthread-safety-beta -Werror -DASIO_STANDALONE \
    -I"$include" -x c++ -
}

# counter BODY: a class whose member Add has that body.
counter() {
  cat <<END
#include "mock_hyperstart/detail/net/mutex.hpp"
class Counter {
 public:
  void Add() { $1 }

 private:
  hyperstart::detail::Mutex mutex_;
  int count_ MOCK_HYPERSTART_GUARDED_BY(mutex_) = 0;
};
void Use(Counter& counter) { counter.Add(); }
END
}
counter 'const hyperstart::detail::MutexLock lock(mutex_); ++count_;' | analyse || {
  echo "the analysis should accept a member that is touched under its mutex" >&2
  failed=1
}
output=$(counter '++count_;' | analyse 2>&1) && output="no error"
[[ $output == *"error: writing variable 'count_' requires holding mutex 'mutex_'"* ]] || {
  printf '%s\n%s\n' "the analysis should refuse a member that is touched without its mutex:" "$output" >&2
  failed=1
}

# All headers in one source.
(cd "$include" && find . -name '*.hpp' -printf '#include <%P>\n' | sort) | analyse || failed=1

exit $failed
