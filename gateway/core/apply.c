/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/apply.h"

#include <string.h>

#include "gateway/core/civil.h"
#include "gateway/core/judge.h"

/* ---- households: what is due ---------------------------------------------------------------------- */

static bool owes(const struct gw_core *core, const struct gw_household *household, bool *much)
{
    int64_t owed_fen = gw_household_owed_fen(household);
    int64_t least_fen = core->config.settle.order_min_fen;
    *much = owed_fen >= least_fen;
    return owed_fen >= 1 || owed_fen <= -least_fen;
}

void gw_household_schedule(struct gw_core *core, uint32_t slot, int64_t now_us)
{
    struct gw_household *household = &core->households[slot];
    bool much = false;
    if (household->order_slot != GW_NONE || !owes(core, household, &much)) {
        household->due_us = 0;
        if (!core->replaying) {
            gw_heap_remove(&core->due, slot);
        }
        return;
    }
    if (household->due_us == 0) {
        household->due_us = now_us + core->config.settle.order_after_us;
    }
    if (much && household->due_us > now_us) {
        household->due_us = now_us;
    }
    if (!core->replaying && (core->due.position[slot] == UINT32_MAX || much)) {
        gw_heap_set(&core->due, slot, household->due_us);
    }
}

/* ---- READINGS ------------------------------------------------------------------------------------------ */

static void mark_counter(struct gw_meter *meter, uint64_t counter)
{
    if (counter > meter->counter_top) {
        uint64_t ahead = counter - meter->counter_top;
        meter->counter_window = ahead < 64u ? meter->counter_window << ahead : 0;
        meter->counter_window |= 1u;
        meter->counter_top = counter;
    } else if (meter->counter_top - counter < 64u) {
        meter->counter_window |= 1ull << (meter->counter_top - counter);
    }
}

static void mark_seq(struct gw_meter *meter, uint32_t seq_first, uint32_t count)
{
    if (seq_first + count > meter->next_seq) {
        meter->next_seq = seq_first + count;
    }
}

static enum gw_status rework(struct gw_core *core, const struct gw_entry *entry,
                             struct gw_work *work)
{
    const struct gw_meter *meter = &core->meters[entry->meter];
    *work = (struct gw_work){.has_reading = meter->has_reading,
                             .last_verdict = meter->last_verdict,
                             .last = meter->last,
                             .usage = meter->usage};
    struct gw_case c = {
        .core = core, .slot = entry->meter, .meter = meter, .done = entry->readings};
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        c.done_count = i;
        if (gw_is_accepted(entry->readings[i].verdict) &&
            !gw_retake(&c, work, &entry->readings[i])) {
            return c.status == GW_OK ? GW_CORRUPT : c.status;
        }
    }
    for (uint32_t p = 0; p < entry->payee_count; p++) {
        work->usage.posted_ufen[p] += entry->posted_ufen[p];
    }
    return GW_OK;
}

static void apply_to_meter(struct gw_core *core, const struct gw_entry *entry,
                           const struct gw_work *work)
{
    struct gw_meter *meter = &core->meters[entry->meter];
    gw_touch(core, GW_ARRAY_METERS, entry->meter);
    meter->has_reading = work->has_reading;
    meter->last_verdict = work->last_verdict;
    meter->last = work->last;
    meter->usage = work->usage;
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        meter->refused += !gw_is_accepted(entry->readings[i].verdict);
    }
    for (uint32_t p = 0; p < entry->payee_count; p++) {
        meter->charged_ufen += entry->posted_ufen[p];
    }
    if (entry->form == GW_FORM_COSE) {
        mark_counter(meter, entry->counter == GW_COUNTER_IMPLIED ? meter->counter_top + 1u
                                                                 : entry->counter);
        uint32_t seq = entry->seq_first == GW_SEQ_IMPLIED ? meter->next_seq : entry->seq_first;
        if (seq != GW_NONE) {
            mark_seq(meter, seq, entry->reading_count);
        }
    }
    meter->last_block = entry->block;
    meter->heard_us = entry->block_time_us;
}

