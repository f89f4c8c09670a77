# SPDX-License-Identifier: GPL-3.0-or-later

if(TARGET meterpay::core)
    set(core_support ${CMAKE_SOURCE_DIR}/tests/support/core_fixture.c
        ${CMAKE_SOURCE_DIR}/tests/support/memory_store.c)
    meterpay_fuzz_target(core_load LIBS meterpay::core SOURCES core_dump.c ${core_support})
    meterpay_fuzz_target(core_message LIBS meterpay::core SOURCES ${core_support})
endif()
