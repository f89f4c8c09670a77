# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_http: the JSON server of the daemon.

meterpay_find_package_config(jansson jansson)
meterpay_find_package_config(microhttpd libmicrohttpd)
add_library(gw_http STATIC
    ${CMAKE_CURRENT_LIST_DIR}/http.c
    ${CMAKE_CURRENT_LIST_DIR}/http_listen.c)
target_link_libraries(gw_http
    PUBLIC meterpay::jansson
    PRIVATE meterpay::microhttpd Threads::Threads)
