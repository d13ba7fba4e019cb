# Doxygen's input filter: shows it the comment at the top of a header as the description of the file, and a
# comment behind a member or an enumerator as that of the member.
NR == 1 && /^\/\// { print "/** @file"; at_top = 1 }
at_top && /^\/\// {
  sub(/^\/\/ ?/, "")
  if (/^ /) $0 = "    " $0  # code
  print
  next
}
at_top { print "*/"; at_top = 0 }
!/^ *(\/\/|#|})/ && !/NOLINT|IWYU/ { sub(/ +\/\/ /, "  ///< ") }
{ print }