static enum gw_status apply_to_household(struct gw_core *core, const struct gw_entry *entry)
{
    const struct gw_meter *meter = &core->meters[entry->meter];
    uint32_t slot = meter->household;
    if (entry->payee_count == 0 || !gw_lacks(core, GW_ARRAY_HOUSEHOLDS, slot)) {
        return GW_OK;
    }
    struct gw_household *household = &core->households[slot];
    gw_touch(core, GW_ARRAY_HOUSEHOLDS, slot);
    for (uint32_t p = 0; p < entry->payee_count; p++) {
        uint32_t at = gw_household_payee(household, core->tariff_payee[meter->tariff][p]);
        if (at == UINT32_MAX) {
            return GW_CORRUPT;
        }
        household->charged_ufen[at] += entry->posted_ufen[p];
    }
    gw_household_schedule(core, slot, entry->block_time_us);
    return GW_OK;
}

static enum gw_status apply_readings(struct gw_core *core, const struct gw_entry *entry,
                                     const struct gw_work *work)
{
    if (entry->meter >= core->config.limits.meters_max ||
        core->meters[entry->meter].identity.number[0] == '\0') {
        return GW_CORRUPT;
    }
    const struct gw_meter *meter = &core->meters[entry->meter];
    if (gw_lacks(core, GW_ARRAY_METERS, entry->meter)) {
        struct gw_work again;
        if (work == NULL) {
            enum gw_status status = rework(core, entry, &again);
            if (status != GW_OK) {
                return status;
            }
            work = &again;
        }
        apply_to_meter(core, entry, work);
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        for (uint32_t i = 0; i < entry->reading_count; i++) {
            core->head->readings += gw_is_accepted(entry->readings[i].verdict);
        }
        for (uint32_t p = 0; p < entry->payee_count; p++) {
            uint8_t payee = core->tariff_payee[meter->tariff][p];
            core->head->payee_charged_ufen[payee] += entry->posted_ufen[p];
        }
    }
    return apply_to_household(core, entry);
}

static enum gw_status apply_snapshot(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->meter >= core->head->meter_count) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_METERS, entry->meter)) {
        gw_touch(core, GW_ARRAY_METERS, entry->meter);
        core->meters[entry->meter].snapshot_day = entry->snapshot.day;
        core->meters[entry->meter].last_block = entry->block;
        core->meters[entry->meter].heard_us = entry->block_time_us;
    }
    return GW_OK;
}

/* ---- orders -------------------------------------------------------------------------------------------- */

static void take_parts(struct gw_household *household, const struct gw_entry *entry, int64_t sign)
{
    for (uint32_t i = 0; i < entry->part_count; i++) {
        uint32_t at = gw_household_payee(household, entry->part_payee[i]);
        MT_CHECK(at != UINT32_MAX);
        household->taken_fen[at] += sign * entry->part_fen[i];
    }
}

static void binding_day(struct gw_binding *binding, int64_t at_us, int64_t amount_fen)
{
    int32_t day = gw_local_day(at_us);
    if (binding->day != day) {
        binding->day = day;
        binding->day_fen = 0;
    }
    binding->day_fen += amount_fen;
}

