/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/core_dump.h"

#include <string.h>

#include "gateway/core/block.h"
#include "gateway/core/civil.h"
#include "meters/checksum.h"

static void put_le(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

size_t core_dump_block(uint8_t *block, size_t max, struct core_dump *dump)
{
    const uint8_t *data = dump->data;
    if (dump->len < CORE_DUMP_HEAD_BYTES) {
        return 0;
    }
    size_t entries_len = (size_t)data[0] | (size_t)data[1] << 8;
    size_t left = dump->len - CORE_DUMP_HEAD_BYTES;
    entries_len = entries_len < left ? entries_len : left;
    size_t whole = GW_BLOCK_HEADER_BYTES + entries_len;
    if (whole + GW_BLOCK_TRAILER_BYTES > max) {
        return 0;
    }
    dump->number++;
    dump->time_us += data[3] * GW_US_PER_MIN;
    memset(block, 0, GW_BLOCK_HEADER_BYTES);
    put_le(block, 1, 4);
    put_le(block + 4, data[2], 4);
    put_le(block + 8, dump->number, 8);
    put_le(block + 16, (uint64_t)dump->time_us, 8);
    put_le(block + 24, 1, 8);
    memcpy(block + GW_BLOCK_HEADER_BYTES, data + CORE_DUMP_HEAD_BYTES, entries_len);
    put_le(block + whole, mt_crc32c(0, block, whole), GW_BLOCK_TRAILER_BYTES);
    dump->data += CORE_DUMP_HEAD_BYTES + entries_len;
    dump->len -= CORE_DUMP_HEAD_BYTES + entries_len;
    return whole + GW_BLOCK_TRAILER_BYTES;
}
