/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/apply_internal.h"
#include "gateway/core/civil.h"
#include "gateway/core/judge.h"
#include "gateway/core/pack.h"

#define EPOCH_FROM_US INT64_C(1704067200000000) /* 2024-01-01 UTC: 24 bits of minutes reach 2055 */

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
    int64_t before_us = household->due_us;
    if (household->due_us == 0) {
        household->due_us = now_us + core->config.settle.order_after_us;
    }
    if (much && household->due_us > now_us) {
        household->due_us = now_us;
    }
    /* One that was tried and has no wallet that can pay waits in the heap beyond its due_us. */
    bool is_news = household->due_us != before_us;
    if (!core->replaying && (is_news || core->due.position[slot] == UINT32_MAX)) {
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
    gw_work_unpack(work, meter);
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
        if (!gw_sum_add(&work->usage.posted_ufen[p], entry->posted_ufen[p], INT64_MAX)) {
            return GW_CORRUPT;
        }
    }
    return GW_OK;
}

/* By the minute, so that a copy of the store that is put back does not use a number again. */
static uint64_t next_epoch(uint64_t epoch, int64_t start_us)
{
    int64_t minute = (start_us - EPOCH_FROM_US) / (60 * GW_US_PER_S);
    uint64_t by_clock = minute > 0 ? (uint64_t)minute : 0;
    return by_clock > epoch ? by_clock : epoch + 1u;
}

static enum gw_status apply_to_meter(struct gw_core *core, const struct gw_entry *entry,
                                     const struct gw_work *work)
{
    struct gw_meter *meter = &core->meters[entry->meter];
    gw_touch(core, GW_ARRAY_METERS, entry->meter);
    gw_work_pack(meter, work);
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        meter->refused += !gw_is_accepted(entry->readings[i].verdict);
    }
    for (uint32_t p = 0; p < entry->payee_count; p++) {
        if (!gw_sum_add(&meter->charged_ufen, entry->posted_ufen[p], GW_METER_UFEN_MAX)) {
            return GW_CORRUPT;
        }
    }
    if (entry->form == GW_FORM_RAW && entry->counter != GW_COUNTER_IMPLIED) {
        mark_counter(meter, entry->counter);
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
    meter->heard_s = (uint64_t)(entry->block_time_us / GW_US_PER_S);
    return GW_OK;
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
        if (at == UINT32_MAX || !gw_sum_add(&household->charged_ufen[at], entry->posted_ufen[p],
                                            GW_HOUSEHOLD_UFEN_MAX)) {
            return GW_CORRUPT;
        }
    }
    gw_household_schedule(core, slot, entry->block_time_us);
    return GW_OK;
}

static enum gw_status apply_to_head(struct gw_core *core, const struct gw_entry *entry)
{
    struct gw_head *head = core->head;
    uint8_t tariff = core->meters[entry->meter].tariff;
    if (!gw_lacks(core, GW_ARRAY_HEAD, 0)) {
        return GW_OK;
    }
    gw_touch(core, GW_ARRAY_HEAD, 0);
    for (uint32_t i = 0; i < entry->reading_count; i++) {
        const struct gw_entry_reading *r = &entry->readings[i];
        if (gw_is_accepted(r->verdict)) {
            head->readings++;
            head->newest_us =
                r->reading.time_us > head->newest_us ? r->reading.time_us : head->newest_us;
        }
    }
    for (uint32_t p = 0; p < entry->payee_count; p++) {
        uint8_t payee = core->tariff_payee[tariff][p];
        if (!gw_sum_add(&head->payee_charged_ufen[payee], entry->posted_ufen[p],
                        GW_PAYEE_UFEN_MAX)) {
            return GW_CORRUPT;
        }
    }
    return GW_OK;
}

/* Of a meter that is there, with the postings that its tariff can have. */
static bool readings_fit(const struct gw_core *core, const struct gw_entry *entry)
{
    if (entry->meter >= core->head->meter_count || core->meters[entry->meter].name_len == 0) {
        return false;
    }
    uint8_t tariff = core->meters[entry->meter].tariff;
    return tariff < core->head->tariff_count &&
           (entry->payee_count == 0 ||
            entry->payee_count == gw_tariff_of(core, tariff)->payee_count);
}

static enum gw_status apply_readings(struct gw_core *core, const struct gw_entry *entry,
                                     const struct gw_work *work)
{
    if (!readings_fit(core, entry)) {
        return GW_CORRUPT;
    }
    enum gw_status status = GW_OK;
    struct gw_work again;
    if (gw_lacks(core, GW_ARRAY_METERS, entry->meter)) {
        if (work == NULL) {
            status = rework(core, entry, &again);
            work = &again;
        }
        if (status == GW_OK) {
            status = apply_to_meter(core, entry, work);
        }
    }
    if (status == GW_OK) {
        status = apply_to_head(core, entry);
    }
    return status == GW_OK ? apply_to_household(core, entry) : status;
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
        core->meters[entry->meter].heard_s = (uint64_t)(entry->block_time_us / GW_US_PER_S);
    }
    return GW_OK;
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
        return gw_apply_order_new(core, entry);
    case GW_ENTRY_ORDER_END:
        return gw_apply_order_end(core, entry);
    case GW_ENTRY_HOUSEHOLD:
        return gw_apply_household(core, entry);
    case GW_ENTRY_METER:
        return gw_apply_meter(core, entry);
    case GW_ENTRY_BIND:
        return gw_apply_bind(core, entry);
    case GW_ENTRY_UNBIND:
        return gw_apply_unbind(core, entry);
    case GW_ENTRY_TARIFF:
        return gw_apply_tariff(core, entry);
    case GW_ENTRY_CRITICAL_DAY:
        return gw_apply_critical_day(core, entry);
    case GW_ENTRY_START:
        if (gw_lacks(core, GW_ARRAY_HEAD, 0)) {
            gw_touch(core, GW_ARRAY_HEAD, 0);
            core->head->starts++;
            core->head->down_epoch = next_epoch(core->head->down_epoch, entry->block_time_us);
        }
        return GW_OK;
    }
    return GW_CORRUPT;
}

void gw_emit(struct gw_core *core, struct gw_entry *entry, const struct gw_work *work)
{
    bool counter_implied = true;
    bool seq_implied = true;
    if (entry->kind == GW_ENTRY_READINGS && entry->form == GW_FORM_COSE) {
        const struct gw_meter *meter = &core->meters[entry->meter];
        counter_implied = entry->counter == meter->counter_top + 1u;
        seq_implied = entry->seq_first == meter->next_seq;
    }
    if (entry->kind == GW_ENTRY_READINGS && entry->form == GW_FORM_RAW) {
        counter_implied = entry->counter == GW_COUNTER_IMPLIED;
    }
    entry->at = (uint32_t)mt_writer_len(&core->writer.out);
    gw_block_put(&core->writer, entry, counter_implied, seq_implied);
    enum gw_status status = gw_apply(core, entry, work);
    MT_CHECK(status == GW_OK);
}
