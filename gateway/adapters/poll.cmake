# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_poll_plan: what is asked, of whom, and what answers come to. gw_poll: the meters on RS-485 and M-Bus lines, asked in turn.

meterpay_find_package_config(modbus libmodbus)
add_library(gw_poll_plan STATIC
    ${CMAKE_CURRENT_LIST_DIR}/modbus_map.c
    ${CMAKE_CURRENT_LIST_DIR}/poll_plan.c
    ${CMAKE_CURRENT_LIST_DIR}/poll_scan.c
    ${CMAKE_CURRENT_LIST_DIR}/poll_talk.c)
target_link_libraries(gw_poll_plan PUBLIC meterpay_tariff_file meterpay::meters)

add_library(gw_poll STATIC
    ${CMAKE_CURRENT_LIST_DIR}/poll.c
    ${CMAKE_CURRENT_LIST_DIR}/poll_line.c
    ${CMAKE_CURRENT_LIST_DIR}/poll_modbus.c)
target_compile_definitions(gw_poll PRIVATE _GNU_SOURCE)
target_link_libraries(gw_poll
    PUBLIC gw_poll_plan gw_inbox gw_clock meterpay::core Threads::Threads
    PRIVATE meterpay::modbus)

# Where modbus_map.c looks for the shipped maps, from the program's folder.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/gateway/registers/
    DESTINATION share/meterpay/registers FILES_MATCHING PATTERN "*.yaml")
