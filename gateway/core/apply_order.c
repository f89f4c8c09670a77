/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders: made and ended, in the household, its wallet, the table of open orders and the totals. */
#include <string.h>

#include "gateway/core/apply_internal.h"
#include "gateway/core/civil.h"

static bool has_payee(const struct gw_household *household, uint8_t payee)
{
    for (uint32_t i = 0; i < household->payee_count; i++) {
        if (household->payees[i] == payee) {
            return true;
        }
    }
    return false;
}

static bool take_parts(struct gw_household *household, const struct gw_entry *entry, int64_t sign)
{
    for (uint32_t i = 0; i < entry->part_count; i++) {
        if (!has_payee(household, entry->part_payee[i])) {
            return false;
        }
        uint32_t at = gw_household_payee(household, entry->part_payee[i]);
        if (!gw_sum_add(&household->taken_fen[at], sign * entry->part_fen[i],
                        GW_HOUSEHOLD_FEN_MAX)) {
            return false;
        }
    }
    return true;
}

static bool binding_day(struct gw_binding *binding, int64_t at_us, int64_t amount_fen)
{
    int32_t day = gw_local_day(at_us);
    if (binding->day != day) {
        binding->day = day;
        binding->day_fen = 0;
    }
    return gw_sum_add(&binding->day_fen, amount_fen, GW_SUM_FEN_MAX);
}

/* Of a household and its binding that are there, with parts that sum to it. */
static bool order_is_whole(const struct gw_core *core, const struct gw_entry *entry)
{
    int64_t sum_fen = 0;
    for (uint32_t i = 0; i < entry->part_count; i++) {
        if (entry->part_fen[i] < 1 || entry->part_payee[i] >= core->head->payee_count ||
            !gw_sum_add(&sum_fen, entry->part_fen[i], GW_HOUSEHOLD_FEN_MAX)) {
            return false;
        }
    }
    return entry->household < core->head->household_count &&
           entry->binding < core->head->binding_count &&
           core->bindings[entry->binding].household == entry->household && entry->order != 0 &&
           entry->order < UINT64_MAX && entry->amount_fen > 0 && sum_fen == entry->amount_fen;
}

static void fill_order(struct gw_order *order, const struct gw_entry *entry)
{
    *order = (struct gw_order){
        .number = entry->order,
        .household = entry->household,
        .binding = entry->binding,
        .kind = (uint8_t)entry->order_kind,
        .state = GW_ORDER_QUEUED,
        .part_count = (uint8_t)entry->part_count,
        .amount_fen = entry->amount_fen,
        .made_us = entry->block_time_us,
        .changed_us = entry->block_time_us,
        .next_try_us = entry->block_time_us,
    };
    memcpy(order->part_payee, entry->part_payee, sizeof(order->part_payee));
    memcpy(order->part_fen, entry->part_fen, sizeof(order->part_fen));
}

static enum gw_status new_to_household(struct gw_core *core, const struct gw_entry *entry,
                                       int64_t sign)
{
    struct gw_household *household = &core->households[entry->household];
    if (!gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        return GW_OK;
    }
    if (household->order_slot != GW_NONE) {
        return GW_CORRUPT; /* One order at a time. */
    }
    gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
    household->order_slot = gw_order_slot(entry->order);
    household->order_last_block = entry->block;
    if (!take_parts(household, entry, sign)) {
        return GW_CORRUPT;
    }
    gw_household_schedule(core, entry->household, entry->block_time_us);
    return GW_OK;
}

enum gw_status gw_apply_order_new(struct gw_core *core, const struct gw_entry *entry)
{
    if (!order_is_whole(core, entry)) {
        return GW_CORRUPT;
    }
    uint32_t slot = gw_order_slot(entry->order);
    if (slot >= core->config.limits.orders_open_max) {
        return GW_INVALID;
    }
    int64_t sign = entry->order_kind == GW_ORDER_DEBIT ? 1 : -1;
    if (gw_lacks(core, GW_ARRAY_ORDERS, slot)) {
        if (core->orders[slot].number != 0) {
            return GW_CORRUPT;
        }
        gw_touch(core, GW_ARRAY_ORDERS, slot);
        fill_order(&core->orders[slot], entry);
    }
    enum gw_status status = new_to_household(core, entry, sign);
    if (status == GW_OK && gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
        bool fits = binding_day(&core->bindings[entry->binding], entry->block_time_us,
                                entry->order_kind == GW_ORDER_DEBIT ? entry->amount_fen : 0);
        status = fits ? GW_OK : GW_CORRUPT;
    }
    if (status == GW_OK && gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        bool fits = entry->order >= core->head->order_next &&
                    gw_sum_add(&core->head->ordered_fen, sign * entry->amount_fen, GW_SUM_FEN_MAX);
        core->head->order_next = entry->order + 1u;
        status = fits ? GW_OK : GW_CORRUPT;
    }
    return status;
}

