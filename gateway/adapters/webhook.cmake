# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_hook: under which names platforms push, and their signatures. gw_webhook: the listener.

add_library(gw_hook STATIC
    ${CMAKE_CURRENT_LIST_DIR}/hook.c
    ${CMAKE_CURRENT_LIST_DIR}/hook_sign.c)
target_link_libraries(gw_hook
    PUBLIC gw_mapping
    PRIVATE meterpay::gnutls Threads::Threads)

add_library(gw_webhook STATIC ${CMAKE_CURRENT_LIST_DIR}/webhook.c)
target_link_libraries(gw_webhook
    PUBLIC gw_hook gw_clock
    PRIVATE meterpay::microhttpd Threads::Threads)
