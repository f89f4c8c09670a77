# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay::fw_host)
    meterpay_fuzz_target(fw_life LIBS meterpay::fw_host
        SOURCES ${PROJECT_SOURCE_DIR}/tests/support/fw_world.c)
endif()
if(TARGET meterpay::fw_link)
    meterpay_fuzz_target(fw_coap LIBS meterpay::fw_link)
    meterpay_fuzz_target(fw_records LIBS meterpay::fw_app meterpay::fw_host wolfssl::wolfssl
        SOURCES ${PROJECT_SOURCE_DIR}/tests/support/dtls_peer.c)
endif()

if(TARGET meterpay_fw_serial)
    meterpay_fuzz_target(fw_serial LIBS meterpay::fw_serial)
endif()
