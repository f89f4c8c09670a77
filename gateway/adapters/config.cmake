# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_config: the daemon's configuration file.

meterpay_find_package_config(yaml yaml-0.1)
add_library(gw_config STATIC
    ${CMAKE_CURRENT_LIST_DIR}/config.c
    ${CMAKE_CURRENT_LIST_DIR}/config_table.c
    ${CMAKE_CURRENT_LIST_DIR}/config_value.c)
target_link_libraries(gw_config PRIVATE meterpay::yaml)
