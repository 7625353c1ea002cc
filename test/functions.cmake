# SPDX-License-Identifier: MIT
#
# What the CMakeLists.txt of the tests call:
#
# limef_add_test(NAME name SOURCES file... [LIBS target...] [LABELS label...] [TIMEOUT seconds]
#                [ARGS argument...] [DEFINES macro...] [INTERNAL] [ALONE])
#     A Criterion test program.
# limef_add_plain_test(... the same ...)
#     A program with a main() of its own: exit status 0 passed, 77 skipped. The only tests that run
#     under ThreadSanitizer, where Criterion aborts.
# limef_add_script_test(NAME name COMMAND argument... [LABELS label...] [TIMEOUT seconds])
#     A command, the same statuses.
# limef_add_fuzzer(NAME name SOURCES file... [LIBS target...] [CORPUS folder] [INTERNAL])
#     A libFuzzer target, run for LIMEF_FUZZ_SECONDS, from the files in CORPUS if it is given.
#
# limef_add_mesa_script_test(NAME name COMMAND argument... LABELS label... TIMEOUT seconds)
#     A command with a Mesa that imports dma-bufs in software; where scripts/get-mesa.sh cannot have
#     it, with the system's own: what that one cannot do is skipped by the test, which says so. With
#     the former nothing is: LIMEF_TEST_MUST_IMPORT.
# limef_add_mesa_test(NAME name OF test)
#     The Criterion program of another test once more, in that way.
#
# The test is called name, the target test_name. LABELS: unit (the default of limef_add_test),
# stress, e2e, fuzz, gpu, install, lint; everywhere, beside unit: it is built and run in release and
# minimal as well, as optional parts or sanitizers make a difference to it. TIMEOUT: 180 unless given; those that may take longest begin
# first, so that none of them runs alone at the end. INTERNAL: links functions that the library does
# not export, and finds src/ in its include path. ALONE: nothing else is tested meanwhile, for what
# needs the processors that it counts on.

option(LIMEF_BUILD_UNIT_TESTS "all tests of functions and threads, not of whole runs alone" ON)

set(LIMEF_TEST_ENVIRONMENT
    ASAN_OPTIONS=abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1
    LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/test/lsan.supp:print_suppressions=0
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${PROJECT_SOURCE_DIR}/test/tsan.supp)

function(limef_test_properties name labels timeout)
    if(LIMEF_TEST_MEDIA)
        list(APPEND LIMEF_TEST_ENVIRONMENT LIMEF_TEST_MEDIA=${LIMEF_TEST_MEDIA})
    endif()
    set_tests_properties(${name} PROPERTIES
        ENVIRONMENT "${LIMEF_TEST_ENVIRONMENT}"
        LABELS "${labels}"
        TIMEOUT ${timeout}
        COST ${timeout}
        SKIP_RETURN_CODE 77)
endfunction()

function(limef_add_test_program default_label framework)
    cmake_parse_arguments(PARSE_ARGV 2 arg "INTERNAL;ALONE" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS;ARGS;DEFINES")
    if(NOT LIMEF_BUILD_TESTS)
        return()
    endif()
    if(NOT arg_LABELS)
        set(arg_LABELS ${default_label})
    endif()
    if(NOT LIMEF_BUILD_UNIT_TESTS AND NOT arg_LABELS MATCHES "e2e|install|lint|everywhere")
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 180)
    endif()
    set(library limef)
    if(arg_INTERNAL)
        set(library limef_internal)
    endif()

    add_executable(test_${arg_NAME} ${arg_SOURCES})
    target_include_directories(test_${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR}/test)
    target_compile_definitions(test_${arg_NAME} PRIVATE _GNU_SOURCE ${arg_DEFINES})
    # in the library it looks; in all the comparisons of a test it would take a third of the build
    target_compile_options(test_${arg_NAME} PRIVATE -fno-sanitize=undefined)
    # of FFmpeg's libraries those that it calls: each test begins a process, with a hundred others less
    target_link_options(test_${arg_NAME} PRIVATE -Wl,--as-needed)
    target_link_libraries(test_${arg_NAME} PRIVATE
        ${arg_LIBS} ${library} ${framework} PkgConfig::AV Threads::Threads m limef_warnings)
    if(framework)
        list(PREPEND arg_ARGS --verbose=1 --color=never)
    endif()
    if(arg_LABELS MATCHES stress)
        add_dependencies(stress_programs test_${arg_NAME})
    endif()
    add_test(NAME ${arg_NAME} COMMAND test_${arg_NAME} ${arg_ARGS})
    limef_test_properties(${arg_NAME} "${arg_LABELS}" ${arg_TIMEOUT})
    set_tests_properties(${arg_NAME} PROPERTIES RUN_SERIAL "${arg_ALONE}")
