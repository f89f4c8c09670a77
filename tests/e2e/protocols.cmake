# SPDX-License-Identifier: GPL-3.0-or-later
#
# Other makers' meters through the real broker and CoAP, to the bill. Ports 18500-18504.

if(TARGET meterpay_sim AND TARGET meterpay AND TARGET meterpayd AND TARGET meterpay-operator
   AND TARGET meterpay-fleet)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    add_executable(protocols_frames ${CMAKE_CURRENT_LIST_DIR}/protocols_frames.c)
    target_link_libraries(protocols_frames PRIVATE meterpay::sim)
    set_target_properties(protocols_frames PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/e2e)
    meterpay_script_test(e2e/protocols
        COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/protocols.py TIMEOUT 300)
endif()
