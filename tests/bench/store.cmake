# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench_baseline: what the settling bench is compared with.  bench_store: the store alone.

if(TARGET gw_store_sqlite)
    add_library(bench_baseline STATIC ${CMAKE_CURRENT_LIST_DIR}/baseline_sqlite.c)
    target_link_libraries(bench_baseline PUBLIC gw_store_sqlite)

    add_executable(bench_store ${CMAKE_CURRENT_LIST_DIR}/bench_store.c)
    target_link_libraries(bench_store PRIVATE gw_store_sqlite bench_baseline)
endif()
