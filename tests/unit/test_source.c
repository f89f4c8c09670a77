/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bindings of foreign devices, and what becomes of their messages. */
#include <stdlib.h>
#include <unistd.h>

#include "gateway/adapters/source.h"
#include "meters/message.h"
#include "tests/support/unit.h"

#define HEADER "mapping,device,channel,unit,meter,user\n"

static struct gw_message last;
static uint8_t last_bytes[GW_MESSAGE_BYTES_MAX];
static char last_name[MT_NAME_MAX + 1];
static uint32_t put_count;
static bool ring_full;

static bool put(void *arg, const struct gw_message *message)
{
    (void)arg;
    if (ring_full) {
        return false;
    }
    put_count++;
    last = *message;
    memcpy(last_bytes, message->bytes, message->len);
    snprintf(last_name, sizeof(last_name), "%.*s", (int)message->name_len, message->name);
    return true;
}

static enum gw_status open_with(struct gw_sources **sources, char why[GW_SOURCE_WHY_BYTES],
                                const char *bindings)
{
    char path[] = "/tmp/test_source.XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_FATAL(write(fd, bindings, strlen(bindings)) == (ssize_t)strlen(bindings));
    (void)close(fd);
    const struct gw_sources_config config = {.shipped = METERPAY_MAPPINGS, .bindings = path};
    enum gw_status status = gw_sources_open(sources, why, &config);
    (void)unlink(path);
    return status;
}

static struct gw_sources *opened(const char *bindings)
{
    struct gw_sources *sources = NULL;
    char why[GW_SOURCE_WHY_BYTES] = "";
    enum gw_status status = open_with(&sources, why, bindings);
    if (status != GW_OK) {
        printf("    %s\n", why);
    }
    CU_ASSERT_FATAL(status == GW_OK);
    return sources;
}

static struct gw_source_outcome say(struct gw_sources *sources, const char *topic, const char *body)
{
    struct gw_source_outcome out;
    const bool hook = strchr(topic, '/') == NULL;
    const struct gw_source_message message = {.topic = hook ? NULL : topic,
                                              .topic_len = hook ? 0 : strlen(topic),
                                              .hook = hook ? topic : NULL,
                                              .body = body,
                                              .body_len = strlen(body),
                                              .time_us = 7,
                                              .transport = GW_VIA_MQTT,
                                              .reply = 42};
    put_count = 0;
    gw_sources_message(&out, sources, &message, put, NULL);
    return out;
}

static void a_bound_devices_reading_becomes_its_meters_message(void)
{
    static struct mt_message read;
    struct gw_sources *sources = opened(HEADER "# a comment\n\ntasmota,plug-1,,,pTAS-001\n");
    struct gw_source_outcome out =
        say(sources, "tele/plug-1/SENSOR",
            "{\"Time\":\"2026-11-23T19:00:00\",\"ENERGY\":{\"Total\":7970.903}}");
    CU_ASSERT(out.put == 1 && out.known && out.refused == 0 && out.unbound == 0);
    CU_ASSERT_STRING_EQUAL(last_name, "pTAS-001");
    CU_ASSERT(last.form == GW_FORM_CBOR && last.transport == GW_VIA_MQTT && last.reply == 42);
    CU_ASSERT_EQUAL(mt_message_decode_cbor(&read, last_bytes, last.len, MT_POWER, 0), MT_OK);
    CU_ASSERT_EQUAL(read.count, 1);
    CU_ASSERT_EQUAL(read.readings[0].total, 7970903);
    CU_ASSERT_EQUAL(read.readings[0].time_us, 1795431600ll * 1000000);
    gw_sources_close(sources);
}

static void each_circuit_of_a_list_goes_to_its_own_meter(void)
{
    struct gw_sources *sources =
        opened(HEADER "tasmota,dual,0,,pTAS-001\ntasmota,dual,1,,pTAS-002\n");
    struct gw_source_outcome out =
        say(sources, "tele/dual/SENSOR",
            "{\"Time\":\"2026-11-23T19:00:00\",\"ENERGY\":{\"Total\":[2.813,0.254]}}");
    CU_ASSERT(out.put == 2 && put_count == 2 && out.refused == 0);
    gw_sources_close(sources);
}

