/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Envelopes of platforms and hobbyists' gateways, through the shipped mappings. */
#include "tests/vectors/corpus.h"

#include "meters/calendar.h"
#include "tests/support/mapping_run.h"

#define OWN_HEAD                                                                                 \
    "format: meterpay-mapping-1\nname: own\nmatch: {topics: [\"tele/{device}/SENSOR\"]}\nbody: " \
    "json\n"

/* Keys that the owner of the device chose, and a driver's status: a file of one's own. */
static const char sml_script[] =
    OWN_HEAD "device: StatusSNS.z.SMid\n"
             "time: {path: StatusSNS.Time, form: iso, zone: \"+08:00\"}\n"
             "readings:\n  - {register: total, path: StatusSNS.z.Ei, unit: kWh}\n";
static const char em_status[] =
    OWN_HEAD "readings:\n  - {register: total, path: \"{channel}_aenergy.total\", unit: Wh}\n";
static const char em1_status[] =
    OWN_HEAD "readings:\n  - {register: total, path: aenergy.total, unit: Wh}\n";

static const struct {
    const char *prefix; /* of the row's id */
    const char *mapping;
    const char *topic;
    const char *channels[3]; /* in the order of the row's */
} kinds[] = {
    {"tasmota/status8", "tasmota-status", "stat/t/STATUS8", {""}},
    {"tasmota/sml-script", sml_script, "tele/t/SENSOR", {""}},
    {"tasmota/", "tasmota", "tele/t/SENSOR", {"0", "1"}},
    {"shelly/3em", em_status, "tele/t/SENSOR", {"a", "b", "c"}},
    {"shelly/em1", em1_status, "tele/t/SENSOR", {""}},
    {"ctwing/", "ctwing", NULL, {""}},
    {"oceanconnect/", "oceanconnect", NULL, {""}},
    {"chirpstack/", "chirpstack", NULL, {""}},
};

static struct mapping_run run;

static bool run_row(const struct row *row, size_t kind, const char *channel, uint32_t body_max)
{
    static char body[FRAME_BYTES_MAX + 1];
    memcpy(body, row->bytes, row->len < body_max ? row->len : body_max);
    body[row->len < body_max ? row->len : body_max] = '\0';
    const struct mapping_case c = {.mapping = kinds[kind].mapping,
                                   .topic = kinds[kind].topic,
                                   .body = body,
                                   .owner = {.medium = MT_POWER, .channel = channel}};
    return mapping_do(&run, &c);
}

/* The stated decimal in Wh against ours, digit by digit. */
static bool same_total(const json_t *total, const json_t *unit)
{
    int64_t want = 0;
    const char *text = json_string_value(total);
    int32_t scale = strcmp(json_string_value(unit), "kWh") == 0 ? 3 : 0;
    return mt_decimal_text_scaled(&want, text, strlen(text), scale) == MT_OK &&
           run.verdict == GW_MAPPING_DONE && run.mapped.reading.total == want;
}

static bool same_moment(const char *text)
{
    struct mt_calendar c = {0};
    int64_t want = 0;
    return sscanf(text, "%d-%d-%dT%d:%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute,
                  &c.second) == 6 &&
           mt_calendar_to_us(&want, &c) == MT_OK && run.mapped.reading.time_us == want;
}

static void check_readings(const struct row *row, size_t kind)
{
    const json_t *channels = json_object_get(row->expected, "channels");
    const json_t *unit = json_object_get(row->expected, "unit");
    const char *time = json_string_value(json_object_get(row->expected, "timestamp"));
    for (size_t i = 0; i < json_array_size(channels); i++) {
        const json_t *total = json_object_get(json_array_get(channels, i), "total");
        expect(run_row(row, kind, kinds[kind].channels[i], UINT32_MAX), row, "the mapping");
        expect(same_total(total, unit), row, run.why);
    }
    if (channels != NULL) {
        expect(run_row(row, kind, "", UINT32_MAX) && run.verdict == GW_MAPPING_AMBIGUOUS, row,
               "one of several was taken without being asked for");
        return;
    }
    expect(run_row(row, kind, "", UINT32_MAX), row, "the mapping");
    expect(same_total(json_object_get(row->expected, "total"), unit), row, run.why);
    expect(time == NULL || same_moment(time), row, "the clock");
}

