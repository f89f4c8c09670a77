/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/state.h"

#include <string.h>

#include "gateway/core/civil.h"
#include "meters/checksum.h"
#include "meters/wmbus.h"
#include "meters/writer.h"

#define ALIGN 64u

/* A bump over the caller's memory; base NULL only measures. */
struct arena {
    uint8_t *base;
    size_t used;
};

static void *take(struct arena *arena, size_t bytes)
{
    void *at = arena->base == NULL ? NULL : arena->base + arena->used;
    arena->used += (bytes + ALIGN - 1u) / ALIGN * ALIGN;
    return at;
}

static bool limits_are_sane(const struct gw_limits *limits)
{
    return limits->meters_max > 0 && limits->meters_max <= GW_METERS_MAX &&
           limits->households_max > 0 && limits->households_max <= GW_HOUSEHOLDS_MAX &&
           limits->bindings_max > 0 && limits->bindings_max <= GW_BINDINGS_MAX &&
           limits->orders_open_max > 0 && limits->orders_open_max <= GW_ORDERS_OPEN_MAX;
}

static void *lay_array(struct gw_core *core, struct arena *arena, enum gw_array array,
                       uint32_t item_bytes, uint32_t count)
{
    struct gw_span_of_state *span = &core->arrays[array];
    span->item_bytes = item_bytes;
    span->item_count = count;
    span->chunk_first = core->chunk_total;
    span->chunk_count = (count + GW_CHUNK_ITEMS - 1u) / GW_CHUNK_ITEMS;
    span->items = take(arena, (size_t)item_bytes * count);
    core->chunk_total += span->chunk_count;
    return span->items;
}

static void lay_state(struct gw_core *core, struct arena *arena, const struct gw_limits *limits)
{
    core->chunk_total = 0;
    core->head = lay_array(core, arena, GW_ARRAY_HEAD, sizeof(struct gw_head), 1);
    core->meters =
        lay_array(core, arena, GW_ARRAY_METERS, sizeof(struct gw_meter), limits->meters_max);
    core->households = lay_array(core, arena, GW_ARRAY_HOUSEHOLDS, sizeof(struct gw_household),
                                 limits->households_max);
    core->bindings =
        lay_array(core, arena, GW_ARRAY_BINDINGS, sizeof(struct gw_binding), limits->bindings_max);
    core->orders =
        lay_array(core, arena, GW_ARRAY_ORDERS, sizeof(struct gw_order), limits->orders_open_max);
    core->notes = take(arena, (size_t)core->chunk_total * sizeof(*core->notes));
    core->dirty_queue = take(arena, (size_t)core->chunk_total * sizeof(*core->dirty_queue));
    core->meter_index.cells = take(arena, (size_t)gw_index_cells(limits->meters_max) * 4u);
    core->household_index.cells = take(arena, (size_t)gw_index_cells(limits->households_max) * 4u);
    core->due.keys = take(arena, gw_heap_bytes(limits->households_max));
    core->timers.keys = take(arena, gw_heap_bytes(limits->orders_open_max));
}

static void lay_scratch(struct gw_core *core, struct arena *arena)
{
    core->tariffs = take(arena, GW_TARIFFS_MAX * sizeof(*core->tariffs));
    core->tariffs_before = take(arena, GW_TARIFFS_MAX * sizeof(*core->tariffs_before));
    core->tariff_scratch = take(arena, sizeof(*core->tariff_scratch));
    core->replies = take(arena, GW_BATCH_MAX * sizeof(*core->replies));
    core->requests = take(arena, GW_BATCH_MAX * sizeof(*core->requests));
    core->message = take(arena, sizeof(*core->message));
    core->formats = take(arena, sizeof(*core->formats));
    core->entry = take(arena, sizeof(*core->entry));
    core->past = take(arena, sizeof(*core->past));
    core->chunks = take(arena, GW_CHUNKS_MAX * sizeof(*core->chunks));
    core->block_buffer = take(arena, GW_BLOCK_BYTES_MAX);
    core->past_buffer = take(arena, GW_BLOCK_BYTES_MAX);
    core->plain = take(arena, GW_MESSAGE_BYTES_MAX);
    core->refusals = take(arena, GW_REFUSALS_KEPT * sizeof(*core->refusals));
}

size_t gw_core_bytes(const struct gw_limits *limits)
{
    if (!limits_are_sane(limits)) {
        return 0;
    }
    struct gw_core measured = {.chunk_total = 0};
    struct arena arena = {.base = NULL};
    (void)take(&arena, sizeof(struct gw_core));
    lay_state(&measured, &arena, limits);
    lay_scratch(&measured, &arena);
    return arena.used;
}

