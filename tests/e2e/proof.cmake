# SPDX-License-Identifier: GPL-3.0-or-later
#
# The second implementation of the money rules, and the tests that compare the running whole with it.

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(oracle ${PROJECT_SOURCE_DIR}/tests/oracle)

if(TARGET meterpay)
    meterpay_script_test(oracle/rate
        COMMAND ${Python3_EXECUTABLE} ${oracle}/test_rate.py TIMEOUT 120)
endif()
