/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The bytes of a block: what a batch decided, entry by entry.
 *
 *      offset  0  u8   format, 1
 *              1  u8   layout of the images that "replay from" speaks of (GW_STATE_LAYOUT)
 *              2  2 zero bytes
 *              4  u32  count of entries
 *              8  u64  number
 *             16  i64  time of the batch, microseconds
 *             24  u64  replay from: blocks below it are in the saved chunks
 *             32  entries
 *      end     -4 u32  CRC-32C of all before; integers low byte first
 *
 *  Numbers in entries are LEB128; signed ones zigzag. A reading's values are absolute (its time is
 *  relative to the block's): an entry says on its own what the meter said. Only what replaying alone
 *  needs, counter and sequence, is left out where it is the next one.
 *
 *      READINGS  byte 0: kind | transport << 4 | MULTI << 6 | EXTENDED << 7
 *                byte 1: form | payees << 3 | COUNTER << 6 | SEQ << 7
 *                slot, blocks back to the previous entry, [counter], [seq + 1; 0: none], [count],
 *                payees x posted (zigzag), count x { seconds from the block's time (zigzag), total,
 *                [verdict, flags, band mask, microseconds, bands] }
 */
#ifndef GATEWAY_CORE_BLOCK_H
#define GATEWAY_CORE_BLOCK_H

#include "gateway/core/history.h"
#include "meters/writer.h"

#define GW_BLOCK_HEADER_BYTES 32u
#define GW_BLOCK_TRAILER_BYTES 4u
/** Room that must be left in a block before an entry is begun. */
#define GW_ENTRY_BYTES_MAX 8192u

struct gw_block_writer {
    struct mt_writer out;
    uint64_t number;
    int64_t time_us;
    uint32_t count;
};

void gw_block_begin(struct gw_block_writer *writer, uint8_t *bytes, size_t max, uint64_t number,
                    int64_t time_us);
/** True while an entry of any kind still fits. */
bool gw_block_has_room(const struct gw_block_writer *writer);
/** Write an entry; the caller made sure of the room. For READINGS counter_implied and seq_implied leave
 *  out what replaying derives. */
void gw_block_put(struct gw_block_writer *writer, const struct gw_entry *entry,
                  bool counter_implied, bool seq_implied);
/** Finish the block in place. Returns its length. Entries may still be added after it: call again. */
size_t gw_block_seal(struct gw_block_writer *writer, uint64_t replay_from, uint8_t layout);

/** Copy the entries of a block that come before the offset at, which starts an entry, as a block of
 *  their own. Returns its length; 0 when max is too small. */
size_t gw_block_head(uint8_t *out, size_t max, const struct gw_block_reader *reader, size_t at);

/** The replay_from of an opened block's bytes, and the layout of images that it holds for. */
uint64_t gw_block_replay_from(const uint8_t *bytes);
uint8_t gw_block_layout(const uint8_t *bytes);

#endif
