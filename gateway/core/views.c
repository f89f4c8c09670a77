/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking without touching: copies of state for people and tools. */
#include <string.h>

#include "gateway/core/civil.h"
#include "gateway/core/pack.h"

void gw_core_counters(struct gw_counters *out, const struct gw_core *core)
{
    const struct gw_head *head = core->head;
    memset(out, 0, sizeof(*out));
    memcpy(out->messages, core->messages, sizeof(out->messages));
    memcpy(out->verdicts, core->verdicts, sizeof(out->verdicts));
    out->readings = head->readings;
    for (uint32_t p = 0; p < head->payee_count; p++) {
        out->charged_ufen += head->payee_charged_ufen[p];
    }
    out->ordered_fen = head->ordered_fen;
    out->settled_fen = head->settled_fen;
    out->orders_done = head->orders_done;
    out->orders_refused = head->orders_refused;
    out->orders_open = core->orders_open;
    out->orders_unsure = core->orders_unsure;
    out->meters = head->meter_count;
    out->households = head->household_count;
    out->bindings = head->binding_count;
    out->tariffs = head->tariff_count;
    out->block = core->last_number;
    out->block_time_us = core->last_time_us;
    out->starts = head->starts;
    out->images_damaged = core->images_damaged;
}

bool gw_core_meter(struct gw_meter_view *out, const struct gw_core *core, uint32_t slot)
{
    if (slot >= core->head->meter_count) {
        return false;
    }
    const struct gw_meter *meter = &core->meters[slot];
    memset(out, 0, sizeof(*out));
    out->slot = slot;
    gw_identity_unpack(&out->identity, meter);
    memcpy(out->household, core->households[meter->household].id, sizeof(out->household));
    memcpy(out->tariff, core->head->tariff_names[meter->tariff], sizeof(out->tariff));
    gw_terms_unpack(&out->terms, meter);
    out->accept = meter->accept;
    out->max_per_hour = (int64_t)meter->max_per_hour;
    out->register_width = (int64_t)meter->register_width;
    out->has_reading = meter->has_reading;
    gw_reading_unpack(&out->last, &meter->last);
    out->last_block = meter->last_block;
    out->heard_us = (int64_t)meter->heard_s * GW_US_PER_S;
    out->next_seq = meter->next_seq;
    out->charged_ufen = meter->charged_ufen;
    out->refused = meter->refused;
    return true;
}

bool gw_core_meter_psk(uint8_t psk[MT_KEY_BYTES], const struct gw_core *core, uint32_t slot)
{
    if (slot >= core->head->meter_count) {
        return false;
    }
    memcpy(psk, core->meters[slot].transport_key, MT_KEY_BYTES);
    return true;
}

bool gw_core_household(struct gw_household_view *out, const struct gw_core *core, uint32_t slot)
{
    if (slot >= core->head->household_count) {
        return false;
    }
    const struct gw_household *household = &core->households[slot];
    memset(out, 0, sizeof(*out));
    out->slot = slot;
    memcpy(out->id, household->id, sizeof(out->id));
    out->meter_first = household->meter_first;
    out->payee_count = household->payee_count;
    for (uint32_t i = 0; i < household->payee_count; i++) {
        memcpy(out->payees[i].payee, core->head->payees[household->payees[i]],
               sizeof(out->payees[i].payee));
        out->payees[i].charged_ufen = household->charged_ufen[i];
        out->payees[i].taken_fen = household->taken_fen[i];
        out->charged_ufen += household->charged_ufen[i];
        out->taken_fen += household->taken_fen[i];
    }
    out->settled_fen = household->settled_fen;
    if (household->order_slot != GW_NONE) {
        out->open_order = core->orders[household->order_slot].number;
    }
    out->order_last_block = household->order_last_block;
    out->next_order_us = household->due_us;
    out->binding_newest = household->binding_newest;
    return true;
}

uint32_t gw_core_next_meter(const struct gw_core *core, uint32_t slot)
{
    return slot < core->head->meter_count ? core->meters[slot].next_in_household : GW_NONE;
}

bool gw_core_binding(struct gw_binding_view *out, const struct gw_core *core, uint32_t slot)
{
    if (slot >= core->head->binding_count) {
        return false;
    }
    const struct gw_binding *binding = &core->bindings[slot];
    memset(out, 0, sizeof(*out));
    out->household = binding->household;
    memcpy(out->wallet, binding->wallet, sizeof(out->wallet));
    memcpy(out->mandate, binding->mandate, sizeof(out->mandate));
    out->cap_single_fen = binding->cap_single_fen;
    out->cap_day_fen = binding->cap_day_fen;
    out->from_us = binding->from_us;
    out->to_us = binding->to_us;
    out->taken_fen = binding->taken_fen;
    out->older = binding->older;
    return true;
}

bool gw_core_open_order(struct gw_order_view *out, const struct gw_core *core, uint32_t *cursor)
{
    while (*cursor < core->config.limits.orders_open_max) {
        const struct gw_order *order = &core->orders[(*cursor)++];
        if (order->number == 0) {
            continue;
        }
        *out = (struct gw_order_view){
            .number = order->number,
            .household = order->household,
            .binding = order->binding,
            .kind = (enum gw_order_kind)order->kind,
            .state = (enum gw_order_state)order->state,
            .refusal = (enum gw_refusal)order->refusal,
            .amount_fen = order->amount_fen,
            .made_us = order->made_us,
            .changed_us = order->changed_us,
            .next_try_us = order->next_try_us,
            .attempts = order->attempts,
        };
        return true;
    }
    return false;
}

bool gw_core_refusal(struct gw_refusal_view *out, const struct gw_core *core, uint32_t index)
{
    if (index >= GW_REFUSALS_KEPT || index >= core->refusal_count) {
        return false;
    }
    *out = core->refusals[(core->refusal_count - 1u - index) % GW_REFUSALS_KEPT];
    return true;
}

const struct gw_tariff *gw_core_tariff(const struct gw_core *core, uint32_t index)
{
    return index < core->head->tariff_count ? gw_tariff_of(core, index) : NULL;
}

const char *gw_core_payee(const struct gw_core *core, uint32_t index)
{
    return index < core->head->payee_count ? core->head->payees[index] : NULL;
}
