/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A meter's hot state is packed: what the rules let in comes out again as it was, up to each bound. */
#include <string.h>

#include "gateway/core/pack.h"
#include "tests/support/unit.h"

static struct gw_work work_at(int64_t units, int64_t flat_units, int64_t registers, int64_t time_us)
{
    struct gw_work work;
    memset(&work, 0, sizeof(work));
    work.has_reading = true;
    work.last_verdict = GW_VERDICT_COUNT - 1;
    work.last.time_us = time_us;
    work.last.total = registers;
    work.last.band_mask = 0x0f;
    work.last.flags = 0xff;
    work.usage.ladder_units = units < 0 ? INT64_MIN : INT64_MAX;
    work.usage.count = GW_USAGE_SEGMENTS;
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        work.last.band[b] = registers - b % 2u * (registers > 0);
        work.usage.posted_ufen[b] =
            (units < 0 ? INT64_MIN : INT64_MAX) + (units < 0 ? b : -(int64_t)b);
    }
    for (uint32_t i = 0; i < GW_USAGE_SEGMENTS; i++) {
        struct gw_segment *segment = &work.usage.segments[i];
        segment->version = GW_TARIFF_VERSIONS_MAX - 1u;
        segment->month = UINT16_MAX;
        segment->tou = 1;
        for (uint32_t b = 0; b < GW_BANDS; b++) {
            segment->units[b] = b == GW_BAND_FLAT ? flat_units : units - (units > 0) * (int64_t)b;
        }
    }
    return work;
}

static void same(const struct gw_work *a, const struct gw_work *b)
{
    CU_ASSERT_EQUAL(a->has_reading, b->has_reading);
    CU_ASSERT_EQUAL(a->last_verdict, b->last_verdict);
    CU_ASSERT_EQUAL(a->last.time_us, b->last.time_us);
    CU_ASSERT_EQUAL(a->last.total, b->last.total);
    CU_ASSERT_EQUAL(memcmp(a->last.band, b->last.band, sizeof(a->last.band)), 0);
    CU_ASSERT_EQUAL(a->last.band_mask, b->last.band_mask);
    CU_ASSERT_EQUAL(a->last.flags, b->last.flags);
    CU_ASSERT_EQUAL(a->usage.ladder_units, b->usage.ladder_units);
    CU_ASSERT_EQUAL(a->usage.count, b->usage.count);
    CU_ASSERT_EQUAL(
        memcmp(a->usage.posted_ufen, b->usage.posted_ufen, sizeof(a->usage.posted_ufen)), 0);
    for (uint32_t i = 0; i < b->usage.count; i++) {
        const struct gw_segment *x = &a->usage.segments[i];
        const struct gw_segment *y = &b->usage.segments[i];
        CU_ASSERT_EQUAL(x->version, y->version);
        CU_ASSERT_EQUAL(x->month, y->month);
        CU_ASSERT_EQUAL(x->tou, y->tou);
        CU_ASSERT_EQUAL(memcmp(x->units, y->units, sizeof(x->units)), 0);
    }
}

static void every_field_comes_out_as_it_went_in_at_its_bounds(void)
{
    const int64_t most_ml = GW_SEGMENT_QUANTITY_MAX * 1000000;
    const struct gw_work cases[] = {
        work_at(0, 0, 0, 0),
        work_at(GW_USAGE_BAND_UNITS_MAX, most_ml, MT_REGISTER_MAX, GW_READING_US_MAX),
        work_at(-GW_USAGE_BAND_UNITS_MAX, -most_ml, 1, 1),
    };
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gw_meter meter;
        struct gw_work out;
        memset(&meter, 0xff, sizeof(meter));
        memset(&out, 0x55, sizeof(out));
        gw_work_pack(&meter, &cases[i]);
        gw_work_unpack(&out, &meter);
        same(&out, &cases[i]);
    }
}

