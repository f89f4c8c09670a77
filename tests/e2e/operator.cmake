# SPDX-License-Identifier: GPL-3.0-or-later
#
# The stand-in wallet operator as a process, and the gateway's adapter against it. Ports 18200-18299.

if(TARGET meterpay-operator AND TARGET gw_operator_https)
    add_executable(operator_gateway ${PROJECT_SOURCE_DIR}/tests/e2e/operator_gateway.c)
    target_link_libraries(operator_gateway PRIVATE gw_operator_https)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    meterpay_script_test(e2e/operator_api
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/e2e/operator_api.py)
    meterpay_script_test(e2e/operator_adapter
        COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/e2e/operator_adapter.py)
endif()