static bool end_binding(struct gw_core *core, const struct gw_entry *entry, int64_t sign)
{
    struct gw_binding *binding = &core->bindings[entry->binding];
    gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
    if (entry->order_state == GW_ORDER_DONE) {
        return gw_sum_add(&binding->taken_fen, sign * entry->amount_fen, GW_SUM_FEN_MAX);
    }
    if (entry->order_kind == GW_ORDER_DEBIT && binding->day == gw_local_day(entry->block_time_us)) {
        int64_t left_fen = binding->day_fen - entry->amount_fen;
        binding->day_fen = left_fen > 0 ? left_fen : 0;
    }
    binding->paused_until_us = entry->block_time_us + core->config.settle.retry_refused_us;
    return true;
}

static bool end_household(struct gw_core *core, const struct gw_entry *entry, int64_t sign)
{
    struct gw_household *household = &core->households[entry->household];
    if (household->order_slot != gw_order_slot(entry->order)) {
        return false;
    }
    gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
    household->order_slot = GW_NONE;
    household->order_last_block = entry->block;
    household->due_us = 0;
    bool fits = entry->order_state == GW_ORDER_DONE
                    ? gw_sum_add(&household->settled_fen, sign * entry->amount_fen, GW_SUM_FEN_MAX)
                    : take_parts(household, entry, -sign);
    gw_household_schedule(core, entry->household, entry->block_time_us);
    return fits;
}

static bool end_head(struct gw_core *core, const struct gw_entry *entry, int64_t sign)
{
    struct gw_head *head = core->head;
    bool done = entry->order_state == GW_ORDER_DONE;
    gw_touch(core, GW_ARRAY_HEAD, 0);
    head->orders_done += done;
    head->orders_refused += !done;
    bool fits = gw_sum_add(&head->ordered_fen, -sign * entry->amount_fen, GW_SUM_FEN_MAX) &&
                gw_sum_add(&head->settled_fen, done ? sign * entry->amount_fen : 0, GW_SUM_FEN_MAX);
    for (uint32_t i = 0; fits && done && i < entry->part_count; i++) {
        fits = gw_sum_add(&head->payee_settled_fen[entry->part_payee[i]], sign * entry->part_fen[i],
                          GW_SUM_FEN_MAX);
    }
    return fits;
}

/* What ends is what began. */
static bool ends_the_order(const struct gw_order *order, const struct gw_entry *entry)
{
    bool same = order->number == entry->order && order->household == entry->household &&
                order->binding == entry->binding && order->kind == entry->order_kind &&
                order->amount_fen == entry->amount_fen && order->part_count == entry->part_count;
    for (uint32_t i = 0; same && i < entry->part_count; i++) {
        same = order->part_payee[i] == entry->part_payee[i] &&
               order->part_fen[i] == entry->part_fen[i];
    }
    return same;
}

enum gw_status gw_apply_order_end(struct gw_core *core, const struct gw_entry *entry)
{
    if (!order_is_whole(core, entry) ||
        (entry->order_state != GW_ORDER_DONE && entry->order_state != GW_ORDER_REFUSED)) {
        return GW_CORRUPT;
    }
    int64_t sign = entry->order_kind == GW_ORDER_DEBIT ? 1 : -1;
    uint32_t slot = gw_order_slot(entry->order);
    if (slot >= core->config.limits.orders_open_max) {
        return GW_INVALID;
    }
    bool fits = true;
    if (gw_lacks(core, GW_ARRAY_ORDERS, slot)) {
        fits = ends_the_order(&core->orders[slot], entry);
        gw_touch(core, GW_ARRAY_ORDERS, slot);
        /* All of it: a free slot's image is zeros, whatever the limit is at the next start. */
        memset(&core->orders[slot], 0, sizeof(core->orders[slot]));
    }
    if (fits && gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        fits = end_household(core, entry, sign);
    }
    if (fits && gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        fits = end_binding(core, entry, sign);
    }
    if (fits && gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        fits = end_head(core, entry, sign);
    }
    return fits ? GW_OK : GW_CORRUPT;
}
