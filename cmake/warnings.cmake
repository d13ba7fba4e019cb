# The compiler options of our own tests and examples. Users of the library do not get them.
add_library(mock_hyperstart_warnings INTERFACE)
target_compile_options(
  mock_hyperstart_warnings
  INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
            $<$<BOOL:${MOCK_HYPERSTART_WARNINGS_AS_ERRORS}>:-Werror>)

if(MOCK_HYPERSTART_SANITIZE)
  # Without no-sanitize-recover, undefined behaviour is printed, but the test passes. The vptr check
  # uses a pipe to find out which memory is readable, and fails if no descriptors are left. GCC warns
  # that the thread sanitizer does not support fences; Asio has some, in code that we do not use.
  target_compile_options(
    mock_hyperstart_warnings
    INTERFACE -fsanitize=${MOCK_HYPERSTART_SANITIZE} -fno-sanitize-recover=all
              -fno-sanitize=vptr -fno-omit-frame-pointer $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  target_link_options(mock_hyperstart_warnings INTERFACE -fsanitize=${MOCK_HYPERSTART_SANITIZE})
endif()