static bool order_is_whole(const struct gw_core *core, const struct gw_entry *entry)
{
    int64_t sum_fen = 0;
    for (uint32_t i = 0; i < entry->part_count; i++) {
        sum_fen += entry->part_fen[i];
    }
    return entry->household < core->config.limits.households_max &&
           entry->binding < core->config.limits.bindings_max && entry->order != 0 &&
           entry->amount_fen > 0 && sum_fen == entry->amount_fen;
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

static enum gw_status apply_order_new(struct gw_core *core, const struct gw_entry *entry)
{
    if (!order_is_whole(core, entry)) {
        return GW_CORRUPT;
    }
    uint32_t slot = (uint32_t)(entry->order % core->config.limits.orders_open_max);
    int64_t sign = entry->order_kind == GW_ORDER_DEBIT ? 1 : -1;
    if (gw_lacks(core, GW_ARRAY_ORDERS, slot)) {
        if (core->orders[slot].number != 0) {
            return GW_CORRUPT;
        }
        gw_touch(core, GW_ARRAY_ORDERS, slot);
        fill_order(&core->orders[slot], entry);
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        core->households[entry->household].order_slot = slot;
        core->households[entry->household].order_last_block = entry->block;
        take_parts(&core->households[entry->household], entry, sign);
        gw_household_schedule(core, entry->household, entry->block_time_us);
    }
    if (gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
        binding_day(&core->bindings[entry->binding], entry->block_time_us,
                    entry->order_kind == GW_ORDER_DEBIT ? entry->amount_fen : 0);
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->ordered_fen += sign * entry->amount_fen;
        core->head->order_next = entry->order + 1u;
    }
    return GW_OK;
}

static void end_binding(struct gw_core *core, const struct gw_entry *entry, int64_t sign)
{
    struct gw_binding *binding = &core->bindings[entry->binding];
    gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
    if (entry->order_state == GW_ORDER_DONE) {
        binding->taken_fen += sign * entry->amount_fen;
        return;
    }
    if (entry->order_kind == GW_ORDER_DEBIT && binding->day == gw_local_day(entry->block_time_us)) {
        int64_t left_fen = binding->day_fen - entry->amount_fen;
        binding->day_fen = left_fen > 0 ? left_fen : 0;
    }
    binding->paused_until_us = entry->block_time_us + core->config.settle.retry_refused_us;
}

static void end_household(struct gw_core *core, const struct gw_entry *entry, int64_t sign)
{
    struct gw_household *household = &core->households[entry->household];
    gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
    household->order_slot = GW_NONE;
    household->order_last_block = entry->block;
    household->due_us = 0;
    if (entry->order_state == GW_ORDER_DONE) {
        household->settled_fen += sign * entry->amount_fen;
    } else {
        take_parts(household, entry, -sign);
    }
    gw_household_schedule(core, entry->household, entry->block_time_us);
}

static enum gw_status apply_order_end(struct gw_core *core, const struct gw_entry *entry)
{
    if (!order_is_whole(core, entry) ||
        (entry->order_state != GW_ORDER_DONE && entry->order_state != GW_ORDER_REFUSED)) {
        return GW_CORRUPT;
    }
    bool done = entry->order_state == GW_ORDER_DONE;
    int64_t sign = entry->order_kind == GW_ORDER_DEBIT ? 1 : -1;
    uint32_t slot = (uint32_t)(entry->order % core->config.limits.orders_open_max);
    if (gw_lacks(core, GW_ARRAY_ORDERS, slot)) {
        if (core->orders[slot].number != entry->order) {
            return GW_CORRUPT;
        }
        gw_touch(core, GW_ARRAY_ORDERS, slot);
        core->orders[slot].number = 0;
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        end_household(core, entry, sign);
    }
    if (gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        end_binding(core, entry, sign);
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->ordered_fen -= sign * entry->amount_fen;
        core->head->settled_fen += done ? sign * entry->amount_fen : 0;
        core->head->orders_done += done;
        core->head->orders_refused += !done;
        for (uint32_t i = 0; done && i < entry->part_count; i++) {
            core->head->payee_settled_fen[entry->part_payee[i] % GW_PAYEES_MAX] +=
                sign * entry->part_fen[i];
        }
    }
    return GW_OK;
}

/* ---- registry -------------------------------------------------------------------------------------------- */

static enum gw_status apply_household(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->household >= core->config.limits.households_max) {
        return GW_INVALID;
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        struct gw_household *household = &core->households[entry->household];
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        memset(household, 0, sizeof(*household));
        memcpy(household->id, entry->household_id, sizeof(household->id));
        household->meter_first = GW_NONE;
        household->binding_newest = GW_NONE;
        household->order_slot = GW_NONE;
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->household_count = entry->household + 1u;
    }
    return GW_OK;
}

static enum gw_status fill_meter(struct gw_meter *meter, const struct gw_entry *entry)
{
    const struct gw_meter_spec *spec = &entry->meter_spec;
    memset(meter, 0, sizeof(*meter));
    meter->identity = spec->identity;
    meter->accept = spec->accept;
    meter->tariff = (uint8_t)entry->tariff;
    memcpy(meter->sign_public, spec->sign_public, sizeof(meter->sign_public));
    meter->has_sign_public = spec->has_sign_public;
    meter->household = entry->household;
    meter->next_in_household = entry->link;
    meter->terms = spec->terms;
    meter->max_per_hour = spec->max_per_hour;
    meter->register_width = spec->register_width;
    meter->last_block = entry->block;
    const struct {
        uint8_t *key;
        enum mt_key_purpose purpose;
    } keys[] = {{meter->up_key, MT_KEY_UP},
                {meter->down_key, MT_KEY_DOWN},
                {meter->transport_key, MT_KEY_TRANSPORT}};
    for (uint32_t i = 0; i < 3; i++) {
        if (mt_key_derive(keys[i].key, spec->root_key, keys[i].purpose, &spec->identity) != MT_OK) {
            return GW_INVALID;
        }
    }
    return GW_OK;
}

