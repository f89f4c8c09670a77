# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay)
    find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter)
    meterpay_script_test(e2e/rate
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/rate.py)
endif()
