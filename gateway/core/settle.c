/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders: made when they are due, sent and asked by their timers, ended by the operator's answer. */
#include <string.h>

#include "gateway/core/apply.h"
#include "gateway/core/civil.h"

#define BINDINGS_WALKED 64u
#define SLOTS_TRIED 64u /* Of one order; the next one goes on where they ended. */

static bool is_active(const struct gw_binding *binding, int64_t now_us)
{
    return binding->to_us > now_us;
}

/* What the binding may still pay now, at most owed_fen. */
static int64_t payable_fen(const struct gw_binding *binding, int64_t owed_fen, int64_t now_us)
{
    int64_t used_fen = binding->day == gw_local_day(now_us) ? binding->day_fen : 0;
    int64_t left_fen = binding->cap_day_fen - used_fen;
    int64_t most_fen = binding->cap_single_fen < left_fen ? binding->cap_single_fen : left_fen;
    return owed_fen < most_fen ? owed_fen : most_fen;
}

/* The oldest binding that can pay, or for a refund the newest that can take it back. *again_us is when
 * one might be able to that cannot now. */
static uint32_t choose_binding(const struct gw_core *core, const struct gw_household *household,
                               int64_t *amount_fen, int64_t *again_us)
{
    int64_t owed_fen = gw_household_owed_fen(household);
    int64_t tomorrow_us = gw_local_day_start_us(gw_local_day(core->now_us) + 1);
    uint32_t chosen = GW_NONE;
    uint32_t slot = household->binding_newest;
    *again_us = core->now_us + GW_US_PER_HOUR;
    for (uint32_t i = 0; slot != GW_NONE && i < BINDINGS_WALKED; i++) {
        const struct gw_binding *binding = &core->bindings[slot];
        bool paused = binding->paused_until_us > core->now_us;
        bool refunds = owed_fen < 0 && binding->taken_fen >= 1;
        if (refunds && !paused) {
            *amount_fen = binding->taken_fen < -owed_fen ? binding->taken_fen : -owed_fen;
            return slot;
        }
        bool active = refunds || (owed_fen > 0 && is_active(binding, core->now_us));
        if (active && paused) {
            *again_us = binding->paused_until_us < *again_us ? binding->paused_until_us : *again_us;
        } else if (active && payable_fen(binding, owed_fen, core->now_us) >= 1) {
            chosen = slot;
            *amount_fen = payable_fen(binding, owed_fen, core->now_us);
        } else if (active && tomorrow_us < *again_us) {
            *again_us = tomorrow_us;
        }
        slot = binding->older;
    }
    return chosen;
}

/* A number whose slot is free. 0 when too many orders are open. */
static uint64_t free_number(struct gw_core *core)
{
    uint32_t max = core->config.limits.orders_open_max;
    uint64_t next = core->head->order_next == 0 ? 1u : core->head->order_next;
    uint64_t number = core->number_hint > next ? core->number_hint : next;
    for (uint32_t i = 0; i < SLOTS_TRIED && core->orders_open < max; i++) {
        if (gw_order_slot(number) >= max) {
            number += GW_ORDERS_OPEN_MAX - gw_order_slot(number);
        }
        if (core->orders[gw_order_slot(number)].number == 0) {
            return number;
        }
        number++;
    }
    core->number_hint = number;
    return 0;
}

/* Which payee gets how much of the order: by what each is owed, parts summing to the whole. */
static void share(struct gw_entry *entry, const struct gw_household *household, int64_t sign)
{
    int64_t weights[GW_ORDER_PAYEES_MAX];
    for (uint32_t i = 0; i < household->payee_count; i++) {
        int64_t owed_ufen = sign * (household->charged_ufen[i] - household->taken_fen[i] * 1000000);
        weights[i] = owed_ufen > 0 ? owed_ufen : 0;
    }
    int64_t parts_fen[GW_ORDER_PAYEES_MAX];
    gw_split_fen(parts_fen, entry->amount_fen, weights, household->payee_count);
    entry->part_count = 0;
    for (uint32_t i = 0; i < household->payee_count; i++) {
        if (parts_fen[i] > 0) {
            entry->part_payee[entry->part_count] = household->payees[i];
            entry->part_fen[entry->part_count++] = parts_fen[i];
        }
    }
}