static enum gw_status apply_meter(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->meter >= core->config.limits.meters_max) {
        return GW_INVALID;
    }
    if (entry->tariff >= core->head->tariff_count ||
        entry->household >= core->config.limits.households_max) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_METERS, entry->meter)) {
        gw_touch(core, GW_ARRAY_METERS, entry->meter);
        enum gw_status status = fill_meter(&core->meters[entry->meter], entry);
        if (status != GW_OK) {
            return status;
        }
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        struct gw_household *household = &core->households[entry->household];
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        household->meter_first = entry->meter;
        const struct gw_tariff *tariff = gw_tariff_of(core, entry->tariff);
        for (uint32_t p = 0; p < tariff->payee_count; p++) {
            uint8_t payee = core->tariff_payee[entry->tariff][p];
            if (gw_household_payee(household, payee) == UINT32_MAX) {
                return GW_CORRUPT;
            }
        }
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->meter_count = entry->meter + 1u;
    }
    return GW_OK;
}

static enum gw_status apply_bind(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->binding >= core->config.limits.bindings_max) {
        return GW_INVALID;
    }
    if (entry->household >= core->config.limits.households_max) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        struct gw_binding *binding = &core->bindings[entry->binding];
        gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
        memset(binding, 0, sizeof(*binding));
        binding->household = entry->household;
        binding->older = entry->link;
        memcpy(binding->wallet, entry->bind.wallet, sizeof(binding->wallet));
        memcpy(binding->mandate, entry->bind.mandate, sizeof(binding->mandate));
        binding->cap_single_fen = entry->bind.cap_single_fen;
        binding->cap_day_fen = entry->bind.cap_day_fen;
        binding->from_us = entry->block_time_us;
        binding->to_us = INT64_MAX;
    }
    if (gw_lacks(core, GW_ARRAY_HOUSEHOLDS, entry->household)) {
        gw_touch(core, GW_ARRAY_HOUSEHOLDS, entry->household);
        core->households[entry->household].binding_newest = entry->binding;
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->binding_count = entry->binding + 1u;
    }
    return GW_OK;
}

static enum gw_status apply_unbind(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->binding >= core->config.limits.bindings_max) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_BINDINGS, entry->binding)) {
        gw_touch(core, GW_ARRAY_BINDINGS, entry->binding);
        core->bindings[entry->binding].to_us = entry->block_time_us;
    }
    return GW_OK;
}

static uint8_t payee_index(struct gw_head *head, const char *code)
{
    for (uint32_t i = 0; i < head->payee_count; i++) {
        if (strcmp(head->payees[i], code) == 0) {
            return (uint8_t)i;
        }
    }
    if (head->payee_count == GW_PAYEES_MAX) {
        return UINT8_MAX;
    }
    memcpy(head->payees[head->payee_count], code, strlen(code) + 1u);
    return (uint8_t)head->payee_count++;
}

static void add_day(struct gw_tariff *tariff, int32_t day)
{
    uint32_t at = 0;
    while (at < tariff->critical_day_count && tariff->critical_days[at] < day) {
        at++;
    }
    bool known = at < tariff->critical_day_count && tariff->critical_days[at] == day;
    if (known || tariff->critical_day_count == GW_TARIFF_CRITICAL_DAYS_MAX) {
        return;
    }
    memmove(&tariff->critical_days[at + 1u], &tariff->critical_days[at],
            (tariff->critical_day_count - at) * sizeof(tariff->critical_days[0]));
    tariff->critical_days[at] = day;
    tariff->critical_day_count++;
}

void gw_tariff_merge_days(const struct gw_core *core, uint32_t index, struct gw_tariff *tariff)
{
    for (uint32_t d = 0; d < core->head->critical_count[index]; d++) {
        add_day(tariff, core->head->critical_days[index][d]);
    }
}

