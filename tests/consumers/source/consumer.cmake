# What each consumer builds once it has found the library: a library of its own, which it exports, and
# a test that links it.
add_library(agent_helper STATIC ${CMAKE_CURRENT_LIST_DIR}/agent_helper.cpp)
target_include_directories(
  agent_helper PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_LIST_DIR}> $<INSTALL_INTERFACE:include>)
target_link_libraries(agent_helper PUBLIC mock_hyperstart::mock_hyperstart)
target_compile_options(agent_helper PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)

add_executable(agent_test ${CMAKE_CURRENT_LIST_DIR}/agent_test.cpp)
target_link_libraries(agent_test PRIVATE agent_helper GTest::gtest_main)
if(LINK)  # an optional header, LINK
  target_link_libraries(agent_test PRIVATE mock_hyperstart::${LINK})
  target_compile_definitions(agent_test PRIVATE CONSUMER_HAS_OPTIONAL_HEADERS)
endif()
enable_testing()
add_test(NAME agent_test COMMAND agent_test)

install(TARGETS agent_helper EXPORT agent_helper)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/agent_helper.hpp DESTINATION include)
install(EXPORT agent_helper NAMESPACE agent_helper:: DESTINATION lib/cmake/agent_helper)
export(EXPORT agent_helper NAMESPACE agent_helper::)