static bool is_gateway_id(const char *id, size_t max)
{
    size_t len = 0;
    while (len < max && id[len] != '\0') {
        char c = id[len++];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return len >= 1 && len <= 12;
}

static bool is_span(int64_t us)
{
    return us >= 0 && us <= GW_RULE_US_MAX;
}

static bool rules_are_sane(const struct gw_settle_rules *settle)
{
    return settle->order_min_fen >= 1 && settle->order_min_fen <= GW_HOUSEHOLD_FEN_MAX &&
           is_span(settle->order_after_us) && is_span(settle->retry_refused_us) &&
           is_span(settle->clock_ahead_us) && is_span(settle->late_window_us) &&
           is_span(settle->clock_years_us) && settle->clock_years_us > 0;
}

enum gw_status gw_core_init(struct gw_core **out, void *memory, size_t memory_bytes,
                            const struct gw_core_config *config, const struct gw_store_port *store)
{
    MT_CHECK(out != NULL && memory != NULL && config != NULL && store != NULL);
    size_t needed = gw_core_bytes(&config->limits);
    if (needed == 0 || memory_bytes < needed ||
        !is_gateway_id(config->gateway_id, sizeof(config->gateway_id)) ||
        !rules_are_sane(&config->settle)) {
        return GW_INVALID;
    }
    struct arena arena = {.base = memory};
    struct gw_core *core = take(&arena, sizeof(*core));
    memset(core, 0, sizeof(*core));
    core->config = *config;
    core->store = store;
    core->memory_bytes = needed;
    lay_state(core, &arena, &config->limits);
    lay_scratch(core, &arena);
    memset(core->tariff_at, 0xff, sizeof(core->tariff_at));
    core->broken = true; /* Until gw_core_load. */
    *out = core;
    return GW_OK;
}

const struct gw_tariff *gw_tariff_of(const struct gw_core *core, uint32_t tariff)
{
    MT_CHECK(tariff < GW_TARIFFS_MAX && core->tariff_at[tariff] != 0xff);
    return &core->tariffs[core->tariff_at[tariff]];
}

void gw_tariff_keep(struct gw_core *core, uint32_t at)
{
    MT_CHECK(at < GW_TARIFFS_MAX);
    if (core->tariffs_changed == 0) {
        core->tariff_put_before = core->tariff_put_count;
    }
    if ((core->tariffs_changed >> at & 1u) == 0) {
        core->tariffs_before[at] = core->tariffs[at];
        core->tariffs_changed |= 1u << at;
    }
}

void gw_tariffs_restore(struct gw_core *core)
{
    for (uint32_t i = 0; i < GW_TARIFFS_MAX; i++) {
        if ((core->tariffs_changed >> i & 1u) != 0) {
            core->tariffs[i] = core->tariffs_before[i];
        }
    }
    if (core->tariffs_changed != 0) {
        core->tariff_put_count = core->tariff_put_before;
    }
    core->tariffs_changed = 0;
}

uint32_t gw_household_payee(struct gw_household *household, uint8_t payee)
{
    for (uint32_t i = 0; i < household->payee_count; i++) {
        if (household->payees[i] == payee) {
            return i;
        }
    }
    if (household->payee_count == GW_ORDER_PAYEES_MAX) {
        return UINT32_MAX;
    }
    household->payees[household->payee_count] = payee;
    return household->payee_count++;
}

static int64_t floor_fen(int64_t ufen)
{
    const int64_t ufen_per_fen = 1000000;
    int64_t fen = ufen / ufen_per_fen;
    return ufen % ufen_per_fen < 0 ? fen - 1 : fen;
}

int64_t gw_household_owed_fen(const struct gw_household *household)
{
    int64_t charged_ufen = 0;
    int64_t taken_fen = 0;
    for (uint32_t i = 0; i < household->payee_count; i++) {
        charged_ufen += household->charged_ufen[i];
        taken_fen += household->taken_fen[i];
    }
    return floor_fen(charged_ufen) - taken_fen;
}

uint32_t gw_chunk_crc(const struct gw_chunk *chunk)
{
    uint8_t name[16];
    struct mt_writer w = mt_writer_into(name, sizeof(name));
    mt_writer_le(&w, chunk->kind, 4);
    mt_writer_le(&w, chunk->index, 4);
    mt_writer_le(&w, chunk->block, 8);
    return mt_crc32c(mt_crc32c(0, name, sizeof(name)), chunk->bytes, chunk->len);
}

static uint32_t chunk_of(const struct gw_core *core, enum gw_array array, uint32_t item)
{
    const struct gw_span_of_state *span = &core->arrays[array];
    MT_CHECK(item < span->item_count);
    return span->chunk_first + item / GW_CHUNK_ITEMS;
}

void gw_touch(struct gw_core *core, enum gw_array array, uint32_t item)
{
    uint32_t chunk = chunk_of(core, array, item);
    if (core->notes[chunk].dirty_block != 0) {
        return;
    }
    core->notes[chunk].dirty_block = core->number;
    uint32_t tail = core->dirty_head + core->dirty_count;
    core->dirty_queue[tail >= core->chunk_total ? tail - core->chunk_total : tail] = chunk;
    core->dirty_count++;
}

bool gw_lacks(const struct gw_core *core, enum gw_array array, uint32_t item)
{
    return !core->replaying || core->number > core->notes[chunk_of(core, array, item)].saved_block;
}
