/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Messages that come in blocks (RFC 7959, Block1): put together in a few buffers of fixed size.
 *
 *  One a session at a time; of all sessions GW_BLOCKS_MAX. libcoap's own would grow a body to whatever
 *  the peer sends. Plain data; one thread.
 */
#ifndef GATEWAY_ADAPTERS_COAP_BLOCK_H
#define GATEWAY_ADAPTERS_COAP_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/core/limits.h"
#include "meters/check.h"

#define GW_BLOCKS_MAX 256u
#define GW_BLOCKS_IDLE_MS 30000 /**< Longer than a meter's retransmissions go on: RFC 7252, 4.8. */

struct gw_block {
    uint32_t slot; /**< Of the session; 0: free. */
    uint16_t format;
    int64_t heard_ms;
    size_t len;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
};

/** One block as it came. */
struct gw_block_part {
    uint32_t slot;
    uint16_t format; /**< Content-Format; the same in all blocks. */
    uint32_t number;
    uint8_t szx; /**< 16 << szx bytes a block, 0 to 6. */
    bool more;
    const uint8_t *bytes;
    size_t len;
};

enum gw_block_verdict {
    GW_BLOCK_CONTINUE,   /**< 2.31 */
    GW_BLOCK_COMPLETE,   /**< *whole has it; give it back with gw_block_end. */
    GW_BLOCK_TOO_LARGE,  /**< 4.13: longer than GW_MESSAGE_BYTES_MAX. */
    GW_BLOCK_INCOMPLETE, /**< 4.08: a block before this one is missing, or the format changed. */
    GW_BLOCK_BUSY,       /**< 5.03: all buffers are in use. */
    GW_BLOCK_MALFORMED,  /**< 4.00: a block that is not of its size. */
};

struct gw_blocks {
    struct gw_block *list; /* GW_BLOCKS_MAX */
    uint32_t used;
};

/** Returns false without memory. */
MT_MUST_USE bool gw_blocks_init(struct gw_blocks *blocks);
void gw_blocks_deinit(struct gw_blocks *blocks);

/** Take one block. Out: *whole with GW_BLOCK_COMPLETE, the table's own. A block that comes again is
 *  taken as new when it is the first, else it is CONTINUE without being added. */
MT_MUST_USE enum gw_block_verdict gw_block_take(struct gw_block **whole, struct gw_blocks *blocks,
                                                const struct gw_block_part *part, int64_t now_ms);

void gw_block_end(struct gw_blocks *blocks, struct gw_block *block);

/** Forget what a session had begun. */
void gw_blocks_forget(struct gw_blocks *blocks, uint32_t slot);

#endif
