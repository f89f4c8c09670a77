/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fleet on virtual time, over a bad radio, with a gateway made of the message library. */
#include "tests/support/unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/histogram.h"
#include "sim/virtual.h"

#define METERS 12u
#define RECORDS 4000u
#define DAY SIM_DAY_US

struct account {
    bool taken;   /* by the meter */
    bool arrived; /* at the gateway */
    struct mt_reading truth;
};

static struct {
    struct sim_fleet *fleet;
    struct account records[METERS][RECORDS];
    uint32_t next_seq[METERS];
    uint64_t down_counter;
    uint64_t wrong, snapshots;
    uint64_t digest; /* over all readings taken, in order of meter and number */
    bool deaf;       /* the gateway answers nothing */
} street;

static void on_reading(void *owner, uint32_t meter, const struct fw_record *record)
{
    (void)owner;
    if (record->seq < RECORDS) {
        street.records[meter][record->seq].taken = true;
        street.records[meter][record->seq].truth = record->reading;
    }
}

static void answer(uint32_t meter, const struct sim_meter *at, int64_t now_us)
{
    uint8_t key[MT_KEY_BYTES];
    uint8_t plain[MT_RECEIPT_BYTES_MAX];
    uint8_t bytes[FW_DOWN_BYTES_MAX];
    size_t plain_len = 0;
    size_t len = 0;
    struct mt_receipt receipt = {.next_seq = street.next_seq[meter], .time_us = now_us};
    enum mt_status st = mt_key_derive(key, at->spec.root_key, MT_KEY_DOWN, &at->spec.identity);
    CU_ASSERT_EQUAL(st, MT_OK);
    st = mt_receipt_encode(plain, &plain_len, sizeof(plain), &receipt);
    CU_ASSERT_EQUAL(st, MT_OK);
    struct mt_cose_seal_args args = {.plain = plain,
                                     .plain_len = plain_len,
                                     .counter = ++street.down_counter,
                                     .key = key,
                                     .identity = &at->spec.identity};
    st = mt_cose_seal(bytes, &len, sizeof(bytes), &args);
    CU_ASSERT_EQUAL(st, MT_OK);
    sim_fleet_receipt(street.fleet, meter, bytes, len, now_us);
}

static bool same(const struct mt_reading *a, const struct mt_reading *b)
{
    return a->time_us == b->time_us && a->total == b->total &&
           memcmp(a->band, b->band, sizeof(a->band)) == 0;
}

static bool take_readings(uint32_t meter, const struct sim_meter *at, const uint8_t *bytes,
                          size_t len)
{
    static struct mt_message message;
    static uint8_t plain[MT_MESSAGE_BYTES_MAX];
    uint8_t key[MT_KEY_BYTES];
    size_t plain_len = 0;
    struct mt_cose_encrypt0 outer;
    if (mt_key_derive(key, at->spec.root_key, MT_KEY_UP, &at->spec.identity) != MT_OK ||
        mt_cose_parse(&outer, bytes, len) != MT_OK ||
        mt_cose_open(plain, &plain_len, sizeof(plain), &outer, key, &at->spec.identity) != MT_OK ||
        mt_message_decode_cbor(&message, plain, plain_len, (enum mt_medium)at->spec.identity.medium,
                               0) != MT_OK) {
        return false;
    }
    for (uint32_t i = 0; i < message.count; i++) {
        uint32_t seq = message.seq_first + i;
        if (seq >= RECORDS || !same(&message.readings[i], &street.records[meter][seq].truth)) {
            return false;
        }
        street.records[meter][seq].arrived = true;
    }
    if (message.seq_first + message.count > street.next_seq[meter]) {
        street.next_seq[meter] = message.seq_first + message.count;
    }
    return true;
}

static void on_uplink(void *owner, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                      size_t len, int64_t now_us)
{
    (void)owner;
    const struct sim_meter *at = sim_fleet_meter(street.fleet, meter);
    bool good;
    if (street.deaf) {
        return;
    }
    if (frame == FW_FRAME_SIGNED) {
        uint8_t public_key[MT_SIGN_PUBLIC_BYTES];
        const uint8_t *payload;
        size_t payload_len;
        good = mt_sign_public(public_key, at->spec.sign_secret) == MT_OK &&
               mt_cose_verify(&payload, &payload_len, bytes, len, public_key, &at->spec.identity) ==
                   MT_OK;
        street.snapshots++;
    } else {
        good = take_readings(meter, at, bytes, len);
    }
    street.wrong += good ? 0 : 1;
    if (good) {
        answer(meter, at, now_us);
    }
}

