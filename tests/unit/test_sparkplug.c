/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sparkplug B. Payloads were encoded by hand from the protobuf definition of Sparkplug 3.0 with a few lines of
 * Python; what they hold stands beside them. */
#include <stdlib.h>
#include <unistd.h>

#include "gateway/adapters/source.h"
#include "gateway/adapters/sparkplug.h"
#include "meters/message.h"
#include "tests/support/unit.h"

#define T_US INT64_C(1795431600000000)
#define MINUTE_US INT64_C(60000000)

/* seq 0: bdSeq 7; Node Control/Rebirth false; Energy/Total, alias 1, a double of 0.5 */
#define NBIRTH                                                                                     \
    "08809fc0c0a034120b0a05626453657120045807121a0a144e6f646520436f6e74726f6c2f52656269727468200b" \
    "70001222"                                                                                     \
    "0a0c456e657267792f546f74616c100118809fc0c0a034200a69000000000000e03f1800"
/* seq 1: Energy/Total, alias 2, a double of 1234.567; Power, alias 3; Water/m3, alias 4, 46 */
#define DBIRTH                                                                                     \
    "08809fc0c0a03412220a0c456e657267792f546f74616c100218809fc0c0a034200a6954e3a59b444a934012170a" \
    "05506f77"                                                                                     \
    "6572100318809fc0c0a0342009650000204012170a0857617465722f6d33100418809fc0c0a0342008582e1801"
/* seq 2, a minute later: alias 2 is 1235.25, alias 3 is 9.5 */
#define DDATA "08e0f3c3c0a0341212100218e0f3c3c0a0346900000000004d93401207100365000018411802"
/* seq 4, two minutes later: alias 4 is 47 */
#define DDATA_GAP "08c0c8c7c0a034120b100418c0c8c7c0a034582f1804"
#define NDEATH "08809fc0c0a034120b0a05626453657120045807"
#define NDEATH_OLD "08809fc0c0a034120b0a05626453657120045806"

#define BINDINGS                                                    \
    "mapping,device,channel,unit,meter,user\n"                      \
    "sparkplug,plant:gw-1:m7,Energy.Total,kWh,pSPB-00000007,gw-1\n" \
    "sparkplug,plant:gw-1:m7,Water.m3,m3,wSPB-00000007,gw-1\n"      \
    "sparkplug,plant:gw-1,Energy.Total,kWh,pSPB-00000001,gw-1\n"

/* What was handed to the core: "meter=total" in Wh or ml, and at what time. */
static char handed[256];
static int64_t handed_us;

static bool put(void *arg, const struct gw_message *message)
{
    static struct mt_message read;
    (void)arg;
    size_t used = strlen(handed);
    enum mt_medium medium = message->name[0] == 'w' ? MT_WATER : MT_POWER;
    CU_ASSERT_FATAL(mt_message_decode_cbor(&read, message->bytes, message->len, medium, 0) ==
                    MT_OK);
    handed_us = read.readings[0].time_us;
    (void)snprintf(handed + used, sizeof(handed) - used, "%s%.*s=%lld", used > 0 ? " " : "",
                   (int)message->name_len, message->name, (long long)read.readings[0].total);
    return true;
}

static size_t bytes_of(uint8_t *out, const char *hex)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        CU_ASSERT_FATAL(sscanf(hex + 2 * i, "%2x", &byte) == 1);
        out[i] = (uint8_t)byte;
    }
    return len;
}

static struct gw_sources *opened(void)
{
    char path[] = "/tmp/test_sparkplug.XXXXXX";
    char why[GW_SOURCE_WHY_BYTES] = "";
    struct gw_sources *sources = NULL;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, BINDINGS, strlen(BINDINGS)) == (ssize_t)strlen(BINDINGS));
    (void)close(fd);
    const struct gw_sources_config config = {.shipped = METERPAY_MAPPINGS, .bindings = path};
    enum gw_status status = gw_sources_open(&sources, why, &config);
    if (status != GW_OK) {
        printf("    %s\n", why);
    }
    CU_ASSERT_FATAL(status == GW_OK);
    (void)unlink(path);
    return sources;
}

