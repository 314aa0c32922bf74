# install.cmake - what `cmake --install` puts where.
#
# Three exports, so that the libraries can be found where the compiler cannot run: poolcTargets for the target machine,
# poolcTools for this one, and poolcCompiler, libpoolc, which is not part of every build.  Components: tools (poolc and its
# manual page), compiler (libpoolc with its header), development (all the rest).
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/poolc)

install(TARGETS poolc EXPORT poolcTools RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
install(TARGETS pool_headers pool_runtime EXPORT poolcTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
if(POOLC_LLVM)
    install(TARGETS pool_compiler EXPORT poolcCompiler
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT compiler
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT compiler)
    install(EXPORT poolcCompiler NAMESPACE poolc:: DESTINATION ${package_folder} COMPONENT compiler)
endif()
install(EXPORT poolcTools NAMESPACE poolc:: DESTINATION ${package_folder} COMPONENT tools)
install(EXPORT poolcTargets NAMESPACE poolc:: DESTINATION ${package_folder} COMPONENT development)

configure_package_config_file(cmake/poolcConfig.cmake.in poolcConfig.cmake INSTALL_DESTINATION ${package_folder}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(poolcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/poolcConfig.cmake ${PROJECT_BINARY_DIR}/poolcConfigVersion.cmake
    ${PROJECT_SOURCE_DIR}/cmake/poolcKernels.cmake
    DESTINATION ${package_folder} COMPONENT development)

# Where the .pc file lies says where everything else does, so that the folder can be moved.
cmake_path(SET pc_folder NORMALIZE "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${pc_folder}" OUTPUT_VARIABLE pool_pc_prefix)
configure_file(cmake/pool.pc.in pool.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pool.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
if(POOLC_LLVM)
    configure_file(cmake/poolc.pc.in poolc.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/poolc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT compiler)
endif()

# The manual page is written by the program itself, from its table of options.
if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/poolc.1
        COMMAND poolc --man > ${PROJECT_BINARY_DIR}/poolc.1
        DEPENDS poolc
        COMMENT "Writing poolc.1"
        VERBATIM)
    add_custom_target(poolc_manual ALL DEPENDS ${PROJECT_BINARY_DIR}/poolc.1)
    install(FILES ${PROJECT_BINARY_DIR}/poolc.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tools)
endif()
