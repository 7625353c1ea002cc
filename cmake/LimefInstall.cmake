# SPDX-License-Identifier: MIT
#
# Installs the library, its headers, limef.pc and find_package(limef). All of it is relocatable:
# the installed tree can be moved as a whole.
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/limef)
install(TARGETS limef EXPORT limefTargets FILE_SET HEADERS)
install(EXPORT limefTargets NAMESPACE limef:: DESTINATION ${config_dir})

set(LIMEF_LINK_TARGETS "")
foreach(part IN LISTS LIMEF_PARTS)
    string(APPEND LIMEF_LINK_TARGETS
        "    pkg_check_modules(LIMEF_${part} REQUIRED QUIET IMPORTED_TARGET ${LIMEF_${part}_MODULES})\n")
endforeach()
string(REPLACE ";" " " LIMEF_LINK_TARGETS "${LIMEF_LINK_TARGETS}")
configure_package_config_file(cmake/limefConfig.cmake.in limefConfig.cmake
    INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(limefConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/limefConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/limefConfigVersion.cmake
    DESTINATION ${config_dir})

# From the directory of limef.pc back to the prefix: ../.. in lib, ../../.. in lib/<multiarch>.
file(RELATIVE_PATH LIMEF_PC_TO_PREFIX
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" LIMEF_PC_TO_PREFIX ${LIMEF_PC_TO_PREFIX})
foreach(dir IN ITEMS LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE ${CMAKE_INSTALL_${dir}})
        set(LIMEF_PC_${dir} ${CMAKE_INSTALL_${dir}})
    else()
        set(LIMEF_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
    endif()
endforeach()
# A static limef is linked with what it uses. That cannot be left to pkg-config --static, which
# would ask for all that FFmpeg itself was linked with.
if(BUILD_SHARED_LIBS)
    set(LIMEF_PC_PRIVATE ".private")
else()
    set(LIMEF_PC_STATIC_LIBS " -pthread -lm")
endif()
configure_file(cmake/limef.pc.in limef.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/limef.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# programs find the library where they were moved to
file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set(CMAKE_INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
