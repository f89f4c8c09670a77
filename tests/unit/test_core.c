/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "meters/message.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

#define QUARTER_US (15 * GW_US_PER_MIN)

static int64_t at(int64_t quarters)
{
    return FIXTURE_START_US + quarters * QUARTER_US;
}

static void the_first_reading_sets_the_base_and_the_next_is_charged(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(0), 1000000), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 0);
    f.now_us = at(1);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 1000003), GW_ACCEPTED);
    /* 3 Wh at 0.538 yuan/kWh: 3 * 53.8 fen / 1000 = 0.1614 fen. */
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 161400);
    fixture_close(&f);
}

static void a_month_of_three_watt_hours_is_465_fen(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    for (int64_t i = 0; i <= 2880; i++) {
        f.now_us = at(i);
        CU_ASSERT_EQUAL(fixture_read(&f, 0, at(i), 5000 + 3 * i), GW_ACCEPTED);
    }
    /* DOMAIN: 3 Wh x 2,880 at 0.538 yuan/kWh is 464.832 fen, 465 on the bill. */
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 464832000);
    CU_ASSERT_EQUAL(gw_round_fen(fixture_charged_ufen(&f, 0), 1), 465);
    fixture_close(&f);
}

static void one_reading_is_split_between_three_payees(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "water3");
    (void)fixture_read(&f, 0, at(0), 0);
    f.now_us = at(4);
    (void)fixture_read(&f, 0, at(4), 10000);
    struct gw_household_view home;
    CU_ASSERT_TRUE_FATAL(gw_core_household(&home, f.core, 0));
    CU_ASSERT_EQUAL_FATAL(home.payee_count, 3);
    /* 10 l at 2.07, 1.36 and 1.57 yuan/m3. */
    CU_ASSERT_EQUAL(home.payees[0].charged_ufen, 2070000);
    CU_ASSERT_EQUAL(home.payees[1].charged_ufen, 1360000);
    CU_ASSERT_EQUAL(home.payees[2].charged_ufen, 1570000);
    fixture_close(&f);
}

static void the_same_message_again_is_acknowledged_and_charged_once(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    (void)fixture_read(&f, 0, at(0), 0);
    static struct mt_message message;
    message.count = 1;
    message.readings[0] = (struct mt_reading){.time_us = at(1), .total = 1000};
    uint8_t bytes[256];
    size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
    f.now_us = at(1);
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_DUPLICATE);
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
    uint32_t count = 0;
    const struct gw_reply *replies = gw_core_replies(f.core, &count);
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_TRUE(replies[0].receipt_len > 0);
    CU_ASSERT_TRUE(replies[1].receipt_len > 0);
    CU_ASSERT_NOT_EQUAL(memcmp(replies[0].receipt, replies[1].receipt, replies[0].receipt_len), 0);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 53800000);
    fixture_close(&f);
}

static void a_reading_sent_again_under_a_new_counter_is_a_duplicate(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    f.now_us = at(2);
    (void)fixture_read(&f, 0, at(0), 0);
    (void)fixture_read(&f, 0, at(1), 500);
    (void)fixture_read(&f, 0, at(2), 900);
    f.seqs[0] = 2;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 500), GW_DUPLICATE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(2), 900), GW_DUPLICATE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 501), GW_REFUSED_CONFLICT);
    struct gw_meter_view view;
    CU_ASSERT_TRUE(gw_core_meter(&view, f.core, 0));
    CU_ASSERT_EQUAL(view.charged_ufen, 900 * 53800);
    fixture_close(&f);
}

static void every_flipped_bit_is_refused_and_touches_nothing(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    (void)fixture_read(&f, 0, at(0), 0);
    static struct mt_message message;
    message.count = 1;
    message.readings[0] = (struct mt_reading){.time_us = at(1), .total = 1000};
    uint8_t bytes[256];
    size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
    struct gw_meter before = f.core->meters[0];
    for (size_t bit = 0; bit < len * 8; bit++) {
        gw_core_begin(f.core, at(1));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum gw_verdict verdict = fixture_hand(&f, 0, bytes, len);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_TRUE(verdict >= GW_REFUSED_UNKNOWN);
        uint32_t count = 0;
        CU_ASSERT_EQUAL(gw_core_replies(f.core, &count)->receipt_len, 0);
        CU_ASSERT_EQUAL(f.core->writer.count, 0);
    }
    for (size_t cut = 0; cut < len; cut++) {
        gw_core_begin(f.core, at(1));
        CU_ASSERT_TRUE(fixture_hand(&f, 0, bytes, cut) >= GW_REFUSED_UNKNOWN);
    }
    CU_ASSERT_EQUAL(memcmp(&before, &f.core->meters[0], sizeof(before)), 0);
    gw_core_begin(f.core, at(1));
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, bytes, len), GW_ACCEPTED);
    fixture_close(&f);
}

