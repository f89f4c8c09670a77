/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lines.yaml and register maps. */
#include "gateway/adapters/poll_plan.h"
#include "tests/support/unit.h"

static struct gw_poll_plan plan;
static char why[GW_YAML_WHY_MAX];

static enum gw_status parse(const char *text)
{
    struct gw_yaml_source source = {.name = "lines.yaml", .text = text, .len = strlen(text)};
    return gw_poll_plan_parse(&plan, why, &source, "gateway");
}

static void a_plan_is_read_whole(void)
{
    static const char text[] =
        "lines:\n"
        "  - name: stairs-1\n"
        "    device: /dev/ttyUSB0\n"
        "    speed: 9600\n"
        "    parity: none\n"
        "    time_sync: \"03:10\"\n"
        "    meters:\n"
        "      - {meter: pHXE-000012345678, protocol: dlt645, every: 1min}\n"
        "      - {meter: wABC-12345678, protocol: mbus, address: 5, every: 1h}\n"
        "  - name: cellar\n"
        "    tcp: 127.0.0.1:502\n"
        "    modbus: tcp\n"
        "    meters:\n"
        "      - {meter: pEAS-1, protocol: modbus, address: 1, map: sdm120}\n";
    CU_ASSERT_EQUAL(parse(text), GW_OK);
    CU_ASSERT_EQUAL(plan.line_count, 2);
    CU_ASSERT_EQUAL(plan.target_count, 3);
    CU_ASSERT_EQUAL(plan.lines[0].speed, 9600);
    CU_ASSERT_EQUAL(plan.lines[0].parity, 'N');
    CU_ASSERT_EQUAL(plan.lines[0].sync_minute, 190);
    CU_ASSERT_EQUAL(plan.lines[0].count, 2);
    CU_ASSERT_EQUAL(plan.lines[1].first, 2);
    CU_ASSERT_EQUAL(plan.lines[1].port, 502);
    CU_ASSERT_STRING_EQUAL(plan.lines[1].where, "127.0.0.1");
    CU_ASSERT_EQUAL(plan.targets[0].every_us, 60000000);
    CU_ASSERT_EQUAL(plan.targets[1].address, 5);
    CU_ASSERT_EQUAL(plan.targets[2].every_us, 900000000);
    CU_ASSERT_STRING_EQUAL(plan.maps[0].name, "sdm120");
}

static void what_is_wrong_is_told_with_its_line(void)
{
    static const struct {
        const char *line, *meter, *complaint;
    } rows[] = {
        {"device: /dev/x", "{meter: pHXE-123, protocol: dlt645}", "12 digits"},
        {"device: /dev/x", "{meter: HXE, protocol: dlt645}", "no meter's name"},
        {"device: /dev/x", "{meter: wABC-12345678, protocol: mbus}", "address"},
        {"device: /dev/x", "{meter: wABC-12345678, protocol: mbus, address: 251}", "address"},
        {"device: /dev/x", "{meter: wABC-12345678, protocol: mbus-secondary, address: 1}", "leave"},
        {"device: /dev/x", "{meter: pEAS-1, protocol: modbus, address: 1, map: none-such}", "map"},
        {"device: /dev/x", "{meter: wEAS-1, protocol: modbus, address: 1, map: sdm120}", "medium"},
        {"device: /dev/x", "{meter: pHXE-000012345678, protocol: dlt645, every: 5}", "span"},
        {"tcp: nowhere", "{meter: pHXE-000012345678, protocol: dlt645}", "host:port"},
        {"modbus: tcp", "{meter: pHXE-000012345678, protocol: dlt645}", "device or a tcp"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[500];
        snprintf(text, sizeof(text), "lines:\n  - name: a\n    %s\n    meters:\n      - %s\n",
                 rows[i].line, rows[i].meter);
        CU_ASSERT_EQUAL(parse(text), GW_INVALID);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, rows[i].complaint));
        CU_ASSERT_EQUAL(strncmp(why, "lines.yaml:", 11), 0);
    }
}

static void bits_become_units_exactly(void)
{
    static const struct {
        uint8_t type;
        bool low_first;
        int64_t scale_micro;
        uint16_t words[4];
        enum mt_status status;
        int64_t units;
    } rows[] = {
        {GW_MODBUS_U16, false, 10000, {12345}, MT_OK, 123450},         /* 123.45 kWh */
        {GW_MODBUS_I16, false, 1000000, {0xffff}, MT_BAD_RANGE, 0},    /* -1 */
        {GW_MODBUS_U32, false, 10000, {1, 2}, MT_OK, 655380},          /* 65538 x 0.01 kWh */
        {GW_MODBUS_U32, true, 10000, {2, 1}, MT_OK, 655380},           /* its words exchanged */
        {GW_MODBUS_I32, false, 1000000, {0x8000, 0}, MT_BAD_RANGE, 0}, /* the lowest number */
        {GW_MODBUS_U64, false, 1000, {0, 0, 1, 0}, MT_OK, 65536},      /* Wh */
        {GW_MODBUS_U64, false, 1000, {0xffff, 0, 0, 0}, MT_BAD_RANGE, 0},
        {GW_MODBUS_FLOAT32, false, 1000000, {0x42f6, 0xe979}, MT_OK, 123456}, /* 123.456001.. */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x3dcc, 0xcccd}, MT_OK, 100},    /* 0.1 and a bit */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x3f7f, 0xffff}, MT_OK, 999},    /* below 1 kWh */
        {GW_MODBUS_FLOAT32, false, 1000000, {0, 1}, MT_OK, 0}, /* the least above 0 */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x4b80, 0}, MT_OK, 16777216000}, /* 2^24 kWh */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x7f80, 0}, MT_BAD_RANGE, 0},    /* infinite */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x7fc0, 0}, MT_BAD_RANGE, 0},    /* no number */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x7f7f, 0xffff}, MT_BAD_RANGE, 0},
        {GW_MODBUS_FLOAT32, false, 1000000, {0xbf80, 0}, MT_BAD_RANGE, 0}, /* -1 */
        {GW_MODBUS_FLOAT32, false, 1000000, {0x8000, 0}, MT_OK, 0},        /* -0 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_modbus_register reg = {.type = rows[i].type,
                                         .low_first = rows[i].low_first,
                                         .scale_micro = rows[i].scale_micro,
                                         .unit_size = 1000};
        int64_t units = 0;
        CU_ASSERT_EQUAL(gw_modbus_units(&units, &reg, rows[i].words), rows[i].status);
        CU_ASSERT_EQUAL(units, rows[i].units);
    }
}

static void every_shipped_map_is_read(void)
{
    static const char *const names[] = {"sdm120", "sdm630", "ddsu666", "dtsu666"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct gw_modbus_map map;
        CU_ASSERT_EQUAL(gw_modbus_map_load(&map, why, "gateway", names[i]), GW_OK);
        CU_ASSERT_STRING_EQUAL(map.name, names[i]);
    }
    struct gw_modbus_map map;
    CU_ASSERT_EQUAL(gw_modbus_map_load(&map, why, "/nowhere", "../sdm120"), GW_END);
}

static const struct unit_test tests[] = {
    {"a_plan_is_read_whole", a_plan_is_read_whole},
    {"what_is_wrong_is_told_with_its_line", what_is_wrong_is_told_with_its_line},
    {"bits_become_units_exactly", bits_become_units_exactly},
    {"every_shipped_map_is_read", every_shipped_map_is_read},
};
UNIT_MAIN("poll_plan", tests)
