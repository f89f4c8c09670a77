/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Other makers' meters of the fleet: what they send is read back by the gateway's decoders. */
#include "tests/support/unit.h"

#include <string.h>

#include "sim/virtual.h"

#define METERS 6u
#define HOURS INT64_C(3600000000)
#define START_US (SIM_LOAD_EPOCH_US + 500 * SIM_DAY_US)

static struct {
    struct sim_fleet *fleet;
    int64_t taken[METERS]; /* the newest register */
    uint32_t counter[METERS];
    uint32_t frames, ours, wrong, twice;
} street;

static void on_reading(void *owner, uint32_t meter, const struct fw_record *record)
{
    (void)owner;
    street.taken[meter] = record->reading.total;
}

/* A protocol's resolution: 10 Wh, or 10 l. */
static bool is_cut_of(int64_t total, int64_t taken, uint8_t medium)
{
    return total <= taken && taken - total < (medium == MT_POWER ? 10 : 10000);
}

static void on_uplink(void *owner, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                      size_t len, int64_t now_us)
{
    (void)owner;
    (void)now_us;
    struct mt_frame said = {0};
    size_t used;
    const struct sim_spec *spec = &sim_fleet_meter(street.fleet, meter)->spec;
    size_t key_len = spec->foreign.key_len;
    const struct mt_input input = {
        .bytes = bytes, .len = len, .key = key_len > 0 ? spec->raw_key : NULL, .key_len = key_len};
    if (frame != SIM_FRAME_RAW) {
        street.ours++;
        return;
    }
    street.frames++;
    enum mt_status status = mt_decode(&said, &used, spec->foreign.protocol, &input);
    bool good = status == MT_OK && said.has_reading && used <= len &&
                is_cut_of(said.reading.total, street.taken[meter], spec->identity.medium);
    street.wrong += good ? 0 : 1;
    if (good && said.has_counter) {
        street.twice += said.counter <= street.counter[meter] ? 1 : 0;
        street.counter[meter] = said.counter;
    }
}

static void run_street(const struct mt_protocol *protocol, uint32_t loss_ppm)
{
    struct sim_fleet_config config;
    char why[256];
    memset(&street, 0, sizeof(street));
    sim_fleet_defaults(&config);
    config.meter_count = METERS;
    config.seed = 7;
    config.start_us = START_US;
    config.protocol = protocol;
    config.rules.reboot_ppm = 500000;
    config.faults = (struct sim_radio_faults){.loss_ppm = loss_ppm};
    config.events = (struct sim_fleet_events){.uplink = on_uplink, .reading = on_reading};
    CU_ASSERT_EQUAL_FATAL(sim_fleet_open(&street.fleet, &config, why, sizeof(why)), FW_OK);
    while (sim_fleet_run(street.fleet, START_US + 12 * HOURS, 1000) == 1000) {
    }
}

static bool speaks(const struct mt_protocol *protocol)
{
    struct sim_foreign foreign;
    return sim_foreign_make(&foreign, protocol, MT_POWER, 1) ||
           sim_foreign_make(&foreign, protocol, MT_WATER, 1) ||
           sim_foreign_make(&foreign, protocol, MT_GAS, 1);
}

static void every_frame_of_every_protocol_is_the_reading_that_was_taken(void)
{
    const struct mt_protocol *protocol;
    for (size_t i = 0; (protocol = mt_protocol_at(i)) != NULL; i++) {
        struct sim_fleet_totals totals;
        if (!speaks(protocol)) {
            continue;
        }
        run_street(protocol, 0);
        sim_fleet_totals(&totals, street.fleet);
        printf("    %s: %u frames, %u messages of our own meters beside them\n", protocol->name,
               street.frames, street.ours);
        CU_ASSERT(street.frames >= 2 * 20);
        CU_ASSERT_EQUAL(street.wrong, 0);
        CU_ASSERT_EQUAL(street.twice, 0);
        CU_ASSERT_EQUAL(totals.dropped, 0);
        sim_fleet_close(street.fleet);
    }
}

