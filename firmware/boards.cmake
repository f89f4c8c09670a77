# SPDX-License-Identifier: GPL-3.0-or-later
#
# The images for the boards, a build within the build: <build>/firmware/<board>/meter.elf. Left out where the
# cross compiler is missing, and in builds that are about the host's own code (fuzzing, thread sanitizer).

find_program(METERPAY_CROSS_COMPILER arm-none-eabi-gcc)
if(NOT METERPAY_CROSS_COMPILER OR METERPAY_FUZZ OR METERPAY_SANITIZE MATCHES thread)
    return()
endif()

function(meterpay_source_of result script)
    execute_process(COMMAND ${PROJECT_SOURCE_DIR}/cmake/${script} ${ARGN}
        OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "cmake/${script} failed; the lines above say why.")
    endif()
    set(${result} ${folder} PARENT_SCOPE)
endfunction()
meterpay_source_of(boards_wolfssl wolfssl-build.sh --source)
meterpay_source_of(boards_lwip lwip-source.sh)

set(boards_build ${CMAKE_BINARY_DIR}/firmware/build)
add_custom_target(firmware_boards ALL
    COMMAND ${CMAKE_COMMAND} -G Ninja -S ${CMAKE_CURRENT_LIST_DIR}/port/cortex-m -B ${boards_build}
        -DCMAKE_TOOLCHAIN_FILE=${PROJECT_SOURCE_DIR}/cmake/cortex-m3.cmake
        -DMETERPAY_ROOT=${PROJECT_SOURCE_DIR} -DMETERPAY_IMAGES=${CMAKE_BINARY_DIR}/firmware
        -DWOLFSSL_SOURCE=${boards_wolfssl} -DLWIP_SOURCE=${boards_lwip} --log-level=WARNING
    COMMAND ${CMAKE_COMMAND} --build ${boards_build} -- --quiet
    COMMENT "the boards' images" VERBATIM)
foreach(board emcraft_sf2 mps2_an385)
    add_custom_target(firmware_${board} DEPENDS firmware_boards)
endforeach()
