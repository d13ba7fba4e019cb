# Fails if a program has any of GoogleTest in it: cmake -D NM=nm -D PROGRAM=path -P this. A program
# without symbols would pass, so it must have some of ours.
execute_process(COMMAND ${NM} -C ${PROGRAM} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "hyperstart::detail::Server::Start")
  message(FATAL_ERROR "${PROGRAM} has no symbols of the server: what would be checked?")
endif()
if(symbols MATCHES "[^\n]*testing::[^\n]*")
  message(FATAL_ERROR "${PROGRAM} has GoogleTest in it: ${CMAKE_MATCH_0}")
endif()
