/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Uplink messages: SenML in CBOR and JSON (RFC 8428). CBOR is written by hand. */
#include "meters/message.h"

#include "meters/limits.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

#define NOW_US INT64_C(1760000900000000)
#define T0_US INT64_C(1760000000000000) /* 68E77800 */
#define QUARTER_US INT64_C(900000000)

static struct mt_message message; /* 7 kB: one for all */

static enum mt_status cbor_of(const char *hex, enum mt_medium medium)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    return mt_message_decode_cbor(&message, guard_end(bytes, len), len, medium, NOW_US);
}

static enum mt_status json_of(const char *json, enum mt_medium medium)
{
    size_t len = strlen(json);
    return mt_message_decode_json(&message, (const char *)guard_end(json, len), len, medium,
                                  NOW_US);
}

/* [{n: "seq", v: 100000}, {n: "1.8.0", v: 12345678, bt: 1760000000, bu: "Wh"}] */
static const char one_hex[] =
    "82a20063736571021a000186a0a40065312e382e30021a00bc614e221a68e7780023625768";

static void a_reading_of_our_own_meter_is_decoded(void)
{
    CU_ASSERT_EQUAL(cbor_of(one_hex, MT_POWER), MT_OK);
    CU_ASSERT_TRUE(message.has_seq);
    CU_ASSERT_EQUAL(message.seq_first, 100000);
    CU_ASSERT_EQUAL(message.count, 1);
    CU_ASSERT_EQUAL(message.readings[0].total, 12345678);
    CU_ASSERT_EQUAL(message.readings[0].time_us, T0_US);
    CU_ASSERT_EQUAL(message.readings[0].band_mask, 0);
    CU_ASSERT_EQUAL(message.readings[0].flags, 0);
    CU_ASSERT_FALSE(message.has_proof);
}

static void it_is_encoded_to_the_same_bytes(void)
{
    static struct mt_message m = {.has_seq = true,
                                  .seq_first = 100000,
                                  .count = 1,
                                  .readings = {{.time_us = T0_US, .total = 12345678}}};
    uint8_t expected[64];
    uint8_t out[64];
    size_t out_len;
    size_t expected_len = unhex(expected, sizeof(expected), one_hex);
    CU_ASSERT_EQUAL(mt_message_encode(out, &out_len, sizeof(out), &m, MT_POWER), MT_OK);
    CU_ASSERT_EQUAL(out_len, expected_len);
    CU_ASSERT_EQUAL(memcmp(out, expected, expected_len), 0);
    CU_ASSERT_EQUAL(mt_message_encode(guard_end(out, expected_len), &out_len, expected_len, &m,
                                      MT_POWER),
                    MT_OK);
    for (size_t n = 0; n < expected_len; n++) {
        CU_ASSERT_EQUAL(mt_message_encode(guard_end(out, n), &out_len, n, &m, MT_POWER),
                        MT_TOO_LARGE);
    }
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    return mt_message_decode_cbor(&message, bytes, len, MT_POWER, NOW_US) == MT_OK;
}

static void every_prefix_is_refused(void)
{
    static const char *const rows[] = {
        one_hex,
        "9fa20063736571021a000186a0bf0065312e382e30021a00bc614e221a68e7780023625768ffff",
        "82a20064646f6e650207a200657374617465 0201",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[128];
        size_t len = unhex(bytes, sizeof(bytes), rows[i]);
        expect_every_prefix_refused(accepts, bytes, len);
    }
}

static bool same_reading(const struct mt_reading *a, const struct mt_reading *b)
{
    bool same = a->time_us == b->time_us && a->total == b->total && a->band_mask == b->band_mask &&
                a->flags == b->flags;
    for (size_t band = 0; band < MT_BANDS; band++) {
        bool present = (a->band_mask & 1u << band) != 0;
        same = same && (!present || a->band[band] == b->band[band]);
    }
    return same;
}

static void expect_round_trip(const struct mt_message *m, enum mt_medium medium)
{
    uint8_t out[MT_MESSAGE_BYTES_MAX];
    size_t out_len;
    CU_ASSERT_EQUAL_FATAL(mt_message_encode(out, &out_len, sizeof(out), m, medium), MT_OK);
    CU_ASSERT_EQUAL_FATAL(
        mt_message_decode_cbor(&message, guard_end(out, out_len), out_len, medium, NOW_US), MT_OK);
    CU_ASSERT_EQUAL(message.has_seq, m->has_seq);
    CU_ASSERT_EQUAL(message.seq_first, m->seq_first);
    CU_ASSERT_EQUAL_FATAL(message.count, m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        struct mt_reading expected = m->readings[i];
        expected.time_us = expected.time_us == 0 ? NOW_US : expected.time_us;
        CU_ASSERT_TRUE(same_reading(&message.readings[i], &expected));
    }
    CU_ASSERT_EQUAL(message.has_proof, m->has_proof);
    CU_ASSERT_EQUAL(message.proof_id, m->proof_id);
    CU_ASSERT_EQUAL(message.proof_state, m->proof_state);
}

