/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Requests whose answers wait for the commit. */
#include "gateway/adapters/coap_pending.h"

#include <stdlib.h>
#include <string.h>

bool gw_pending_init(struct gw_pending_table *table, uint32_t max, uint32_t slots,
                     uint32_t per_slot_max)
{
    MT_CHECK(max > 0 && per_slot_max > 0 && per_slot_max <= UINT16_MAX);
    memset(table, 0, sizeof *table);
    table->max = max;
    table->slots = slots;
    table->per_slot_max = per_slot_max;
    uint32_t buckets = 1;
    while (buckets < 2 * max) {
        buckets *= 2;
    }
    table->bucket_mask = buckets - 1;
    table->buckets = calloc(buckets, sizeof *table->buckets);
    table->entries = calloc((size_t)max + 1, sizeof *table->entries);
    table->by_slot = calloc((size_t)slots + 1, sizeof *table->by_slot);
    table->slot_count = calloc((size_t)slots + 1, sizeof *table->slot_count);
    if (table->entries == NULL || table->by_slot == NULL || table->slot_count == NULL ||
        table->buckets == NULL) {
        gw_pending_deinit(table);
        return false;
    }
    for (uint32_t i = max; i > 0; i--) {
        table->entries[i].newer = table->free;
        table->free = i;
    }
    return true;
}

void gw_pending_deinit(struct gw_pending_table *table)
{
    free(table->entries);
    free(table->by_slot);
    free(table->buckets);
    free(table->slot_count);
    memset(table, 0, sizeof *table);
}

static uint32_t index_of(const struct gw_pending_table *table, const struct gw_pending *entry)
{
    return (uint32_t)(entry - table->entries);
}

static struct gw_pending *entry_at(const struct gw_pending_table *table, uint32_t i)
{
    return i == 0 ? NULL : &table->entries[i];
}

/* A session's message ids are its own: it can make only itself collide. */
static uint32_t *bucket_of(const struct gw_pending_table *table, uint32_t slot, uint16_t mid)
{
    return &table->buckets[(slot * 2654435761u + mid) & table->bucket_mask];
}

/* Into the lists of its session and of its message. */
static void link_by_message(struct gw_pending_table *table, struct gw_pending *entry)
{
    uint32_t i = index_of(table, entry);
    uint32_t *bucket = bucket_of(table, entry->slot, entry->mid);
    entry->bucket_next = *bucket;
    *bucket = i;
    entry->slot_prev = 0;
    entry->slot_next = table->by_slot[entry->slot];
    if (entry->slot_next != 0) {
        table->entries[entry->slot_next].slot_prev = i;
    }
    table->by_slot[entry->slot] = i;
    table->slot_count[entry->slot]++;
}

static void unlink_by_message(struct gw_pending_table *table, const struct gw_pending *entry)
{
    uint32_t i = index_of(table, entry);
    uint32_t *link = bucket_of(table, entry->slot, entry->mid);
    while (*link != i) { /* short: there are twice as many buckets as entries */
        MT_CHECK(*link != 0);
        link = &table->entries[*link].bucket_next;
    }
    *link = entry->bucket_next;
    if (entry->slot_prev != 0) {
        table->entries[entry->slot_prev].slot_next = entry->slot_next;
    } else {
        table->by_slot[entry->slot] = entry->slot_next;
    }
    if (entry->slot_next != 0) {
        table->entries[entry->slot_next].slot_prev = entry->slot_prev;
    }
    table->slot_count[entry->slot]--;
}

enum gw_pending_verdict gw_pending_add(uint64_t *handle, struct gw_pending_table *table,
                                       const struct gw_pending *entry)
{
    MT_CHECK(entry->slot <= table->slots);
    if (table->slot_count[entry->slot] >= table->per_slot_max) {
        return GW_PENDING_TOO_MANY;
    }
    if (table->free == 0) {
        return GW_PENDING_FULL;
    }
    uint32_t i = table->free;
    struct gw_pending *added = &table->entries[i];
    uint32_t generation = added->generation + 1;
    table->free = added->newer;
    *added = *entry;
    added->generation = generation == 0 ? 1 : generation;
    added->used = true;
    added->older = table->newest;
    added->newer = 0;
    if (table->newest != 0) {
        table->entries[table->newest].newer = i;
    } else {
        table->oldest = i;
    }
    table->newest = i;
    if (table->unseen == 0) {
        table->unseen = i;
    }
    link_by_message(table, added);
    table->count++;
    *handle = (uint64_t)added->generation << 32 | i;
    return GW_PENDING_ADDED;
}

struct gw_pending *gw_pending_find(const struct gw_pending_table *table, uint64_t handle)
{
    uint32_t i = (uint32_t)handle;
    if (i == 0 || i > table->max) {
        return NULL;
    }
    struct gw_pending *entry = &table->entries[i];
    return entry->used && entry->generation == (uint32_t)(handle >> 32) ? entry : NULL;
}

struct gw_pending *gw_pending_same(const struct gw_pending_table *table, uint32_t slot,
                                   uint16_t mid)
{
    uint32_t i = *bucket_of(table, slot, mid);
    while (i != 0 && (table->entries[i].slot != slot || table->entries[i].mid != mid)) {
        i = table->entries[i].bucket_next;
    }
    return entry_at(table, i);
}

struct gw_pending *gw_pending_of(const struct gw_pending_table *table, uint32_t slot)
{
    return entry_at(table, table->by_slot[slot]);
}

struct gw_pending *gw_pending_oldest(const struct gw_pending_table *table)
{
    return entry_at(table, table->oldest);
}

struct gw_pending *gw_pending_unseen(struct gw_pending_table *table, int64_t before_ms)
{
    struct gw_pending *entry = entry_at(table, table->unseen);
    if (entry == NULL || entry->since_ms > before_ms) {
        return NULL;
    }
    table->unseen = entry->newer;
    return entry;
}

void gw_pending_remove(struct gw_pending_table *table, struct gw_pending *entry)
{
    MT_CHECK(entry->used);
    uint32_t i = index_of(table, entry);
    unlink_by_message(table, entry);
    if (entry->older != 0) {
        table->entries[entry->older].newer = entry->newer;
    } else {
        table->oldest = entry->newer;
    }
    if (entry->newer != 0) {
        table->entries[entry->newer].older = entry->older;
    } else {
        table->newest = entry->older;
    }
    if (table->unseen == i) {
        table->unseen = entry->newer;
    }
    entry->used = false;
    entry->session = NULL;
    entry->newer = table->free;
    table->free = i;
    table->count--;
}
