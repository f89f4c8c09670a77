# SPDX-License-Identifier: GPL-3.0-or-later
#
# The adapters to meters over real sockets, with a real broker. UDP and TCP ports 18300-18399.

meterpay_find_package_config(openssl openssl)

add_library(test_net_support STATIC
    ${PROJECT_SOURCE_DIR}/tests/support/coap_client.c
    ${PROJECT_SOURCE_DIR}/tests/support/fake_core.c)
target_link_libraries(test_net_support PUBLIC gw_inbox meterpay::openssl)

function(net_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
    add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/e2e/${name}.c)
    target_link_libraries(${name} PRIVATE test_net_support meterpay::cunit ${arg_LIBS})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/e2e)
    meterpay_script_test(e2e/${name} TIMEOUT 300 SERIAL COMMAND ${CMAKE_BINARY_DIR}/tests/e2e/${name})
endfunction()

net_test(net_coap LIBS gw_coap)
net_test(net_coap_sessions LIBS gw_coap)
net_test(net_mqtt LIBS gw_mqtt gw_broker meterpay::mosquitto)
