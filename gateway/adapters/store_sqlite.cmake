# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_store_sqlite: the core's store of numbered blocks on SQLite.

meterpay_find_package_config(sqlite3 sqlite3)
add_library(gw_store_sqlite STATIC
    ${CMAKE_CURRENT_LIST_DIR}/store_sqlite.c
    ${CMAKE_CURRENT_LIST_DIR}/store_schema.c
    ${CMAKE_CURRENT_LIST_DIR}/store_file.c
    ${CMAKE_CURRENT_LIST_DIR}/store_wal.c)
target_link_libraries(gw_store_sqlite PUBLIC meterpay::sqlite3 Threads::Threads)
