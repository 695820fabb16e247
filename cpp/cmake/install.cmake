# The C++ library as a CMake package: cmake --install BUILD --component development --prefix PREFIX, then find_package(twincert).
include(CMakePackageConfigHelpers)
set(twincert_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/twincert)

install(TARGETS twincert EXPORT twincertTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(DIRECTORY cpp/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.hpp")
install(EXPORT twincertTargets NAMESPACE twincert:: DESTINATION ${twincert_package_dir} COMPONENT development)

configure_package_config_file(cpp/cmake/twincertConfig.cmake.in twincertConfig.cmake INSTALL_DESTINATION ${twincert_package_dir})
write_basic_package_version_file(twincertConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/twincertConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/twincertConfigVersion.cmake
        DESTINATION ${twincert_package_dir} COMPONENT development)
