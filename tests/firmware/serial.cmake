# SPDX-License-Identifier: GPL-3.0-or-later
#
# The meter's serial port read by the gateway's poller.
if(TARGET meter AND TARGET meterpay)
    meterpay_script_test(firmware/serial TIMEOUT 120
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/serial.py)
endif()
