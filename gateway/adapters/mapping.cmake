# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_mapping: what foreign devices and platforms say, by mapping files.
# gw_source: which device is which meter, and the way of its messages.

add_library(gw_mapping STATIC
    ${CMAKE_CURRENT_LIST_DIR}/mapping.c
    ${CMAKE_CURRENT_LIST_DIR}/mapping_file.c
    ${CMAKE_CURRENT_LIST_DIR}/mapping_json.c
    ${CMAKE_CURRENT_LIST_DIR}/mapping_value.c)
target_link_libraries(gw_mapping
    PUBLIC meterpay::meters
    PRIVATE meterpay_tariff_file) # for its reader of YAML

add_library(gw_source STATIC
    ${CMAKE_CURRENT_LIST_DIR}/source.c
    ${CMAKE_CURRENT_LIST_DIR}/source_file.c
    ${CMAKE_CURRENT_LIST_DIR}/source_sparkplug.c
    ${CMAKE_CURRENT_LIST_DIR}/sparkplug.c)
target_link_libraries(gw_source
    PUBLIC gw_mapping meterpay::core Threads::Threads
    PRIVATE meterpay_tariff_file) # for where shipped files stand

# gw_foreign: foreign devices at the broker.
add_library(gw_foreign STATIC ${CMAKE_CURRENT_LIST_DIR}/foreign.c)
target_link_libraries(gw_foreign
    PUBLIC gw_source gw_clock gw_inbox
    PRIVATE meterpay::mosquitto)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/gateway/mappings/
    DESTINATION share/meterpay/mappings FILES_MATCHING PATTERN "*.yaml")