static struct gw_source_outcome say_at(struct gw_sources *sources, const char *topic,
                                       const char *hex, int64_t time_us)
{
    struct gw_source_outcome out;
    uint8_t bytes[1024];
    const struct gw_source_message message = {.topic = topic,
                                              .topic_len = strlen(topic),
                                              .body = (const char *)bytes,
                                              .body_len = bytes_of(bytes, hex),
                                              .time_us = time_us,
                                              .transport = GW_VIA_MQTT};
    handed[0] = '\0';
    gw_sources_message(&out, sources, &message, put, NULL);
    return out;
}

static struct gw_source_outcome say(struct gw_sources *sources, const char *topic, const char *hex)
{
    return say_at(sources, topic, hex, T_US);
}

/* ---- births and data ------------------------------------------------------------------------------------ */

static void a_birth_names_the_metrics_and_data_come_by_alias(void)
{
    struct gw_sources *sources = opened();
    struct gw_source_outcome out = say(sources, "spBv1.0/plant/NBIRTH/gw-1", NBIRTH);
    CU_ASSERT_STRING_EQUAL(handed, "pSPB-00000001=500");
    CU_ASSERT(out.ask[0] == '\0' && out.known);
    out = say(sources, "spBv1.0/plant/DBIRTH/gw-1/m7", DBIRTH);
    CU_ASSERT_STRING_EQUAL(handed, "pSPB-00000007=1234567 wSPB-00000007=46000000");
    CU_ASSERT(out.ask[0] == '\0' && out.refused == 0 && out.unbound == 0);
    out = say(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA);
    CU_ASSERT_STRING_EQUAL(handed, "pSPB-00000007=1235250");
    CU_ASSERT_EQUAL(handed_us, T_US + MINUTE_US);
    CU_ASSERT(out.ask[0] == '\0');
    gw_sources_close(sources);
}

static void a_gap_costs_no_reading_and_births_are_asked_for_once_a_minute(void)
{
    struct gw_sources *sources = opened();
    (void)say(sources, "spBv1.0/plant/NBIRTH/gw-1", NBIRTH);
    (void)say(sources, "spBv1.0/plant/DBIRTH/gw-1/m7", DBIRTH);
    struct gw_source_outcome out = say(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA_GAP);
    CU_ASSERT_STRING_EQUAL(handed, "wSPB-00000007=47000000");
    CU_ASSERT_STRING_EQUAL(out.ask, "spBv1.0/plant/NCMD/gw-1");
    out = say_at(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA_GAP, T_US + MINUTE_US - 1);
    CU_ASSERT_STRING_EQUAL(out.ask, "");
    out = say_at(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA_GAP, T_US + MINUTE_US);
    CU_ASSERT_STRING_EQUAL(out.ask, "spBv1.0/plant/NCMD/gw-1");
    gw_sources_close(sources);
}

static void data_before_a_birth_ask_for_it(void)
{
    struct gw_sources *sources = opened();
    struct gw_source_outcome out = say(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA);
    CU_ASSERT_STRING_EQUAL(handed, "");
    CU_ASSERT_STRING_EQUAL(out.ask, "spBv1.0/plant/NCMD/gw-1");
    CU_ASSERT(out.unbound == 0 && out.refused == 0);
    gw_sources_close(sources);
}

static void a_death_ends_what_its_birth_named(void)
{
    struct gw_sources *sources = opened();
    (void)say(sources, "spBv1.0/plant/NBIRTH/gw-1", NBIRTH);
    (void)say(sources, "spBv1.0/plant/DBIRTH/gw-1/m7", DBIRTH);
    /* the death of the session before: bdSeq 6 */
    struct gw_source_outcome out = say(sources, "spBv1.0/plant/NDEATH/gw-1", NDEATH_OLD);
    CU_ASSERT(out.ask[0] == '\0');
    out = say(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA);
    CU_ASSERT_STRING_EQUAL(handed, "pSPB-00000007=1235250");
    (void)say(sources, "spBv1.0/plant/NDEATH/gw-1", NDEATH);
    out = say(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA);
    CU_ASSERT_STRING_EQUAL(handed, "");
    CU_ASSERT_STRING_EQUAL(out.ask, "spBv1.0/plant/NCMD/gw-1");
    gw_sources_close(sources);
}

static void a_device_that_died_has_no_aliases(void)
{
    struct gw_sources *sources = opened();
    (void)say(sources, "spBv1.0/plant/NBIRTH/gw-1", NBIRTH);
    (void)say(sources, "spBv1.0/plant/DBIRTH/gw-1/m7", DBIRTH);
    (void)say(sources, "spBv1.0/plant/DDEATH/gw-1/m7", "08809fc0c0a0341802");
    (void)say(sources, "spBv1.0/plant/DDATA/gw-1/m7", DDATA);
    CU_ASSERT_STRING_EQUAL(handed, "");
    gw_sources_close(sources);
}

