# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay::core)
    set(core_support ${CMAKE_SOURCE_DIR}/tests/support/core_fixture.c
        ${CMAKE_SOURCE_DIR}/tests/support/memory_store.c)
    foreach(name core core_limits core_replay core_rules core_parts core_settle
            core_pack core_tariff)
        meterpay_unit_test(${name} LIBS meterpay::core SOURCES ${core_support})
    endforeach()
    meterpay_unit_test(order LIBS meterpay::core)
    meterpay_unit_test(heap LIBS meterpay::core)
endif()
