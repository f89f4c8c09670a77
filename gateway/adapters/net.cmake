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
    ${CMAKE_CURRENT_LIST_DIR}/mqtt_flow.c)
target_link_libraries(gw_mqtt
    PUBLIC gw_inbox gw_topic Threads::Threads
    PRIVATE meterpay::mosquitto)

add_library(gw_broker STATIC ${CMAKE_CURRENT_LIST_DIR}/broker.c)
target_link_libraries(gw_broker PUBLIC meterpay::meters PRIVATE gw_topic wolfssl::wolfssl)
