# SPDX-License-Identifier: GPL-3.0-or-later
#
# The API and the command line, with real programs. TCP and UDP ports 18500-18509, and
# 18200-18279 for what is reconciled and what waits, 18700-18749 for foreign devices.

if(TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-operator)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    meterpay_script_test(e2e/api
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/api.py TIMEOUT 300)
    meterpay_script_test(e2e/reconcile
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/reconcile.py TIMEOUT 300)
    meterpay_script_test(e2e/sources
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/sources.py TIMEOUT 300)
    meterpay_script_test(e2e/sparkplug
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/sparkplug.py TIMEOUT 120)
    meterpay_script_test(e2e/webhooks
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/webhooks.py TIMEOUT 300)
    add_library(fake_clock MODULE ${PROJECT_SOURCE_DIR}/tests/support/fake_clock.c)
    set_target_properties(fake_clock PROPERTIES
        LIBRARY_OUTPUT_DIRECTORY $<TARGET_FILE_DIR:meterpayd>)
    meterpay_script_test(e2e/held
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/held.py TIMEOUT 300)
endif()
