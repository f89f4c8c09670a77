# SPDX-License-Identifier: GPL-3.0-or-later
#
# The imported target wolfssl::wolfssl. wolfSSL is built once, outside every build tree, by
# cmake/wolfssl-build.sh, which says why. Include <wolfssl/options.h> before its other headers.

set(wolfssl_script ${PROJECT_SOURCE_DIR}/cmake/wolfssl-build.sh)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${wolfssl_script})

execute_process(COMMAND ${wolfssl_script}
    OUTPUT_VARIABLE wolfssl_prefix OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE wolfssl_result)
if(NOT wolfssl_result EQUAL 0 OR NOT EXISTS ${wolfssl_prefix}/lib/libwolfssl.a)
    message(FATAL_ERROR "wolfSSL could not be built; the lines above say why.")
endif()

add_library(wolfssl::wolfssl STATIC IMPORTED GLOBAL)
set_target_properties(wolfssl::wolfssl PROPERTIES
    IMPORTED_LOCATION ${wolfssl_prefix}/lib/libwolfssl.a
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${wolfssl_prefix}/include
    INTERFACE_INCLUDE_DIRECTORIES ${wolfssl_prefix}/include
    INTERFACE_LINK_LIBRARIES "m;Threads::Threads")
message(STATUS "wolfSSL: ${wolfssl_prefix}")