enum gw_status gw_tariff_attach(struct gw_core *core, uint32_t tariff)
{
    struct gw_head *head = core->head;
    core->tariff_at[tariff] = 0xff;
    for (uint32_t i = 0; i < core->tariff_put_count; i++) {
        if (strcmp(core->tariffs[i].name, head->tariff_names[tariff]) == 0) {
            core->tariff_at[tariff] = (uint8_t)i;
        }
    }
    if (core->tariff_at[tariff] == 0xff) {
        return GW_INVALID;
    }
    struct gw_tariff *put = &core->tariffs[core->tariff_at[tariff]];
    for (uint32_t p = 0; p < put->payee_count; p++) {
        uint8_t payee = payee_index(head, put->payees[p]);
        if (payee == UINT8_MAX) {
            return GW_INVALID;
        }
        core->tariff_payee[tariff][p] = payee;
    }
    gw_tariff_merge_days(core, tariff, put);
    return GW_OK;
}

static enum gw_status apply_tariff(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->tariff >= GW_TARIFFS_MAX) {
        return GW_CORRUPT;
    }
    if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        struct gw_head *head = core->head;
        gw_touch(core, GW_ARRAY_HEAD, 0);
        memcpy(head->tariff_names[entry->tariff], entry->tariff_name, sizeof(entry->tariff_name));
        if (entry->tariff >= head->tariff_count) {
            head->tariff_count = (uint8_t)(entry->tariff + 1u);
        }
        for (uint32_t p = 0; p < entry->tariff_payee_count; p++) {
            if (payee_index(head, entry->tariff_payees[p]) == UINT8_MAX) {
                return GW_CORRUPT;
            }
        }
    }
    return gw_tariff_attach(core, entry->tariff);
}

static enum gw_status apply_critical_day(struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->tariff >= core->head->tariff_count) {
        return GW_CORRUPT;
    }
    uint32_t *count = &core->head->critical_count[entry->tariff];
    if (gw_lacks(core, GW_ARRAY_HEAD, 0) && *count < GW_TARIFF_CRITICAL_DAYS_MAX) {
        gw_touch(core, GW_ARRAY_HEAD, 0);
        core->head->critical_days[entry->tariff][(*count)++] = entry->critical_day;
    }
    return gw_tariff_attach(core, entry->tariff);
}

/* ---- all ----------------------------------------------------------------------------------------------------- */

enum gw_status gw_apply(struct gw_core *core, const struct gw_entry *entry,
                        const struct gw_work *work)
{
    switch (entry->kind) {
    case GW_ENTRY_READINGS:
        return apply_readings(core, entry, work);
    case GW_ENTRY_SNAPSHOT:
        return apply_snapshot(core, entry);
    case GW_ENTRY_ORDER_NEW:
        return apply_order_new(core, entry);
    case GW_ENTRY_ORDER_END:
        return apply_order_end(core, entry);
    case GW_ENTRY_HOUSEHOLD:
        return apply_household(core, entry);
    case GW_ENTRY_METER:
        return apply_meter(core, entry);
    case GW_ENTRY_BIND:
        return apply_bind(core, entry);
    case GW_ENTRY_UNBIND:
        return apply_unbind(core, entry);
    case GW_ENTRY_TARIFF:
        return apply_tariff(core, entry);
    case GW_ENTRY_CRITICAL_DAY:
        return apply_critical_day(core, entry);
    case GW_ENTRY_START:
        if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
            gw_touch(core, GW_ARRAY_HEAD, 0);
            core->head->starts++;
        }
        return GW_OK;
    }
    return GW_CORRUPT;
}

void gw_emit(struct gw_core *core, const struct gw_entry *entry, const struct gw_work *work)
{
    bool counter_implied = true;
    bool seq_implied = true;
    if (entry->kind == GW_ENTRY_READINGS && entry->form == GW_FORM_COSE) {
        const struct gw_meter *meter = &core->meters[entry->meter];
        counter_implied = entry->counter == meter->counter_top + 1u;
        seq_implied = entry->seq_first == meter->next_seq;
    }
    gw_block_put(&core->writer, entry, counter_implied, seq_implied);
    enum gw_status status = gw_apply(core, entry, work);
    MT_CHECK(status == GW_OK);
}
