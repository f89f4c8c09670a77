# SPDX-License-Identifier: GPL-3.0-or-later
#
# The second implementation of the money rules, and the tests that compare the running whole with it.

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(oracle ${PROJECT_SOURCE_DIR}/tests/oracle)

meterpay_script_test(oracle/self COMMAND ${Python3_EXECUTABLE} -B ${oracle}/test_oracle.py TIMEOUT 60)

if(TARGET meterpay)
    meterpay_script_test(oracle/rate
        COMMAND ${Python3_EXECUTABLE} -B ${oracle}/test_rate.py TIMEOUT 120)
endif()

if(TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-fleet AND TARGET meterpay-operator)
    foreach(name street bad_input)
        meterpay_script_test(e2e/${name}
            COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/${name}.py TIMEOUT 300)
    endforeach()
endif()
