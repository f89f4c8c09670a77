# SPDX-License-Identifier: GPL-3.0-or-later
#
# Options that hold for every target, and helpers for the folders' CMakeLists.txt.
#
#   meterpay_unit_test(<name> [LIBS <lib>...] [SOURCES <file>...])
#       builds tests/unit/test_<name>.c with CUnit and registers it as unit/<name>
#   meterpay_fuzz_target(<name> [LIBS <lib>...] [SOURCES <file>...])
#       builds tests/fuzz/fuzz_<name>.c: with libFuzzer in the fuzz build; elsewhere with a main()
#       that runs the seeds of tests/fuzz/corpus/<name>/ and many seeded mutations of them, as the
#       test fuzz/<name>, so that a target never stops compiling or working unseen
#   meterpay_script_test(<area>/<name> COMMAND <command> [<argument>...] [TIMEOUT <seconds>] [SERIAL])
#       a test that is a program or script; its label is the area (e2e, fault, vectors, style);
#       exit status 77 means skipped; BIN_DIR in its environment is where the programs are
#   meterpay_find_package_config(<target> <pkg-config module>)
#       an imported target meterpay::<target> for a library that has only a .pc file

include_directories(${PROJECT_SOURCE_DIR})

add_compile_options(
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wimplicit-fallthrough
    -Wundef -Wpointer-arith -Wwrite-strings -Wformat-security
    -fno-strict-aliasing -fno-common)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # gcc warns in spite of the house's (void) for a result that is ignored on purpose; clang does
    # not. The test style/results asks clang about every file instead.
    add_compile_options(-Wno-unused-result)
endif()
if(METERPAY_WERROR)
    add_compile_options(-Werror)
endif()

if(METERPAY_SANITIZE)
    add_compile_options(-fsanitize=${METERPAY_SANITIZE} -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${METERPAY_SANITIZE})
    if(METERPAY_SANITIZE MATCHES undefined)
        # A finding ends the program, so that no test passes over it.
        add_compile_options(-fno-sanitize-recover=all)
    endif()
endif()

if(METERPAY_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID STREQUAL "Clang")
        message(FATAL_ERROR "The fuzz build needs clang: use the preset named fuzz.")
    endif()
    # Without this in the libraries the fuzzer sees no coverage and searches blindly.
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(meterpay_find_package_config target module)
    if(TARGET meterpay::${target})
        return()
    endif()
    string(TOUPPER "METERPAY_PC_${target}" prefix)
    pkg_check_modules(${prefix} IMPORTED_TARGET GLOBAL ${module})
    if(NOT ${prefix}_FOUND)
        message(FATAL_ERROR "The library ${module} is missing. Run ./dev setup.")
    endif()
    add_library(meterpay::${target} ALIAS PkgConfig::${prefix})
endfunction()

# A registered test whose source is not there fails as a test, and everything else still builds.
function(meterpay_source_exists result name source)
    if(EXISTS ${source})
        set(${result} TRUE PARENT_SCOPE)
        return()
    endif()
    message(WARNING "${source} is missing: the test ${name} will fail.")
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E cat ${source})
    set(${result} FALSE PARENT_SCOPE)
endfunction()

function(meterpay_unit_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS;SOURCES")
    meterpay_source_exists(found unit/${name} ${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c)
    if(NOT found)
        return()
    endif()
    set(program test_${name})
    add_executable(${program} ${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c ${arg_SOURCES})
    target_link_libraries(${program} PRIVATE ${arg_LIBS} meterpay::cunit)
    set_target_properties(${program} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/unit)
    add_test(NAME unit/${name} COMMAND ${program} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(unit/${name} PROPERTIES
        LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
endfunction()

function(meterpay_fuzz_target name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS;SOURCES")
    set(program fuzz_${name})
    meterpay_source_exists(found fuzz/${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_${name}.c)
    if(NOT found)
        return()
    endif()
    set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    add_executable(${program} ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_${name}.c ${arg_SOURCES})
    target_link_libraries(${program} PRIVATE ${arg_LIBS})
    # libFuzzer calls these two by name, and no header declares them.
    target_compile_options(${program} PRIVATE -Wno-missing-prototypes)
    if(METERPAY_FUZZ)
        target_link_options(${program} PRIVATE -fsanitize=fuzzer)
        if(NOT TARGET fuzz_targets)
            add_custom_target(fuzz_targets)
        endif()
        add_dependencies(fuzz_targets ${program})
        return()
    endif()
    target_sources(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/fuzz_replay.c)
    set_target_properties(${program} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/fuzz)
    add_test(NAME fuzz/${name} COMMAND ${program} ${corpus})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()

function(meterpay_script_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "SERIAL" "TIMEOUT" "COMMAND")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    string(REGEX REPLACE "/.*" "" area ${name})
    add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES
        LABELS ${area} TIMEOUT ${arg_TIMEOUT} SKIP_RETURN_CODE 77
        ENVIRONMENT "BIN_DIR=${METERPAY_BIN_DIR};BUILD_DIR=${CMAKE_BINARY_DIR}")
    if(arg_SERIAL)
        set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
    endif()
endfunction()
