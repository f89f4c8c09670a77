/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mapping files, shipped and wrong ones, over bodies made by hand from the platforms' documentation. */
#include "meters/calendar.h"
#include "tests/support/mapping_run.h"
#include "tests/support/unit.h"

#define HEAD \
    "format: meterpay-mapping-1\nname: own\nmatch: {topics: [\"x/{device}\"]}\nbody: json\n"
#define TOTAL(rest) HEAD "readings:\n  - {register: total, path: v, " rest "}\n"

/* 2026-11-23T11:00:00Z, by `date -u -d 2026-11-23T11:00:00Z +%s`. */
#define MOMENT_US (1795431600ll * 1000000)

/* The total of a case, or -1 - verdict when there is none. */
static int64_t total_of(const struct mapping_case *c)
{
    static struct mapping_run run;
    if (!mapping_do(&run, c) || !run.matched) {
        return INT64_MIN;
    }
    return run.verdict == GW_MAPPING_DONE ? run.mapped.reading.total : -1 - (int64_t)run.verdict;
}

static int64_t own(const char *mapping, const char *body, const char *channel)
{
    const struct mapping_case c = {.mapping = mapping,
                                   .topic = "x/d",
                                   .body = body,
                                   .owner = {.medium = MT_POWER, .channel = channel, .unit = ""}};
    return total_of(&c);
}

