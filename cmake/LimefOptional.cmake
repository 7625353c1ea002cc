# SPDX-License-Identifier: MIT
#
# limef_optional(NAME "what it is" MODULES pkg-config-module... [NEEDS other-part...]
#                [LOADED])
#
# An optional part of the library. The user's choice is LIMEF_<NAME>:
#   AUTO  on where the modules are installed; OFF leaves it out; ON fails without them.
# LOADED: the library does not link the modules, what needs them is loaded at run time.
# Sets LIMEF_HAVE_<NAME>, makes PkgConfig::LIMEF_<NAME>, and says once what came out.
#
# No source file asks with #if: src/CMakeLists.txt chooses between part.c and part_stub.c.
set(LIMEF_REQUIRES_PRIVATE "libavcodec libavutil libswresample libswscale")
set(LIMEF_PARTS "")

function(limef_optional name what)
    cmake_parse_arguments(PARSE_ARGV 2 arg "LOADED" "" "MODULES;NEEDS")
    set(LIMEF_${name} AUTO CACHE STRING "${what}: AUTO, ON or OFF")
    set_property(CACHE LIMEF_${name} PROPERTY STRINGS AUTO ON OFF)

    set(have OFF)
    set(why "switched off")
    if(LIMEF_${name})
        set(why "")
        foreach(other IN LISTS arg_NEEDS)
            if(NOT LIMEF_HAVE_${other})
                set(why "needs LIMEF_${other}")
            endif()
        endforeach()
        if(NOT why)
            pkg_check_modules(LIMEF_${name} QUIET IMPORTED_TARGET ${arg_MODULES})
            set(have ${LIMEF_${name}_FOUND})
            string(REPLACE ";" " " why "not installed: one of ${arg_MODULES}")
        endif()
        if(NOT have AND NOT LIMEF_${name} STREQUAL "AUTO")
            message(FATAL_ERROR "limef: LIMEF_${name}=${LIMEF_${name}}, but ${why}")
        endif()
    endif()

    if(have AND NOT arg_LOADED)
        foreach(module IN LISTS arg_MODULES)
            string(REGEX REPLACE "[<>=].*" "" module ${module})
            string(APPEND LIMEF_REQUIRES_PRIVATE " ${module}")
        endforeach()
        list(APPEND LIMEF_PARTS ${name})
        set(LIMEF_${name}_MODULES "${arg_MODULES}" PARENT_SCOPE)
    endif()
    if(have)
        set(LIMEF_${name}_INCLUDE_DIRS ${LIMEF_${name}_INCLUDE_DIRS} PARENT_SCOPE)
        message(STATUS "limef: ${what}: on")
    else()
        message(STATUS "limef: ${what}: off (${why})")
    endif()
    set(LIMEF_HAVE_${name} ${have} PARENT_SCOPE)
    set(LIMEF_REQUIRES_PRIVATE ${LIMEF_REQUIRES_PRIVATE} PARENT_SCOPE)
    set(LIMEF_PARTS ${LIMEF_PARTS} PARENT_SCOPE)
endfunction()
