# The installed package: the target mock_hyperstart::mock_hyperstart, a component and target
# mock_hyperstart::NAME for each optional header, and the component and target
# mock_hyperstart::compiled, unless the self-contained headers were installed.
include(${CMAKE_CURRENT_LIST_DIR}/find_dependencies.cmake)

set(mock_hyperstart_components ${mock_hyperstart_optional_headers})
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/compiled.cmake)
  list(APPEND mock_hyperstart_components compiled)
endif()
foreach(component IN LISTS mock_hyperstart_FIND_COMPONENTS)
  if(NOT component IN_LIST mock_hyperstart_components)
    list(JOIN mock_hyperstart_components ", " mock_hyperstart_known)
    set(mock_hyperstart_missing_${component}
        "mock_hyperstart has no component ${component}: there are ${mock_hyperstart_known}")
  elseif(component STREQUAL "compiled")
    set(mock_hyperstart_missing_compiled)  # of an earlier call
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
