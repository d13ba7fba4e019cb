# Configures the consumer PROJECT in BINARY_DIR with the arguments OPTIONS, from scratch; builds it, runs
# its tests, and installs it into BINARY_DIR/prefix. With REFUSAL, configuring must fail with that line.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE ${BINARY_DIR})
set(configure ${CMAKE_COMMAND} -S ${PROJECT} -B ${BINARY_DIR} -G Ninja ${OPTIONS})

if(REFUSAL)
  execute_process(COMMAND ${configure} RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE errors)
  message("${errors}")
  string(REGEX REPLACE "\n +" "\n" lines "${errors}")
  string(FIND "${lines}" "\n${REFUSAL}\n" at)
  if(NOT failed OR at EQUAL -1)
    message(FATAL_ERROR "Configuring should have failed with this line:\n  ${REFUSAL}")
  endif()
  return()
endif()

foreach(step IN ITEMS "${configure}" "${CMAKE_COMMAND};--build;${BINARY_DIR}"
                      "${CMAKE_CTEST_COMMAND};--test-dir;${BINARY_DIR};--output-on-failure;--no-tests=error"
                      "${CMAKE_COMMAND};--install;${BINARY_DIR};--prefix;${BINARY_DIR}/prefix")
  execute_process(COMMAND ${step} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
