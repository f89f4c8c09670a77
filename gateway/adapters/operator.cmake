# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_clock: real or shared simulated time. gw_operator_sign: signatures of requests to the wallet
# operator. gw_operator_https: the client of the wallet operator.

add_library(gw_clock STATIC ${CMAKE_CURRENT_LIST_DIR}/clock.c)

find_package(OpenSSL REQUIRED)
add_library(gw_operator_sign STATIC ${CMAKE_CURRENT_LIST_DIR}/operator_sign.c)
target_link_libraries(gw_operator_sign PUBLIC OpenSSL::Crypto)

if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/operator_https.c)
    meterpay_find_package_config(curl libcurl)
    meterpay_find_package_config(jansson jansson)
    add_library(gw_operator_https STATIC
        ${CMAKE_CURRENT_LIST_DIR}/operator_https.c
        ${CMAKE_CURRENT_LIST_DIR}/operator_reply.c)
    target_link_libraries(gw_operator_https
        PUBLIC gw_clock gw_operator_sign meterpay_core
        PRIVATE meterpay::curl meterpay::jansson Threads::Threads)
endif()
