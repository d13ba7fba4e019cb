# Writes tests/programs.txt in the build directory: one line for each test program, with its path and
# the number of shards in which its tests may run at the same time. Scripts that run all test programs
# read it (tests/scripts/valgrind.sh, tests/scripts/repeat.sh).
#
# A test program is an executable that links GTest::gtest_main, so a new one cannot be forgotten.
# Target properties:
#   TEST_SHARDS       the number of shards, by default 1
#   STARTED_BY_TESTS  true for a program that other tests start; it is not listed
function(find_test_programs directory result)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(subdirectories DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  set(lines ${${result}})
  foreach(target IN LISTS targets)
    get_target_property(type ${target} TYPE)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    get_target_property(started_by_tests ${target} STARTED_BY_TESTS)
    if(type STREQUAL "EXECUTABLE" AND "GTest::gtest_main" IN_LIST libraries AND NOT started_by_tests)
      get_target_property(shards ${target} TEST_SHARDS)
      if(NOT shards)
        set(shards 1)
      endif()
      list(APPEND lines "$<TARGET_FILE:${target}> ${shards}\n")
    endif()
  endforeach()
  foreach(subdirectory IN LISTS subdirectories)
    find_test_programs(${subdirectory} lines)
  endforeach()
  set(${result} ${lines} PARENT_SCOPE)
endfunction()

function(write_test_programs)
  set(lines)
  find_test_programs(${PROJECT_SOURCE_DIR} lines)
  list(SORT lines)
  list(JOIN lines "" content)
  # CONDITION: in a build with several configurations, none is written.
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/tests/programs.txt CONTENT "${content}"
       CONDITION $<CONFIG:${CMAKE_BUILD_TYPE}>)
endfunction()

# At the end of the whole project's configuration, when all targets exist.
cmake_language(DEFER DIRECTORY ${PROJECT_SOURCE_DIR} CALL write_test_programs)