static void another_meters_key_and_name_are_refused(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    fixture_add_meter(&f, 1, "flat");
    static struct mt_message message;
    message.count = 1;
    message.readings[0] = (struct mt_reading){.time_us = at(0), .total = 1000};
    uint8_t bytes[256];
    size_t len = fixture_seal(&f, 0, &message, bytes, sizeof(bytes));
    CU_ASSERT_EQUAL(fixture_hand(&f, 1, bytes, len), GW_REFUSED_AUTHENTIC);
    struct gw_message m = {.form = GW_FORM_COSE,
                           .transport = GW_VIA_COAP,
                           .bytes = bytes,
                           .len = len,
                           .name = "pTST-00000000",
                           .name_len = 13,
                           .identity = "pTST-00000001",
                           .identity_len = 13};
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_STRANGER);
    m.identity = NULL;
    m.name = "pTST-00000009";
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_UNKNOWN);
    m.name = "rubbish/../..";
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_UNKNOWN);
    static uint8_t large[GW_MESSAGE_BYTES_MAX + 1];
    CU_ASSERT_EQUAL(fixture_hand(&f, 0, large, sizeof(large)), GW_REFUSED_TOO_LARGE);
    struct gw_refusal_view view;
    CU_ASSERT_TRUE(gw_core_refusal(&view, f.core, 0));
    CU_ASSERT_EQUAL(view.verdict, GW_REFUSED_TOO_LARGE);
    CU_ASSERT_TRUE(gw_core_refusal(&view, f.core, 4));
    CU_ASSERT_FALSE(gw_core_refusal(&view, f.core, 5));
    fixture_close(&f);
}

static void a_register_that_goes_down_or_too_far_is_refused_and_recorded(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    (void)fixture_read(&f, 0, at(0), 100000);
    f.now_us = at(8);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 99999), GW_REFUSED_BACKWARD);
    /* 15 kW for 15 minutes and 15 minutes of slack: 7,500 Wh at most. */
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 107501), GW_REFUSED_RANGE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 107500), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(2) + 400 * GW_US_PER_DAY, 107600), GW_REFUSED_CLOCK);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(2) - 400 * GW_US_PER_DAY, 107600), GW_REFUSED_CLOCK);
    struct gw_meter_view view;
    CU_ASSERT_TRUE(gw_core_meter(&view, f.core, 0));
    CU_ASSERT_EQUAL(view.refused, 4);
    CU_ASSERT_EQUAL(view.last.total, 107500);
    CU_ASSERT_EQUAL(view.next_seq, 7);
    fixture_close(&f);
}

static void a_rollover_of_known_width_goes_on(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    (void)fixture_read(&f, 0, at(0), 999999900);
    f.now_us = at(2);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(1), 100), GW_ACCEPTED_ROLLOVER);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 200 * 53800);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(2), 300), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 400 * 53800);
    fixture_close(&f);
}

/* Peak begins at 08:00, quarter 32. A reading at 09:00 alone spreads 2,000 Wh over 07:00-09:00. */
static void a_late_reading_moves_what_it_shows(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "tou");
    f.now_us = at(40);
    (void)fixture_read(&f, 0, at(28), 0);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(36), 2000), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1000 * 28800ll + 1000 * 56800ll);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(40), 2500), GW_ACCEPTED);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(32), 1900), GW_ACCEPTED_LATE);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1900 * 28800ll + 600 * 56800ll);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(32), 1900), GW_DUPLICATE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(30), 1901), GW_REFUSED_BACKWARD);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(27), 0), GW_REFUSED_TOO_LATE);
    fixture_close(&f);
}

static void shuffle(int64_t *items, uint32_t count, uint64_t *seed)
{
    for (uint32_t i = count - 1; i > 0; i--) {
        *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t j = (uint32_t)(*seed >> 33) % (i + 1);
        int64_t kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

/* The charge does not depend on the order of arrival; hand-made sum as the second opinion. */
static void any_order_of_arrival_gives_the_same_charge(void)
{
    uint64_t seed = 20261123;
    printf("    seed %llu\n", (unsigned long long)seed);
    for (int round = 0; round < 20; round++) {
        struct fixture f;
        fixture_open(&f);
        fixture_add_meter(&f, 0, "tou");
        int64_t order[48];
        int64_t total[49] = {0};
        int64_t expected_ufen = 0;
        for (int64_t i = 0; i < 48; i++) {
            order[i] = i + 1;
            int64_t used = (i * 37 + round * 11) % 900;
            total[i + 1] = total[i] + used;
            /* Two quarters each from 00:00 on: [16, 44) half-hours are peak. */
            expected_ufen += used * (i >= 16 && i < 44 ? 56800 : 28800);
        }
        f.now_us = at(100);
        gw_core_begin(f.core, f.now_us);
        (void)fixture_read(&f, 0, at(0), 0);
        shuffle(order, 48, &seed);
        for (uint32_t i = 0; i < 48; i++) {
            f.counters[0] = (uint64_t)order[i] + 10;
            f.seqs[0] = (uint32_t)order[i] + 1;
            enum gw_verdict verdict = fixture_read(&f, 0, at(2 * order[i]), total[order[i]]);
            CU_ASSERT_TRUE(verdict == GW_ACCEPTED || verdict == GW_ACCEPTED_LATE);
        }
        CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), expected_ufen);
        fixture_close(&f);
    }
}

