/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the core needs from outside: one port, the store of numbered blocks.
 *
 *  A block is all that one batch decided, in order. It is written with the chunks of state that are
 *  saved along with it in ONE transaction: all or nothing, durable when append returns GW_OK.
 */
#ifndef GATEWAY_CORE_PORTS_H
#define GATEWAY_CORE_PORTS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"

/** An image of a run of state, as of a block. */
struct gw_chunk {
    uint32_t kind;        /**< Which array. */
    uint32_t index;       /**< Which run of it. */
    uint64_t block;       /**< The newest block whose entries it holds. */
    uint32_t crc;         /**< The core's, over all of it: kept and given back as it is. */
    const uint8_t *bytes; /**< Borrowed for the call. */
    size_t len;
};

/** One transaction. */
struct gw_block_write {
    uint64_t number; /**< The last one's plus one; the first is 1. */
    int64_t time_us;
    const uint8_t *bytes;
    size_t len;
    const struct gw_chunk *chunks;
    uint32_t chunk_count;
    const char
        *document_name; /**< A tariff pack's name, or NULL: no document. Replaces the older. */
    const char *document_text; /**< The pack's text, document_len bytes. */
    size_t document_len;
};

struct gw_store_port {
    void *self;
    /** Number of the newest block; 0 in an empty store. Returns GW_OK or GW_IO. */
    enum gw_status (*last_number)(void *self, uint64_t *number);
    /** Write one block. Returns GW_OK; GW_FULL (no room on the disk), GW_IO: nothing was written. */
    enum gw_status (*append)(void *self, const struct gw_block_write *write);
    /** Read one block into the caller's buffer. Returns GW_OK, GW_END (no such block), GW_FULL (buffer
     *  too small), GW_IO, GW_CORRUPT (checksum). */
    enum gw_status (*block_read)(void *self, uint64_t number, uint8_t *bytes, size_t *len,
                                 size_t max);
    /** Visit blocks from a number on, ascending, until the visitor returns other than GW_OK. */
    enum gw_status (*block_walk)(void *self, uint64_t from_number, void *arg,
                                 enum gw_status (*visit)(void *arg, uint64_t number,
                                                         const uint8_t *bytes, size_t len));
    /** Visit every saved chunk. */
    enum gw_status (*chunk_walk)(void *self, void *arg,
                                 enum gw_status (*visit)(void *arg, const struct gw_chunk *chunk));
};

#endif
