/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Messages of wireless M-Bus in fragments (EN 13757-7, 6; OMS volume 2, 6). For this folder and its
 *  tests only.
 *
 *  A message that is longer than a frame comes in several, numbered from 1. The first says how long
 *  the message is (ML), which MAC protects it (MCL) and its counter (MCR); the last has the MAC. What
 *  came so far is kept in the caller's memory, a message a meter, and the oldest gives way.
 *
 *  Nothing in a fragment ties it to the one before but its number: after a loss the end of one message
 *  would fit the beginning of another. So a message without a MAC is MT_UNSUPPORTED, and whoever reads
 *  one that was put together checks its MAC before anything else.
 */
#ifndef METERS_WMBUS_FRAGMENTS_H
#define METERS_WMBUS_FRAGMENTS_H

#include "meters/mbus_secure.h"
#include "meters/wmbus.h"

/** Is this a part of a message, and not all of it? */
static inline bool mt_wmbus_is_fragment(const struct mt_mbus_afl *afl)
{
    return afl->has_more || afl->fragment > 1;
}

/** Take in a fragment.
 *
 *  Returns: MT_OK when it was the last one and all are there;
 *           MT_NO_READING when it is kept, came before, or follows one that was never heard;
 *           MT_UNSUPPORTED without a memory, and for messages without a MAC;
 *           MT_TOO_LARGE for a message of more than MT_FRAGMENTED_BYTES_MAX;
 *           MT_BAD_LAYOUT for fields that are missing or too many, and for a wrong length. The message
 *           is forgotten then.
 *  Out:     *whole  on MT_OK: borrowed from the memory, until the next fragment comes. Untouched else.
 *           *afl    on MT_OK: that of the whole message.
 *  In:      memory   NULL: none.
 *           address  8 bytes: M and A of the link.
 *           part     what stands behind the AFL.
 */
MT_MUST_USE enum mt_status mt_wmbus_fragment(const struct mt_fragmented **whole,
                                             struct mt_mbus_afl *afl, struct mt_fragments *memory,
                                             const uint8_t *address, const struct mt_cursor *part,
                                             struct mt_trace *trace);

#endif
