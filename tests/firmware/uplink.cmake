# SPDX-License-Identifier: GPL-3.0-or-later
#
# The meter of the host's port against the real gateway. TCP and UDP ports 18930-18959.
if(TARGET meter AND TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-operator)
    meterpay_script_test(firmware/uplink TIMEOUT 400
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_SOURCE_DIR}/uplink.py)
endif()
