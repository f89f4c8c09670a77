/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Receipts that wait a little for newer ones of the same meters. */
#include "gateway/adapters/mqtt_gather.h"

#include <string.h>

_Static_assert(GW_GATHER_MAX < UINT16_MAX, "an index and one must fit into a slot");
_Static_assert(GW_GATHER_SLOTS <= 1u << 16, "a slot's number must fit");

void gw_gather_init(struct gw_gather *gather, int64_t now_ms)
{
    memset(gather, 0, sizeof *gather);
    gather->window_since_ms = now_ms;
}

void gw_gather_pace(struct gw_gather *gather, uint64_t messages, int64_t now_ms)
{
    int64_t passed_ms = now_ms - gather->window_since_ms;
    if (passed_ms < GW_GATHER_WINDOW_MS) {
        return;
    }
    uint64_t per_ms = (messages - gather->window_messages) / (uint64_t)passed_ms;
    uint64_t hold_ms =
        per_ms < GW_GATHER_BUSY_PER_MS ? 0 : 1 + per_ms * per_ms / GW_GATHER_PACE_SQUARED;
    gather->hold_ms = hold_ms < GW_GATHER_HOLD_MS_MAX ? (int)hold_ms : GW_GATHER_HOLD_MS_MAX;
    gather->window_messages = messages;
    gather->window_since_ms = now_ms;
}

bool gw_gather_has_room(const struct gw_gather *gather)
{
    return !gather->sending && gather->count < GW_GATHER_MAX;
}

uint16_t gw_gather_slot(const struct gw_reply *reply)
{
    MT_CHECK(reply->name_len <= sizeof reply->name);
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (unsigned i = 0; i < reply->name_len; i++) {
        hash = (hash ^ (uint8_t)reply->name[i]) * 16777619u;
    }
    return (uint16_t)((hash ^ hash >> 15) % GW_GATHER_SLOTS);
}

static bool same_meter(const struct gw_reply *a, const struct gw_reply *b)
{
    return a->name_len == b->name_len && memcmp(a->name, b->name, b->name_len) == 0;
}

void gw_gather_put(struct gw_gather *gather, const struct gw_reply *reply, int64_t now_ms)
{
    MT_CHECK(gw_gather_has_room(gather));
    uint16_t slot = gw_gather_slot(reply);
    uint16_t held = gather->slots[slot];
    if (held != 0 && same_meter(&gather->replies[held - 1], reply)) {
        gather->replies[held - 1] = *reply;
        gather->merged++;
        return;
    }
    if (gather->count == 0) {
        gather->since_ms = now_ms;
    }
    gather->slot_of[gather->count] = slot;
    gather->replies[gather->count++] = *reply;
    /* Of two meters in one slot the newer is found. The other's receipts are not merged then, and still
     * leave in their order. */
    gather->slots[slot] = (uint16_t)gather->count;
}

int gw_gather_due_ms(const struct gw_gather *gather, int64_t now_ms)
{
    if (gather->count == 0) {
        return -1;
    }
    int64_t left_ms = gather->since_ms + gather->hold_ms - now_ms;
    bool now = gather->sending || gather->count == GW_GATHER_MAX || left_ms <= 0;
    return now ? 0 : (int)left_ms;
}

const struct gw_reply *gw_gather_next(struct gw_gather *gather)
{
    if (gather->next == gather->count) {
        gather->next = gather->count = 0;
        gather->sending = false;
        return NULL;
    }
    gather->sending = true;
    return &gather->replies[gather->next];
}

void gw_gather_sent(struct gw_gather *gather)
{
    MT_CHECK(gather->sending && gather->next < gather->count);
    gather->slots[gather->slot_of[gather->next]] = 0;
    gather->next++;
}
