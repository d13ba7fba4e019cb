# Each library: a target that the consumer already has wins, then an installed package, then, if
# allowed, the upstream repository at the tag below. What is missing is reported all at once.
set(mock_hyperstart_googletest_tag v1.17.0)
set(mock_hyperstart_asio_tag asio-1-36-0)
set(mock_hyperstart_fmt_tag 12.1.0)

list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})
find_package(Threads REQUIRED)

# A consumer's add_subdirectory may have brought only the plain name.
function(mock_hyperstart_adopt name plain)
  if(NOT TARGET ${name} AND TARGET ${plain})
    get_target_property(aliased ${plain} ALIASED_TARGET)
    if(aliased)
      set(plain ${aliased})
    endif()
    add_library(${name} ALIAS ${plain})
  endif()
endfunction()
mock_hyperstart_adopt(GTest::gtest gtest)
mock_hyperstart_adopt(asio::asio asio)
mock_hyperstart_adopt(fmt::fmt fmt)

if(NOT TARGET GTest::gtest)
  find_package(GTest 1.12 CONFIG QUIET)
endif()
if(NOT TARGET asio::asio)
  find_package(asio 1.22 QUIET)
endif()
if(NOT TARGET fmt::fmt)
  find_package(fmt 9 CONFIG QUIET)
endif()

if(MOCK_HYPERSTART_FETCH_DEPENDENCIES)
  include(FetchContent)
  if(NOT TARGET GTest::gtest)
    FetchContent_Declare(googletest GIT_REPOSITORY https://github.com/google/googletest.git
                         GIT_TAG ${mock_hyperstart_googletest_tag} GIT_SHALLOW ON)
    set(INSTALL_GTEST OFF)
    FetchContent_MakeAvailable(googletest)
    # A property that CMake below 3.25 ignores: their headers are not ours to warn about.
    set_target_properties(gtest gmock PROPERTIES SYSTEM ON)
  endif()
  if(NOT TARGET asio::asio)
    # Has no CMakeLists.txt: this only sets asio_SOURCE_DIR, where Findasio looks.
    FetchContent_Declare(asio GIT_REPOSITORY https://github.com/chriskohlhoff/asio.git
                         GIT_TAG ${mock_hyperstart_asio_tag} GIT_SHALLOW ON)
    FetchContent_MakeAvailable(asio)
    find_package(asio 1.22 QUIET)
  endif()
  if(NOT TARGET fmt::fmt)
    FetchContent_Declare(fmt GIT_REPOSITORY https://github.com/fmtlib/fmt.git
                         GIT_TAG ${mock_hyperstart_fmt_tag} GIT_SHALLOW ON)
    FetchContent_MakeAvailable(fmt)
    set_target_properties(fmt PROPERTIES SYSTEM ON)
  endif()
endif()

set(mock_hyperstart_missing)
foreach(target IN ITEMS GTest::gtest asio::asio fmt::fmt)
  if(NOT TARGET ${target})
    list(APPEND mock_hyperstart_missing ${target})
  endif()
endforeach()
if(mock_hyperstart_missing)
  list(JOIN mock_hyperstart_missing ", " mock_hyperstart_missing)
  message(FATAL_ERROR
    "mock_hyperstart needs GoogleTest 1.12, standalone Asio 1.22 and fmt 9, or later ones. "
    "Missing: ${mock_hyperstart_missing}.\n"
    "On Debian: apt-get install libgtest-dev libgmock-dev libasio-dev libfmt-dev\n"
    "Or let CMake fetch them: -DMOCK_HYPERSTART_FETCH_DEPENDENCIES=ON")
endif()
