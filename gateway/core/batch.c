/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The batch as one block, with the images of state that are saved beside it. */
#include <string.h>

#include "gateway/core/apply.h"
#include "gateway/core/block.h"

/* For every two bytes of blocks this many bytes of state are saved beside them, so that what a start
 * has to read back never exceeds a fixed part of the state's own size. */
#define SAVE_PER_TWO_BYTES 3u
#define SAVE_BYTES_PER_BLOCK 256u
#define SAVE_CHUNKS_PER_BLOCK 16u

/* ---- writing ---------------------------------------------------------------------------------------- */

static enum gw_array array_of(const struct gw_core *core, uint32_t chunk)
{
    enum gw_array array = GW_ARRAY_HEAD;
    while (chunk >= core->arrays[array].chunk_first + core->arrays[array].chunk_count) {
        array++;
    }
    return array;
}

static struct gw_chunk image_of(const struct gw_core *core, uint32_t chunk)
{
    enum gw_array array = array_of(core, chunk);
    const struct gw_span_of_state *span = &core->arrays[array];
    uint32_t index = chunk - span->chunk_first;
    uint32_t first = index * GW_CHUNK_ITEMS;
    uint32_t left = span->item_count - first;
    uint32_t items = left < GW_CHUNK_ITEMS ? left : GW_CHUNK_ITEMS;
    return (struct gw_chunk){
        .kind = gw_chunk_kind(array),
        .index = index,
        .block = core->number,
        .bytes = span->items + (size_t)first * span->item_bytes,
        .len = (size_t)items * span->item_bytes,
    };
}

static uint32_t queued(const struct gw_core *core, uint32_t i)
{
    uint32_t at = core->dirty_head + i;
    return core->dirty_queue[at >= core->chunk_total ? at - core->chunk_total : at];
}

/* The oldest changed chunks that the credit pays for. */
static uint32_t pick_chunks(struct gw_core *core, uint32_t max, uint64_t *credit_bytes)
{
    uint32_t count = 0;
    while (count < max && count < core->dirty_count) {
        struct gw_chunk chunk = image_of(core, queued(core, count));
        if (chunk.len > *credit_bytes) {
            break;
        }
        *credit_bytes -= chunk.len;
        chunk.crc = gw_chunk_crc(&chunk);
        core->chunks[count++] = chunk;
    }
    return count;
}

static void drop_chunks(struct gw_core *core, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct gw_chunk_note *note = &core->notes[queued(core, i)];
        note->saved_block = core->number;
        note->dirty_block = 0;
    }
    core->dirty_head = (core->dirty_head + count) % core->chunk_total;
    core->dirty_count -= count;
}

static enum gw_status write_block(struct gw_core *core, uint32_t chunks_max, uint64_t credit_bytes)
{
    uint64_t left_bytes = credit_bytes;
    uint32_t chunk_count = pick_chunks(core, chunks_max, &left_bytes);
    uint64_t replay_from = chunk_count < core->dirty_count
                               ? core->notes[queued(core, chunk_count)].dirty_block
                               : core->number + 1u;
    struct gw_block_write write = {
        .number = core->number,
        .time_us = core->block_time_us,
        .bytes = core->block_buffer,
        .len = gw_block_seal(&core->writer, replay_from, GW_STATE_LAYOUT),
        .chunks = core->chunks,
        .chunk_count = chunk_count,
        .document_name = core->document_name,
        .document_text = core->document_text,
        .document_len = core->document_len,
    };
    enum gw_status status = core->store->append(core->store->self, &write);
    if (status != GW_OK) {
        core->broken = true;
        return status;
    }
    drop_chunks(core, chunk_count);
    core->save_credit_bytes = left_bytes;
    core->last_number = core->number;
    core->last_time_us = core->block_time_us;
    return GW_OK;
}

static void open_block(struct gw_core *core)
{
    core->number = core->last_number + 1u;
    MT_CHECK(core->number <= GW_BLOCK_NUMBER_MAX);
    core->block_time_us = core->now_us;
    core->document_name = NULL;
    gw_block_begin(&core->writer, core->block_buffer, GW_BLOCK_BYTES_MAX, core->number,
                   core->block_time_us);
}

void gw_core_begin(struct gw_core *core, int64_t now_us)
{
    now_us = now_us < GW_TIME_US_MAX ? now_us : GW_TIME_US_MAX;
    core->now_us = now_us > core->last_time_us ? now_us : core->last_time_us;
    core->reply_count = 0;
    core->request_count = 0;
    core->walked_bytes = 0;
    open_block(core);
}

bool gw_core_full(const struct gw_core *core)
{
    return core->reply_count == GW_BATCH_MAX || core->walked_bytes >= GW_WALK_BATCH_BYTES_MAX ||
           !gw_block_has_room(&core->writer);
}

bool gw_core_pending(const struct gw_core *core)
{
    return core->writer.count > 0 || core->reply_count > 0 || core->request_count > 0;
}

enum gw_status gw_core_commit(struct gw_core *core)
{
    if (core->writer.count == 0) {
        return GW_OK; /* Nothing was decided: refusals leave no trace. */
    }
    if (core->broken) {
        return GW_IO;
    }
    uint64_t len = mt_writer_len(&core->writer.out);
    uint64_t credit_bytes =
        core->save_credit_bytes + SAVE_PER_TWO_BYTES * len / 2u + SAVE_BYTES_PER_BLOCK;
    enum gw_status status = write_block(core, SAVE_CHUNKS_PER_BLOCK, credit_bytes);
    if (status == GW_OK) {
        core->writer.count = 0;
        core->tariffs_changed = 0;
    }
    return status;
}

enum gw_status gw_core_save(struct gw_core *core)
{
    if (core->broken) {
        return GW_IO;
    }
    MT_CHECK(core->writer.count == 0);
    while (core->dirty_count > 0) {
        open_block(core);
        enum gw_status status = write_block(core, GW_CHUNKS_MAX, UINT64_MAX / 2u);
        core->save_credit_bytes = 0;
        if (status != GW_OK) {
            return status;
        }
    }
    open_block(core);
    return GW_OK;
}

const struct gw_reply *gw_core_replies(const struct gw_core *core, uint32_t *count)
{
    *count = core->reply_count;
    return core->replies;
}

const struct gw_order_request *gw_core_requests(const struct gw_core *core, uint32_t *count)
{
    *count = core->request_count;
    return core->requests;
}
