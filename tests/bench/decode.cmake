# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench_decode: frames a second of every protocol, against memcpy and, for SML, against libsml.

if(TARGET meterpay_sim)
    add_executable(bench_decode
        ${CMAKE_CURRENT_LIST_DIR}/bench_decode.c ${CMAKE_CURRENT_LIST_DIR}/decode_libsml.c)
    target_link_libraries(bench_decode PRIVATE meterpay::sim)
    get_target_property(bench_wolfssl wolfssl::wolfssl INTERFACE_INCLUDE_DIRECTORIES)
    target_compile_definitions(bench_decode PRIVATE _GNU_SOURCE
        BENCH_CROSS_COMPILE="${PROJECT_SOURCE_DIR}/tests/vectors/cross_compile.sh"
        BENCH_CROSS_FOLDER="${CMAKE_CURRENT_BINARY_DIR}/cortex-m3"
        BENCH_WOLFSSL_INCLUDE="${bench_wolfssl}")
    # It is only there to be compared with, so its absence stops no build: the row says so.
    pkg_check_modules(METERPAY_LIBSML IMPORTED_TARGET sml)
    if(METERPAY_LIBSML_FOUND)
        target_link_libraries(bench_decode PRIVATE PkgConfig::METERPAY_LIBSML)
        target_compile_definitions(bench_decode PRIVATE BENCH_HAS_LIBSML)
    endif()
endif()
