# The installed package: mock_hyperstart::mock_hyperstart, and for the optional rooms the components
# matchers (mock_hyperstart::matchers) and json (mock_hyperstart::json).
include(${CMAKE_CURRENT_LIST_DIR}/find_dependencies.cmake)

foreach(component IN LISTS mock_hyperstart_FIND_COMPONENTS)
  if(NOT component MATCHES "^(matchers|json)$")
    set(mock_hyperstart_missing_${component}
        "mock_hyperstart has no component ${component}: there are matchers and json")
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
