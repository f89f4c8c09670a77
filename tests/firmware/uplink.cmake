# SPDX-License-Identifier: GPL-3.0-or-later
#
# Meters against the real gateway, on the host and on the boards. TCP and UDP ports 18930-18959.
if(TARGET meter AND TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-operator)
    meterpay_script_test(firmware/uplink TIMEOUT 400
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/uplink.py host)
    if(TARGET firmware_boards)
        meterpay_script_test(firmware/uplink_emcraft-sf2 TIMEOUT 400
            COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/uplink.py emcraft-sf2
                    --port 18940 --outage 20)
        meterpay_script_test(firmware/uplink_mps2-an385 TIMEOUT 400
            COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/uplink.py mps2-an385
                    --port 18950 --outage 20)
    endif()
endif()
