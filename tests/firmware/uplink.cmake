# SPDX-License-Identifier: GPL-3.0-or-later
#
# Meters against the real gateway, on the host and on the boards. TCP and UDP ports 18930-18959.
if(TARGET meter)
    add_executable(coap_probe ${CMAKE_CURRENT_LIST_DIR}/coap_probe.c)
    target_link_libraries(coap_probe PRIVATE meterpay::fw_link)
    add_executable(cid_server ${CMAKE_CURRENT_LIST_DIR}/cid_server.c)
    target_link_libraries(cid_server PRIVATE meterpay_dtls_peer)
    set_target_properties(coap_probe cid_server PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/firmware)
    meterpay_script_test(firmware/interop TIMEOUT 300
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/interop.py)
    meterpay_script_test(firmware/moved TIMEOUT 120
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/moved.py)
endif()

if(TARGET meter AND TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-operator)
    meterpay_script_test(firmware/uplink TIMEOUT 400
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/uplink.py host --outage 100)
    if(TARGET firmware_boards)
        meterpay_script_test(firmware/uplink_emcraft-sf2 TIMEOUT 400
            COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/uplink.py emcraft-sf2
                    --port 18940 --outage 20)
        meterpay_script_test(firmware/uplink_mps2-an385 TIMEOUT 400
            COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/uplink.py mps2-an385
                    --port 18950 --outage 20)
    endif()
endif()
