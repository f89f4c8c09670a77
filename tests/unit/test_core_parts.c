/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes in parts: telegrams of one answer, fragments of one message. */
#include <string.h>

#include "meters/wmbus.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + bytes[i]);
    }
    return sum;
}

/* A telegram of TST 12345678, electricity, with these records. Returns its length. */
static size_t telegram(uint8_t *out, const uint8_t *records, size_t len)
{
    static const uint8_t head[] = {0x08, 0x01, 0x72, 0x78, 0x56, 0x34, 0x12, 0x74,
                                   0x52, 0x01, 0x02, 0x2A, 0x00, 0x00, 0x00};
    uint8_t body = (uint8_t)(sizeof(head) + len);
    const uint8_t start[] = {0x68, body, body, 0x68};
    memcpy(out, start, sizeof(start));
    memcpy(out + 4, head, sizeof(head));
    memcpy(out + 4 + sizeof(head), records, len);
    out[4 + body] = sum_of(out + 4, body);
    out[5 + body] = 0x16;
    return body + 6u;
}

/* M-Bus, two telegrams of one answer in a message: 04 03 is Wh, 1F says that more follow. */
static void an_answer_in_several_telegrams_has_its_register_once(void)
{
    static const uint8_t total[] = {0x04, 0x03, 0x10, 0x27, 0x00, 0x00}; /* 10000 Wh */
    static const uint8_t total_more[] = {0x04, 0x03, 0x10, 0x27, 0x00, 0x00, 0x1F};
    static const uint8_t void_more[] = {0x04, 0x03, 0x00, 0x00, 0x00, 0x80, 0x1F};
    static const uint8_t volts_more[] = {0x02, 0xFD, 0x48, 0xFC, 0x08, 0x1F}; /* 230.0 V */
    static const uint8_t other[] = {0x04, 0x03, 0x20, 0x4E, 0x00, 0x00};      /* 20000 Wh */
    static const struct {
        const uint8_t *first;
        size_t first_len;
        const uint8_t *second;
        enum gw_verdict verdict;
        int64_t total;
    } rows[] = {{void_more, sizeof(void_more), other, GW_REFUSED_UNSUPPORTED, 0},
                {volts_more, sizeof(volts_more), total, GW_ACCEPTED, 10000},
                {total_more, sizeof(total_more), other, GW_ACCEPTED, 10000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        uint8_t bytes[128];
        fixture_open(&f);
        fixture_add_meter(&f, 0, "flat");
        struct gw_meter_spec spec = {.identity = {MT_POWER, "TST", "12345678"},
                                     .household = "home-0",
                                     .tariff = "flat",
                                     .terms = {.tou_from_day = INT32_MAX, .ladder_months = 12},
                                     .accept = GW_ACCEPT_CARRIER,
                                     .max_per_hour = 15000};
        CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec), GW_REG_DONE);
        size_t len = telegram(bytes, rows[i].first, rows[i].first_len);
        len += telegram(bytes + len, rows[i].second, sizeof(total));
        struct gw_message m = {.form = GW_FORM_RAW,
                               .bytes = bytes,
                               .len = len,
                               .name = "pTST-12345678",
                               .name_len = 13,
                               .protocol = "mbus",
                               .protocol_len = 4};
        CU_ASSERT_EQUAL(gw_core_message(f.core, &m), rows[i].verdict);
        CU_ASSERT_EQUAL(f.core->meters[1].last.total, rows[i].total);
        fixture_close(&f);
    }
}

/* Wireless M-Bus: 3.000 kWh in three fragments, each a message of its own. */
static void a_message_in_fragments_counts_when_its_last_one_comes(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "flat");
    struct gw_meter_spec spec = {.identity = {MT_POWER, "TST", "12345678"},
                                 .household = "home-0",
                                 .tariff = "flat",
                                 .terms = {.tou_from_day = INT32_MAX, .ladder_months = 12},
                                 .accept = GW_ACCEPT_CARRIER,
                                 .max_per_hour = 15000,
                                 .raw_key = {1, 2, 3},
                                 .raw_key_len = 16};
    CU_ASSERT_EQUAL(gw_core_add_meter(f.core, &spec), GW_REG_DONE);
    struct mt_sending sending = {.identity = spec.identity,
                                 .reading = {.total = 3000, .time_us = f.now_us},
                                 .key = spec.raw_key,
                                 .key_len = 16,
                                 .counter = 77};
    for (unsigned again = 0; again < 2; again++) {
        for (unsigned fragment = 1; fragment <= 3; fragment++) {
            uint8_t bytes[256];
            size_t len = 0;
            CU_ASSERT_EQUAL_FATAL(
                mt_wmbus_build_fragment(bytes, &len, sizeof(bytes), &sending, fragment, 3), MT_OK);
            struct gw_message m = {.form = GW_FORM_RAW,
                                   .bytes = bytes,
                                   .len = len,
                                   .name = "pTST-12345678",
                                   .name_len = 13,
                                   .protocol = "wmbus",
                                   .protocol_len = 5};
            enum gw_verdict wanted = fragment < 3 ? GW_REFUSED_UNSUPPORTED /* nothing to bill yet */
                                     : again == 0 ? GW_ACCEPTED
                                                  : GW_DUPLICATE;
            CU_ASSERT_EQUAL(gw_core_message(f.core, &m), wanted);
        }
        CU_ASSERT_EQUAL(f.core->meters[1].last.total, 3000);
    }
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"an_answer_in_several_telegrams_has_its_register_once",
     an_answer_in_several_telegrams_has_its_register_once},
    {"a_message_in_fragments_counts_when_its_last_one_comes",
     a_message_in_fragments_counts_when_its_last_one_comes},
};
UNIT_MAIN("core_parts", tests)