static void open_street(uint64_t seed, const char *state_dir, int64_t start_us, bool bad_radio)
{
    struct sim_fleet_config config;
    char why[256];
    sim_fleet_defaults(&config);
    config.meter_count = METERS;
    config.seed = seed;
    config.start_us = start_us;
    config.rules.reboot_ppm = 100000;
    config.rules.state_dir = state_dir;
    config.events.uplink = on_uplink;
    config.events.reading = on_reading;
    if (bad_radio) {
        config.faults.loss_ppm = 150000;
        config.faults.duplicate_ppm = 100000;
        config.faults.reorder_ppm = 150000;
    }
    CU_ASSERT_EQUAL_FATAL(sim_fleet_open(&street.fleet, &config, why, sizeof(why)), FW_OK);
}

static void clear(void)
{
    memset(&street, 0, sizeof(street));
    for (uint32_t i = 0; i < METERS; i++) {
        street.next_seq[i] = 1;
    }
}

static void run(int64_t until_us)
{
    while (sim_fleet_run(street.fleet, until_us, 100000) == 100000) {
    }
}

static uint64_t digest_truth(void)
{
    uint64_t digest = 0;
    for (uint32_t meter = 0; meter < METERS; meter++) {
        for (uint32_t seq = 0; seq < RECORDS; seq++) {
            const struct account *record = &street.records[meter][seq];
            if (record->taken) {
                digest =
                    sim_hash(digest, (uint32_t)record->truth.time_us, (uint64_t)record->truth.total,
                             (uint64_t)record->truth.band[3] * 31 + seq);
            }
        }
    }
    return digest;
}

#define START_US (SIM_LOAD_EPOCH_US + 365 * DAY + 7 * 60000000ll)

static void a_month_over_a_bad_radio_loses_nothing(void)
{
    clear();
    open_street(5, NULL, START_US, true);
    run(START_US + 30 * DAY);

    struct sim_fleet_totals totals;
    sim_fleet_totals(&totals, street.fleet);
    CU_ASSERT_EQUAL(street.wrong, 0);
    CU_ASSERT_EQUAL(totals.dropped, 0);
    CU_ASSERT(totals.repeated > 1000);
    CU_ASSERT(totals.reboots > 10);
    CU_ASSERT(street.snapshots >= METERS * 27);
    uint64_t taken = 0;
    uint64_t missing = 0;
    for (uint32_t meter = 0; meter < METERS; meter++) {
        for (uint32_t seq = 0; seq < street.next_seq[meter]; seq++) {
            const struct account *record = &street.records[meter][seq];
            taken += record->taken ? 1 : 0;
            missing += record->taken && !record->arrived ? 1 : 0;
        }
    }
    CU_ASSERT_EQUAL(missing, 0);
    CU_ASSERT(taken > METERS * 29 * 96);
    CU_ASSERT(totals.pending < METERS * 4);
    sim_fleet_close(street.fleet);
}

static void readings_are_the_loads_registers_at_their_time(void)
{
    clear();
    open_street(5, NULL, START_US, false);
    run(START_US + 3 * DAY);
    unsigned seen = 0;
    for (uint32_t meter = 0; meter < METERS; meter++) {
        const struct sim_meter *at = sim_fleet_meter(street.fleet, meter);
        struct sim_load load;
        sim_load_init(&load, 5, meter / 3, (enum mt_medium)at->spec.identity.medium);
        for (uint32_t seq = 0; seq < RECORDS; seq++) {
            const struct account *record = &street.records[meter][seq];
            if (!record->taken) {
                continue;
            }
            const struct mt_reading *truth = &record->truth;
            seen++;
            CU_ASSERT_EQUAL(truth->total, sim_load_register(&load, truth->time_us));
            CU_ASSERT(truth->band_mask == 0 ||
                      truth->band[0] + truth->band[1] + truth->band[2] + truth->band[3] ==
                          truth->total);
        }
    }
    CU_ASSERT(seen > METERS * 270);
    sim_fleet_close(street.fleet);
}

static uint64_t digest_of_run(uint64_t seed, bool bad_radio, bool deaf)
{
    clear();
    street.deaf = deaf;
    open_street(seed, NULL, START_US, bad_radio);
    run(START_US + 4 * DAY);
    sim_fleet_close(street.fleet);
    return digest_truth();
}

static void the_same_seed_gives_the_same_readings_whatever_the_network_does(void)
{
    uint64_t good = digest_of_run(9, false, false);
    CU_ASSERT_EQUAL(digest_of_run(9, false, false), good);
    CU_ASSERT_EQUAL(digest_of_run(9, true, false), good);
    CU_ASSERT_EQUAL(digest_of_run(9, true, true), good);
    CU_ASSERT_NOT_EQUAL(digest_of_run(10, false, false), good);
}