static const struct {
    struct mapping_case c;
    const char *device;
    const char *channel;
    int64_t total;
    int64_t time_us;
} shipped[] = {
    {{"tasmota",
      "tele/plug-1/SENSOR",
      "{\"Time\":\"2026-11-23T19:00:00\",\"ENERGY\":{\"Total\":7970.903}}",
      0,
      {MT_POWER, "", ""}},
     "plug-1",
     "",
     7970903,
     MOMENT_US},
    {{"tasmota",
      "tele/plug-1/SENSOR",
      "{\"Time\":\"2026-11-23T19:00:00\",\"ENERGY\":{\"Total\":[2.813,0.254]}}",
      0,
      {MT_POWER, "1", ""}},
     "plug-1",
     "",
     254,
     MOMENT_US},
    {{"tasmota-status",
      "stat/plug-1/STATUS10",
      "{\"StatusSNS\":{\"Time\":\"2026-11-23T19:00:00\",\"ENERGY\":{\"Total\":0.003}}}",
      0,
      {MT_POWER, "", ""}},
     "plug-1",
     "",
     3,
     MOMENT_US},
    {{"shelly-switch",
      "home-1/status/switch:0",
      "{\"id\":0,\"aenergy\":{\"total\":1234.567}}",
      0,
      {MT_POWER, "", ""}},
     "home-1",
     "0",
     1234,
     0},
    {{"shelly-em1",
      "home-1/status/em1data:1",
      "{\"id\":1,\"total_act_energy\":100000.5}",
      0,
      {MT_POWER, "", ""}},
     "home-1",
     "1",
     100000,
     0},
    {{"shelly-em3",
      "home-1/status/emdata:0",
      "{\"id\":0,\"total_act\":33.25}",
      0,
      {MT_POWER, "", ""}},
     "home-1",
     "",
     33,
     0},
    {{"shelly-em3-phase",
      "home-1/status/emdata:0",
      "{\"a_total_act_energy\":11.5,\"b_total_act_energy\":12.5}",
      0,
      {MT_POWER, "b", ""}},
     "home-1",
     "",
     12,
     0},
    /* 59,999 W min are 999.98 Wh */
    {{"shelly-gen1", "shellies/s1/relay/0/energy", "59999", 0, {MT_POWER, "", ""}},
     "s1",
     "0",
     999,
     0},
    {{"esphome", "node/sensor/water_total/state", "12.345", 0, {MT_WATER, "", "m3"}},
     "node",
     "water_total",
     12345000,
     0},
    {{"zigbee2mqtt",
      "zigbee2mqtt/valve",
      "{\"water_consumed\":77,\"battery\":99}",
      0,
      {MT_WATER, "", "l"}},
     "valve",
     "",
     77000,
     0},
    {{"zigbee2mqtt", "zigbee2mqtt/plug", "{\"energy\":1.5}", 0, {MT_POWER, "", ""}},
     "plug",
     "",
     1500,
     0},
    {{"wmbusmeters",
      "wmbusmeters/cold",
      "{\"id\":\"12345678\",\"total_m3\":6.408,\"timestamp\":\"2026-11-23T11:00:00Z\"}",
      0,
      {MT_WATER, "", ""}},
     "cold",
     "",
     6408000,
     MOMENT_US},
    {{"wmbusmeters",
      "wmbusmeters/main",
      "{\"total_energy_consumption_kwh\":9.5,\"total_energy_consumption_tariff_1_kwh\":3,"
      "\"timestamp\":\"2026-11-23T11:00:00Z\"}",
      0,
      {MT_POWER, "", ""}},
     "main",
     "",
     9500,
     MOMENT_US},
    {{"ai-on-the-edge",
      "dial/main/json",
      "{\"value\":\"521.1702\",\"error\":\"no error\",\"timestamp\":\"2026-11-23T19:00:00+0800\"}",
      0,
      {MT_WATER, "", "m3"}},
     "dial",
     "",
     521170200,
     MOMENT_US},
    {{"thingsboard",
      "v1/gateway/telemetry",
      "{\"A\":[{\"ts\":1795431600000,\"values\":{\"kwh\":5}}],"
      "\"B\":[{\"ts\":1795431600000,\"values\":{\"kwh\":\"6.5\"}}]}",
      1,
      {MT_POWER, "kwh", "kWh"}},
     "B",
     "",
     6500,
     MOMENT_US},
    {{"thingsboard-device",
      "v1/devices/d7/telemetry",
      "{\"ts\":1795431600000,\"values\":{\"kwh\":5.001}}",
      0,
      {MT_POWER, "kwh", "kWh"}},
     "d7",
     "",
     5001,
     MOMENT_US},
    {{"onenet",
      NULL,
      "{\"msg\":[{\"type\":2,\"imei\":\"86\",\"ds_id\":\"x\"},{\"type\":1,\"imei\":"
      "\"860000000000001\",\"ds_id\":\"3424_0_1\",\"at\":1795431600000,\"value\":\"46.3\"}]}",
      1,
      {MT_WATER, "", "m3"}},
     "860000000000001",
     "3424_0_1",
     46300000,
     MOMENT_US},
    {{"iotda",
      NULL,
      "{\"resource\":\"device.property\",\"notify_data\":{\"header\":{\"device_id\":\"w1\"},"
      "\"body\":{\"services\":[{\"service_id\":\"Water\",\"properties\":{\"total\":\"46.3\"},"
      "\"event_time\":\"20261123T110000Z\"}]}}}",
      0,
      {MT_WATER, "total", "m3"}},
     "w1",
     "",
     46300000,
     MOMENT_US},
};

static void each_shipped_mapping_reads_what_its_source_sends(void)
{
    static struct mapping_run run;
    for (size_t i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
        bool loaded = mapping_do(&run, &shipped[i].c);
        CU_ASSERT_FATAL(loaded);
        const struct gw_mapping_record *record = &run.records.records[shipped[i].c.record];
        bool good = run.matched && run.verdict == GW_MAPPING_DONE &&
                    run.mapped.reading.total == shipped[i].total &&
                    run.mapped.reading.time_us == shipped[i].time_us &&
                    strcmp(record->names.device, shipped[i].device) == 0 &&
                    strcmp(record->names.channel, shipped[i].channel) == 0;
        CU_ASSERT(good);
        if (!good) {
            printf("    %s, case %zu: %s\n", shipped[i].c.mapping, i, run.why);
        }
    }
}

