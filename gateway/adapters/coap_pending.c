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
    table->entries = calloc((size_t)max + 1, sizeof *table->entries);
    table->by_slot = calloc((size_t)slots + 1, sizeof *table->by_slot);
    table->slot_count = calloc((size_t)slots + 1, sizeof *table->slot_count);
    if (table->entries == NULL || table->by_slot == NULL || table->slot_count == NULL) {
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
    added->slot_next = table->by_slot[entry->slot];
    table->by_slot[entry->slot] = i;
    table->slot_count[entry->slot]++;
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
    uint32_t i = table->by_slot[slot];
    while (i != 0 && table->entries[i].mid != mid) { /* at most per_slot_max */
        i = table->entries[i].slot_next;
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

static void unlink_from_slot(struct gw_pending_table *table, const struct gw_pending *entry)
{
    uint32_t i = index_of(table, entry);
    uint32_t *link = &table->by_slot[entry->slot];
    while (*link != i) { /* at most per_slot_max */
        MT_CHECK(*link != 0);
        link = &table->entries[*link].slot_next;
    }
    *link = entry->slot_next;
    table->slot_count[entry->slot]--;
}

void gw_pending_remove(struct gw_pending_table *table, struct gw_pending *entry)
{
    MT_CHECK(entry->used);
    uint32_t i = index_of(table, entry);
    unlink_from_slot(table, entry);
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
