/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Day-end snapshots: from whom, of which day, and what is kept of them. */
#include "tests/support/core_steps.h"

static const uint8_t secret[MT_SIGN_SECRET_BYTES] = {7};

/* Meter 0 without a key to sign with, 1 with one, 2 with one that it may not use. */
static void open_three(struct fixture *f)
{
    fixture_open(f);
    fixture_add_meter(f, 0, "flat");
    for (uint32_t n = 1; n < 3; n++) {
        struct gw_meter_spec spec = {.household = "home-0",
                                     .tariff = "flat",
                                     .terms = {.tou_from_day = INT32_MAX, .ladder_months = 12},
                                     .accept = n == 1 ? GW_ACCEPT_COSE : GW_ACCEPT_CARRIER,
                                     .max_per_hour = 15000,
                                     .has_sign_public = true};
        fixture_identity(&spec.identity, n, "flat");
        CU_ASSERT_EQUAL(mt_sign_public(spec.sign_public, secret), MT_OK);
        CU_ASSERT_EQUAL(gw_core_add_meter(f->core, &spec), GW_REG_DONE);
        CU_ASSERT_EQUAL(fixture_commit(f), GW_OK);
    }
}

/* A snapshot of meter n in a batch of its own. */
static enum gw_verdict sign(struct fixture *f, uint32_t n, uint32_t day, int64_t time_us)
{
    struct mt_snapshot snapshot = {.day = day, .time_us = time_us, .total = 4711, .seq = 9};
    uint8_t plain[256];
    uint8_t bytes[512];
    size_t plain_len = 0;
    size_t len = 0;
    char name[MT_NAME_MAX + 1];
    struct mt_identity identity;
    fixture_identity(&identity, n, "flat");
    CU_ASSERT_EQUAL(mt_snapshot_encode(plain, &plain_len, sizeof(plain), &snapshot, MT_POWER),
                    MT_OK);
    struct mt_cose_seal_args args = {.plain = plain, .plain_len = plain_len, .identity = &identity};
    CU_ASSERT_EQUAL(mt_cose_sign(bytes, &len, sizeof(bytes), &args, secret), MT_OK);
    struct gw_message m = {.form = GW_FORM_SIGNED,
                           .name = name,
                           .name_len = mt_name_format(name, &identity),
                           .bytes = bytes,
                           .len = len};
    gw_core_begin(f->core, f->now_us);
    enum gw_verdict verdict = gw_core_message(f->core, &m);
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
    return verdict;
}

static void only_a_meter_with_a_key_that_may_use_it_signs(void)
{
    struct fixture f;
    open_three(&f);
    CU_ASSERT_EQUAL(sign(&f, 0, 20260302, f.now_us), GW_REFUSED_FORM);
    CU_ASSERT_EQUAL(sign(&f, 2, 20260302, f.now_us), GW_REFUSED_FORM);
    uint32_t count = 0;
    CU_ASSERT_EQUAL(gw_core_replies(f.core, &count)->receipt_len, 0);
    CU_ASSERT_EQUAL(sign(&f, 1, 20260302, f.now_us), GW_ACCEPTED);
    CU_ASSERT_TRUE(gw_core_replies(f.core, &count)->receipt_len > 0);
    fixture_close(&f);
}

/* It is noon of 31 March: tomorrow is 1 April, and nothing later is taken. */
static void a_snapshot_is_of_tomorrow_at_the_latest(void)
{
    static const struct {
        uint32_t day;
        int64_t ahead_us;
        enum gw_verdict verdict;
    } rows[] = {
        {20260330, 0, GW_ACCEPTED},
        {20260331, 0, GW_ACCEPTED},
        {20260401, 0, GW_ACCEPTED},
        {20260402, 0, GW_REFUSED_CLOCK},
        {20270101, 0, GW_REFUSED_CLOCK},
        {20260331, GW_US_PER_DAY, GW_ACCEPTED},
        {20260331, GW_US_PER_DAY + GW_US_PER_S, GW_REFUSED_CLOCK},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_three(&f);
        f.now_us = FIXTURE_START_US + 29 * GW_US_PER_DAY + 12 * GW_US_PER_HOUR;
        CU_ASSERT_EQUAL(sign(&f, 1, rows[i].day, f.now_us + rows[i].ahead_us), rows[i].verdict);
        fixture_close(&f);
    }
}

static void a_snapshot_is_written_under_its_own_meter_and_a_start_finds_it(void)
{
    struct fixture f;
    open_three(&f);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 1), GW_ACCEPTED);
    CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
    CU_ASSERT_EQUAL(sign(&f, 1, 20260302, f.now_us), GW_ACCEPTED);
    const struct gw_entry *entry = steps_entry(&f, f.core->last_number);
    CU_ASSERT_EQUAL(entry->kind, GW_ENTRY_SNAPSHOT);
    CU_ASSERT_EQUAL(entry->meter, 1);
    CU_ASSERT_EQUAL(entry->snapshot.day, 20260302);
    CU_ASSERT_EQUAL(entry->snapshot.total, 4711);
    CU_ASSERT_EQUAL(sign(&f, 1, 20260302, f.now_us), GW_DUPLICATE);
    /* Saved at once, and again from the blocks alone: the day is known either way. */
    CU_ASSERT_EQUAL(gw_core_save(f.core), GW_OK);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            CU_ASSERT_TRUE(steps_replays(&f));
        }
        CU_ASSERT_EQUAL(gw_core_load(f.core, f.now_us), GW_OK);
        CU_ASSERT_EQUAL(sign(&f, 1, 20260302, f.now_us), GW_DUPLICATE);
        CU_ASSERT_EQUAL(sign(&f, 1, 20260301, f.now_us), GW_DUPLICATE);
    }
    CU_ASSERT_EQUAL(sign(&f, 1, 20260303, f.now_us), GW_ACCEPTED);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"only_a_meter_with_a_key_that_may_use_it_signs",
     only_a_meter_with_a_key_that_may_use_it_signs},
    {"a_snapshot_is_of_tomorrow_at_the_latest", a_snapshot_is_of_tomorrow_at_the_latest},
    {"a_snapshot_is_written_under_its_own_meter_and_a_start_finds_it",
     a_snapshot_is_written_under_its_own_meter_and_a_start_finds_it},
};

UNIT_MAIN("core_snapshot", tests)