endfunction()

function(limef_add_test)
    if(NOT LIMEF_SANITIZE_THREAD)
        cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "")
        limef_add_test_program(unit PkgConfig::CRITERION ${ARGV})
        if(TEST ${arg_NAME})
            # a Criterion program that runs no test exits with 0; say that it was skipped
            set_tests_properties(${arg_NAME} PROPERTIES SKIP_REGULAR_EXPRESSION "Tested: 0 ")
        endif()
    endif()
endfunction()

function(limef_add_plain_test)
    limef_add_test_program(stress "" ${ARGV})
endfunction()

function(limef_add_script_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT" "COMMAND;LABELS")
    if(NOT LIMEF_BUILD_TESTS)
        return()
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 180)
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND})
    limef_test_properties(${arg_NAME} "${arg_LABELS}" ${arg_TIMEOUT})
endfunction()

function(limef_add_mesa_script_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT" "COMMAND;LABELS")
    if(NOT LIMEF_BUILD_TESTS)
        return()
    endif()
    if(NOT TEST mesa)
        set(LIMEF_TEST_MESA ${PROJECT_SOURCE_DIR}/build/mesa CACHE PATH
            "folder of scripts/get-mesa.sh: filled by the tests if it can be")
        limef_add_script_test(NAME mesa TIMEOUT 300 LABELS gpu
            COMMAND ${PROJECT_SOURCE_DIR}/scripts/get-mesa.sh ${LIMEF_TEST_MESA})
        set_tests_properties(mesa PROPERTIES FIXTURES_SETUP mesa)
    endif()
    limef_add_script_test(NAME ${arg_NAME} TIMEOUT ${arg_TIMEOUT} LABELS ${arg_LABELS}
        COMMAND ${PROJECT_SOURCE_DIR}/scripts/with-mesa.sh ${LIMEF_TEST_MESA} ${arg_COMMAND})
    set_tests_properties(${arg_NAME} PROPERTIES FIXTURES_REQUIRED mesa)
endfunction()

function(limef_add_mesa_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;OF" "")
    if(TEST ${arg_OF})
        limef_add_mesa_script_test(NAME ${arg_NAME} TIMEOUT 300 LABELS gpu
            COMMAND $<TARGET_FILE:test_${arg_OF}> --verbose=1 --color=never -j1)
        set_tests_properties(${arg_NAME} PROPERTIES SKIP_REGULAR_EXPRESSION "Tested: 0 ")
    endif()
endfunction()

set(LIMEF_FUZZ_SECONDS 20 CACHE STRING "how long ctest runs each fuzzer")

function(limef_add_fuzzer)
    cmake_parse_arguments(PARSE_ARGV 0 arg "INTERNAL" "NAME;CORPUS" "SOURCES;LIBS;DEFINES")
    if(NOT LIMEF_BUILD_FUZZERS)
        return()
    endif()
    if(NOT CMAKE_C_COMPILER_ID MATCHES Clang)
        message(FATAL_ERROR "limef: LIMEF_BUILD_FUZZERS needs clang: cmake --preset fuzz")
    endif()
    set(target fuzz_${arg_NAME})
    add_executable(${target} ${arg_SOURCES})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/test)
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE ${arg_DEFINES})
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    set(library limef)
    if(arg_INTERNAL)
        set(library limef_internal)
    endif()
    target_link_libraries(${target} PRIVATE
        ${arg_LIBS} ${library} PkgConfig::AV Threads::Threads m limef_warnings)

    # what it finds interesting goes to the first folder, in the build tree
    set(found ${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}_corpus)
    file(MAKE_DIRECTORY ${found})
    add_test(NAME fuzz_${arg_NAME} COMMAND ${target}
        -max_total_time=${LIMEF_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
        -error_exitcode=1 # its own one, 77, says that a test is skipped
        ${found} ${arg_CORPUS})
    math(EXPR timeout "${LIMEF_FUZZ_SECONDS} + 60")
    limef_test_properties(fuzz_${arg_NAME} fuzz ${timeout})
endfunction()
