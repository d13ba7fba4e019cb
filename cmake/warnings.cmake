# How our own tests and examples are compiled; never part of what a consumer gets.
add_library(mock_hyperstart_warnings INTERFACE)
target_compile_options(
  mock_hyperstart_warnings
  INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
            $<$<BOOL:${MOCK_HYPERSTART_WARNINGS_AS_ERRORS}>:-Werror>)

if(MOCK_HYPERSTART_SANITIZE)
  # Without no-sanitize-recover, undefined behaviour is printed and the test passes. The check of
  # virtual tables asks through a pipe what memory can be read: it is wrong where descriptors run out.
  # GCC warns that the thread sanitizer does not know fences; Asio has some, around handlers, which we
  # do not use.
  target_compile_options(
    mock_hyperstart_warnings
    INTERFACE -fsanitize=${MOCK_HYPERSTART_SANITIZE} -fno-sanitize-recover=all
              -fno-sanitize=vptr -fno-omit-frame-pointer $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  target_link_options(mock_hyperstart_warnings INTERFACE -fsanitize=${MOCK_HYPERSTART_SANITIZE})
endif()
