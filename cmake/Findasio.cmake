# Finds standalone Asio, which Debian packages without a CMake config, and defines asio::asio.
# FetchContent sets asio_SOURCE_DIR; the headers are there in asio/include (up to 1.36) or in include.
find_path(asio_INCLUDE_DIR asio.hpp HINTS ${asio_SOURCE_DIR} PATH_SUFFIXES include asio/include)
mark_as_advanced(asio_INCLUDE_DIR)

if(EXISTS "${asio_INCLUDE_DIR}/asio/version.hpp")
  file(STRINGS "${asio_INCLUDE_DIR}/asio/version.hpp" asio_VERSION
       REGEX "^#define ASIO_VERSION [0-9]+")
  string(REGEX REPLACE ".*ASIO_VERSION ([0-9]+).*" "\\1" asio_VERSION "${asio_VERSION}")
  # 102201 is 1.22.1
  math(EXPR asio_major "${asio_VERSION} / 100000")
  math(EXPR asio_minor "${asio_VERSION} / 100 % 1000")
  math(EXPR asio_patch "${asio_VERSION} % 100")
  set(asio_VERSION ${asio_major}.${asio_minor}.${asio_patch})
endif()

find_package(Threads QUIET)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(asio REQUIRED_VARS asio_INCLUDE_DIR Threads_FOUND
                                  VERSION_VAR asio_VERSION)

if(asio_FOUND AND NOT TARGET asio::asio)
  add_library(asio::asio INTERFACE IMPORTED)
  set_target_properties(
    asio::asio PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${asio_INCLUDE_DIR}"
                          INTERFACE_COMPILE_DEFINITIONS ASIO_STANDALONE
                          INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