static void strangers_and_damage_are_counted_and_change_nothing(void)
{
    struct gw_sources *sources = opened();
    struct gw_source_refusal refusal;
    struct gw_source_outcome out = say(sources, "spBv1.0/plant/NBIRTH/gw-2", NBIRTH);
    CU_ASSERT(out.unbound == 1 && out.ask[0] == '\0');
    CU_ASSERT(gw_sources_refusal(&refusal, sources, 0));
    CU_ASSERT_STRING_EQUAL(refusal.names.device, "plant:gw-2");
    out = say(sources, "spBv1.0/plant/NBIRTH/gw-1", "08809fc0c0a034120b0a");
    CU_ASSERT(out.refused == 1 && gw_sources_refusal(&refusal, sources, 0));
    CU_ASSERT_EQUAL(refusal.verdict, GW_MAPPING_BAD_BODY);
    out = say(sources, "spBv1.0/plant/NCMD/gw-1", NBIRTH);
    CU_ASSERT(out.unbound == 0 && out.refused == 0 && handed[0] == '\0');
    out = say(sources, "spBv1.0/pl:nt/NBIRTH/gw-1", NBIRTH);
    CU_ASSERT(out.unbound == 0 && handed[0] == '\0');
    gw_sources_close(sources);
}

static void an_edge_node_gets_the_rights_that_it_needs(void)
{
    static const struct {
        const char *topic;
        bool is_command;
    } wanted[] = {
        {"spBv1.0/plant/+/gw-1", false},    {"spBv1.0/plant/+/gw-1/m7", false},
        {"spBv1.0/plant/NCMD/gw-1", true},  {"spBv1.0/plant/+/gw-1", false},
        {"spBv1.0/plant/+/gw-1/m7", false}, {"spBv1.0/plant/NCMD/gw-1", true},
        {"spBv1.0/plant/+/gw-1", false},    {"spBv1.0/plant/NCMD/gw-1", true},
    };
    struct gw_sources *sources = opened();
    struct gw_source_grant grant;
    uint64_t cursor = 0;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        CU_ASSERT_FATAL(gw_sources_grant(&grant, sources, &cursor));
        CU_ASSERT_STRING_EQUAL(grant.topic, wanted[i].topic);
        CU_ASSERT_EQUAL(grant.is_command, wanted[i].is_command);
        CU_ASSERT_STRING_EQUAL(grant.user, "gw-1");
    }
    CU_ASSERT_FALSE(gw_sources_grant(&grant, sources, &cursor));
    gw_sources_close(sources);
}

/* ---- payloads ------------------------------------------------------------------------------------------- */

/* The value of a payload's only metric, of its birth's datatype; "" for none. */
static const char *value_of(const char *hex, uint32_t datatype)
{
    static char text[GW_SPARKPLUG_VALUE_BYTES];
    uint8_t bytes[256];
    struct gw_sparkplug_payload payload;
    struct gw_sparkplug_metric metric;
    size_t len = bytes_of(bytes, hex);
    CU_ASSERT_FATAL(gw_sparkplug_open(&payload, bytes, len));
    CU_ASSERT_FATAL(gw_sparkplug_next(&metric, &payload));
    text[0] = '\0';
    return gw_sparkplug_value(text, &metric, datatype) ? text : "";
}

static void values_of_each_kind_become_decimal_text(void)
{
    /* a metric is 12 <len>; int 50, long 58, float 65, double 69, boolean 70, text 7a, null 38, datatype 20 */
    CU_ASSERT_STRING_EQUAL(value_of("12025005", 0), "5");
    CU_ASSERT_STRING_EQUAL(value_of("120650ffffffff0f", 0), "4294967295");
    CU_ASSERT_STRING_EQUAL(value_of("120650ffffffff0f", 3), "-1"); /* Int32 */
    CU_ASSERT_STRING_EQUAL(value_of("120b58ffffffffffffffffff01", 8), "18446744073709551615");
    CU_ASSERT_STRING_EQUAL(value_of("120b58ffffffffffffffffff01", 4), "-1"); /* Int64 */
    CU_ASSERT_STRING_EQUAL(value_of("12056525529a44", 0), "1234567e-3");     /* 1234.567f */
    CU_ASSERT_STRING_EQUAL(value_of("120969333333333333d33f", 0), "3e-1");
    CU_ASSERT_STRING_EQUAL(value_of("120969000000000000f07f", 0), ""); /* without end */
    CU_ASSERT_STRING_EQUAL(value_of("12077a0531322e3530", 0), "12.50");
    CU_ASSERT_STRING_EQUAL(value_of("12057a03313222", 0), ""); /* a quote in it */
    CU_ASSERT_STRING_EQUAL(value_of("12027001", 0), "");       /* true */
    CU_ASSERT_STRING_EQUAL(value_of("120438015005", 0), "");   /* null */
    CU_ASSERT_STRING_EQUAL(value_of("1204200d5805", 0), "");   /* a date */
}