static void what_is_registered_comes_out_as_it_went_in_at_its_bounds(void)
{
    static const char *const names[] = {"p1-A", "xZZZ-01234567890123456789", "wA-0"};
    const struct gw_terms terms[] = {
        {INT32_MIN, 0, 1, false, INT32_MIN},
        {INT32_MAX, UINT8_MAX, 12, true, INT32_MAX},
        {0, 5, 7, true, -1},
    };
    for (uint32_t i = 0; i < 3; i++) {
        struct gw_meter meter;
        struct mt_identity in;
        struct mt_identity out;
        struct gw_terms got;
        memset(&meter, 0xff, sizeof(meter));
        CU_ASSERT_EQUAL(mt_name_parse(&in, names[i], strlen(names[i])), MT_OK);
        gw_identity_pack(&meter, &in);
        gw_identity_unpack(&out, &meter);
        CU_ASSERT_TRUE(mt_identity_equal(&in, &out));
        CU_ASSERT_EQUAL(meter.medium, in.medium);
        gw_terms_pack(&meter, &terms[i]);
        gw_terms_unpack(&got, &meter);
        CU_ASSERT_EQUAL(got.tou_from_day, terms[i].tou_from_day);
        CU_ASSERT_EQUAL(got.people, terms[i].people);
        CU_ASSERT_EQUAL(got.ladder_months, terms[i].ladder_months);
        CU_ASSERT_EQUAL(got.low_income, terms[i].low_income);
        CU_ASSERT_EQUAL(got.ladder_months_year, terms[i].ladder_months_year);
        meter.max_per_hour = GW_METER_PER_HOUR_MAX;
        meter.register_width = MT_REGISTER_MAX;
        meter.heard_s = GW_TIME_US_MAX / 1000000;
        meter.last_block = GW_BLOCK_NUMBER_MAX;
        meter.spec_block = GW_BLOCK_NUMBER_MAX;
        meter.spec_at = GW_BLOCK_BYTES_MAX - 1u;
        CU_ASSERT_EQUAL(meter.max_per_hour, GW_METER_PER_HOUR_MAX);
        CU_ASSERT_EQUAL(meter.register_width, MT_REGISTER_MAX);
        CU_ASSERT_EQUAL(meter.heard_s, GW_TIME_US_MAX / 1000000);
        CU_ASSERT_EQUAL(meter.last_block, GW_BLOCK_NUMBER_MAX);
        CU_ASSERT_EQUAL(meter.spec_block, GW_BLOCK_NUMBER_MAX);
        CU_ASSERT_EQUAL(meter.spec_at, GW_BLOCK_BYTES_MAX - 1u);
    }
}

/* Names of one hash cannot be told apart by the index: it gives each slot of it. */
static void the_index_finds_every_slot_when_it_is_full(void)
{
    enum { COUNT = 5000 };
    static uint32_t cells[COUNT + COUNT / 4 + 16];
    struct gw_index index;
    CU_ASSERT_EQUAL(gw_index_cells(COUNT), sizeof(cells) / sizeof(cells[0]));
    gw_index_init(&index, cells, gw_index_cells(COUNT), 4711);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t name = i / 2u; /* Two slots of each name. */
        gw_index_add(&index, gw_index_hash(&index, &name, sizeof(name)), i);
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t name = i / 2u;
        struct gw_probe probe;
        uint32_t slot = gw_index_first(&probe, &index, gw_index_hash(&index, &name, sizeof(name)));
        for (uint32_t steps = 0; slot != i && slot != GW_NONE && steps < COUNT; steps++) {
            slot = gw_index_next(&probe, &index);
        }
        CU_ASSERT_EQUAL(slot, i);
    }
    struct gw_index top;
    gw_index_init(&top, cells, 16, 1);
    gw_index_add(&top, UINT64_MAX, GW_METERS_MAX - 1u);
    struct gw_probe probe;
    CU_ASSERT_EQUAL(gw_index_first(&probe, &top, UINT64_MAX), GW_METERS_MAX - 1u);
    CU_ASSERT_EQUAL(gw_index_next(&probe, &top), GW_NONE);
}

static const struct unit_test tests[] = {
    {"every_field_comes_out_as_it_went_in_at_its_bounds",
     every_field_comes_out_as_it_went_in_at_its_bounds},
    {"what_is_registered_comes_out_as_it_went_in_at_its_bounds",
     what_is_registered_comes_out_as_it_went_in_at_its_bounds},
    {"the_index_finds_every_slot_when_it_is_full", the_index_finds_every_slot_when_it_is_full},
};

UNIT_MAIN("core_pack", tests)
