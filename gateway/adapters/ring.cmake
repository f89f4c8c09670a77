# SPDX-License-Identifier: GPL-3.0-or-later
#
# gw_ring: how adapters' threads hand records to the core's thread and back.

add_library(gw_ring STATIC ${CMAKE_CURRENT_LIST_DIR}/ring.c)
target_link_libraries(gw_ring PUBLIC Threads::Threads)
