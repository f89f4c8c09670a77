# SPDX-License-Identifier: GPL-3.0-or-later
#
# bench_settle: the core on its store, against plain rows in SQLite.

if(TARGET gw_store_sqlite AND TARGET meterpay_tariff_file)
    add_library(bench_load STATIC ${CMAKE_CURRENT_LIST_DIR}/settle_load.c)
    target_link_libraries(bench_load PUBLIC gw_store_sqlite meterpay_tariff_file meterpay::core)
    target_compile_definitions(bench_load PRIVATE BENCH_TARIFFS="${PROJECT_SOURCE_DIR}/gateway/tariffs")

    add_executable(bench_settle ${CMAKE_CURRENT_LIST_DIR}/bench_settle.c)
    target_link_libraries(bench_settle PRIVATE bench_load bench_baseline)
endif()
