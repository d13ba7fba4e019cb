# The target docs, if Doxygen is installed: HTML about the public headers and the pages of cmake/docs, in
# docs/html of the build tree. Wrong documentation is an error, and so is a public function or enum
# without a page.
find_package(Doxygen QUIET)
if(NOT DOXYGEN_FOUND)
  return()
endif()

# Doxygen must know the namespaces of the templates that we specialise.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/docs/namespaces.dox
     CONTENT "/** @namespace fmt\n * @namespace nlohmann */\n\
/** @namespace hyperstart\n * All of the library: a test double of the agent hyperstart. */\n")
set(DOXYGEN_OUTPUT_DIRECTORY docs)
set(DOXYGEN_STRIP_FROM_PATH ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR})
set(DOXYGEN_USE_MDFILE_AS_MAINPAGE ${PROJECT_SOURCE_DIR}/cmake/docs/main.md)
set(DOXYGEN_EXCLUDE_SYMBOLS hyperstart::detail hyperstart::detail::* fmt fmt::* nlohmann
                            nlohmann::* detail detail::*)
set(DOXYGEN_FILE_PATTERNS *.hpp *.md *.dox)
set(DOXYGEN_GENERATE_LATEX NO)
set(DOXYGEN_HAVE_DOT NO)
set(DOXYGEN_QUIET YES)
set(DOXYGEN_PREDEFINED MOCK_HYPERSTART_REQUIREMENTS_MET MOCK_HYPERSTART_COMPILED "__has_include(x)=1")
set(DOXYGEN_EXCLUDE_PATTERNS "*/mock_hyperstart/detail/*")
set(DOXYGEN_EXTRACT_ALL YES)
set(DOXYGEN_INPUT_FILTER "awk -f ${PROJECT_SOURCE_DIR}/cmake/docs/filter.awk")
set(DOXYGEN_SHOW_INCLUDE_FILES NO)
set(DOXYGEN_WARN_AS_ERROR FAIL_ON_WARNINGS)
doxygen_add_docs(docs ${PROJECT_BINARY_DIR}/docs/namespaces.dox ${PROJECT_SOURCE_DIR}/include
                 ${PROJECT_SOURCE_DIR}/cmake/docs)
