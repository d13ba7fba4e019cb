# The libraries and the optional headers of mock_hyperstart, each in one line below; everything else
# in cmake/ reads these two lists. Included by our own build and by the installed package. It looks
# for the libraries, and never stops by itself: it leaves a sentence for each one that is missing, in
# the list mock_hyperstart_missing, or in mock_hyperstart_missing_NAME for an optional header.

# mock_hyperstart_find(LIBRARY TARGET TITLE DEBIAN_PACKAGE FIND_PACKAGE_ARGUMENT...)
# LIBRARY is the target's name without its namespace, which a project that builds the library itself
# may have instead. A target that the project already has is preferred to an installed package.
function(mock_hyperstart_find library target title debian_package)
  set(plain ${library})
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
  set(missing)
  if(NOT TARGET ${target})
    set(missing "mock_hyperstart needs ${title} or later (Debian: ${debian_package})")
  endif()
  set(mock_hyperstart_missing_${library} ${missing} PARENT_SCOPE)
  set(mock_hyperstart_target_of_${library} ${target} PARENT_SCOPE)
  set(mock_hyperstart_title_of_${library} "${title} or later (Debian: ${debian_package})"
      PARENT_SCOPE)
endfunction()

# mock_hyperstart_optional_header(NAME LIBRARY BASE)
# The header mock_hyperstart/NAME.hpp, the target mock_hyperstart::NAME and the component NAME of the
# package. It needs LIBRARY, and what BASE needs: mock_hyperstart, or the NAME of a line above.
macro(mock_hyperstart_optional_header name library base)
  list(APPEND mock_hyperstart_optional_headers ${name})
  set(mock_hyperstart_library_of_${name} ${library})
  set(mock_hyperstart_base_of_${name} ${base})
  set(mock_hyperstart_missing_${name} ${mock_hyperstart_missing_${library}})
  if(NOT ${base} STREQUAL mock_hyperstart)
    list(APPEND mock_hyperstart_missing_${name} ${mock_hyperstart_missing_${base}})
    list(REMOVE_DUPLICATES mock_hyperstart_missing_${name})
  endif()
endmacro()

find_package(Threads REQUIRED)
list(INSERT CMAKE_MODULE_PATH 0 ${CMAKE_CURRENT_LIST_DIR})  # Findasio
mock_hyperstart_find(gtest GTest::gtest "GoogleTest 1.12" libgtest-dev GTest 1.12 CONFIG)
mock_hyperstart_find(asio asio::asio "standalone Asio 1.22" libasio-dev asio 1.22)
mock_hyperstart_find(fmt fmt::fmt "fmt 9" libfmt-dev fmt 9 CONFIG)
mock_hyperstart_find(gmock GTest::gmock "GoogleMock 1.12" libgmock-dev GTest 1.12 CONFIG)
mock_hyperstart_find(nlohmann_json nlohmann_json::nlohmann_json "nlohmann-json 3" nlohmann-json3-dev
                     nlohmann_json 3 CONFIG)
list(REMOVE_AT CMAKE_MODULE_PATH 0)

set(mock_hyperstart_missing)
foreach(mock_hyperstart_library IN ITEMS gtest asio fmt)
  list(APPEND mock_hyperstart_missing ${mock_hyperstart_missing_${mock_hyperstart_library}})
endforeach()

set(mock_hyperstart_optional_headers)
mock_hyperstart_optional_header(matchers gmock mock_hyperstart)
mock_hyperstart_optional_header(json nlohmann_json matchers)
mock_hyperstart_optional_header(agent_model nlohmann_json mock_hyperstart)
mock_hyperstart_optional_header(recording nlohmann_json mock_hyperstart)
mock_hyperstart_optional_header(compare nlohmann_json agent_model)
