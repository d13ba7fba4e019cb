# Where each library comes from: a target that the project already has, else an installed package,
# else, if allowed, the upstream repository at the commit below. One error names all that are missing.
set(mock_hyperstart_googletest_commit 063de7e9578f82b369302001269680b4b1553359)  # v1.18.0
set(mock_hyperstart_asio_commit 8806a6803cde7054c3049d3666d3ec36786568c5)  # asio-1-38-2
set(mock_hyperstart_fmt_commit 1be298e1bd68957e4cd352e1f676f00e07dcfb57)  # 12.2.0

include(cmake/find_dependencies.cmake)

# mock-hyperstart needs no GoogleTest: where nothing else is built, that may be missing.
set(needs_gtest ON)
if(PROJECT_IS_TOP_LEVEL AND MOCK_HYPERSTART_BUILD_PROGRAM AND
   NOT (MOCK_HYPERSTART_BUILD_TESTS OR MOCK_HYPERSTART_BUILD_EXAMPLES OR
        MOCK_HYPERSTART_BUILD_BENCHMARKS OR MOCK_HYPERSTART_TEST_CONSUMERS))
  set(needs_gtest OFF)
  list(REMOVE_ITEM mock_hyperstart_missing "${mock_hyperstart_missing_gtest}")
endif()

if(mock_hyperstart_missing AND MOCK_HYPERSTART_FETCH_DEPENDENCIES)
  include(FetchContent)
  if(needs_gtest AND NOT TARGET GTest::gtest)
    FetchContent_Declare(googletest GIT_REPOSITORY https://github.com/google/googletest.git
                         GIT_TAG ${mock_hyperstart_googletest_commit})
    set(INSTALL_GTEST OFF)
    FetchContent_MakeAvailable(googletest)
    # No warnings about their headers. CMake before 3.25 ignores this property.
    set_target_properties(gtest gmock PROPERTIES SYSTEM ON)
  endif()
  if(NOT TARGET asio::asio)
    # It has no CMakeLists.txt: this only sets asio_SOURCE_DIR, where Findasio looks.
    FetchContent_Declare(asio GIT_REPOSITORY https://github.com/chriskohlhoff/asio.git
                         GIT_TAG ${mock_hyperstart_asio_commit})
    FetchContent_MakeAvailable(asio)
  endif()
  if(NOT TARGET fmt::fmt)
    FetchContent_Declare(fmt GIT_REPOSITORY https://github.com/fmtlib/fmt.git
                         GIT_TAG ${mock_hyperstart_fmt_commit})
    FetchContent_MakeAvailable(fmt)
    set_target_properties(fmt PROPERTIES SYSTEM ON)
  endif()
  include(cmake/find_dependencies.cmake)
  if(NOT needs_gtest)
    list(REMOVE_ITEM mock_hyperstart_missing "${mock_hyperstart_missing_gtest}")
  endif()
endif()

if(mock_hyperstart_missing)
  list(JOIN mock_hyperstart_missing "\n  " mock_hyperstart_missing)
  message(FATAL_ERROR
    "  ${mock_hyperstart_missing}\n"
    "  or let CMake fetch them: -D MOCK_HYPERSTART_FETCH_DEPENDENCIES=ON")
endif()