static void frames_inside_envelopes_come_out_byte_by_byte(void)
{
    static const uint8_t want[] = {0x68, 0x10, 0x16};
    static const struct mapping_case cases[] = {
        {"chirpstack",
         "application/a/device/0102030405060708/event/up",
         "{\"fPort\":2,\"data\":\"aBAW\"}",
         0,
         {MT_WATER, "", ""}},
        {"ctwing",
         NULL,
         "{\"messageType\":\"dataReport\",\"deviceId\":\"d\",\"serviceId\":\"\",\"payload\":"
         "{\"APPdata\":\"aBAW\"}}",
         0,
         {MT_WATER, "", ""}},
        {"oceanconnect",
         NULL,
         "{\"notifyType\":\"deviceDataChanged\",\"deviceId\":\"d\",\"service\":{\"data\":"
         "{\"payload\":\"681016\"}}}",
         0,
         {MT_WATER, "", ""}},
    };
    static struct mapping_run run;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        CU_ASSERT_FATAL(mapping_do(&run, &cases[i]));
        CU_ASSERT(run.matched && run.verdict == GW_MAPPING_DONE && run.mapped.is_frame);
        CU_ASSERT(run.mapped.frame_len == sizeof(want) &&
                  memcmp(run.mapped.frame, want, sizeof(want)) == 0);
    }
}

static void messages_of_another_kind_are_left_aside(void)
{
    const struct mapping_case c = {
        "ctwing",
        NULL,
        "{\"messageType\":\"deviceOnlineOfflineReport\",\"deviceId\":\"d\"}",
        0,
        {MT_WATER, "", ""}};
    CU_ASSERT_EQUAL(total_of(&c), -1 - (int64_t)GW_MAPPING_ASIDE);
}

static void a_value_that_the_device_doubts_is_refused(void)
{
    const struct mapping_case c = {
        "ai-on-the-edge",
        "dial/main/json",
        "{\"value\":\"5\",\"error\":\"Rate too high\",\"timestamp\":\"2026-11-23T19:00:00+0800\"}",
        0,
        {MT_WATER, "", "m3"}};
    CU_ASSERT_EQUAL(total_of(&c), -1 - (int64_t)GW_MAPPING_UNMET);
}

static void numbers_are_taken_digit_by_digit(void)
{
    static const struct {
        const char *body;
        int64_t total;
    } rows[] = {
        {"{\"v\":0.1}", 100},
        {"{\"v\":1e3}", 1000000},
        {"{\"v\":0.0009999}", 0},
        {"{\"v\":999999999999.9999}", 999999999999999},
        {"{\"v\":1000000000000}", 1000000000000000},
        {"{\"v\":\"46.3\"}", 46300},
        {"{\"v\":1000000000000.001}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":-0.001}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":1e30}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":1e99999999999}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":1234567890.123456789}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":\"nan\"}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":true}", -1 - (int64_t)GW_MAPPING_BAD_NUMBER},
        {"{\"v\":null}", -1 - (int64_t)GW_MAPPING_MISSING},
        {"{\"v\":{}}", -1 - (int64_t)GW_MAPPING_MISSING},
        {"{\"w\":1}", -1 - (int64_t)GW_MAPPING_MISSING},
        {"{\"v\":1,\"v\":2}", -1 - (int64_t)GW_MAPPING_AMBIGUOUS},
        {"{\"v\":NaN}", -1 - (int64_t)GW_MAPPING_BAD_BODY},
        {"{\"v\":1} x", -1 - (int64_t)GW_MAPPING_BAD_BODY},
        {"", -1 - (int64_t)GW_MAPPING_BAD_BODY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t got = own(TOTAL("unit: kWh"), rows[i].body, "");
        CU_ASSERT_EQUAL(got, rows[i].total);
        if (got != rows[i].total) {
            printf("    %s gives %lld\n", rows[i].body, (long long)got);
        }
    }
    CU_ASSERT_EQUAL(own(TOTAL("unit: kWh, scale: \"0.1\""), "{\"v\":12345}", ""), 1234500);
}

