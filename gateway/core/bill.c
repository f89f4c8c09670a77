/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/bill.h"

#include <string.h>

#include "gateway/core/civil.h"
#include "gateway/core/judge.h"
#include "gateway/core/stretch.h"

void gw_bill_init(struct gw_bill *bill, const struct gw_tariff *tariff,
                  const struct gw_terms *terms, int64_t register_width, int32_t month)
{
    MT_CHECK(tariff != NULL && terms != NULL && month >= 0);
    bill->tariff = tariff;
    bill->terms = *terms;
    bill->register_width = register_width;
    bill->month = month;
    bill->month_start_us = gw_local_month_start_us(month);
    bill->month_end_us = gw_local_month_start_us(month + 1);
    bill->reading_count = 0;
    bill->segment_count = 0;
    memset(&bill->opening, 0, sizeof(bill->opening));
    memset(&bill->closing, 0, sizeof(bill->closing));
}

/* ---- adding ------------------------------------------------------------------------------------------ */

static enum gw_bill_verdict from_usage(enum gw_usage_verdict verdict)
{
    switch (verdict) {
    case GW_USAGE_DONE:
        return GW_BILL_DONE;
    case GW_USAGE_NO_TARIFF:
        return GW_BILL_NO_TARIFF;
    case GW_USAGE_CLOSED:
        return GW_BILL_DISORDER;
    case GW_USAGE_TOO_LARGE:
        return GW_BILL_TOO_LARGE;
    }
    return GW_BILL_TOO_LARGE;
}

static bool same_segment(const struct gw_segment *a, const struct gw_segment *b)
{
    return a->version == b->version && a->month == b->month && a->tou == b->tou;
}

/* Parts come in order of time, so only the newest segment can grow. */
static enum gw_bill_verdict add_parts(struct gw_bill *bill, const struct gw_segment *parts,
                                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct gw_segment *newest =
            bill->segment_count > 0 ? &bill->segments[bill->segment_count - 1u] : NULL;
        if (newest == NULL || !same_segment(newest, &parts[i])) {
            if (bill->segment_count == GW_BILL_SEGMENTS_MAX) {
                return GW_BILL_TOO_LARGE;
            }
            bill->segments[bill->segment_count++] = parts[i];
            continue;
        }
        for (uint32_t b = 0; b < GW_BANDS; b++) {
            newest->units[b] += parts[i].units[b];
        }
    }
    return GW_BILL_DONE;
}

static struct gw_bill_register register_of(const struct gw_bill_reading *r)
{
    return (struct gw_bill_register){
        .known = true, .time_us = r->reading.time_us, .total = r->reading.total, .block = r->block};
}

static void note_bounds(struct gw_bill *bill, const struct gw_bill_reading *r)
{
    if (!bill->opening.known || r->reading.time_us <= bill->month_start_us) {
        bill->opening = register_of(r);
    }
    if (!bill->closing.known || bill->closing.time_us < bill->month_end_us) {
        bill->closing = register_of(r);
    }
}

enum gw_bill_verdict gw_bill_add(struct gw_bill *bill, const struct gw_bill_reading *reading)
{
    MT_CHECK(gw_is_accepted(reading->verdict));
    if (bill->reading_count > 0) {
        struct gw_segment parts[GW_USAGE_CUT_MAX];
        uint32_t count = 0;
        if (reading->reading.time_us <= bill->last.reading.time_us) {
            return GW_BILL_DISORDER;
        }
        struct gw_interval interval = gw_stretch(bill->register_width, &bill->last.reading,
                                                 &reading->reading, reading->verdict, 1);
        if (interval.units < 0) {
            return GW_BILL_DISORDER;
        }
        enum gw_bill_verdict verdict =
            from_usage(gw_usage_cut(parts, &count, bill->tariff, &bill->terms, &interval));
        if (verdict == GW_BILL_DONE && count > GW_BILL_SEGMENTS_MAX - bill->segment_count) {
            verdict = GW_BILL_TOO_LARGE;
        }
        if (verdict != GW_BILL_DONE) {
            return verdict;
        }
        verdict = add_parts(bill, parts, count);
        MT_CHECK(verdict == GW_BILL_DONE);
    }
    note_bounds(bill, reading);
    bill->last = *reading;
    bill->reading_count++;
    return GW_BILL_DONE;
}

/* ---- charging ------------------------------------------------------------------------------------------ */

/* Explain one segment of the month after the lines that are there. */
static bool explain(struct gw_bill_result *result, const struct gw_bill *bill,
                    const struct gw_segment *segment, int64_t ladder_units)
{
    uint32_t room = GW_BILL_LINES_MAX - result->line_count;
    struct gw_charge_line *lines = &result->lines[result->line_count];
    uint32_t count =
        gw_tariff_explain(lines, room, bill->tariff, &bill->terms, ladder_units, segment);
    if (count == UINT32_MAX) {
        return false;
    }
    result->line_count += count;
    for (uint32_t i = 0; i < count; i++) {
        result->month_ufen[lines[i].payee] += lines[i].ufen;
    }
    for (uint32_t b = 0; b < GW_BANDS; b++) {
        result->units += segment->units[b];
    }
    return true;
}

enum gw_bill_verdict gw_bill_finish(struct gw_bill_result *result, const struct gw_bill *bill)
{
    int64_t ladder_units = 0;
    result->units = 0;
    result->ever_ufen = 0;
    result->line_count = 0;
    memset(result->month_ufen, 0, sizeof(result->month_ufen));
    for (uint32_t i = 0; i < bill->segment_count; i++) {
        const struct gw_segment *segment = &bill->segments[i];
        int64_t ufen[GW_TARIFF_PAYEES_MAX];
        if (i > 0) {
            ladder_units =
                gw_ladder_next(bill->tariff, ladder_units, &bill->segments[i - 1u], segment);
        }
        gw_tariff_charge(ufen, bill->tariff, &bill->terms, ladder_units, segment, 1);
        for (uint32_t p = 0; p < bill->tariff->payee_count; p++) {
            result->ever_ufen += ufen[p];
        }
        if (segment->month == bill->month && !explain(result, bill, segment, ladder_units)) {
            return GW_BILL_TOO_LARGE;
        }
    }
    return GW_BILL_DONE;
}