static void a_payload_ends_where_it_says(void)
{
    uint8_t bytes[256];
    struct gw_sparkplug_payload payload;
    size_t len = bytes_of(bytes, DBIRTH);
    CU_ASSERT(gw_sparkplug_open(&payload, bytes, len));
    for (size_t cut = 1; cut < len; cut++) {
        uint8_t *exact = malloc(cut); /* a byte beyond is found by the sanitizer */
        CU_ASSERT_FATAL(exact != NULL);
        memcpy(exact, bytes, cut);
        if (gw_sparkplug_open(&payload, exact, cut)) { /* cut between two fields */
            struct gw_sparkplug_metric metric;
            while (gw_sparkplug_next(&metric, &payload)) {
                CU_ASSERT(metric.name != NULL);
            }
        }
        free(exact);
    }
    CU_ASSERT_FALSE(gw_sparkplug_open(&payload, bytes, bytes_of(bytes, "0b")));     /* a group */
    CU_ASSERT_FALSE(gw_sparkplug_open(&payload, bytes, bytes_of(bytes, "00")));     /* field 0 */
    CU_ASSERT_FALSE(gw_sparkplug_open(&payload, bytes, bytes_of(bytes, "188002"))); /* seq 256 */
    CU_ASSERT_FALSE(gw_sparkplug_open(&payload, bytes, bytes_of(bytes, "12ffffffff0f")));
    CU_ASSERT_FALSE(gw_sparkplug_open(&payload, bytes,
                                      bytes_of(bytes, "08ffffffffffffffffff7f"))); /* 70 bits */
    CU_ASSERT(gw_sparkplug_open(&payload, bytes, 0));
}

static void a_rebirth_is_asked_for_as_the_specification_says(void)
{
    uint8_t want[GW_SPARKPLUG_REBIRTH_BYTES];
    uint8_t bytes[GW_SPARKPLUG_REBIRTH_BYTES];
    size_t len = bytes_of(want, "08809fc0c0a03412210a144e6f646520436f6e74726f6c2f526562697274"
                                "6818809fc0c0a034200b7001");
    CU_ASSERT_EQUAL(gw_sparkplug_rebirth(bytes, T_US), len);
    CU_ASSERT(memcmp(bytes, want, len) == 0);
    CU_ASSERT(gw_sparkplug_rebirth(bytes, INT64_MAX) <= sizeof(bytes));
}

static const struct unit_test tests[] = {
    {"a_birth_names_the_metrics_and_data_come_by_alias",
     a_birth_names_the_metrics_and_data_come_by_alias},
    {"a_gap_costs_no_reading_and_births_are_asked_for_once_a_minute",
     a_gap_costs_no_reading_and_births_are_asked_for_once_a_minute},
    {"data_before_a_birth_ask_for_it", data_before_a_birth_ask_for_it},
    {"a_death_ends_what_its_birth_named", a_death_ends_what_its_birth_named},
    {"a_device_that_died_has_no_aliases", a_device_that_died_has_no_aliases},
    {"strangers_and_damage_are_counted_and_change_nothing",
     strangers_and_damage_are_counted_and_change_nothing},
    {"an_edge_node_gets_the_rights_that_it_needs", an_edge_node_gets_the_rights_that_it_needs},
    {"values_of_each_kind_become_decimal_text", values_of_each_kind_become_decimal_text},
    {"a_payload_ends_where_it_says", a_payload_ends_where_it_says},
    {"a_rebirth_is_asked_for_as_the_specification_says",
     a_rebirth_is_asked_for_as_the_specification_says},
};
UNIT_MAIN("sparkplug", tests)
