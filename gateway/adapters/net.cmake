# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_inbox: the form in which messages and replies travel between threads.
# gw_topic: topics and packets as text and bytes. gw_mqtt: the gateway's side of MQTT.
# gw_broker: the files of a Mosquitto.

meterpay_find_package_config(mosquitto libmosquitto)

add_library(gw_inbox STATIC ${CMAKE_CURRENT_LIST_DIR}/inbox.c)
target_link_libraries(gw_inbox PUBLIC gw_ring)

add_library(gw_topic STATIC
    ${CMAKE_CURRENT_LIST_DIR}/mqtt_topic.c
    ${CMAKE_CURRENT_LIST_DIR}/mqtt_wire.c)

add_library(gw_mqtt STATIC
    ${CMAKE_CURRENT_LIST_DIR}/mqtt.c
    ${CMAKE_CURRENT_LIST_DIR}/mqtt_flow.c
    ${CMAKE_CURRENT_LIST_DIR}/mqtt_gather.c
    ${CMAKE_CURRENT_LIST_DIR}/mqtt_outlet.c)
target_link_libraries(gw_mqtt
    PUBLIC gw_inbox gw_topic Threads::Threads
    PRIVATE meterpay::mosquitto)

add_library(gw_broker STATIC
    ${CMAKE_CURRENT_LIST_DIR}/broker.c
    ${CMAKE_CURRENT_LIST_DIR}/broker_grants.c)
target_link_libraries(gw_broker PUBLIC meterpay::meters PRIVATE gw_topic wolfssl::wolfssl)

# gw_coap: the gateway's side of CoAP, on the static libcoap with GnuTLS. Measured against OpenSSL's:
# 140,000 instead of 80,000 requests/s of one peer, 12 kB instead of 44 kB a session. The door
# (coap_door.h) stands under some of its calls, and knows this version of it only.
pkg_check_modules(GW_LIBCOAP libcoap-3-gnutls)
if(NOT GW_LIBCOAP_VERSION VERSION_EQUAL 4.3.1)
    message(FATAL_ERROR "libcoap 4.3.1 with GnuTLS is needed, found: '${GW_LIBCOAP_VERSION}'. "
        "Run ./dev setup; with another version, read gateway/adapters/coap_door.h first.")
endif()
find_library(GW_LIBCOAP_ARCHIVE libcoap-3-gnutls.a REQUIRED)
meterpay_find_package_config(gnutls gnutls)

add_library(gw_coap STATIC
    ${CMAKE_CURRENT_LIST_DIR}/coap.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_answer.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_block.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_code.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_door.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_door_io.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_keys.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_observe.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_pending.c
    ${CMAKE_CURRENT_LIST_DIR}/coap_request.c)
target_link_libraries(gw_coap
    PUBLIC gw_inbox meterpay::core Threads::Threads
    PRIVATE ${GW_LIBCOAP_ARCHIVE} meterpay::gnutls)
target_link_options(gw_coap INTERFACE
    LINKER:--wrap=recvmsg LINKER:--wrap=sendmsg LINKER:--wrap=epoll_ctl
    LINKER:--wrap=coap_io_prepare_epoll LINKER:--wrap=coap_ticks
    LINKER:--wrap=gnutls_dtls_cookie_verify)