static void a_list_needs_a_channel_and_a_unit_its_medium(void)
{
    CU_ASSERT_EQUAL(own(TOTAL("unit: kWh"), "{\"v\":[1,2]}", ""),
                    -1 - (int64_t)GW_MAPPING_AMBIGUOUS);
    CU_ASSERT_EQUAL(own(TOTAL("unit: kWh"), "{\"v\":[1,2]}", "1"), 2000);
    CU_ASSERT_EQUAL(own(TOTAL("unit: kWh"), "{\"v\":[1,2]}", "2"),
                    -1 - (int64_t)GW_MAPPING_MISSING);
    CU_ASSERT_EQUAL(own(TOTAL("unit: m3"), "{\"v\":1}", ""), -1 - (int64_t)GW_MAPPING_BAD_UNIT);
    CU_ASSERT_EQUAL(own(TOTAL("unit: source"), "{\"v\":1}", ""), -1 - (int64_t)GW_MAPPING_BAD_UNIT);
    CU_ASSERT_EQUAL(own(TOTAL("unit: {path: u}"), "{\"v\":1,\"u\":\"Wh\"}", ""), 1);
    CU_ASSERT_EQUAL(own(TOTAL("unit: {path: u}"), "{\"v\":1,\"u\":\"kVAh\"}", ""),
                    -1 - (int64_t)GW_MAPPING_BAD_UNIT);
}

static void a_clock_that_names_no_moment_is_refused(void)
{
    static const struct {
        const char *zone;
        const char *text;
        int64_t time_us; /* 0: refused */
    } rows[] = {
        {"", "2026-11-23T19:00:00.5+08:00", MOMENT_US + 500000},
        {"", "20261123T110000Z", MOMENT_US},
        {"", "2026-11-23 19:00:00+0800", MOMENT_US},
        {"", "2026-11-23T19:00:00", 0},
        {", zone: \"+08:00\"", "2026-11-23T19:00:00", MOMENT_US},
        {", zone: \"-03:30\"", "2026-11-23T07:30:00", MOMENT_US},
        {"", "2026-11-31T19:00:00Z", 0},
        {"", "1970-01-01T00:00:00Z", 0},
        {"", "2026-11-23T19:00:00Zx", 0},
        {"", "2026-11-23T19:00:00.Z", 0},
    };
    static struct mapping_run run;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char mapping[512];
        char body[128];
        (void)snprintf(mapping, sizeof(mapping), "%stime: {path: t, form: iso%s}\n",
                       TOTAL("unit: kWh"), rows[i].zone);
        (void)snprintf(body, sizeof(body), "{\"v\":1,\"t\":\"%s\"}", rows[i].text);
        const struct mapping_case c = {mapping, "x/d", body, 0, {MT_POWER, "", ""}};
        CU_ASSERT_FATAL(mapping_do(&run, &c));
        bool good = rows[i].time_us == 0 ? run.verdict == GW_MAPPING_BAD_TIME
                                         : run.verdict == GW_MAPPING_DONE &&
                                               run.mapped.reading.time_us == rows[i].time_us;
        CU_ASSERT(good);
        if (!good) {
            printf("    %s: %s\n", rows[i].text, run.why);
        }
    }
}

static void wrong_files_are_refused_with_their_line(void)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {TOTAL("unit: gallon"), "test:6: 'gallon' is no unit"},
        {TOTAL("unit: kWh, scale: -1"), "test:6: a scale"},
        {TOTAL("unit: kWh, colour: red"), "test:6: "},
        {HEAD, "test:1: a mapping has readings or a payload"},
        {HEAD "payload: {path: p, code: base64, protocol: morse}\n",
         "test:5: there is no protocol"},
        {HEAD "time: {path: t, form: iso, zone: \"8\"}\n", "test:5: a zone is written"},
        {"format: meterpay-mapping-1\nname: own\nmatch: {topics: [\"x/#\"]}\nbody: json\n"
         "payload: {path: p, code: hex, protocol: auto}\n",
         "test:3: a topic's pattern has no '#'"},
        {"format: meterpay-mapping-1\nname: own\nmatch: {hook: h}\nbody: json\n"
         "payload: {path: p, code: hex, protocol: auto}\n",
         "test:1: nothing says which device"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_mapping mapping;
        char why[GW_YAML_WHY_MAX] = "";
        CU_ASSERT_FALSE(mapping_get(&mapping, why, rows[i].text));
        bool same = strncmp(why, rows[i].why, strlen(rows[i].why)) == 0;
        CU_ASSERT(same);
        if (!same) {
            printf("    %s\n", why);
        }
    }
}