static void start_entry(struct gw_core *core, struct gw_entry *entry, enum gw_entry_kind kind,
                        uint32_t household)
{
    entry->kind = kind;
    entry->block = core->number;
    entry->block_time_us = core->block_time_us;
    entry->household = household;
    entry->previous_block = core->households[household].order_last_block;
    entry->refusal = GW_REFUSAL_NONE;
    entry->operator_ref[0] = '\0';
}

static void make_order(struct gw_core *core, uint32_t slot)
{
    struct gw_household *household = &core->households[slot];
    int64_t amount_fen = 0;
    int64_t again_us = 0;
    uint32_t binding = choose_binding(core, household, &amount_fen, &again_us);
    uint64_t number = free_number(core);
    if (binding == GW_NONE || number == 0) {
        gw_heap_set(&core->due, slot, number == 0 ? core->now_us + GW_US_PER_S : again_us);
        return;
    }
    bool debit = gw_household_owed_fen(household) > 0;
    struct gw_entry *entry = core->entry;
    start_entry(core, entry, GW_ENTRY_ORDER_NEW, slot);
    entry->order = number;
    entry->binding = binding;
    entry->order_kind = debit ? GW_ORDER_DEBIT : GW_ORDER_REFUND;
    entry->order_state = GW_ORDER_QUEUED;
    entry->amount_fen = amount_fen;
    share(entry, household, debit ? 1 : -1);
    gw_emit(core, entry, NULL);
    core->orders_open++;
    gw_heap_set(&core->timers, gw_order_slot(number), core->now_us);
}

/* ---- sending and asking --------------------------------------------------------------------------- */

static void append_number(char *text, size_t at, uint64_t number)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    while (n > 0) {
        text[at++] = digits[--n];
    }
    text[at] = '\0';
}

static void write_request(struct gw_core *core, const struct gw_order *order,
                          enum gw_order_action action)
{
    const struct gw_binding *binding = &core->bindings[order->binding];
    struct gw_order_request *request = &core->requests[core->request_count++];
    memset(request, 0, sizeof(*request));
    request->number = order->number;
    request->action = action;
    request->kind = (enum gw_order_kind)order->kind;
    request->amount_fen = order->amount_fen;
    memcpy(request->wallet, binding->wallet, sizeof(request->wallet));
    memcpy(request->mandate, binding->mandate, sizeof(request->mandate));
    size_t len = strlen(core->config.gateway_id);
    memcpy(request->key, core->config.gateway_id, len);
    request->key[len] = '-';
    append_number(request->key, len + 1u, order->number);
    request->part_count = order->part_count;
    for (uint32_t i = 0; i < order->part_count; i++) {
        memcpy(request->parts[i].payee, core->head->payees[order->part_payee[i]],
               sizeof(request->parts[i].payee));
        request->parts[i].amount_fen = order->part_fen[i];
    }
}

static void wait(struct gw_core *core, uint32_t slot)
{
    struct gw_order *order = &core->orders[slot];
    order->attempts++;
    order->next_try_us = core->now_us + gw_order_backoff_us(order->attempts, order->number);
    gw_heap_set(&core->timers, slot, order->next_try_us);
}

static void end_order(struct gw_core *core, uint32_t slot, const struct gw_order_result *result,
                      enum gw_order_state state)
{
    const struct gw_order *order = &core->orders[slot];
    struct gw_entry *entry = core->entry;
    start_entry(core, entry, GW_ENTRY_ORDER_END, order->household);
    entry->order = order->number;
    entry->binding = order->binding;
    entry->order_kind = (enum gw_order_kind)order->kind;
    entry->order_state = state;
    MT_CHECK(result != NULL); /* Only an answer ends an order. */
    bool known = (unsigned)result->refusal <= GW_REFUSAL_OTHER;
    entry->refusal = GW_REFUSAL_NONE;
    if (state == GW_ORDER_REFUSED) {
        entry->refusal = known ? result->refusal : GW_REFUSAL_OTHER;
    }
    entry->amount_fen = order->amount_fen;
    entry->part_count = order->part_count;
    memcpy(entry->part_payee, order->part_payee, sizeof(entry->part_payee));
    memcpy(entry->part_fen, order->part_fen, sizeof(entry->part_fen));
    memcpy(entry->operator_ref, result->operator_ref, sizeof(entry->operator_ref));
    entry->operator_ref[GW_OPERATOR_REF_MAX] = '\0';
    gw_heap_remove(&core->timers, slot);
    gw_emit(core, entry, NULL);
    core->orders_open--;
}

