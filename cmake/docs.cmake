# The target docs, if Doxygen is installed: HTML about the public headers, in docs/html of the build
# tree. Wrong documentation is an error, missing documentation is not.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  return()
endif()

# Doxygen must know the namespaces of the templates that we specialise.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/docs/namespaces.dox
     CONTENT "/** @namespace fmt\n * @namespace nlohmann */\n")
set(DOXYGEN_OUTPUT_DIRECTORY docs)
set(DOXYGEN_STRIP_FROM_PATH ${PROJECT_SOURCE_DIR}/include)
set(DOXYGEN_EXCLUDE_SYMBOLS hyperstart::detail hyperstart::detail::* fmt fmt::* nlohmann
                            nlohmann::*)
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_PREDEFINED MOCK_HYPERSTART_REQUIREMENTS_MET MOCK_HYPERSTART_INLINE= "__has_include(x)=1")
set(DOXYGEN_EXCLUDE_PATTERNS "*/mock_hyperstart/detail/*")
set(DOXYGEN_WARN_IF_UNDOCUMENTED NO)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
doxygen_add_docs(docs ${PROJECT_BINARY_DIR}/docs/namespaces.dox ${PROJECT_SOURCE_DIR}/include)
