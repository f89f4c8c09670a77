# SPDX-License-Identifier: GPL-3.0-or-later
#
# Meters on lines. TCP ports 18400-18499.

if(TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-operator)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    meterpay_script_test(e2e/poller
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/poller.py TIMEOUT 300)
endif()
