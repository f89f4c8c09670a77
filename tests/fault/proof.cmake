# SPDX-License-Identifier: GPL-3.0-or-later
#
# The running whole, killed, cut off from its operator, and without room on its disk.

find_package(Python3 REQUIRED COMPONENTS Interpreter)

if(TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-fleet AND TARGET meterpay-operator)
    foreach(name kill operator_down disk_full)
        meterpay_script_test(fault/${name}
            COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/${name}.py TIMEOUT 600)
    endforeach()
endif()
