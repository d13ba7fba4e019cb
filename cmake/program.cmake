# mock-hyperstart, if what it needs is installed.
include(GNUInstallDirs)
find_package(CLI11 QUIET CONFIG)
if(TARGET CLI11::CLI11 AND TARGET nlohmann_json::nlohmann_json)
  add_subdirectory(${PROJECT_SOURCE_DIR}/examples/program)
else()
  message(STATUS "mock-hyperstart is not built: it needs libcli11-dev and nlohmann-json3-dev")
endif()
