# SPDX-License-Identifier: GPL-3.0-or-later
#
# The meter's firmware and the simulated fleet.

if(TARGET meterpay::fw_host)
    add_library(meterpay_fw_world STATIC ${PROJECT_SOURCE_DIR}/tests/support/fw_world.c)
    target_link_libraries(meterpay_fw_world PUBLIC meterpay::fw_host)
    meterpay_unit_test(fw_log LIBS meterpay::fw_host)
    meterpay_unit_test(fw_rules LIBS meterpay::fw_core)
    meterpay_unit_test(fw_meter LIBS meterpay_fw_world)
    meterpay_unit_test(fw_command LIBS meterpay_fw_world)
    meterpay_unit_test(fw_power LIBS meterpay_fw_world)

    meterpay_unit_test(fw_coap LIBS meterpay::fw_link)
    add_library(meterpay_dtls_peer STATIC ${PROJECT_SOURCE_DIR}/tests/support/dtls_peer.c)
    target_link_libraries(meterpay_dtls_peer PUBLIC wolfssl::wolfssl)
    meterpay_unit_test(fw_dtls LIBS meterpay::fw_link meterpay_dtls_peer)

    add_test(NAME firmware/cortex_m3
        COMMAND ${PROJECT_SOURCE_DIR}/tests/firmware/cross_compile.sh
                ${CMAKE_CURRENT_BINARY_DIR}/cortex_m3)
    set_tests_properties(firmware/cortex_m3 PROPERTIES
        LABELS unit TIMEOUT 120 SKIP_RETURN_CODE 77)
endif()

if(TARGET meterpay::sim)
    meterpay_unit_test(load LIBS meterpay::sim)
    meterpay_unit_test(fleet LIBS meterpay::sim
        SOURCES ${PROJECT_SOURCE_DIR}/sim/histogram.c)
endif()

if(TARGET meterpay_fw_serial)
    meterpay_unit_test(fw_serial LIBS meterpay::fw_serial)
endif()
