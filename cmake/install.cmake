# Installs the headers, a CMake package and a pkg-config file. They can be moved, and are the same on
# every architecture: therefore the package is in share/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/mock_hyperstart)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)

if(MOCK_HYPERSTART_INSTALL_SINGLE_HEADER)
  set(headers ${PROJECT_BINARY_DIR}/single_header/)
  set_target_properties(single_header PROPERTIES EXCLUDE_FROM_ALL OFF)
else()
  set(headers ${PROJECT_SOURCE_DIR}/include/)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/compiled.cmake ${PROJECT_SOURCE_DIR}/cmake/compiled.cpp
          DESTINATION ${package_dir})
endif()
install(DIRECTORY ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING
        PATTERN "*.hpp")

install(TARGETS ${mock_hyperstart_targets} EXPORT mock_hyperstart-targets
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT mock_hyperstart-targets NAMESPACE mock_hyperstart:: DESTINATION ${package_dir})
# For a project that exports, from its build tree, targets that depend on ours.
export(EXPORT mock_hyperstart-targets NAMESPACE mock_hyperstart::
       FILE ${PROJECT_BINARY_DIR}/mock_hyperstart-targets.cmake)

# While the major version is 0, a new minor version may break its users.
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/mock_hyperstart-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_SOURCE_DIR}/cmake/mock_hyperstart-config.cmake
              ${PROJECT_BINARY_DIR}/mock_hyperstart-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/find_dependencies.cmake
              ${PROJECT_SOURCE_DIR}/cmake/Findasio.cmake
        DESTINATION ${package_dir})

file(RELATIVE_PATH pkgconfig_to_prefix /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" pkgconfig_to_prefix "${pkgconfig_to_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/mock_hyperstart.pc.in
               ${PROJECT_BINARY_DIR}/mock_hyperstart.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mock_hyperstart.pc DESTINATION ${pkgconfig_dir})