static void a_day_of_quarter_hours_fits_and_comes_back(void)
{
    static struct mt_message m;
    for (int medium = MT_POWER; medium <= MT_HEAT; medium++) {
        m = (struct mt_message){.has_seq = true, .seq_first = UINT32_MAX - 96, .count = 96};
        for (uint32_t i = 0; i < m.count; i++) {
            m.readings[i] = (struct mt_reading){.time_us = T0_US + i * QUARTER_US,
                                                /* The largest register that six digits show,
                                                   in litres where it is a volume. */
                                                .total = INT64_C(999999000) - i * 1000};
        }
        expect_round_trip(&m, (enum mt_medium)medium);
    }
}

static void bands_flags_fractions_and_proofs_come_back(void)
{
    static struct mt_message m;
    m = (struct mt_message){.count = 5, .has_proof = true, .proof_id = 77, .proof_state = 2};
    m.readings[0] = (struct mt_reading){.time_us = T0_US + 1, .total = 0, .flags = 0xFF};
    m.readings[1] = (struct mt_reading){
        .time_us = T0_US + 2, .total = MT_REGISTER_MAX, .band = {1, 2, 3, 4}, .band_mask = 0xF};
    m.readings[2] = (struct mt_reading){.time_us = T0_US - 5,
                                        .total = 7,
                                        .band = {0, 0, 9},
                                        .band_mask = 0x4,
                                        .flags = MT_FLAG_TAMPER};
    m.readings[3] = (struct mt_reading){.time_us = 0, .total = 8};
    m.readings[4] = (struct mt_reading){.time_us = T0_US, .total = 9};
    expect_round_trip(&m, MT_POWER);
}

static void two_records_of_one_second_stay_two(void)
{
    static struct mt_message m;
    m = (struct mt_message){.has_seq = true, .seq_first = 5, .count = 3};
    m.readings[0] = (struct mt_reading){.time_us = T0_US, .total = 10, .band = {1}, .band_mask = 1};
    m.readings[1] = (struct mt_reading){.time_us = T0_US, .total = 11, .band = {2}, .band_mask = 1};
    m.readings[2] = (struct mt_reading){.time_us = T0_US, .total = 11, .flags = 1};
    expect_round_trip(&m, MT_POWER);
}