static bool is_unsure(uint8_t state)
{
    return state == GW_ORDER_UNSURE || state == GW_ORDER_ASKED;
}

static void act(struct gw_core *core, uint32_t slot, enum gw_order_event event,
                const struct gw_order_result *result)
{
    struct gw_order *order = &core->orders[slot];
    struct gw_order_step step;
    if (!gw_order_next(&step, (enum gw_order_state)order->state, event)) {
        return; /* A second answer, or one to a question that was asked again. */
    }
    core->orders_unsure -= is_unsure(order->state);
    if (step.action != GW_ORDER_DO_BOOK_DONE && step.action != GW_ORDER_DO_BOOK_REFUSED) {
        core->orders_unsure += is_unsure((uint8_t)step.state);
        order->state = (uint8_t)step.state;
        order->changed_us = core->now_us;
    }
    switch (step.action) {
    case GW_ORDER_DO_SEND:
    case GW_ORDER_DO_ASK:
        gw_heap_remove(&core->timers, slot);
        write_request(core, order, step.action);
        break;
    case GW_ORDER_DO_BOOK_DONE:
    case GW_ORDER_DO_BOOK_REFUSED:
        end_order(core, slot, result, step.state);
        break;
    case GW_ORDER_DO_WAIT:
        wait(core, slot);
        break;
    case GW_ORDER_DO_NOTHING:
        break;
    }
}

static uint32_t find_order(const struct gw_core *core, uint64_t number)
{
    uint32_t slot = gw_order_slot(number);
    bool is_open = number != 0 && slot < core->config.limits.orders_open_max &&
                   core->orders[slot].number == number;
    return is_open ? slot : GW_NONE;
}

void gw_core_order_result(struct gw_core *core, const struct gw_order_result *result)
{
    uint32_t slot = find_order(core, result->number);
    if (slot != GW_NONE && !core->broken && !gw_core_full(core)) {
        act(core, slot, result->event, result);
    }
}

void gw_core_request_failed(struct gw_core *core, uint64_t order_number)
{
    uint32_t slot = find_order(core, order_number);
    if (slot == GW_NONE) {
        return;
    }
    struct gw_order *order = &core->orders[slot];
    if (order->state == GW_ORDER_SENT || order->state == GW_ORDER_ASKED) {
        /* It never left, so it is what it was. */
        order->state = order->state == GW_ORDER_SENT ? GW_ORDER_QUEUED : GW_ORDER_UNSURE;
        gw_heap_set(&core->timers, slot, core->now_us + GW_US_PER_S);
    }
}

bool gw_core_tick(struct gw_core *core, uint32_t limit)
{
    uint32_t slot = 0;
    int64_t key = 0;
    for (uint32_t steps = 0;; steps++) {
        bool order_due = gw_heap_first(&slot, &key, &core->timers) && key <= core->now_us;
        uint32_t household = 0;
        int64_t due_us = 0;
        bool household_due =
            gw_heap_first(&household, &due_us, &core->due) && due_us <= core->now_us;
        if (core->broken || (!order_due && !household_due)) {
            return false;
        }
        if (steps == limit || core->request_count == GW_BATCH_MAX || gw_core_full(core)) {
            return true;
        }
        if (order_due) {
            act(core, slot, GW_ORDER_EV_TIMER, NULL);
        } else {
            make_order(core, household);
        }
    }
}

int64_t gw_core_next_us(const struct gw_core *core)
{
    uint32_t slot = 0;
    int64_t order_us = INT64_MAX;
    int64_t due_us = INT64_MAX;
    (void)gw_heap_first(&slot, &order_us, &core->timers); /* Empty: never. */
    (void)gw_heap_first(&slot, &due_us, &core->due);
    return order_us < due_us ? order_us : due_us;
}