static void a_gateway_that_was_away_for_days_gets_the_backlog(void)
{
    clear();
    open_street(5, NULL, START_US, false);
    run(START_US + 1 * DAY);
    street.deaf = true;
    run(START_US + 4 * DAY);
    street.deaf = false;
    run(START_US + 5 * DAY);
    struct sim_fleet_totals totals;
    sim_fleet_totals(&totals, street.fleet);
    CU_ASSERT_EQUAL(totals.dropped, 0);
    CU_ASSERT_EQUAL(street.wrong, 0);
    CU_ASSERT(totals.pending < METERS * 2);
    sim_fleet_close(street.fleet);
}

static void a_second_run_goes_on_where_the_first_stopped(void)
{
    char dir[] = "/tmp/meterpay-fleet-XXXXXX";
    char path[128];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    clear();
    open_street(5, dir, START_US, false);
    run(START_US + 1 * DAY);
    uint32_t before = street.next_seq[4];
    sim_fleet_close(street.fleet);
    open_street(5, dir, START_US + 1 * DAY + 60000000, false);
    run(START_US + 2 * DAY);
    CU_ASSERT_EQUAL(street.wrong, 0);
    CU_ASSERT(street.next_seq[4] > before + 80 && street.next_seq[4] <= before + 96);
    CU_ASSERT_EQUAL(sim_fleet_meter(street.fleet, 4)->fw.now.boots >= 2, true);
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/%s.nv", dir,
                   sim_fleet_meter(street.fleet, 4)->spec.name);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 077, 0);
    for (uint32_t i = 0; i < METERS; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.nv", dir,
                       sim_fleet_meter(street.fleet, i)->spec.name);
        CU_ASSERT_EQUAL(unlink(path), 0);
    }
    sim_fleet_close(street.fleet);
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void a_fleet_that_is_held_sends_what_it_has_and_takes_no_more(void)
{
    struct sim_fleet_totals before;
    struct sim_fleet_totals after;
    clear();
    open_street(5, NULL, START_US, false);
    street.deaf = true;
    run(START_US + DAY);
    street.deaf = false;
    sim_fleet_totals(&before, street.fleet);
    sim_fleet_hold(street.fleet);
    run(START_US + DAY + DAY / 4);
    sim_fleet_totals(&after, street.fleet);
    CU_ASSERT(before.pending > METERS * 90);
    CU_ASSERT_EQUAL(after.pending, 0);
    CU_ASSERT_EQUAL(after.readings, before.readings);
    CU_ASSERT_EQUAL(street.wrong, 0);
    sim_fleet_close(street.fleet);
}

static void order_valve(uint32_t meter, uint32_t id, uint8_t position, int64_t now_us)
{
    uint8_t key[MT_KEY_BYTES];
    uint8_t plain[MT_RECEIPT_BYTES_MAX];
    uint8_t bytes[FW_DOWN_BYTES_MAX];
    size_t plain_len = 0;
    size_t len = 0;
    const struct sim_meter *at = sim_fleet_meter(street.fleet, meter);
    struct mt_command command = {.id = id, .valve = position, .expires_us = now_us + DAY};
    enum mt_status st = mt_key_derive(key, at->spec.root_key, MT_KEY_DOWN, &at->spec.identity);
    CU_ASSERT_EQUAL(st, MT_OK);
    st = mt_command_encode(plain, &plain_len, sizeof(plain), &command);
    CU_ASSERT_EQUAL(st, MT_OK);
    struct mt_cose_seal_args args = {.plain = plain,
                                     .plain_len = plain_len,
                                     .counter = ++street.down_counter,
                                     .key = key,
                                     .identity = &at->spec.identity};
    st = mt_cose_seal(bytes, &len, sizeof(bytes), &args);
    CU_ASSERT_EQUAL(st, MT_OK);
    sim_fleet_receipt(street.fleet, meter, bytes, len, now_us);
}

static void behind_a_shut_valve_nothing_is_counted(void)
{
    const uint32_t power = 3;
    clear();
    open_street(5, NULL, START_US, false);
    run(START_US + DAY);
    order_valve(power, 1, FW_VALVE_SHUT, START_US + DAY);
    run(START_US + DAY + DAY / 24);
    const struct sim_meter *at = sim_fleet_meter(street.fleet, power);
    int64_t shut = at->fw.now.total;
    run(START_US + 2 * DAY);
    CU_ASSERT_EQUAL(at->fw.now.total, shut);
    order_valve(power, 2, FW_VALVE_OPEN, START_US + 2 * DAY);
    run(START_US + 3 * DAY);
    struct sim_load load;
    sim_load_init(&load, 5, power / 3, MT_POWER);
    int64_t day_three =
        sim_load_register(&load, START_US + 3 * DAY) - sim_load_register(&load, START_US + 2 * DAY);
    int64_t counted = at->fw.now.total - shut;
    CU_ASSERT(counted > 0);
    CU_ASSERT(counted <= day_three);
    CU_ASSERT(counted >= day_three * 8 / 10); /* up to two quarters at either end */
    sim_fleet_close(street.fleet);
}

