# One self-contained header out of the rooms. The target single_header writes, into the build tree,
# single_header/mock_hyperstart.hpp and, each as self-contained, the optional rooms. This file is also
# the script that it runs: every #include of ours gives way to the room it names, the first time, and
# all else stays, guards too, so that two such headers can meet in one source.
#   cmake -D INCLUDE_DIR=include -D HEADER=mock_hyperstart.hpp -D OUTPUT=... -P single_header.cmake

if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE rooms CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.hpp)
  set(outputs)
  foreach(header IN ITEMS mock_hyperstart.hpp mock_hyperstart/matchers.hpp
                          mock_hyperstart/json.hpp)
    set(output ${PROJECT_BINARY_DIR}/single_header/${header})
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -D INCLUDE_DIR=${PROJECT_SOURCE_DIR}/include -D HEADER=${header}
              -D OUTPUT=${output} -P ${CMAKE_CURRENT_LIST_FILE}
      DEPENDS ${rooms} ${CMAKE_CURRENT_LIST_FILE}
      VERBATIM)
    list(APPEND outputs ${output})
  endforeach()
  add_custom_target(single_header DEPENDS ${outputs})
  return()
endif()

cmake_minimum_required(VERSION 3.22)

# Sets RESULT to HEADER's text, with its rooms in it. Text is only ever in quotes: it has semicolons.
function(expand header result)
  set_property(GLOBAL APPEND PROPERTY expanded ${header})
  file(READ ${INCLUDE_DIR}/${header} rest)
  set(text "")
  while("${rest}" MATCHES "(^|\n)#[ \t]*include[ \t]*[<\"](mock_hyperstart[^>\"]*)[>\"][^\n]*\n")
    set(line "${CMAKE_MATCH_0}")
    set(room ${CMAKE_MATCH_2})
    string(FIND "${rest}" "${line}" begin)
    string(LENGTH "${line}" length)
    math(EXPR end "${begin} + ${length}")
    string(SUBSTRING "${rest}" 0 ${begin} before)
    string(SUBSTRING "${rest}" ${end} -1 rest)
    string(APPEND text "${before}\n")
    # The next #include may begin where this one ended.
    set(rest "\n${rest}")
    get_property(expanded GLOBAL PROPERTY expanded)
    if(NOT room IN_LIST expanded)
      expand(${room} room_text)
      string(APPEND text "\n${room_text}")
    endif()
  endwhile()
  set(${result} "${text}${rest}" PARENT_SCOPE)
endfunction()

expand(${HEADER} text)
string(REGEX REPLACE "\n\n\n+" "\n\n" text "${text}")
if(text MATCHES "#[ \t]*include[^\n]*mock_hyperstart")
  message(FATAL_ERROR "${OUTPUT} would still include a room of ours")
endif()
file(WRITE ${OUTPUT} "${text}")
