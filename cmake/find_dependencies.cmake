# What the library needs, found for our own build and, installed beside the package config, for those
# who use it installed. A target that the project already has wins over an installed package. Leaves
# in mock_hyperstart_missing, and for the optional rooms in mock_hyperstart_missing_matchers and
# _json, a sentence for each library that is not there; it never stops by itself.
find_package(Threads REQUIRED)

# mock_hyperstart_find(MISSING TARGET PLAIN TITLE DEBIAN_PACKAGE FIND_PACKAGE_ARGUMENT...)
function(mock_hyperstart_find missing target plain title debian)
  # A consumer's add_subdirectory may have brought only the plain name.
  if(NOT TARGET ${target} AND TARGET ${plain})
    get_target_property(aliased ${plain} ALIASED_TARGET)
    if(aliased)
      set(plain ${aliased})
    endif()
    add_library(${target} ALIAS ${plain})
  endif()
  if(NOT TARGET ${target})
    find_package(${ARGN} QUIET)
  endif()
  if(NOT TARGET ${target})
    set(sentence "mock_hyperstart needs ${title} or later (Debian: ${debian})")
    set(${missing} ${${missing}} "${sentence}" PARENT_SCOPE)
  endif()
endfunction()

set(mock_hyperstart_missing)
set(mock_hyperstart_missing_matchers)
set(mock_hyperstart_missing_json)
list(INSERT CMAKE_MODULE_PATH 0 ${CMAKE_CURRENT_LIST_DIR})  # Findasio
mock_hyperstart_find(mock_hyperstart_missing GTest::gtest gtest "GoogleTest 1.12" libgtest-dev
                     GTest 1.12 CONFIG)
mock_hyperstart_find(mock_hyperstart_missing asio::asio asio "standalone Asio 1.22" libasio-dev
                     asio 1.22)
mock_hyperstart_find(mock_hyperstart_missing fmt::fmt fmt "fmt 9" libfmt-dev
                     fmt 9 CONFIG)
mock_hyperstart_find(mock_hyperstart_missing_matchers GTest::gmock gmock "GoogleMock 1.12"
                     libgmock-dev GTest 1.12 CONFIG)
mock_hyperstart_find(mock_hyperstart_missing_json nlohmann_json::nlohmann_json nlohmann_json
                     "nlohmann-json 3" nlohmann-json3-dev nlohmann_json 3 CONFIG)
list(REMOVE_AT CMAKE_MODULE_PATH 0)
list(APPEND mock_hyperstart_missing_json ${mock_hyperstart_missing_matchers})
