/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The portable CRC-32C under a name of its own, so that one program can hold both. */
#define mt_crc32c portable_crc32c
#include "meters/crc32c_table.c"