/* Envelopes: whose it is, what is in it, and what is no report is left aside. */
static void check_envelope(const struct row *row, size_t kind)
{
    const char *device = json_string_value(json_object_get(row->expected, "device_id"));
    const char *hex = json_string_value(json_object_get(row->expected, "payload_hex"));
    const char *what = json_string_value(json_object_get(row->expected, "kind"));
    bool transparent = json_is_true(json_object_get(row->expected, "transparent")) || hex != NULL;
    bool report = strcmp(what, "dataReport") == 0 || strcmp(what, "deviceDataChanged") == 0;
    expect(run_row(row, kind, "", UINT32_MAX), row, "the mapping");
    expect(strcmp(run.records.records[0].names.device, device) == 0, row, "the device");
    enum gw_mapping_verdict want = !report       ? GW_MAPPING_ASIDE
                                   : transparent ? GW_MAPPING_DONE
                                                 : GW_MAPPING_MISSING;
    expect(run.verdict == want, row, run.why);
    if (hex != NULL) {
        uint8_t bytes[256];
        size_t len = unhex(bytes, sizeof(bytes), hex);
        expect(run.mapped.frame_len == len && memcmp(run.mapped.frame, bytes, len) == 0, row,
               "the frame");
    }
}

/* ChirpStack's other events have topics that the mapping is not for. */
static void check_event(const struct row *row, size_t kind)
{
    char topic[160];
    char why[GW_YAML_WHY_MAX];
    struct gw_mapping_names names;
    static struct gw_mapping mapping;
    const char *device = json_string_value(json_object_get(row->expected, "device_id"));
    const char *event = json_string_value(json_object_get(row->expected, "kind"));
    expect(mapping_get(&mapping, why, kinds[kind].mapping), row, "the mapping");
    int len = snprintf(topic, sizeof(topic), "application/a/device/%s/event/%s", device, event);
    expect(!gw_mapping_topic(&names, &mapping, topic, (size_t)len), row, "another event's topic");
    len = snprintf(topic, sizeof(topic), "application/a/device/%s/event/up", device);
    expect(gw_mapping_topic(&names, &mapping, topic, (size_t)len) &&
               strcmp(names.device, device) == 0,
           row, "its own topic");
}

static void check_row(const struct row *row)
{
    size_t kind = 0;
    while (kind < sizeof(kinds) / sizeof(kinds[0]) &&
           strncmp(row->id, kinds[kind].prefix, strlen(kinds[kind].prefix)) != 0) {
        kind++;
    }
    expect(kind < sizeof(kinds) / sizeof(kinds[0]), row, "no mapping is shipped for it");
    if (strncmp(row->id, "chirpstack/", 11) == 0) {
        check_event(row, kind);
        return;
    }
    if (json_object_get(row->expected, "kind") != NULL) {
        check_envelope(row, kind);
    } else {
        check_readings(row, kind);
    }
    for (uint32_t len = 0; len < row->len; len++) {
        expect(run_row(row, kind, "", len) && run.verdict != GW_MAPPING_DONE, row,
               "a text that was cut off gave a reading");
    }
}

static void platforms_envelopes_give_the_stated_registers(void)
{
    if (each_row("platform_json.tsv", check_row) == 0) {
        UNIT_SKIP("the folder of collected frames is not there");
    }
}

static const struct unit_test tests[] = {
    {"platforms_envelopes_give_the_stated_registers",
     platforms_envelopes_give_the_stated_registers},
};
UNIT_MAIN("corpus_platform", tests)
