# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench_mqtt, bench_coap: the adapters with the real core on a real store, over real sockets.

if(TARGET gw_store_sqlite AND TARGET meterpay_tariff_file AND TARGET gw_mqtt) # as bench_load
    add_library(bench_net STATIC ${CMAKE_CURRENT_LIST_DIR}/net_core.c)
    target_link_libraries(bench_net PUBLIC bench_load gw_inbox)

    add_executable(bench_mqtt ${CMAKE_CURRENT_LIST_DIR}/bench_mqtt.c)
    target_link_libraries(bench_mqtt PRIVATE bench_net gw_mqtt meterpay::mosquitto)

    add_executable(bench_coap
        ${CMAKE_CURRENT_LIST_DIR}/bench_coap.c ${CMAKE_CURRENT_LIST_DIR}/coap_baseline.c)
    target_link_libraries(bench_coap PRIVATE bench_net gw_coap test_net_support
        ${GW_LIBCOAP_ARCHIVE} meterpay::gnutls)
endif()
