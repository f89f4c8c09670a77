/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The batch as one block, and the way back from the store. */
#include <string.h>

#include "gateway/core/apply.h"
#include "gateway/core/block.h"

/* For every byte of blocks this many bytes of state are saved beside it, so that what a start has to
 * read back never exceeds a fixed part of the state's own size. */
#define SAVE_RATIO 2u
#define SAVE_BYTES_PER_BLOCK 256u
#define SAVE_CHUNKS_PER_BLOCK 16u

static uint32_t chunk_kind(enum gw_array array)
{
    return (uint32_t)array | GW_STATE_LAYOUT << 8;
}

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
        .kind = chunk_kind(array),
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
        .len = gw_block_seal(&core->writer, replay_from),
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
    core->block_time_us = core->now_us;
    core->document_name = NULL;
    gw_block_begin(&core->writer, core->block_buffer, GW_BLOCK_BYTES_MAX, core->number,
                   core->block_time_us);
}

void gw_core_begin(struct gw_core *core, int64_t now_us)
{
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
    uint64_t credit_bytes = core->save_credit_bytes + SAVE_RATIO * len + SAVE_BYTES_PER_BLOCK;
    enum gw_status status = write_block(core, SAVE_CHUNKS_PER_BLOCK, credit_bytes);
    if (status == GW_OK) {
        core->writer.count = 0;
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

/* ---- reading back -------------------------------------------------------------------------------------- */

static void forget(struct gw_core *core)
{
    for (int a = 0; a < GW_ARRAYS; a++) {
        memset(core->arrays[a].items, 0,
               (size_t)core->arrays[a].item_bytes * core->arrays[a].item_count);
    }
    memset(core->notes, 0, (size_t)core->chunk_total * sizeof(*core->notes));
    core->dirty_head = core->dirty_count = 0;
    core->save_credit_bytes = 0;
    core->reply_count = core->request_count = 0;
    core->last_number = 0;
    core->last_time_us = 0;
    core->orders_open = core->orders_unsure = 0;
}

struct loading {
    struct gw_core *core;
    bool foreign; /**< An image of another layout was met. */
    uint32_t images;
};

static enum gw_status load_chunk(void *arg, const struct gw_chunk *chunk)
{
    struct loading *loading = arg;
    struct gw_core *core = loading->core;
    uint32_t array = chunk->kind & 0xffu;
    if (chunk->kind >> 8 != GW_STATE_LAYOUT) {
        loading->foreign = true;
        return GW_OK;
    }
    if (array >= GW_ARRAYS) {
        return GW_CORRUPT;
    }
    const struct gw_span_of_state *span = &core->arrays[array];
    size_t first = (size_t)chunk->index * GW_CHUNK_ITEMS * span->item_bytes;
    size_t room = (size_t)span->item_count * span->item_bytes;
    if (chunk->index >= span->chunk_count || chunk->len % span->item_bytes != 0) {
        return GW_INVALID; /* The limits are smaller than those it was written with. */
    }
    size_t take = chunk->len < room - first ? chunk->len : room - first;
    memcpy(span->items + first, chunk->bytes, take);
    loading->images++;
    core->notes[span->chunk_first + chunk->index].saved_block = chunk->block;
    return GW_OK;
}

static enum gw_status replay_block(void *arg, uint64_t number, const uint8_t *bytes, size_t len)
{
    struct gw_core *core = ((struct loading *)arg)->core;
    struct gw_block_reader reader;
    enum gw_status status = gw_block_open(&reader, bytes, len);
    if (status != GW_OK || reader.number != number || number != core->number + 1u) {
        return GW_CORRUPT;
    }
    core->number = number;
    core->last_time_us = reader.time_us;
    core->replay = &reader;
    while ((status = gw_block_next(&reader, core->entry)) == GW_OK) {
        status = gw_apply(core, core->entry, NULL);
        if (status != GW_OK) {
            return status;
        }
    }
    core->replay = NULL;
    return status == GW_END ? GW_OK : status;
}

static enum gw_status find_replay_start(struct gw_core *core, uint64_t *from, uint64_t *last)
{
    const struct gw_store_port *store = core->store;
    enum gw_status status = store->last_number(store->self, last);
    if (status != GW_OK || *last == 0) {
        *from = 1;
        return status;
    }
    size_t len = 0;
    status = store->block_read(store->self, *last, core->past_buffer, &len, GW_BLOCK_BYTES_MAX);
    if (status != GW_OK) {
        return status == GW_END ? GW_CORRUPT : status;
    }
    struct gw_block_reader reader;
    status = gw_block_open(&reader, core->past_buffer, len);
    if (status == GW_OK) {
        *from = gw_block_replay_from(core->past_buffer);
        core->last_time_us = reader.time_us;
    }
    return status;
}

static enum gw_status attach_tariffs(struct gw_core *core)
{
    memset(core->tariff_at, 0xff, sizeof(core->tariff_at));
    for (uint32_t i = 0; i < core->head->tariff_count; i++) {
        if (gw_tariff_attach(core, i) != GW_OK) {
            return GW_INVALID;
        }
    }
    return GW_OK;
}

static enum gw_status read_back(struct gw_core *core)
{
    uint64_t from = 1;
    uint64_t last = 0;
    struct loading loading = {.core = core};
    enum gw_status status = find_replay_start(core, &from, &last);
    if (status == GW_OK) {
        status = core->store->chunk_walk(core->store->self, &loading, load_chunk);
    }
    if (status == GW_OK && (loading.foreign || loading.images == 0)) {
        forget(core); /* The blocks hold everything; images only save time. */
        from = 1;
    }
    if (status == GW_OK) {
        status = attach_tariffs(core);
    }
    core->number = from - 1u;
    if (status == GW_OK && from <= last) {
        status = core->store->block_walk(core->store->self, from, &loading, replay_block);
    }
    if (status == GW_OK && from <= last && core->number != last) {
        return GW_CORRUPT;
    }
    core->last_number = last;
    return status;
}

/* Names to slots, who is due, which orders are open: derived, so built anew. */
static void derive(struct gw_core *core)
{
    uint64_t seed = (uint64_t)(uintptr_t)core * 0x9e3779b97f4a7c15ull ^ (uint64_t)core->now_us;
    const struct gw_limits *limits = &core->config.limits;
    gw_index_init(&core->meter_index, core->meter_index.cells, gw_index_cells(limits->meters_max),
                  seed);
    gw_index_init(&core->household_index, core->household_index.cells,
                  gw_index_cells(limits->households_max), seed);
    gw_heap_init(&core->due, core->due.keys, limits->households_max);
    gw_heap_init(&core->timers, core->timers.keys, limits->orders_open_max);
    for (uint32_t i = 0; i < core->head->meter_count; i++) {
        char name[MT_NAME_MAX + 1];
        size_t len = mt_name_format(name, &core->meters[i].identity);
        gw_index_add(&core->meter_index, gw_index_hash(&core->meter_index, name, len), i);
    }
    for (uint32_t i = 0; i < core->head->household_count; i++) {
        const char *id = core->households[i].id;
        gw_index_add(&core->household_index, gw_index_hash(&core->household_index, id, strlen(id)),
                     i);
        if (core->households[i].due_us != 0) {
            gw_heap_set(&core->due, i, core->households[i].due_us);
        }
    }
    for (uint32_t i = 0; i < limits->orders_open_max; i++) {
        struct gw_order *order = &core->orders[i];
        struct gw_order_step step;
        if (order->number == 0) {
            continue;
        }
        bool known = gw_order_next(&step, (enum gw_order_state)order->state, GW_ORDER_EV_RESTART);
        MT_CHECK(known);
        order->state = (uint8_t)step.state;
        order->attempts = 0;
        order->next_try_us = core->now_us;
        core->orders_open++;
        core->orders_unsure++; /* What was open may have been sent. */
        gw_heap_set(&core->timers, i, order->next_try_us);
    }
}

enum gw_status gw_core_load(struct gw_core *core, int64_t now_us)
{
    core->broken = true;
    forget(core);
    core->replaying = true;
    core->now_us = now_us;
    enum gw_status status = read_back(core);
    core->replaying = false;
    if (status != GW_OK) {
        return status;
    }
    core->broken = false;
    core->down_counter = 0;
    gw_core_begin(core, now_us);
    derive(core);
    struct gw_entry *entry = core->entry;
    entry->kind = GW_ENTRY_START;
    entry->block = core->number;
    entry->block_time_us = core->block_time_us;
    gw_emit(core, entry, NULL);
    status = gw_core_commit(core);
    if (status == GW_OK) {
        gw_core_begin(core, now_us);
    }
    return status;
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
