# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rules of the core at their edges: when orders are tried, what breaks the books, what a message may
# cost. Each case was once a change of the core that no test noticed.

if(TARGET meterpay::core)
    foreach(name core_settle_more core_books core_intake_more core_snapshot)
        meterpay_unit_test(${name} LIBS meterpay::core
            SOURCES ${CMAKE_SOURCE_DIR}/tests/support/core_fixture.c
                    ${CMAKE_SOURCE_DIR}/tests/support/memory_store.c)
    endforeach()
    meterpay_unit_test(charge_edges LIBS meterpay::core)
endif()
