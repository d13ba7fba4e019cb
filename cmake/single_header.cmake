# The target single_header writes each header that users include as one self-contained file into the
# build tree: single_header/mock_hyperstart.hpp, and in single_header/mock_hyperstart/ the header
# client_thread.hpp, which needs no further library, and the optional headers. This file is also the
# script that writes one of them. It replaces each #include of ours by the contents of that header,
# the first time; later ones it removes. Include guards stay, so that two such headers can be included
# in one source.
#   cmake -D INCLUDE_DIR=include -D HEADER=mock_hyperstart.hpp -D OUTPUT=... -P single_header.cmake

if(NOT CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.hpp)
  set(outputs)
  set(public_headers mock_hyperstart.hpp mock_hyperstart/client_thread.hpp)
  foreach(name IN LISTS mock_hyperstart_optional_headers)
    list(APPEND public_headers mock_hyperstart/${name}.hpp)
  endforeach()
  foreach(header IN LISTS public_headers)
    set(output ${PROJECT_BINARY_DIR}/single_header/${header})
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${CMAKE_COMMAND} -D INCLUDE_DIR=${PROJECT_SOURCE_DIR}/include -D HEADER=${header}
              -D OUTPUT=${output} -P ${CMAKE_CURRENT_LIST_FILE}
      DEPENDS ${headers} ${CMAKE_CURRENT_LIST_FILE}
      VERBATIM)
    list(APPEND outputs ${output})
  endforeach()
  add_custom_target(single_header DEPENDS ${outputs})
  return()
endif()

cmake_minimum_required(VERSION 3.22)

# Sets RESULT to the text of HEADER and of the headers that it includes. Text has semicolons, and so
# must always be in quotes.
function(expand header result)
  set_property(GLOBAL APPEND PROPERTY expanded ${header})
  file(READ ${INCLUDE_DIR}/${header} rest)
  set(text "")
  while("${rest}" MATCHES "(^|\n)#[ \t]*include[ \t]*[<\"](mock_hyperstart[^>\"]*)[>\"][^\n]*\n")
    set(line "${CMAKE_MATCH_0}")
    set(included ${CMAKE_MATCH_2})
    string(FIND "${rest}" "${line}" begin)
    string(LENGTH "${line}" length)
    math(EXPR end "${begin} + ${length}")
    string(SUBSTRING "${rest}" 0 ${begin} before)
    string(SUBSTRING "${rest}" ${end} -1 rest)
    string(APPEND text "${before}\n")
    # The next #include may begin where this one ended.
    set(rest "\n${rest}")
    get_property(expanded GLOBAL PROPERTY expanded)
    if(NOT included IN_LIST expanded)
      expand(${included} included_text)
      string(APPEND text "\n${included_text}")
    endif()
  endwhile()
  set(${result} "${text}${rest}" PARENT_SCOPE)
endfunction()

expand(${HEADER} text)
string(REGEX REPLACE "\n\n\n+" "\n\n" text "${text}")
if(text MATCHES "#[ \t]*include[^\n]*mock_hyperstart")
  message(FATAL_ERROR "${OUTPUT} would still include a header of ours")
endif()
file(WRITE ${OUTPUT} "${text}")