static void a_histogram_is_right_to_a_sixteenth(void)
{
    static struct sim_histogram histogram;
    for (int64_t us = 1; us <= 100000; us++) {
        sim_histogram_add(&histogram, us);
    }
    const struct {
        uint32_t per_mille;
        int64_t us;
    } rows[] = {{1, 100}, {10, 1000}, {500, 50000}, {990, 99000}, {1000, 100000}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t at_us = sim_histogram_at(&histogram, rows[i].per_mille);
        CU_ASSERT(at_us >= rows[i].us && at_us <= rows[i].us + rows[i].us / 16 + 1);
    }
    CU_ASSERT_EQUAL(histogram.max_us, 100000);
    sim_histogram_add(&histogram, INT64_MAX); /* lands in the last bucket */
    CU_ASSERT_EQUAL(histogram.max_us, INT64_MAX);
}

static void a_home_has_three_meters_with_keys_of_their_own(void)
{
    struct sim_spec a;
    struct sim_spec b;
    struct sim_spec again;
    sim_spec_make(&a, 1, 0, SIM_VIA_BOTH);
    sim_spec_make(&b, 1, 1, SIM_VIA_BOTH);
    sim_spec_make(&again, 1, 0, SIM_VIA_BOTH);
    CU_ASSERT_STRING_EQUAL(a.household, "home-0001");
    CU_ASSERT_STRING_EQUAL(b.household, "home-0001");
    CU_ASSERT_EQUAL(a.name[0], 'p');
    CU_ASSERT_EQUAL(b.name[0], 'w');
    CU_ASSERT_NOT_EQUAL(a.via, b.via);
    CU_ASSERT_NOT_EQUAL(memcmp(a.root_key, b.root_key, sizeof(a.root_key)), 0);
    CU_ASSERT_EQUAL(memcmp(a.root_key, again.root_key, sizeof(a.root_key)), 0);
    sim_spec_make(&b, 2, 0, SIM_VIA_BOTH);
    CU_ASSERT_STRING_NOT_EQUAL(a.name, b.name);
    CU_ASSERT_NOT_EQUAL(memcmp(a.root_key, b.root_key, sizeof(a.root_key)), 0);
    struct mt_identity identity;
    CU_ASSERT_EQUAL(mt_name_parse(&identity, a.name, strlen(a.name)), MT_OK);
    struct fw_calendar calendar;
    sim_spec_calendar(&calendar);
    CU_ASSERT(fw_calendar_valid(&calendar));
}

static void the_agenda_gives_the_earliest_first(void)
{
    struct sim_agenda agenda;
    struct sim_random random = {3};
    CU_ASSERT_FATAL(sim_agenda_init(&agenda, 500));
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t bits = sim_random_next(&random);
        uint32_t number = (uint32_t)sim_between(bits, 0, 499);
        if (bits % 5 == 0) {
            sim_agenda_remove(&agenda, number);
        } else {
            sim_agenda_set(&agenda, number, (int64_t)(bits >> 8 & 0xFFFF));
        }
    }
    int64_t last_us = -1;
    uint32_t number;
    int64_t due_us;
    unsigned count = 0;
    while (sim_agenda_first(&number, &due_us, &agenda)) {
        CU_ASSERT(due_us >= last_us);
        last_us = due_us;
        sim_agenda_remove(&agenda, number);
        count++;
    }
    CU_ASSERT(count > 300 && count <= 500);
    sim_agenda_deinit(&agenda);
}

static const struct unit_test tests[] = {
    {"a_month_over_a_bad_radio_loses_nothing", a_month_over_a_bad_radio_loses_nothing},
    {"readings_are_the_loads_registers_at_their_time",
     readings_are_the_loads_registers_at_their_time},
    {"the_same_seed_gives_the_same_readings_whatever_the_network_does",
     the_same_seed_gives_the_same_readings_whatever_the_network_does},
    {"a_gateway_that_was_away_for_days_gets_the_backlog",
     a_gateway_that_was_away_for_days_gets_the_backlog},
    {"a_second_run_goes_on_where_the_first_stopped", a_second_run_goes_on_where_the_first_stopped},
    {"a_fleet_that_is_held_sends_what_it_has_and_takes_no_more",
     a_fleet_that_is_held_sends_what_it_has_and_takes_no_more},
    {"behind_a_shut_valve_nothing_is_counted", behind_a_shut_valve_nothing_is_counted},
    {"a_histogram_is_right_to_a_sixteenth", a_histogram_is_right_to_a_sixteenth},
    {"a_home_has_three_meters_with_keys_of_their_own",
     a_home_has_three_meters_with_keys_of_their_own},
    {"the_agenda_gives_the_earliest_first", the_agenda_gives_the_earliest_first},
};

UNIT_MAIN("fleet", tests)
