# mock_hyperstart::compiled: the library as a static library, so that test files that link it compile
# faster. It is installed as a source file, and compiled with the options of the project that uses
# it.
if(NOT TARGET mock_hyperstart_compiled)
  add_library(mock_hyperstart_compiled STATIC EXCLUDE_FROM_ALL
              ${CMAKE_CURRENT_LIST_DIR}/compiled.cpp)
  add_library(mock_hyperstart::compiled ALIAS mock_hyperstart_compiled)
  target_compile_definitions(mock_hyperstart_compiled PUBLIC MOCK_HYPERSTART_COMPILED)
  target_link_libraries(mock_hyperstart_compiled PUBLIC mock_hyperstart::mock_hyperstart)
endif()