static void what_senml_cannot_carry_is_not_encoded(void)
{
    static struct mt_message m;
    uint8_t out[64];
    size_t out_len = 9;
    m = (struct mt_message){.count = 0};
    CU_ASSERT_EQUAL(mt_message_encode(out, &out_len, sizeof(out), &m, MT_POWER), MT_NO_READING);
    m = (struct mt_message){.count = 1, .readings = {{.time_us = 1000000, .total = 1}}};
    CU_ASSERT_EQUAL(mt_message_encode(out, &out_len, sizeof(out), &m, MT_POWER), MT_BAD_RANGE);
    m = (struct mt_message){.count = 1, .readings = {{.time_us = T0_US, .total = -1}}};
    CU_ASSERT_EQUAL(mt_message_encode(out, &out_len, sizeof(out), &m, MT_POWER), MT_BAD_RANGE);
    m.readings[0].total = 1;
    CU_ASSERT_EQUAL(mt_message_encode(out, &out_len, sizeof(out), &m, MT_MEDIUM_OTHER),
                    MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(out_len, 9);
}

struct cbor_row {
    const char *hex;
    enum mt_medium medium;
    enum mt_status status;
    int64_t total;
};

/* {n, u, v} with v as named; bt makes the time absolute. */
#define RECORD(n, u, v) "81a400" n "01" u "02" v "221a68e77800"
#define N180 "65312e382e30"
#define N100 "65312e302e30"
#define N300 "65332e302e30"
#define U_WH "625768"
#define U_KWH "636b5768"
#define U_L "616c"
#define U_M3 "626d33"

static void registers_are_read_in_every_form_of_number(void)
{
    static const struct cbor_row rows[] = {
        {RECORD(N180, U_WH, "00"), MT_POWER, MT_OK, 0},
        {RECORD(N180, U_KWH, "1903e8"), MT_POWER, MT_OK, 1000000},
        {RECORD(N180, U_KWH, "c482211930 39"), MT_POWER, MT_OK, 123450},   /* 123.45 */
        {RECORD(N180, U_WH, "c48220 1930 39"), MT_POWER, MT_BAD_RANGE, 0}, /* 1234.5 Wh */
        {RECORD(N180, U_WH, "c482200a"), MT_POWER, MT_OK, 1},              /* 1.0 */
        {RECORD(N180, U_WH, "c4820501"), MT_POWER, MT_OK, 100000},         /* 1e5 */
        {RECORD(N100, U_L, "c482221930 39"), MT_WATER, MT_OK, 12345},      /* 12.345 l */
        {RECORD(N100, U_L, "c482231930 39"), MT_WATER, MT_BAD_RANGE, 0},
        {RECORD(N100, U_M3, "05"), MT_WATER, MT_OK, 5000000},
        {RECORD(N300, U_M3, "c48225 01"), MT_GAS, MT_OK, 1}, /* 1e-6 m3 */
        {RECORD(N300, U_L, "05"), MT_GAS, MT_OK, 5000},
        {RECORD(N100, U_KWH, "05"), MT_HEAT, MT_OK, 5000},
        {RECORD(N180, U_WH, "20"), MT_POWER, MT_BAD_RANGE, 0}, /* -1 */
        {RECORD(N180, U_WH, "1b00038d7ea4c68000"), MT_POWER, MT_OK, MT_REGISTER_MAX},
        {RECORD(N180, U_WH, "1b00038d7ea4c68001"), MT_POWER, MT_BAD_RANGE, 0},
        {RECORD(N180, U_WH, "1bffffffffffffffff"), MT_POWER, MT_BAD_RANGE, 0},
        {RECORD(N180, U_KWH, "1b7fffffffffffffff"), MT_POWER, MT_BAD_RANGE, 0},
        {RECORD(N180, U_WH, "c2420101"), MT_POWER, MT_BAD_RANGE, 0}, /* bignum */
        {RECORD(N180, U_WH, "c482 1b7fffffffffffffff 01"), MT_POWER, MT_BAD_RANGE, 0},
        {RECORD(N180, U_WH, "c483000101"), MT_POWER, MT_BAD_LAYOUT, 0},
        {RECORD(N180, U_WH, "c4820061 31"), MT_POWER, MT_BAD_LAYOUT, 0},
        {RECORD(N180, U_WH, "6131"), MT_POWER, MT_BAD_LAYOUT, 0}, /* "1" */
        {RECORD(N180, U_WH, "f5"), MT_POWER, MT_BAD_LAYOUT, 0},   /* true */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum mt_status status = cbor_of(rows[i].hex, rows[i].medium);
        if (status != rows[i].status) {
            printf("    row %zu: %d\n", i, status);
        }
        CU_ASSERT_EQUAL(status, rows[i].status);
        if (status == MT_OK) {
            CU_ASSERT_EQUAL(message.count, 1);
            CU_ASSERT_EQUAL(message.readings[0].total, rows[i].total);
            CU_ASSERT_EQUAL(message.readings[0].time_us, T0_US);
        }
    }
}

/* Bits by IEEE 754, taken from another language's float formatting. */
static void a_float_counts_when_it_names_one_number(void)
{
    static const struct cbor_row rows[] = {
        {RECORD(N180, U_KWH, "fb405edccccccccccd"), MT_POWER, MT_OK, 123450},   /* 123.45 */
        {RECORD(N180, U_KWH, "fa42f6e666"), MT_POWER, MT_OK, 123450},           /* 123.45f */
        {RECORD(N180, U_KWH, "fb405edcccccccccce"), MT_POWER, MT_BAD_RANGE, 0}, /* next one */
        {RECORD(N180, U_KWH, "fb405edccccccccccc"), MT_POWER, MT_BAD_RANGE, 0}, /* one before */
        {RECORD(N180, U_KWH, "fb405edcccd1d54a4a"), MT_POWER, MT_BAD_RANGE, 0}, /* 123.4500012 */
        {RECORD(N180, U_KWH, "fa47f12065"), MT_POWER, MT_BAD_RANGE, 0}, /* 123456.789f: 8 Wh */
        {RECORD(N180, U_WH, "fa4b989680"), MT_POWER, MT_OK, 20000000},  /* 2e7f, exact */
        {RECORD(N180, U_WH, "f93e00"), MT_POWER, MT_BAD_RANGE, 0},      /* 1.5 Wh */
        {RECORD(N180, U_WH, "f94000"), MT_POWER, MT_OK, 2},
        {RECORD(N180, U_WH, "f90000"), MT_POWER, MT_OK, 0},
        {RECORD(N180, U_WH, "f98000"), MT_POWER, MT_OK, 0},                    /* -0 */
        {RECORD(N180, U_WH, "f90001"), MT_POWER, MT_BAD_RANGE, 0},             /* subnormal */
        {RECORD(N180, U_WH, "f97c00"), MT_POWER, MT_BAD_RANGE, 0},             /* infinity */
        {RECORD(N180, U_WH, "fb7ff8000000000000"), MT_POWER, MT_BAD_RANGE, 0}, /* NaN */
        {RECORD(N180, U_WH, "fbc000000000000000"), MT_POWER, MT_BAD_RANGE, 0}, /* -2 */
        {RECORD(N180, U_WH, "fb0000000000000001"), MT_POWER, MT_BAD_RANGE, 0},
        {RECORD(N180, U_WH, "fb7fefffffffffffff"), MT_POWER, MT_BAD_RANGE, 0},
        {RECORD(N300, U_M3, "fb3eb0c6f7a0b5ed8d"), MT_GAS, MT_OK, 1}, /* 1e-6 */
        {RECORD(N300, U_M3, "fb40fe240c9fcb0c02"), MT_GAS, MT_OK, INT64_C(123456789012)},
        {RECORD(N300, U_M3, "fb3fb999999999999a"), MT_GAS, MT_OK, 100000},   /* 0.1 */
        {RECORD(N300, U_M3, "fb3fd3333333333334"), MT_GAS, MT_BAD_RANGE, 0}, /* 0.1 + 0.2 */
        {RECORD(N300, U_M3, "fb3fe6666666666666"), MT_GAS, MT_OK, 700000},   /* 0.7 */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum mt_status status = cbor_of(rows[i].hex, rows[i].medium);
        if (status != rows[i].status) {
            printf("    row %zu: %d\n", i, status);
        }
        CU_ASSERT_EQUAL(status, rows[i].status);
        if (status == MT_OK) {
            CU_ASSERT_EQUAL(message.readings[0].total, rows[i].total);
        }
    }
}

static void units_must_fit_the_medium(void)
{
    CU_ASSERT_EQUAL(cbor_of(RECORD(N180, U_L, "05"), MT_POWER), MT_BAD_UNIT);
    CU_ASSERT_EQUAL(cbor_of(RECORD(N100, U_WH, "05"), MT_WATER), MT_BAD_UNIT);
    CU_ASSERT_EQUAL(cbor_of(RECORD(N180, "614a", "05"), MT_POWER), MT_BAD_UNIT);       /* J */
    CU_ASSERT_EQUAL(cbor_of("81a300" N180 "0205221a68e77800", MT_POWER), MT_BAD_UNIT); /* none */
}

static void another_mediums_register_is_no_register(void)
{
    CU_ASSERT_EQUAL(cbor_of(RECORD(N180, U_WH, "05"), MT_WATER), MT_NO_READING);
    CU_ASSERT_EQUAL(cbor_of(RECORD(N100, U_L, "05"), MT_GAS), MT_NO_READING);
    CU_ASSERT_EQUAL(cbor_of(one_hex, MT_MEDIUM_OTHER), MT_UNSUPPORTED);
}

static void structures_that_contradict_are_refused(void)
{
    static const struct {
        const char *hex;
        enum mt_status status;
    } rows[] = {
        {"", MT_BAD_LAYOUT},
        {"80", MT_NO_READING},
        {"9fff", MT_NO_READING},
        {"8000", MT_BAD_LAYOUT}, /* a byte behind the pack */
        {"9fff00", MT_BAD_LAYOUT},
        {"a0", MT_BAD_LAYOUT},   /* no array */
        {"8180", MT_BAD_LAYOUT}, /* no map */
        {"81a0", MT_BAD_LAYOUT}, /* no name */
        {"81a10060", MT_BAD_LAYOUT},
        {"81a2006161006161", MT_BAD_LAYOUT},       /* the same label twice */
        {"81a2006161f6f6", MT_BAD_LAYOUT},         /* null as a label */
        {"81a100 612d", MT_BAD_LAYOUT},            /* a name begins with "-" */
        {"81a100 623120", MT_BAD_LAYOUT},          /* a space in a name */
        {"81a10000", MT_BAD_LAYOUT},               /* a number as a name */
        {"81a2006161 63625f5f00", MT_UNSUPPORTED}, /* must be understood */
        {"81a2006161 6362626200", MT_NO_READING},  /* ignored */
        {"81a2006161 18638101", MT_NO_READING},    /* an unknown number, ignored */
        {"81a2006161 1863818181818181818181 00", MT_TOO_LARGE},
        {"81a2006161 200b", MT_UNSUPPORTED}, /* bver 11 */
        {"81a2006161 2005", MT_NO_READING},  /* bver 5 */
        {"81a2006161 2000", MT_BAD_RANGE},
        {"82a20063736571 0201a20063736571 0202", MT_BAD_LAYOUT}, /* seq twice */
        {"81a20063736571 021b0000000100000000", MT_BAD_RANGE},
        {"81a20064646f6e650207", MT_BAD_LAYOUT}, /* a proof without its state */
        {"82a20064646f6e650207a2006573746174650203", MT_BAD_RANGE},
        {"81a400"
         "65312e382e31"
         "01" U_WH "0205221a68e77800",
         MT_BAD_LAYOUT},                                             /* band, no total */
        {"81a400" N180 "01" U_WH "04f5221a68e77800", MT_BAD_LAYOUT}, /* a boolean for a register */
        {"81a20178", MT_BAD_LAYOUT},
        {"9bffffffffffffffff", MT_BAD_LAYOUT},
        {"81bbffffffffffffffff", MT_BAD_LAYOUT},
        {"81a1005f4161ff", MT_BAD_LAYOUT},
        {"81a1007f6161ff", MT_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum mt_status status = cbor_of(rows[i].hex, MT_POWER);
        if (status != rows[i].status) {
            printf("    row %zu: %d\n", i, status);
        }
        CU_ASSERT_EQUAL(status, rows[i].status);
    }
}

static void the_number_after_the_last_must_exist(void)
{
    char hex[sizeof(one_hex)];
    memcpy(hex, one_hex, sizeof(hex));
    memcpy(strstr(hex, "000186a0"), "fffffffe", 8);
    CU_ASSERT_EQUAL(cbor_of(hex, MT_POWER), MT_OK);
    memcpy(strstr(hex, "fffffffe"), "ffffffff", 8);
    CU_ASSERT_EQUAL(cbor_of(hex, MT_POWER), MT_BAD_RANGE);
}

static void too_many_readings_or_bytes_are_refused(void)
{
    static uint8_t bytes[MT_MESSAGE_BYTES_MAX + 1];
    /* [{bn 1.8.0, bu Wh, bt, v: 1}, {v, t: 1}, {v, t: 2} ...] */
    uint8_t head[32];
    size_t head_len = unhex(head, sizeof(head),
                            "9fa4"
                            "0201"
                            "2165312e382e30"
                            "221a68e77800"
                            "23625768");
    for (uint32_t readings = 100; readings <= 101; readings++) {
        memcpy(bytes, head, head_len);
        size_t len = head_len;
        for (uint32_t i = 1; i < readings; i++) {
            const uint8_t record[] = {0xA2, 0x02, 0x01, 0x06, 0x18, (uint8_t)(i + 24)};
            memcpy(bytes + len, record, sizeof(record));
            len += sizeof(record);
        }
        bytes[len++] = 0xFF;
        enum mt_status status = mt_message_decode_cbor(&message, bytes, len, MT_POWER, 0);
        CU_ASSERT_EQUAL(status, readings == 100 ? MT_OK : MT_TOO_LARGE);
    }
    CU_ASSERT_EQUAL(mt_message_decode_cbor(&message, bytes, sizeof(bytes), MT_POWER, 0),
                    MT_TOO_LARGE);
}

static void expect_json(const char *json, enum mt_medium medium, enum mt_status status)
{
    enum mt_status got = json_of(json, medium);
    if (got != status) {
        printf("    %s: %d\n", json, got);
    }
    CU_ASSERT_EQUAL(got, status);
}

static void json_says_the_same_as_cbor(void)
{
    expect_json("[{\"n\":\"seq\",\"v\":100000},"
                "{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":12345678,\"bt\":1760000000}]",
                MT_POWER, MT_OK);
    CU_ASSERT_TRUE(message.has_seq);
    CU_ASSERT_EQUAL(message.seq_first, 100000);
    CU_ASSERT_EQUAL(message.count, 1);
    CU_ASSERT_EQUAL(message.readings[0].total, 12345678);
    CU_ASSERT_EQUAL(message.readings[0].time_us, T0_US);
}

static void json_numbers_are_read_digit_by_digit(void)
{
    static const struct {
        const char *v;
        const char *u;
        enum mt_status status;
        int64_t total;
    } rows[] = {
        {"123.45", "kWh", MT_OK, 123450},
        {"123.4500", "kWh", MT_OK, 123450},
        {"0.12345e3", "kWh", MT_OK, 123450},
        {"1.2345E+2", "kWh", MT_OK, 123450},
        {"12345000e-5", "kWh", MT_OK, 123450},
        {"123450", "Wh", MT_OK, 123450},
        {"123.4505", "kWh", MT_BAD_RANGE, 0},
        {"123.45000000000001", "kWh", MT_BAD_RANGE, 0},
        {"0.1000000000000000055511151231257827", "kWh", MT_BAD_RANGE, 0},
        {"-1", "Wh", MT_BAD_RANGE, 0},
        {"-0", "Wh", MT_OK, 0},
        {"1e999999999999", "Wh", MT_BAD_RANGE, 0},
        {"1e-999999999999", "Wh", MT_BAD_RANGE, 0},
        {"01", "Wh", MT_BAD_LAYOUT, 0},
        {"+1", "Wh", MT_BAD_LAYOUT, 0},
        {".5", "kWh", MT_BAD_LAYOUT, 0},
        {"NaN", "Wh", MT_BAD_LAYOUT, 0},
        {"null", "Wh", MT_BAD_LAYOUT, 0},
        {"\"1\"", "Wh", MT_BAD_LAYOUT, 0},
        {"true", "Wh", MT_BAD_LAYOUT, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char json[160];
        snprintf(json, sizeof(json), "[{\"n\":\"1.8.0\",\"u\":\"%s\",\"v\":%s,\"t\":1760000000}]",
                 rows[i].u, rows[i].v);
        expect_json(json, MT_POWER, rows[i].status);
        if (rows[i].status == MT_OK) {
            CU_ASSERT_EQUAL(message.readings[0].total, rows[i].total);
        }
    }
}

static void base_fields_apply_to_what_follows(void)
{
    /* RFC 8428, 4.6: names are joined, times and values added, units replaced. */
    expect_json("[{\"bn\":\"urn:dev:mac:0024befffe804ff1:\",\"bt\":1760000000,\"bu\":\"kWh\","
                "\"bv\":100,\"n\":\"1.8.0\",\"v\":0.5},"
                "{\"n\":\"1.8.1\",\"v\":-99},"
                "{\"n\":\"1.8.0\",\"v\":1,\"t\":900},"
                "{\"n\":\"1.8.0\",\"u\":\"Wh\",\"bv\":0,\"v\":102000,\"t\":1.8e3},"
                "{\"bn\":\"urn:dev:mac:0024befffe804ff1:1.8.0\",\"bt\":0,\"v\":103,"
                "\"t\":1760002700.000001}]",
                MT_POWER, MT_OK);
    CU_ASSERT_EQUAL_FATAL(message.count, 4);
    CU_ASSERT_EQUAL(message.readings[0].total, 100500);
    CU_ASSERT_EQUAL(message.readings[0].band_mask, 0x1);
    CU_ASSERT_EQUAL(message.readings[0].band[0], 1000);
    CU_ASSERT_EQUAL(message.readings[1].total, 101000);
    CU_ASSERT_EQUAL(message.readings[1].time_us, T0_US + QUARTER_US);
    CU_ASSERT_EQUAL(message.readings[2].total, 102000);
    CU_ASSERT_EQUAL(message.readings[2].time_us, T0_US + 2 * QUARTER_US);
    CU_ASSERT_EQUAL(message.readings[3].total, 103000);
    CU_ASSERT_EQUAL(message.readings[3].time_us, T0_US + 3 * QUARTER_US + 1);
}

static void times_below_2_28_seconds_are_relative(void)
{
    expect_json("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1}]", MT_POWER, MT_OK);
    CU_ASSERT_EQUAL(message.readings[0].time_us, NOW_US);
    expect_json("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1,\"t\":-900}]", MT_POWER, MT_OK);
    CU_ASSERT_EQUAL(message.readings[0].time_us, T0_US);
    expect_json("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1,\"t\":268435455}]", MT_POWER, MT_OK);
    CU_ASSERT_EQUAL(message.readings[0].time_us, NOW_US + INT64_C(268435455000000));
    expect_json("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1,\"t\":268435456}]", MT_POWER, MT_OK);
    CU_ASSERT_EQUAL(message.readings[0].time_us, INT64_C(268435456000000));
    expect_json("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1,\"t\":-1760000900}]", MT_POWER,
                MT_BAD_RANGE);
    expect_json("[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1,\"t\":99999999999}]", MT_POWER,
                MT_BAD_RANGE);
    static const char relative[] = "[{\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":1,\"t\":-5}]";
    CU_ASSERT_EQUAL(mt_message_decode_json(&message, relative, strlen(relative), MT_POWER, 0),
                    MT_BAD_RANGE);
}

static void a_pack_sorted_by_register_makes_the_same_readings(void)
{
    expect_json("[{\"bt\":1760000000,\"bu\":\"Wh\",\"n\":\"1.8.0\",\"v\":30},"
                "{\"n\":\"1.8.0\",\"v\":40,\"t\":900},"
                "{\"n\":\"1.8.1\",\"v\":10},{\"n\":\"1.8.1\",\"v\":15,\"t\":900},"
                "{\"n\":\"1.8.4\",\"v\":20},{\"n\":\"1.8.4\",\"v\":25,\"t\":900},"
                "{\"n\":\"flags\",\"v\":2,\"t\":900}]",
                MT_POWER, MT_OK);
    CU_ASSERT_EQUAL_FATAL(message.count, 2);
    const struct mt_reading first = {T0_US, 30, {10, 0, 0, 20}, 0x9, 0};
    const struct mt_reading second = {T0_US + QUARTER_US, 40, {15, 0, 0, 25}, 0x9, 2};
    CU_ASSERT_TRUE(same_reading(&message.readings[0], &first));
    CU_ASSERT_TRUE(same_reading(&message.readings[1], &second));
}

static void other_sensors_in_a_pack_are_ignored(void)
{
    expect_json("[{\"bt\":1760000000,\"n\":\"32.7.0\",\"u\":\"V\",\"v\":230.123456789012345678901},"
                "{\"n\":\"state\",\"bn\":\"valve:\",\"vs\":\"op\\u0065n\"},"
                "{\"bn\":\"\",\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":5},"
                "{\"n\":\"2.8.0\",\"u\":\"Wh\",\"v\":7,\"x\":{\"deep\":[1,{\"er\":null}]}}]",
                MT_POWER, MT_OK);
    CU_ASSERT_EQUAL(message.count, 1);
    CU_ASSERT_EQUAL(message.readings[0].total, 5);
    CU_ASSERT_FALSE(message.has_proof);
}

static void two_meters_in_one_pack_are_not_one(void)
{
    expect_json("[{\"bt\":1760000000,\"bu\":\"Wh\",\"n\":\"a/1.8.0\",\"v\":1},"
                "{\"n\":\"b/1.8.0\",\"v\":2,\"t\":5}]",
                MT_POWER, MT_BAD_LAYOUT);
    expect_json("[{\"bt\":1760000000,\"bu\":\"Wh\",\"n\":\"a/1.8.0\",\"v\":1},"
                "{\"n\":\"1.8.0\",\"v\":2,\"t\":5}]",
                MT_POWER, MT_BAD_LAYOUT);
    expect_json("[{\"bt\":1760000000,\"bu\":\"Wh\",\"n\":\"a/1.8.0\",\"v\":1},"
                "{\"n\":\"b/9.9.9\",\"v\":2,\"t\":5}]",
                MT_POWER, MT_OK);
}

static void names_have_a_limit(void)
{
    char json[256];
    char name[MT_SENML_NAME_MAX + 2];
    for (size_t len = MT_SENML_NAME_MAX; len <= MT_SENML_NAME_MAX + 1; len++) {
        memset(name, 'a', sizeof(name));
        memcpy(name + len - 6, "/1.8.0", 7);
        snprintf(json, sizeof(json), "[{\"bn\":\"%.40s\",\"n\":\"%s\",\"u\":\"Wh\",\"v\":1}]", name,
                 name + 40);
        expect_json(json, MT_POWER, len <= MT_SENML_NAME_MAX ? MT_OK : MT_TOO_LARGE);
    }
}

static void broken_json_is_refused(void)
{
    static const char *const rows[] = {
        "",
        " ",
        "{}",
        "[",
        "[{",
        "[{}",
        "[{}]",
        "[{\"n\":\"1.8.0\"]",
        "[{\"n\":\"1.8.0\",}]",
        "[{\"n\" \"1.8.0\"}]",
        "[{\"n\":\"a\"},]",
        "[{\"n\":\"a\"}] x",
        "[{\"n\":\"a\"}][]",
        "[{\"n\":\"a\",\"n\":\"a\"}]",
        "[{\"n\":1}]",
        "[{n:\"a\"}]",
        "[\"a\"]",
        "[[]]",
        "[{\"n\":\"a\",\"x\":[1,]}]",
        "[{\"n\":\"a b\"}]",
        "[{\"n\":\"-a\"}]",
        "[{\"n\":\"\"}]",
        "[{\"n\":\"\\u0000\"}]",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_json(rows[i], MT_POWER, MT_BAD_LAYOUT);
    }
    expect_json("[]", MT_POWER, MT_NO_READING);
    expect_json("[{\"n\":\"a\",\"x_\":1}]", MT_POWER, MT_UNSUPPORTED);
    expect_json("[{\"n\":\"a\",\"x\\u005f\":1}]", MT_POWER, MT_UNSUPPORTED);
    expect_json("[{\"n\":\"a\",\"bver\":11}]", MT_POWER, MT_UNSUPPORTED);
    expect_json("[{\"n\":\"a\",\"x\":[[[[[[[[[]]]]]]]]]}]", MT_POWER, MT_TOO_LARGE);
    CU_ASSERT_EQUAL(mt_message_decode_json(&message, NULL, 0, MT_POWER, 0), MT_BAD_LAYOUT);
}

static void every_prefix_of_json_is_refused(void)
{
    static const char json[] =
        "[{\"bn\":\"a\\/\",\"n\":\"1.8.0\",\"u\":\"Wh\",\"v\":12.0e1,\"t\":1760000000,"
        "\"x\":[true]}]";
    expect_json(json, MT_POWER, MT_OK);
    CU_ASSERT_EQUAL(message.readings[0].total, 120);
    for (size_t n = 0; n < sizeof(json) - 1; n++) {
        const char *at = (const char *)guard_end(json, n);
        CU_ASSERT_NOT_EQUAL(mt_message_decode_json(&message, at, n, MT_POWER, NOW_US), MT_OK);
    }
}

static const struct unit_test tests[] = {
    {"a_reading_of_our_own_meter_is_decoded", a_reading_of_our_own_meter_is_decoded},
    {"it_is_encoded_to_the_same_bytes", it_is_encoded_to_the_same_bytes},
    {"every_prefix_is_refused", every_prefix_is_refused},
    {"a_day_of_quarter_hours_fits_and_comes_back", a_day_of_quarter_hours_fits_and_comes_back},
    {"bands_flags_fractions_and_proofs_come_back", bands_flags_fractions_and_proofs_come_back},
    {"two_records_of_one_second_stay_two", two_records_of_one_second_stay_two},
    {"what_senml_cannot_carry_is_not_encoded", what_senml_cannot_carry_is_not_encoded},
    {"registers_are_read_in_every_form_of_number", registers_are_read_in_every_form_of_number},
    {"a_float_counts_when_it_names_one_number", a_float_counts_when_it_names_one_number},
    {"units_must_fit_the_medium", units_must_fit_the_medium},
    {"another_mediums_register_is_no_register", another_mediums_register_is_no_register},
    {"structures_that_contradict_are_refused", structures_that_contradict_are_refused},
    {"the_number_after_the_last_must_exist", the_number_after_the_last_must_exist},
    {"too_many_readings_or_bytes_are_refused", too_many_readings_or_bytes_are_refused},
    {"json_says_the_same_as_cbor", json_says_the_same_as_cbor},
    {"json_numbers_are_read_digit_by_digit", json_numbers_are_read_digit_by_digit},
    {"base_fields_apply_to_what_follows", base_fields_apply_to_what_follows},
    {"times_below_2_28_seconds_are_relative", times_below_2_28_seconds_are_relative},
    {"a_pack_sorted_by_register_makes_the_same_readings",
     a_pack_sorted_by_register_makes_the_same_readings},
    {"other_sensors_in_a_pack_are_ignored", other_sensors_in_a_pack_are_ignored},
    {"two_meters_in_one_pack_are_not_one", two_meters_in_one_pack_are_not_one},
    {"names_have_a_limit", names_have_a_limit},
    {"broken_json_is_refused", broken_json_is_refused},
    {"every_prefix_of_json_is_refused", every_prefix_of_json_is_refused},
};
UNIT_MAIN("message", tests)
