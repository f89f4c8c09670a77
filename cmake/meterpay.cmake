# SPDX-License-Identifier: GPL-3.0-or-later
#
# Options that hold for every target, and helpers for the folders' CMakeLists.txt.
#
#   meterpay_unit_test(<name> [LIBS <lib>...] [SOURCES <file>...])
#       builds tests/unit/test_<name>.c with CUnit and registers it as unit/<name>
#   meterpay_find_package_config(<target> <pkg-config module>)
#       an imported target meterpay::<target> for a library that has only a .pc file

include_directories(${PROJECT_SOURCE_DIR})

add_compile_options(
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wimplicit-fallthrough
    -Wundef -Wpointer-arith -Wwrite-strings -Wformat-security
    -fno-strict-aliasing -fno-common)
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

function(meterpay_unit_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS;SOURCES")
    set(program test_${name})
    add_executable(${program} ${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c ${arg_SOURCES})
    target_link_libraries(${program} PRIVATE ${arg_LIBS} meterpay::cunit)
    set_target_properties(${program} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/unit)
    add_test(NAME unit/${name} COMMAND ${program} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(unit/${name} PROPERTIES
        LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
endfunction()
