/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Messages that come in blocks (RFC 7959, Block1). */
#include "gateway/adapters/coap_block.h"

#include <stdlib.h>
#include <string.h>

#define SZX_MAX 6u /* 7 is reserved over UDP: RFC 7959, 2.2 */

bool gw_blocks_init(struct gw_blocks *blocks)
{
    blocks->used = 0;
    blocks->list = calloc(GW_BLOCKS_MAX, sizeof *blocks->list);
    return blocks->list != NULL;
}

void gw_blocks_deinit(struct gw_blocks *blocks)
{
    free(blocks->list);
    blocks->list = NULL;
}

static struct gw_block *find(const struct gw_blocks *blocks, uint32_t slot)
{
    for (uint32_t i = 0; i < GW_BLOCKS_MAX && blocks->used > 0; i++) {
        if (blocks->list[i].slot == slot) {
            return &blocks->list[i];
        }
    }
    return NULL;
}

/* A free buffer, or one whose sender has given up; or NULL. */
static struct gw_block *unused(struct gw_blocks *blocks, int64_t now_ms)
{
    for (uint32_t i = 0; i < GW_BLOCKS_MAX; i++) {
        struct gw_block *block = &blocks->list[i];
        if (block->slot == 0) {
            return block;
        }
        if (now_ms - block->heard_ms >= GW_BLOCKS_IDLE_MS) {
            gw_block_end(blocks, block);
            return block;
        }
    }
    return NULL;
}

static struct gw_block *begin(struct gw_blocks *blocks, const struct gw_block_part *part,
                              int64_t now_ms)
{
    struct gw_block *block = find(blocks, part->slot);
    if (block == NULL) {
        block = unused(blocks, now_ms);
        if (block == NULL) {
            return NULL;
        }
        blocks->used++;
    }
    block->slot = part->slot;
    block->format = part->format;
    block->len = 0;
    return block;
}

enum gw_block_verdict gw_block_take(struct gw_block **whole, struct gw_blocks *blocks,
                                    const struct gw_block_part *part, int64_t now_ms)
{
    MT_CHECK(part->slot != 0);
    size_t size = (size_t)16 << part->szx;
    if (part->szx > SZX_MAX || part->len > size || (part->more && part->len != size)) {
        return GW_BLOCK_MALFORMED;
    }
    struct gw_block *block =
        part->number == 0 ? begin(blocks, part, now_ms) : find(blocks, part->slot);
    if (block == NULL) {
        return part->number == 0 ? GW_BLOCK_BUSY : GW_BLOCK_INCOMPLETE;
    }
    block->heard_ms = now_ms;
    uint64_t offset = (uint64_t)part->number * size;
    if (offset > block->len || part->format != block->format) {
        gw_block_end(blocks, block);
        return GW_BLOCK_INCOMPLETE;
    }
    if (offset < block->len) {
        /* It was taken already, and the answer got lost. */
        return part->more ? GW_BLOCK_CONTINUE : GW_BLOCK_INCOMPLETE;
    }
    if (part->len > sizeof block->bytes - block->len) {
        gw_block_end(blocks, block);
        return GW_BLOCK_TOO_LARGE;
    }
    if (part->len > 0) {
        memcpy(block->bytes + block->len, part->bytes, part->len);
        block->len += part->len;
    }
    if (part->more) {
        return GW_BLOCK_CONTINUE;
    }
    *whole = block;
    return GW_BLOCK_COMPLETE;
}

void gw_block_end(struct gw_blocks *blocks, struct gw_block *block)
{
    MT_CHECK(block->slot != 0 && blocks->used > 0);
    block->slot = 0;
    blocks->used--;
}

void gw_blocks_forget(struct gw_blocks *blocks, uint32_t slot)
{
    struct gw_block *block = find(blocks, slot);
    if (block != NULL) {
        gw_block_end(blocks, block);
    }
}
