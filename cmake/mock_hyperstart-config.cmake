# The installed package: mock_hyperstart::mock_hyperstart, for the optional rooms the components
# matchers (mock_hyperstart::matchers) and json (mock_hyperstart::json), and the component compiled
# (mock_hyperstart::compiled), which is not there where the single headers were installed.
include(${CMAKE_CURRENT_LIST_DIR}/find_dependencies.cmake)

set(mock_hyperstart_components matchers json)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/compiled.cmake)
  list(APPEND mock_hyperstart_components compiled)
endif()
foreach(component IN LISTS mock_hyperstart_FIND_COMPONENTS)
  if(NOT component IN_LIST mock_hyperstart_components)
    list(JOIN mock_hyperstart_components ", " mock_hyperstart_known)
    set(mock_hyperstart_missing_${component}
        "mock_hyperstart has no component ${component}: there are ${mock_hyperstart_known}")
  elseif(component STREQUAL "compiled")
    set(mock_hyperstart_missing_compiled)  # what an earlier call may have left
  endif()
  if(mock_hyperstart_missing_${component})
    set(mock_hyperstart_${component}_FOUND FALSE)
    if(mock_hyperstart_FIND_REQUIRED_${component})
      list(APPEND mock_hyperstart_missing ${mock_hyperstart_missing_${component}})
    endif()
  else()
    set(mock_hyperstart_${component}_FOUND TRUE)
  endif()
endforeach()

if(mock_hyperstart_missing)
  list(REMOVE_DUPLICATES mock_hyperstart_missing)
  list(JOIN mock_hyperstart_missing "\n  " mock_hyperstart_NOT_FOUND_MESSAGE)
  string(PREPEND mock_hyperstart_NOT_FOUND_MESSAGE "  ")
  set(mock_hyperstart_FOUND FALSE)
  return()
endif()

include(${CMAKE_CURRENT_LIST_DIR}/mock_hyperstart-targets.cmake)
if(mock_hyperstart_compiled_FOUND)
  include(${CMAKE_CURRENT_LIST_DIR}/compiled.cmake)
endif()
