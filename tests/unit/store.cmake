# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET gw_ring)
    meterpay_unit_test(ring LIBS gw_ring)
    # The same test under the thread sanitizer, whatever the others are built with: it is the proof
    # that the two sides share nothing but what the ring hands over.
    if(NOT METERPAY_FUZZ AND NOT METERPAY_SANITIZE MATCHES thread)
        add_executable(test_ring_threads
            ${CMAKE_CURRENT_LIST_DIR}/test_ring.c ${PROJECT_SOURCE_DIR}/gateway/adapters/ring.c)
        set_target_properties(test_ring_threads PROPERTIES
            COMPILE_OPTIONS "-Wall;-Wextra;-Werror;-g;-fsanitize=thread"
            LINK_OPTIONS "-fsanitize=thread"
            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/unit)
        target_link_libraries(test_ring_threads PRIVATE meterpay::cunit Threads::Threads)
        add_test(NAME unit/ring_threads COMMAND test_ring_threads)
        set_tests_properties(unit/ring_threads PROPERTIES LABELS unit TIMEOUT 120)
    endif()
endif()

if(TARGET gw_store_sqlite)
    foreach(name store_sqlite store_faults)
        meterpay_unit_test(${name} LIBS gw_store_sqlite
            SOURCES ${PROJECT_SOURCE_DIR}/tests/support/fault_vfs.c)
    endforeach()
endif()