static void a_clock_ahead_is_billed_at_the_lowest_band(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "tou");
    f.now_us = at(40);
    gw_core_begin(f.core, f.now_us);
    (void)fixture_read(&f, 0, at(39), 0);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(44), 1000), GW_ACCEPTED_DOUBTFUL);
    CU_ASSERT_EQUAL(fixture_charged_ufen(&f, 0), 1000 * 28800ll);
    struct gw_meter_view view;
    CU_ASSERT_TRUE(gw_core_meter(&view, f.core, 0));
    CU_ASSERT_EQUAL(view.last.time_us, at(40));
    fixture_close(&f);
}

static void json_by_hand_is_taken_from_a_meter_that_may(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    const char *text = "[{\"n\":\"1.8.0\",\"u\":\"kWh\",\"v\":123.45,\"t\":1772380800}]";
    struct gw_message m = {.form = GW_FORM_JSON,
                           .transport = GW_VIA_MQTT,
                           .bytes = (const uint8_t *)text,
                           .len = strlen(text),
                           .name = "pTST-00000000",
                           .name_len = 13};
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_ACCEPTED);
    CU_ASSERT_EQUAL(f.core->meters[0].last.total, 123450);
    m.len--;
    CU_ASSERT_TRUE(gw_core_message(f.core, &m) >= GW_REFUSED_UNKNOWN);
    f.core->meters[0].accept = GW_ACCEPT_COSE;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_FORM);
    fixture_close(&f);
}

static void a_hint_decides_nothing_whoever_it_names(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    struct gw_meter before = f.core->meters[0];
    static const char longer[] = "pTST-000000000000000000000000000000";
    struct gw_message hinted[GW_HINT_MAX] = {
        {.name = "pTST-00000000", .name_len = 13},
        {.name = "nobody", .name_len = 6},
        {.name = "", .name_len = 0},
        {.name = longer, .name_len = sizeof(longer) - 1u},
    };
    gw_core_hint(f.core, hinted, 0);
    gw_core_hint(f.core, hinted, 4);
    CU_ASSERT_EQUAL(memcmp(&before, &f.core->meters[0], sizeof(before)), 0);
    CU_ASSERT_FALSE(gw_core_pending(f.core));
    CU_ASSERT_EQUAL(fixture_read(&f, 0, at(0), 500), GW_ACCEPTED);
    fixture_close(&f);
}

static void a_signed_day_is_kept_once_and_only_from_its_meter(void)
{
    struct fixture f;
    fixture_open(&f);
    uint8_t secret[MT_SIGN_SECRET_BYTES];
    uint8_t public_key[MT_SIGN_PUBLIC_BYTES];
    memset(secret, 7, sizeof(secret));
    CU_ASSERT_EQUAL(mt_sign_public(public_key, secret), MT_OK);
    fixture_add_meter(&f, 1, "flat");
    f.sign_public = public_key;
    fixture_add_meter(&f, 0, "flat"); /* Its key is in the second of two blocks. */
    struct gw_meter_view meter;
    CU_ASSERT_TRUE(gw_core_meter(&meter, f.core, 1));
    struct mt_snapshot snapshot = {.day = 20260302, .time_us = at(96), .total = 4711, .seq = 9};
    uint8_t plain[256];
    uint8_t bytes[512];
    size_t plain_len = 0;
    size_t len = 0;
    CU_ASSERT_EQUAL(mt_snapshot_encode(plain, &plain_len, sizeof(plain), &snapshot, MT_POWER),
                    MT_OK);
    struct mt_cose_seal_args args = {.plain = plain,
                                     .plain_len = plain_len,
                                     .identity = &meter.identity};
    CU_ASSERT_EQUAL(mt_cose_sign(bytes, &len, sizeof(bytes), &args, secret), MT_OK);
    struct gw_message m = {.form = GW_FORM_SIGNED,
                           .transport = GW_VIA_MQTT,
                           .bytes = bytes,
                           .len = len,
                           .name = "pTST-00000000",
                           .name_len = 13};
    gw_core_begin(f.core, at(96));
    bytes[len - 1] ^= 1;
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_AUTHENTIC);
    bytes[len - 1] ^= 1;
    gw_core_begin(f.core, at(96) - 3 * GW_US_PER_DAY);
    f.core->now_us = at(96) - 3 * GW_US_PER_DAY; /* A day that is to come would shut out today. */
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_REFUSED_CLOCK);
    gw_core_begin(f.core, at(96));
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_ACCEPTED);
    CU_ASSERT_EQUAL(gw_core_message(f.core, &m), GW_DUPLICATE);
    uint64_t number = f.core->number;
    CU_ASSERT_EQUAL(f.core->meters[1].last_block, number);
    CU_ASSERT_EQUAL(f.core->meters[1].heard_s, at(96) / GW_US_PER_S);
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
    struct gw_history walk;
    static uint8_t buffer[GW_BLOCK_BYTES_MAX];
    static struct gw_entry entry;
    gw_history_begin(&walk, &f.port, buffer, sizeof(buffer), 1, number);
    CU_ASSERT_EQUAL(gw_history_next(&walk, &entry), GW_OK);
    CU_ASSERT_EQUAL(entry.kind, GW_ENTRY_SNAPSHOT);
    CU_ASSERT_EQUAL(entry.snapshot.total, 4711);
    CU_ASSERT_EQUAL(memcmp(entry.signature, bytes + len - 64, 64), 0);
    CU_ASSERT_EQUAL(gw_history_next(&walk, &entry), GW_OK);
    CU_ASSERT_EQUAL(entry.kind, GW_ENTRY_METER);
    CU_ASSERT_EQUAL(gw_history_next(&walk, &entry), GW_END);
    fixture_close(&f);
}

