# Installs the build BINARY_DIR into FROM, and moves FROM to TO.
cmake_minimum_required(VERSION 3.22)
file(REMOVE_RECURSE ${FROM} ${TO})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BINARY_DIR} --prefix ${FROM}
                COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${FROM} ${TO})