static void a_lost_frame_is_not_sent_again(void)
{
    run_street(mt_protocol_find("sml", 3), 0);
    uint32_t all = street.frames;
    CU_ASSERT_EQUAL(street.ours, 0);
    sim_fleet_close(street.fleet);
    run_street(mt_protocol_find("sml", 3), 300000);
    CU_ASSERT(street.frames < all * 9 / 10);
    CU_ASSERT(street.frames > all / 2);
    CU_ASSERT_EQUAL(street.wrong, 0);
    sim_fleet_close(street.fleet);
}

static void expect_spoken(const char *protocol, enum mt_medium medium, const char *number,
                          unsigned key_len)
{
    struct sim_foreign foreign;
    const struct mt_protocol *found = mt_protocol_find(protocol, strlen(protocol));
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    CU_ASSERT_FATAL(sim_foreign_make(&foreign, found, medium, 42));
    CU_ASSERT_STRING_EQUAL(foreign.identity.number, number);
    CU_ASSERT_EQUAL(foreign.key_len, key_len);
    CU_ASSERT_STRING_EQUAL(foreign.identity.maker, "HXE");
}

static void numbers_and_keys_are_those_of_the_protocol(void)
{
    struct sim_foreign foreign;
    expect_spoken("dlt645", MT_POWER, "000000000042", 0);
    expect_spoken("cjt188", MT_GAS, "00000000000042", 0);
    expect_spoken("mbus", MT_WATER, "00000042", 16);
    expect_spoken("wmbus", MT_WATER, "00000042", 16);
    expect_spoken("dlms", MT_POWER, "000000000042", 32);
    expect_spoken("sml", MT_POWER, "0A014858450000000042", 0);
    CU_ASSERT_FALSE(sim_foreign_make(&foreign, mt_protocol_find("dlt645", 6), MT_WATER, 42));
    CU_ASSERT_FALSE(
        sim_foreign_make(&foreign, mt_protocol_find("kamstrup-lora", 13), MT_POWER, 42));
}

static void a_spec_without_the_protocols_medium_stays_ours(void)
{
    struct sim_spec spec;
    struct sim_spec plain;
    char line[SIM_SPEC_LINE_MAX];
    const struct sim_tariffs tariffs = {.name = {"a", "b", "c"}};
    sim_spec_make(&plain, 1, 0, SIM_VIA_MQTT);
    spec = plain;
    sim_spec_speak(&spec, 1, mt_protocol_find("cat1", 4));
    CU_ASSERT_PTR_NULL(spec.foreign.protocol);
    CU_ASSERT_STRING_EQUAL(spec.name, plain.name);
    CU_ASSERT_EQUAL(memcmp(spec.root_key, plain.root_key, sizeof(spec.root_key)), 0);
    sim_spec_speak(&spec, 1, mt_protocol_find("dlms", 4));
    CU_ASSERT_NOT_EQUAL(memcmp(spec.root_key, plain.root_key, sizeof(spec.root_key)), 0);
    CU_ASSERT(sim_spec_line(line, sizeof(line), &spec, &tariffs) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "\"accept\":\"carrier\",\"raw_key\":\""));
    CU_ASSERT_PTR_NULL(strstr(line, "sign_public"));
}

static const struct unit_test tests[] = {
    {"every_frame_of_every_protocol_is_the_reading_that_was_taken",
     every_frame_of_every_protocol_is_the_reading_that_was_taken},
    {"a_lost_frame_is_not_sent_again", a_lost_frame_is_not_sent_again},
    {"numbers_and_keys_are_those_of_the_protocol", numbers_and_keys_are_those_of_the_protocol},
    {"a_spec_without_the_protocols_medium_stays_ours",
     a_spec_without_the_protocols_medium_stays_ours},
};

UNIT_MAIN("foreign", tests)
