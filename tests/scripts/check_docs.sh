#!/bin/bash
# Makes the reference from clean, and checks that each public enum, class and function has a
# description of its own there, and that nothing of the implementation has one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

rm -rf build/docs
cmake --workflow --preset docs
html=build/docs/docs/html

failed=0
complain() {
  echo "$*" >&2
  failed=1
}
# Names that are declared at the beginning of a line, outside the namespace detail.
names() {
  awk 'FNR == 1 { hidden = 0 }
       /^namespace detail \{/ { hidden = 1; functions = 0; next }
       hidden && /\{$/ { functions = 1 }
       /^}  \/\/ namespace detail/ || /^}$/ && !functions { hidden = 0 }
       !hidden' \
    include/mock_hyperstart.hpp include/mock_hyperstart/*.hpp | sed -nE "$1" | sort -u
}
enums=$(names 's/^enum class ([A-Za-z]+).*/\1/p')
functions=$(names 's/^(inline|auto|detail::)[^(=]* ([A-Z][A-Za-z]+)\(.*/\2/p')
classes=$(names 's/^(class|struct) ([A-Z][A-Za-z]+) .*\{$/\2/p')
for name in $enums $functions; do
  grep -qE "class=\"memtitle\">.*</span>$name(\(\))?[ <]" "$html/namespacehyperstart.html" ||
    complain "$name has no description in the reference"
done
for name in $classes; do
  [[ -e $html/classhyperstart_1_1$name.html || -e $html/structhyperstart_1_1$name.html ]] ||
    complain "$name has no page in the reference"
done
for page in index md_cmake_docs_{threads,lifetimes,errors,limits,protocol}; do
  [[ -e $html/$page.html ]] || complain "the page $page is missing"
done
if leaked=$(compgen -G "$html/*detail*.html"); then complain "pages of the implementation: $leaked"; fi
echo "$(wc -w <<<"$enums $functions $classes") names have a description"
exit $failed