static void prices_in_force_cannot_be_changed(void)
{
    struct fixture f;
    fixture_open(&f);
    struct gw_tariff changed = *gw_core_tariff(f.core, 1);
    gw_core_begin(f.core, f.now_us);
    changed.versions[0].components[0].flat_price_ufen[0]++;
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &changed, "t", 1), GW_REG_RETROACTIVE);
    changed.versions[0].components[0].flat_price_ufen[0]--;
    changed.version_count = 2;
    changed.versions[1] = changed.versions[0];
    changed.versions[1].id[0] = 'n';
    changed.versions[1].from_us = FIXTURE_START_US;
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &changed, "t", 1), GW_REG_RETROACTIVE);
    changed.versions[1].from_us = FIXTURE_START_US + GW_US_PER_DAY;
    CU_ASSERT_EQUAL(gw_core_load_tariff(f.core, &changed, "t", 1), GW_REG_DONE);
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
    gw_core_begin(f.core, f.now_us);
    int32_t today = gw_local_day(f.now_us);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", today), GW_REG_RETROACTIVE);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", today + 1), GW_REG_DONE);
    CU_ASSERT_EQUAL(gw_core_announce_day(f.core, "tou", today + 1), GW_REG_EXISTS);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"the_first_reading_sets_the_base_and_the_next_is_charged",
     the_first_reading_sets_the_base_and_the_next_is_charged},
    {"a_month_of_three_watt_hours_is_465_fen", a_month_of_three_watt_hours_is_465_fen},
    {"one_reading_is_split_between_three_payees", one_reading_is_split_between_three_payees},
    {"the_same_message_again_is_acknowledged_and_charged_once",
     the_same_message_again_is_acknowledged_and_charged_once},
    {"a_reading_sent_again_under_a_new_counter_is_a_duplicate",
     a_reading_sent_again_under_a_new_counter_is_a_duplicate},
    {"every_flipped_bit_is_refused_and_touches_nothing",
     every_flipped_bit_is_refused_and_touches_nothing},
    {"another_meters_key_and_name_are_refused", another_meters_key_and_name_are_refused},
    {"a_register_that_goes_down_or_too_far_is_refused_and_recorded",
     a_register_that_goes_down_or_too_far_is_refused_and_recorded},
    {"a_rollover_of_known_width_goes_on", a_rollover_of_known_width_goes_on},
    {"a_late_reading_moves_what_it_shows", a_late_reading_moves_what_it_shows},
    {"any_order_of_arrival_gives_the_same_charge", any_order_of_arrival_gives_the_same_charge},
    {"a_clock_ahead_is_billed_at_the_lowest_band", a_clock_ahead_is_billed_at_the_lowest_band},
    {"a_hint_decides_nothing_whoever_it_names", a_hint_decides_nothing_whoever_it_names},
    {"a_signed_day_is_kept_once_and_only_from_its_meter",
     a_signed_day_is_kept_once_and_only_from_its_meter},
    {"prices_in_force_cannot_be_changed", prices_in_force_cannot_be_changed},
    {"json_by_hand_is_taken_from_a_meter_that_may", json_by_hand_is_taken_from_a_meter_that_may},
};

UNIT_MAIN("core", tests)