static void a_channel_in_the_topic_chooses_its_binding(void)
{
    struct gw_sources *sources =
        opened(HEADER "shelly-switch,s,0,,pSHE-000\nshelly-switch,s,1,,pSHE-001\n");
    CU_ASSERT_EQUAL(say(sources, "s/status/switch:1", "{\"aenergy\":{\"total\":5}}").put, 1);
    CU_ASSERT_STRING_EQUAL(last_name, "pSHE-001");
    struct gw_source_outcome out = say(sources, "s/status/switch:2", "{\"aenergy\":{\"total\":5}}");
    CU_ASSERT(out.put == 0 && out.unbound == 1);
    gw_sources_close(sources);
}

static void a_frame_in_an_envelope_goes_on_as_it_is(void)
{
    struct gw_sources *sources = opened(HEADER "ctwing,d1,,,wCJT-001\n");
    struct gw_source_outcome out = say(
        sources, "ctwing",
        "{\"messageType\":\"dataReport\",\"deviceId\":\"d1\",\"payload\":{\"APPdata\":\"aBAW\"}}");
    CU_ASSERT(out.put == 1 && last.form == GW_FORM_RAW && last.protocol == NULL && last.len == 3);
    out = say(sources, "ctwing", "{\"messageType\":\"commandResponse\",\"deviceId\":\"d1\"}");
    CU_ASSERT(out.put == 0 && out.aside == 1 && out.refused == 0);
    gw_sources_close(sources);
}

static void a_notice_beside_a_reading_is_left_aside(void)
{
    struct gw_sources *sources = opened(HEADER "onenet,86,3424_0_1,m3,wONE-001\n");
    struct gw_source_outcome out =
        say(sources, "onenet",
            "{\"msg\":[{\"type\":2,\"dev_id\":5},{\"type\":1,\"imei\":\"86\",\"ds_id\":"
            "\"3424_0_1\",\"at\":1795431600000,\"value\":\"46.3\"}]}");
    CU_ASSERT(out.put == 1 && out.aside == 1 && out.refused == 0 && out.unbound == 0);
    CU_ASSERT_EQUAL(say(sources, "onenet", "{\"msg\":{\"type\":1}}").refused, 1);
    gw_sources_close(sources);
}

static void what_gives_no_reading_is_counted_and_shown(void)
{
    struct gw_source_refusal refusal;
    struct gw_sources_state state;
    struct gw_sources *sources = opened(HEADER "zigbee2mqtt,valve,,,wZ2M-001\n");
    CU_ASSERT_EQUAL(say(sources, "zigbee2mqtt/valve", "{\"water_consumed\":7}").refused, 1);
    CU_ASSERT_EQUAL(say(sources, "zigbee2mqtt/other", "{\"energy\":7}").unbound, 1);
    CU_ASSERT_EQUAL(say(sources, "zigbee2mqtt/valve", "no JSON").refused, 1);
    CU_ASSERT_FALSE(say(sources, "nobody/knows/this", "{}").known);
    gw_sources_state(&state, sources);
    CU_ASSERT(state.messages == 4 && state.put == 0 && state.unbound == 1);
    CU_ASSERT(state.refused[GW_MAPPING_BAD_UNIT] == 1 && state.refused[GW_MAPPING_BAD_BODY] == 1);
    CU_ASSERT(gw_sources_refusal(&refusal, sources, 0));
    CU_ASSERT(refusal.verdict == GW_MAPPING_BAD_BODY && refusal.time_us == 7);
    CU_ASSERT(gw_sources_refusal(&refusal, sources, 1));
    CU_ASSERT_STRING_EQUAL(refusal.names.device, "other");
    CU_ASSERT(gw_sources_refusal(&refusal, sources, 2));
    CU_ASSERT_FALSE(gw_sources_refusal(&refusal, sources, 3));
    gw_sources_close(sources);
}

static void a_full_ring_is_told_and_nothing_is_counted_as_put(void)
{
    struct gw_sources *sources = opened(HEADER "zigbee2mqtt,plug,,,pZ2M-001\n");
    ring_full = true;
    struct gw_source_outcome out = say(sources, "zigbee2mqtt/plug", "{\"energy\":7}");
    ring_full = false;
    CU_ASSERT(out.full && out.put == 0);
    CU_ASSERT_EQUAL(say(sources, "zigbee2mqtt/plug", "{\"energy\":7}").put, 1);
    gw_sources_close(sources);
}