static void patterns_match_part_by_part_and_give_filters(void)
{
    static struct gw_mapping mapping;
    struct gw_mapping_names names;
    char filter[GW_MAPPING_PATH_MAX + 1];
    char why[GW_YAML_WHY_MAX];
    CU_ASSERT_FATAL(mapping_get(&mapping, why, "shelly-switch"));
    static const char *const others[] = {
        "a/status/switch:", "a/status/switch",     "a/status/switch:0/x",
        "/status/switch:0", "a/b/status/switch:0", "a,b/status/switch:0",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CU_ASSERT_FALSE(gw_mapping_topic(&names, &mapping, others[i], strlen(others[i])));
    }
    gw_mapping_filter(filter, &mapping, 0);
    CU_ASSERT_STRING_EQUAL(filter, "+/status/+");
}

static void base64_with_bits_left_over_is_refused(void)
{
    static const char *const texts[] = {"", "a", "aBA=W", "aB", "aBAW=", "aBA W", "=", "aBA-"};
    static struct mapping_run run;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char body[64];
        (void)snprintf(body, sizeof(body), "{\"data\":\"%s\"}", texts[i]);
        const struct mapping_case c = {
            "chirpstack", "application/a/device/01/event/up", body, 0, {MT_WATER, "", ""}};
        CU_ASSERT_FATAL(mapping_do(&run, &c));
        CU_ASSERT_EQUAL(run.verdict, GW_MAPPING_BAD_PAYLOAD);
    }
}

static void too_many_records_are_refused(void)
{
    static char body[4096];
    static struct mapping_run run;
    size_t len = 0;
    for (size_t i = 0; i <= GW_MAPPING_RECORDS_MAX; i++) {
        len += (size_t)snprintf(body + len, sizeof(body) - len, "%s{}", i == 0 ? "[" : ",");
    }
    (void)snprintf(body + len, sizeof(body) - len, "]");
    const struct mapping_case c = {
        "thingsboard-device", "v1/devices/d/telemetry", body, 0, {MT_POWER, "v", "kWh"}};
    CU_ASSERT_FATAL(mapping_do(&run, &c));
    CU_ASSERT_EQUAL(run.verdict, GW_MAPPING_TOO_LARGE);
}

static const struct unit_test tests[] = {
    {"each_shipped_mapping_reads_what_its_source_sends",
     each_shipped_mapping_reads_what_its_source_sends},
    {"frames_inside_envelopes_come_out_byte_by_byte",
     frames_inside_envelopes_come_out_byte_by_byte},
    {"messages_of_another_kind_are_left_aside", messages_of_another_kind_are_left_aside},
    {"a_value_that_the_device_doubts_is_refused", a_value_that_the_device_doubts_is_refused},
    {"numbers_are_taken_digit_by_digit", numbers_are_taken_digit_by_digit},
    {"a_list_needs_a_channel_and_a_unit_its_medium", a_list_needs_a_channel_and_a_unit_its_medium},
    {"a_clock_that_names_no_moment_is_refused", a_clock_that_names_no_moment_is_refused},
    {"wrong_files_are_refused_with_their_line", wrong_files_are_refused_with_their_line},
    {"patterns_match_part_by_part_and_give_filters", patterns_match_part_by_part_and_give_filters},
    {"base64_with_bits_left_over_is_refused", base64_with_bits_left_over_is_refused},
    {"too_many_records_are_refused", too_many_records_are_refused},
};
UNIT_MAIN("mapping", tests)
