/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way back from the store: images of state, then the blocks that they lack. */
#include <string.h>

#include "gateway/core/apply.h"

static void forget(struct gw_core *core)
{
    for (int a = 0; a < GW_ARRAYS; a++) {
        memset(core->arrays[a].items, 0,
               (size_t)core->arrays[a].item_bytes * core->arrays[a].item_count);
    }
    gw_tariffs_restore(core);
    core->number_hint = 0;
    memset(core->notes, 0, (size_t)core->chunk_total * sizeof(*core->notes));
    core->dirty_head = core->dirty_count = 0;
    core->save_credit_bytes = 0;
    core->reply_count = core->request_count = 0;
    core->last_number = 0;
    core->last_time_us = 0;
    core->orders_open = core->orders_unsure = 0;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* An image that was saved under other limits may reach beyond the array: nothing may be in that part. */
static enum gw_status load_chunk(void *arg, const struct gw_chunk *chunk)
{
    struct gw_core *core = arg;
    uint32_t array = chunk->kind & 0xffu;
    if (array >= GW_ARRAYS || chunk->kind != gw_chunk_kind((enum gw_array)array)) {
        return GW_OK; /* Of another layout, left from before an upgrade. */
    }
    if (chunk->crc != gw_chunk_crc(chunk)) {
        core->images_damaged++;
        return GW_OK;
    }
    const struct gw_span_of_state *span = &core->arrays[array];
    size_t whole = (size_t)GW_CHUNK_ITEMS * span->item_bytes;
    if (chunk->len > whole || chunk->len % span->item_bytes != 0) {
        return GW_CORRUPT;
    }
    size_t room = 0;
    if (chunk->index < span->chunk_count) {
        room = (size_t)span->item_count * span->item_bytes - chunk->index * whole;
    }
    size_t take = chunk->len < room ? chunk->len : room;
    if (!all_zero(chunk->bytes + take, chunk->len - take)) {
        return GW_INVALID; /* The limits are smaller than what is there. */
    }
    if (take > 0) {
        memcpy(span->items + chunk->index * whole, chunk->bytes, take);
        core->notes[span->chunk_first + chunk->index].saved_block = chunk->block;
    }
    return GW_OK;
}

static enum gw_status replay_block(void *arg, uint64_t number, const uint8_t *bytes, size_t len)
{
    struct gw_core *core = arg;
    struct gw_block_reader reader;
    enum gw_status status = gw_block_open(&reader, bytes, len);
    if (status != GW_OK || reader.number != number || number != core->number + 1u) {
        return GW_CORRUPT;
    }
    core->number = number;
    core->last_time_us = reader.time_us;
    core->replay = &reader;
    while (status == GW_OK) {
        status = gw_block_next(&reader, core->entry);
        if (status == GW_OK) {
            status = gw_apply(core, core->entry, NULL);
        }
    }
    core->replay = NULL;
    return status == GW_END ? GW_OK : status;
}

/* Where the newest block says that images leave off; 1 when it speaks of images of another layout. */
static enum gw_status find_replay_start(struct gw_core *core, uint64_t *from, uint64_t *last)
{
    const struct gw_store_port *store = core->store;
    enum gw_status status = store->last_number(store->self, last);
    *from = 1;
    if (status != GW_OK || *last == 0) {
        return status;
    }
    size_t len = 0;
    struct gw_block_reader reader;
    status = store->block_read(store->self, *last, core->past_buffer, &len, GW_BLOCK_BYTES_MAX);
    if (status == GW_OK) {
        status = gw_block_open(&reader, core->past_buffer, len);
    }
    if (status != GW_OK) {
        return status == GW_END ? GW_CORRUPT : status;
    }
    uint64_t replay_from = gw_block_replay_from(core->past_buffer);
    if (reader.number != *last || replay_from == 0 || replay_from > *last + 1u) {
        return GW_CORRUPT;
    }
    if (gw_block_layout(core->past_buffer) == GW_STATE_LAYOUT) {
        *from = replay_from;
    }
    core->last_time_us = reader.time_us;
    return GW_OK;
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

/* Images, where the newest block's word holds for them. */
static enum gw_status load_images(struct gw_core *core, uint64_t *from)
{
    if (*from == 1) {
        return GW_OK;
    }
    int64_t last_time_us = core->last_time_us;
    enum gw_status status = core->store->chunk_walk(core->store->self, core, load_chunk);
    bool has_head = core->notes[core->arrays[GW_ARRAY_HEAD].chunk_first].saved_block != 0;
    if (core->images_damaged > 0 || (status == GW_OK && !has_head)) {
        forget(core); /* Some were lost. The blocks hold everything; images only save time. */
        status = GW_OK;
        core->last_time_us = last_time_us;
        *from = 1;
    }
    return status == GW_OK ? gw_images_check(core) : status;
}

static enum gw_status read_back(struct gw_core *core)
{
    uint64_t from = 1;
    uint64_t last = 0;
    enum gw_status status = find_replay_start(core, &from, &last);
    if (status == GW_OK) {
        status = load_images(core, &from);
    }
    if (status == GW_OK) {
        status = attach_tariffs(core);
    }
    core->number = from - 1u;
    if (status == GW_OK && from <= last) {
        status = core->store->block_walk(core->store->self, from, core, replay_block);
        if (status == GW_OK && core->number != last) {
            status = GW_CORRUPT;
        }
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
        const struct gw_meter *meter = &core->meters[i];
        gw_index_add(&core->meter_index,
                     gw_index_hash(&core->meter_index, meter->name, meter->name_len), i);
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
        MT_CHECK(known); /* Replaying makes none that is final, and gw_images_check looked. */
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
    core->images_damaged = 0;
    core->replaying = true;
    core->now_us = now_us;
    enum gw_status status = read_back(core);
    core->replaying = false;
    mt_key_wipe(core->entry->meter_spec.root_key, sizeof(core->entry->meter_spec.root_key));
    mt_key_wipe(core->entry->meter_spec.raw_key, sizeof(core->entry->meter_spec.raw_key));
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