static void filters_are_those_of_bound_mappings_only(void)
{
    char filter[GW_MAPPING_PATH_MAX + 1];
    struct gw_sources *sources = opened(HEADER "tasmota-status,d,,,pTAS-001\n");
    CU_ASSERT_FATAL(gw_sources_filter(filter, sources, 0));
    CU_ASSERT_STRING_EQUAL(filter, "stat/+/STATUS8");
    CU_ASSERT_FATAL(gw_sources_filter(filter, sources, 1));
    CU_ASSERT_STRING_EQUAL(filter, "stat/+/STATUS10");
    CU_ASSERT_FALSE(gw_sources_filter(filter, sources, 2));
    gw_sources_close(sources);
}

static void wrong_lines_are_refused_with_their_number(void)
{
    static const struct {
        const char *bindings;
        const char *why;
    } rows[] = {
        {"", NULL},
        {"device,mapping\n", ":1: the first line is"},
        {HEADER "tasmota,d,,,pTAS-001,x,y\n", ":2: it has more than 6 fields"},
        {HEADER "tasmota,d,,,pTAS-001,a b\n", ":2: a user has 1 to 32"},
        {HEADER "tasmota,d,,,pTAS-001,pTAS-001\n", ":2: a user must not be named as a meter"},
        {HEADER "tasmota,d,,,pTAS-001,meterpayd-gw1\n", ":2: a user must not be named"},
        {HEADER "tasmota,d,,\n", ":2: it has not 6 fields"},
        {HEADER "morse,d,,,pTAS-001\n", ":2: there is no mapping"},
        {HEADER "tasmota,,,,pTAS-001\n", ":2: a device has 1 to 64"},
        {HEADER "tasmota,d,,gal,pTAS-001\n", ":2: its unit is none"},
        {HEADER "tasmota,d,,,TAS-001\n", ":2: its fifth field is no meter's name"},
        {HEADER "\ntasmota,d,,,pTAS-001\ntasmota,d,,,pTAS-002\n", ":4: that device"},
        {HEADER "tasmota,d,,,pTAS-001\ntasmota,e,,,pTAS-001\n", ":3: that meter is bound already"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_sources *sources = NULL;
        char why[GW_SOURCE_WHY_BYTES] = "";
        enum gw_status status = open_with(&sources, why, rows[i].bindings);
        bool good = rows[i].why == NULL ? status == GW_OK
                                        : status == GW_INVALID && strstr(why, rows[i].why) != NULL;
        CU_ASSERT(good);
        if (!good) {
            printf("    row %zu: %s\n", i, why);
        }
        gw_sources_close(sources);
    }
}

static void many_bindings_are_found(void)
{
    enum { COUNT = 20000 };
    char *text = malloc((size_t)64 * (COUNT + 1));
    size_t len = (size_t)sprintf(text, HEADER);
    for (int i = 0; i < COUNT; i++) {
        len += (size_t)sprintf(text + len, "zigbee2mqtt,plug-%d,,,pZ2M-%08d\n", i, i);
    }
    struct gw_sources *sources = opened(text);
    free(text);
    for (int i = 0; i < COUNT; i += 997) {
        char topic[64];
        char name[32];
        snprintf(topic, sizeof(topic), "zigbee2mqtt/plug-%d", i);
        snprintf(name, sizeof(name), "pZ2M-%08d", i);
        CU_ASSERT_EQUAL(say(sources, topic, "{\"energy\":1.5}").put, 1);
        CU_ASSERT_STRING_EQUAL(last_name, name);
    }
    gw_sources_close(sources);
}

static const struct unit_test tests[] = {
    {"a_bound_devices_reading_becomes_its_meters_message",
     a_bound_devices_reading_becomes_its_meters_message},
    {"each_circuit_of_a_list_goes_to_its_own_meter", each_circuit_of_a_list_goes_to_its_own_meter},
    {"a_channel_in_the_topic_chooses_its_binding", a_channel_in_the_topic_chooses_its_binding},
    {"a_frame_in_an_envelope_goes_on_as_it_is", a_frame_in_an_envelope_goes_on_as_it_is},
    {"a_notice_beside_a_reading_is_left_aside", a_notice_beside_a_reading_is_left_aside},
    {"what_gives_no_reading_is_counted_and_shown", what_gives_no_reading_is_counted_and_shown},
    {"a_full_ring_is_told_and_nothing_is_counted_as_put",
     a_full_ring_is_told_and_nothing_is_counted_as_put},
    {"filters_are_those_of_bound_mappings_only", filters_are_those_of_bound_mappings_only},
    {"wrong_lines_are_refused_with_their_number", wrong_lines_are_refused_with_their_number},
    {"many_bindings_are_found", many_bindings_are_found},
};
UNIT_MAIN("source", tests)
