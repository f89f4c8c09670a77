/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wireless M-Bus. The frames were made from the layouts of EN 13757-3, -4, -7 and OMS volume 2, with
 * CRCs, AES and CMAC of another implementation; none is a capture. */
#include <stdlib.h>
#include <time.h>

#include "meters/calendar.h"
#include "meters/wmbus.h"
#include "meters/wmbus_formats.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

/* ABC 12345678, version 1, water: 1234.567 m3 at 12:30 on 21 November 2023. */
#define VOLUME_ML INT64_C(1234567000)
#define CHANCE_ML INT64_C(35033000)
#define TIME_US INT64_C(1700541000000000)

static const char clear_hex[] = "1A4443047856341201077A2A000000041387D61200046D1E0CF52B";
static const char format_a_hex[] =
    "1A44430478563412010768587A2A000000041387D61200046D1E0CF51EA22B7086";
static const char format_b_hex[] = "1C4443047856341201077A2A000000041387D61200046D1E0CF52B03A2";
static const char long_a_hex[] =
    "834443047856341201070A6A7A2A000000041387D61200046D1E0CF51EA22B840113E90300008402"
    "13EA0300008414BE0313EB030000840413EC0300008405136DC6ED030000840613EE030000840713"
    "EF0387220000840813F0030000840913F10300002B06840A13F2030000840B13F3030000840C0F65"
    "13F4030000840D13F5030000840E13F680F4030000840F13F70300003660";
static const char long_b_hex[] =
    "874443047856341201077A2A000000041387D61200046D1E0CF52B840113E9030000840213EA0300"
    "00840313EB030000840413EC030000840513ED030000840613EE030000840713EF030000840813F0"
    "030000840913F1030000840A13F2030000840B13F3030000840C13F4030000840D13F5030000840E"
    "13F6030000847D370F13F7030000B37C";
static const char mode5_hex[] = "1E4443047856341201077A2A001005D7F88924138B13124E3A131ED06C279B";
static const char opened_hex[] = "1E4443047856341201077A2A0010052F2F041387D61200046D1E0CF52B2F2F";
static const char other_hex[] =
    "2644430411111111013772214365873A6302062B04100511FA26CDC4ADA5DE014D5CC5AA8C5A24";
static const char ell_hex[] = "1F4443047856341201078D200756341220991839CBA1B0432100C1B977CDCADC";
static const char ell_clear_hex[] =
    "1F4443047856341201078D200756341200C74B78041387D61200046D1E0CF52B";
static const char compact_hex[] =
    "1F4443047856341201078D200756341220A000380618A467B4D6D7D477CDCADC";
static const char compact_changed_hex[] =
    "1F4443047856341201078D2007563412205F91380618A467B4D6D7D477CDCACC";
static const char compact_short_hex[] =
    "1E4443047856341201078D200756341220BFB6380618A467B4D6D7D477CDCA";
static const char announced_hex[] = "114443047856341201076906C9AA0413046D";
static const char announced_changed_hex[] = "114443047856341201076906C8AA0413046D";
static const char mode7_hex[] =
    "334443047856341201078C2007900F002C253412000005F1DDA02955969F7A2A0010071045EA76E1"
    "076C9172686415852A808F70";
static const char prios_hex[] = "19442423860778563412A20105000069C8B3624EA2CD99111221";
static const char apator_hex[] =
    "3C4401062020202005077A010000000F0102030405060743B5021081920200750000000000000000"
    "0000000000000000000000000000000000FFFFAC2C";
static const char apator_bad_hex[] =
    "3C4401062020202005077A010000000F0102030405060743B5021080920200750000000000000000"
    "0000000000000000000000000000000000FFFFAC2C";
static const char techem_hex[] = "15446850785634127462A2069F255900B02931000000";
static const char techem_heat_hex[] = "15446850785634124543A100FF32406002C8CD000001";
static const char vario_hex[] = "14446850785634122704A2129F25383300A8622600";
static const char zenner_hex[] = "1E44496A785634120B167A010000002F2F0F000000000000000040A6420000";
static const char qundis_hex[] =
    "48449344785634121D06780DFF5F340082EC0000F10007C113FFFF69000000FFFF00000000000000"
    "000000000000000000000000000000000000000000000000000000046D1E0CF52B";
static const char unknown_hex[] = "15446850785634129962A2069F255900B02931000000";
static const char na1_hex[] = "1C440106785634121407A00C018A1B916CFB6D6D0B1C9BE763357734C5";
static const char eitn_hex[] = "1D441406785634120408B602AABBA0A1000059009C250102322DE413B415";
static const char request_hex[] = "0E5B43047856341201077A2A000000";
static const char refusal_hex[] = "0F0843047856341201076E2A00000008";
static const char alarm_hex[] = "0F444304785634120107742A00000008";
static const char mode9_hex[] = "1E4443047856341201077A2A00100900000000000000000000000000000000";
static const char fragment_hex[] =
    "23444304785634120107900201407A2A0010071045EA76E1076C9172686415852A808F70";
static const char padded_hex[] = "1C4443047856341201077A2A000000041387D61200046D1E0CF52BFFFF";
static const char compact_more_hex[] =
    "204443047856341201078D200756341220EAD7380618A467B4D6D7D477CDCADC15";
static const char mode7_length_hex[] =
    "324443047856341201079011003C6534120000D0BE35FC7B034A8E16007A2A0010071045EA76E107"
    "6C9172686415852A808F70";
static const char mode7_longer_hex[] =
    "324443047856341201079011003C653412000085FAEE937E1C77D717007A2A0010071045EA76E107"
    "6C9172686415852A808F70";
static const char na1_bits_hex[] = "1C440106785634121407A00C01CE3A3647D4BFC3839012FECE0DD0E22E";
static const char chance_hex[] = "184443047856341201077A2A00000001FD17000413D9880000";
static const char thirds_hex[] = "13441406785634120303A041420F000000000000";

static const uint8_t meter_key[16] = {0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                                      0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F};
static const uint8_t other_key[16] = {1};

static struct mt_frame frame;
static size_t used;
static struct mt_formats formats;

static enum mt_status decode_bytes(const uint8_t *bytes, size_t len, const uint8_t *key)
{
    struct mt_input input = {.bytes = bytes,
                             .len = len,
                             .key = key,
                             .key_len = key != NULL ? 16 : 0,
                             .formats = &formats};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_wmbus_decode(&frame, &used, &input);
}

static enum mt_status decode(const char *hex, const uint8_t *key)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    return decode_bytes(guard_end(bytes, len), len, key);
}

static void expect_reading(const char *maker, const char *number, int64_t ml)
{
    CU_ASSERT_STRING_EQUAL(frame.protocol, "wmbus");
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, maker);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, number);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_WATER);
    CU_ASSERT_TRUE(frame.has_total);
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, ml);
}

static void the_crc_is_that_of_the_standard(void)
{
    CU_ASSERT_EQUAL(mt_wmbus_crc((const uint8_t *)"123456789", 9), 0xC2B7);
}

static void a_frame_in_the_clear_is_a_reading_in_every_shape(void)
{
    static const struct {
        const char *hex;
        size_t len;
    } shapes[] = {{clear_hex, 27}, {format_a_hex, 33}, {format_b_hex, 29}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        CU_ASSERT_EQUAL(decode(shapes[i].hex, NULL), MT_OK);
        expect_reading("ABC", "12345678", VOLUME_ML);
        CU_ASSERT_EQUAL(used, shapes[i].len);
        CU_ASSERT_TRUE(frame.has_time);
        CU_ASSERT_EQUAL(frame.reading.time_us, TIME_US);
        CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
        CU_ASSERT_EQUAL(frame.value_count, 1);
    }
}

static void blocks_end_where_the_formats_say(void)
{
    CU_ASSERT_EQUAL(decode(long_a_hex, NULL), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_EQUAL(frame.value_count, 16);
    CU_ASSERT_EQUAL(frame.values[15].mantissa, 1015);
    CU_ASSERT_EQUAL(frame.values[15].storage, 30);
    CU_ASSERT_EQUAL(decode(long_b_hex, NULL), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 16);
    CU_ASSERT_EQUAL(frame.values[15].mantissa, 1015);
}

static void a_crc_that_differs_is_said_so(void)
{
    char hex[256];
    snprintf(hex, sizeof(hex), "%s", format_a_hex);
    hex[40] = hex[40] == '0' ? '1' : '0';
    CU_ASSERT_EQUAL(decode(hex, NULL), MT_BAD_CHECKSUM);
    snprintf(hex, sizeof(hex), "%s", format_a_hex);
    hex[8] = hex[8] == '0' ? '1' : '0'; /* in the first block: the last one is still right */
    CU_ASSERT_EQUAL(decode(hex, NULL), MT_BAD_CHECKSUM);
}

static bool accepts_clear(const uint8_t *bytes, size_t len)
{
    enum mt_status status = decode_bytes(bytes, len, NULL);
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static bool accepts_with_key(const uint8_t *bytes, size_t len)
{
    enum mt_status status = decode_bytes(bytes, len, meter_key);
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static void every_prefix_is_refused(void)
{
    static const char *const frames[] = {format_a_hex, long_a_hex, clear_hex};
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        size_t len = unhex(bytes, sizeof(bytes), frames[i]);
        expect_every_prefix_refused(accepts_clear, bytes, len);
    }
    size_t len = unhex(bytes, sizeof(bytes), mode7_hex);
    expect_every_prefix_refused(accepts_with_key, bytes, len);
}

static void every_flipped_bit_of_a_frame_with_crcs_is_refused(void)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), long_a_hex);
    expect_every_flipped_bit_refused(accepts_clear, bytes, len);
    len = unhex(bytes, sizeof(bytes), format_a_hex);
    expect_every_flipped_bit_refused(accepts_clear, bytes, len);
}

/* From the checked bytes on: the few bits outside of the checks change nothing that is read. */
static void no_flipped_bit_under_a_check_gives_another_total(void)
{
    static const struct {
        const char *hex;
        size_t from;
    } rows[] = {{ell_hex, 17}, {mode7_hex, 15}, {mode7_hex, 27}};
    uint8_t bytes[512];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = unhex(bytes, sizeof(bytes), rows[i].hex);
        for (size_t bit = rows[i].from * 8; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum mt_status status = decode_bytes(guard_end(bytes, len), len, meter_key);
            CU_ASSERT_FALSE(status == MT_OK && frame.reading.total != VOLUME_ML);
            CU_ASSERT_FALSE(status == MT_OK && !frame.has_reading);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void mode_5_needs_the_right_key(void)
{
    CU_ASSERT_EQUAL(decode(mode5_hex, meter_key), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_EQUAL(decode(mode5_hex, NULL), MT_NO_KEY);
    CU_ASSERT_EQUAL(decode(mode5_hex, other_key), MT_NOT_AUTHENTIC);
}

static void bytes_that_the_receiver_opened_are_read_without_a_key_only(void)
{
    CU_ASSERT_EQUAL(decode(opened_hex, NULL), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_EQUAL(decode(opened_hex, meter_key), MT_NOT_AUTHENTIC);
}

static void mode_7_checks_its_mac(void)
{
    CU_ASSERT_EQUAL(decode(mode7_hex, meter_key), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_TRUE(frame.has_counter);
    CU_ASSERT_EQUAL(frame.counter, 0x1234);
    CU_ASSERT_EQUAL(decode(mode7_hex, other_key), MT_NOT_AUTHENTIC);
    CU_ASSERT_EQUAL(decode(mode7_hex, NULL), MT_NO_KEY);
    /* With the message's length, which the MAC covers too. */
    CU_ASSERT_EQUAL(decode(mode7_length_hex, meter_key), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_EQUAL(decode(mode7_longer_hex, meter_key), MT_BAD_LAYOUT);
}

static void the_ell_encrypts_and_its_crc_says_whether_the_key_is_right(void)
{
    CU_ASSERT_EQUAL(decode(ell_hex, meter_key), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_TRUE(frame.has_counter);
    CU_ASSERT_EQUAL(frame.counter, 0x123456);
    CU_ASSERT_EQUAL(decode(ell_hex, other_key), MT_NOT_AUTHENTIC);
    CU_ASSERT_EQUAL(decode(ell_hex, NULL), MT_NO_KEY);
    /* A repeater marks what it repeats, after the meter has encrypted it. */
    uint8_t repeated[64];
    size_t len = unhex(repeated, sizeof(repeated), ell_hex);
    repeated[11] |= 0x10;
    CU_ASSERT_EQUAL(decode_bytes(guard_end(repeated, len), len, meter_key), MT_OK);
    CU_ASSERT_EQUAL(decode(ell_clear_hex, NULL), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
}

static void the_meter_in_the_head_is_billed_not_the_radio(void)
{
    CU_ASSERT_EQUAL(decode(other_hex, meter_key), MT_OK);
    expect_reading("XYZ", "87654321", VOLUME_ML);
    CU_ASSERT_EQUAL(frame.reading.flags, MT_FLAG_LOW_BATTERY);
}

static void a_compact_frame_waits_for_a_full_one(void)
{
    memset(&formats, 0, sizeof(formats));
    CU_ASSERT_EQUAL(decode(compact_hex, meter_key), MT_UNSUPPORTED);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(decode(ell_hex, meter_key), MT_OK);
    CU_ASSERT_EQUAL(decode(compact_hex, meter_key), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    CU_ASSERT_EQUAL(frame.time_us, TIME_US);
    CU_ASSERT_EQUAL(decode(compact_changed_hex, meter_key), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(decode(compact_short_hex, meter_key), MT_BAD_LAYOUT);
    CU_ASSERT_EQUAL(decode(compact_more_hex, meter_key), MT_BAD_LAYOUT);
}

static void a_format_frame_is_learnt_too(void)
{
    memset(&formats, 0, sizeof(formats));
    CU_ASSERT_EQUAL(decode(announced_changed_hex, NULL), MT_BAD_CHECKSUM);
    CU_ASSERT_EQUAL(decode(compact_hex, meter_key), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(decode(announced_hex, NULL), MT_NO_READING);
    CU_ASSERT_EQUAL(decode(compact_hex, meter_key), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
}

static void only_so_many_formats_are_kept_and_the_oldest_gives_way(void)
{
    const struct mt_wmbus_model model = {0x2C2D, 0x99};
    uint8_t records[] = {0x01, 0xFD, 0x17, 0x00};
    size_t len;
    memset(&formats, 0, sizeof(formats));
    for (unsigned i = 0; i <= MT_FORMATS_MAX; i++) {
        records[2] = (uint8_t)i;
        mt_wmbus_learn(&formats, &model, records, sizeof(records));
        mt_wmbus_learn(&formats, &model, records, sizeof(records)); /* takes no second place */
    }
    records[2] = 0;
    CU_ASSERT_PTR_NULL(mt_wmbus_format(&len, &formats, &model, mt_wmbus_crc(records, 3)));
    for (unsigned i = 1; i <= MT_FORMATS_MAX; i++) {
        records[2] = (uint8_t)i;
        CU_ASSERT_PTR_NOT_NULL(mt_wmbus_format(&len, &formats, &model, mt_wmbus_crc(records, 3)));
    }
    /* Of another maker or device it is another format. */
    const struct mt_wmbus_model stranger = {0x2C2E, 0x99};
    CU_ASSERT_PTR_NULL(mt_wmbus_format(&len, &formats, &stranger, mt_wmbus_crc(records, 3)));
}

static void makers_payloads_give_their_registers(void)
{
    static const struct {
        const char *hex;
        const char *maker;
        const char *number;
        int64_t ml;
    } rows[] = {{prios_hex, "HYD", "12345678", 345678000},
                {apator_hex, "APA", "20202020", 168577000},
                {thirds_hex, "APT", "12345678", 333333666}, /* 1000001 thirds of a litre */
                {techem_hex, "TCH", "12345678", 13800000},  /* 8.9 and 4.9 m3 */
                {zenner_hex, "ZRI", "12345678", 17062250},
                {qundis_hex, "QDS", "12345678", 69000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(decode(rows[i].hex, NULL), MT_OK);
        expect_reading(rows[i].maker, rows[i].number, rows[i].ml);
    }
}

static void makers_heat_and_cost_units_keep_their_unit(void)
{
    CU_ASSERT_EQUAL(decode(techem_heat_hex, NULL), MT_OK);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_HEAT);
    CU_ASSERT_EQUAL(frame.reading.total, 155917000); /* 155712 and 205 kWh */
    CU_ASSERT_EQUAL(decode(vario_hex, NULL), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.total.unit, "GJ");
    CU_ASSERT_EQUAL(frame.total.mantissa, 13112 + 9826);
    CU_ASSERT_EQUAL(frame.total.exponent, -3);
    CU_ASSERT_FALSE(frame.has_reading); /* a joule is no whole number of Wh */
    CU_ASSERT_EQUAL(decode(eitn_hex, NULL), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.total.unit, "units");
    CU_ASSERT_EQUAL(frame.total.mantissa, 0x201);
    CU_ASSERT_FALSE(frame.has_reading);
}

static void a_key_that_ten_bits_check_is_no_ground_for_a_bill(void)
{
    CU_ASSERT_EQUAL(decode(na1_hex, meter_key), MT_OK);
    CU_ASSERT_EQUAL(frame.total.mantissa, INT64_C(0x12347) * 10);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1729405131000000));
    CU_ASSERT_FALSE(frame.has_reading);
    CU_ASSERT_EQUAL(decode(na1_hex, NULL), MT_NO_KEY);
    CU_ASSERT_EQUAL(decode(na1_hex, other_key), MT_NOT_AUTHENTIC);
    CU_ASSERT_EQUAL(decode(na1_bits_hex, meter_key), MT_NOT_AUTHENTIC);
}

static void makers_payloads_that_fail_their_checks_are_refused(void)
{
    CU_ASSERT_EQUAL(decode(apator_bad_hex, NULL), MT_BAD_CHECKSUM);
    char hex[256];
    for (size_t digit = 1; digit <= 4; digit++) { /* of the CRC itself */
        snprintf(hex, sizeof(hex), "%s", apator_hex);
        hex[strlen(hex) - digit] = hex[strlen(hex) - digit] == '0' ? '1' : '0';
        CU_ASSERT_EQUAL(decode(hex, NULL), MT_BAD_CHECKSUM);
    }
    CU_ASSERT_EQUAL(decode(prios_hex, other_key), MT_NOT_AUTHENTIC);
    CU_ASSERT_EQUAL(decode("0F446850785634127462A2069F255900", NULL), MT_BAD_LAYOUT);
    /* A record behind the register whose length is a reserved one. */
    CU_ASSERT_EQUAL(decode("144493447856341"
                           "21D0678041301000000"
                           "0DFF5FFF",
                           NULL),
                    MT_BAD_LAYOUT);
}

static void what_is_in_no_table_is_never_guessed(void)
{
    CU_ASSERT_EQUAL(decode(unknown_hex, NULL), MT_UNSUPPORTED);
    CU_ASSERT_FALSE(frame.has_total);
    CU_ASSERT_EQUAL(frame.value_count, 0);
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "TCH");
    CU_ASSERT_EQUAL(decode(mode9_hex, meter_key), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(decode(fragment_hex, meter_key), MT_UNSUPPORTED); /* it announces no MAC */
}

static void requests_errors_and_alarms_are_no_readings(void)
{
    CU_ASSERT_EQUAL(decode(request_hex, NULL), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
    CU_ASSERT_EQUAL(decode(refusal_hex, NULL), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_ABNORMAL);
    CU_ASSERT_EQUAL(frame.error, 8);
    CU_ASSERT_EQUAL(decode(alarm_hex, NULL), MT_NO_READING);
}

static void two_bytes_that_look_like_a_crc_are_data_where_the_rest_is_none_else(void)
{
    CU_ASSERT_EQUAL(decode(chance_hex, NULL), MT_OK);
    CU_ASSERT_EQUAL(used, 25);
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, CHANCE_ML);
}

static void padding_of_ff_is_stepped_over(void)
{
    CU_ASSERT_EQUAL(decode(padded_hex, NULL), MT_OK);
    expect_reading("ABC", "12345678", VOLUME_ML);
    /* The same two bytes as the end of a date that is absent. */
    CU_ASSERT_EQUAL(decode("184443047856341201077A2A000000041387D61200426CFFFF", NULL), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, VOLUME_ML);
}

static void frames_follow_each_other(void)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), clear_hex);
    len += unhex(bytes + len, sizeof(bytes) - len, format_a_hex);
    CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes, len), len, NULL), MT_OK);
    CU_ASSERT_EQUAL(used, 27);
    CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes + used, len - used), len - used, NULL), MT_OK);
    CU_ASSERT_EQUAL(used, 33);
}

/* Which bytes of the input a listener was told about. */
struct listener {
    struct mt_trace trace;
    const uint8_t *bytes;
    size_t len;
    bool told[512];
    unsigned faults;
};

static void on_field(struct mt_trace *trace, const uint8_t *at, size_t len, const char *what,
                     const char *meaning)
{
    struct listener *l = (struct listener *)trace;
    (void)meaning; /* only the places count here */
    CU_ASSERT_PTR_NOT_NULL(what);
    for (size_t i = 0; i < len; i++) {
        if (at + i >= l->bytes && at + i < l->bytes + l->len) {
            l->told[at + i - l->bytes] = true;
        }
    }
}

static void on_layer(struct mt_trace *trace, const uint8_t *bytes, size_t len, const char *what)
{
    (void)trace; /* only fields count here */
    (void)len;
    CU_ASSERT_TRUE((bytes == NULL) == (what == NULL));
}

static void on_fault(struct mt_trace *trace, const uint8_t *at, size_t len, const char *why)
{
    (void)at; /* that there is one counts */
    (void)len;
    CU_ASSERT_PTR_NOT_NULL(why);
    ((struct listener *)trace)->faults++;
}

static struct listener listener;

static enum mt_status decode_told(const char *hex, const uint8_t *key)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    listener = (struct listener){.trace = {on_field, on_layer, on_fault}, .len = len};
    listener.bytes = guard_end(bytes, len);
    struct mt_input input = {.bytes = listener.bytes,
                             .len = len,
                             .key = key,
                             .key_len = key != NULL ? 16 : 0,
                             .trace = &listener.trace};
    return mt_wmbus_decode(&frame, &used, &input);
}

static void every_byte_is_explained(void)
{
    static const char *const frames[] = {clear_hex, mode5_hex, opened_hex,
                                         other_hex, mode7_hex, padded_hex};
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        bool opened = frames[i] == opened_hex;
        CU_ASSERT_EQUAL(decode_told(frames[i], opened ? NULL : meter_key), MT_OK);
        CU_ASSERT_EQUAL(listener.faults, 0);
        for (size_t at = 0; at < listener.len; at++) {
            bool inside = opened && at > 16; /* told as part of the opened layer */
            bool of_layer = (frames[i] == clear_hex || frames[i] == padded_hex) && at > 14;
            CU_ASSERT_TRUE(listener.told[at] || inside || of_layer);
        }
    }
}

static void every_refusal_is_explained(void)
{
    static const char *const frames[] = {compact_hex,  unknown_hex,    mode9_hex,
                                         fragment_hex, apator_bad_hex, announced_changed_hex};
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        CU_ASSERT_NOT_EQUAL(decode_told(frames[i], meter_key), MT_OK);
        CU_ASSERT_TRUE(listener.faults > 0);
    }
    CU_ASSERT_EQUAL(decode_told(ell_hex, other_key), MT_NOT_AUTHENTIC);
    CU_ASSERT_TRUE(listener.faults > 0);
}

static uint64_t state;

static uint64_t random_below(uint64_t limit)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 11) % limit;
}

static void random_sending(struct mt_sending *sending)
{
    *sending = (struct mt_sending){.counter = (uint32_t)random_below(0x20000000)};
    sending->identity.medium = (uint8_t)random_below(MT_HEAT + 1);
    snprintf(sending->identity.maker, sizeof(sending->identity.maker), "%c%c%c",
             (char)('A' + random_below(26)), (char)('A' + random_below(26)),
             (char)('A' + random_below(26)));
    snprintf(sending->identity.number, sizeof(sending->identity.number), "%08u",
             (unsigned)random_below(100000000));
    sending->reading.total = (int64_t)random_below(UINT64_C(1) << (1 + random_below(49)));
    if (random_below(4) > 0) {
        sending->reading.time_us = (int64_t)(946684800 + random_below(2000000000)) * 1000000;
    }
    if (random_below(2) == 0) {
        sending->key = meter_key;
        sending->key_len = sizeof(meter_key);
    }
}

static void what_is_built_is_read_back(void)
{
    const char *given = getenv("WMBUS_SEED");
    state = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("    seed %llu\n", (unsigned long long)state);
    unsigned chances = 0;
    for (unsigned i = 0; i < 3000; i++) {
        uint8_t bytes[MT_WMBUS_FRAME_MAX];
        size_t len;
        struct mt_sending sending;
        random_sending(&sending);
        enum mt_wmbus_kind kind = (enum mt_wmbus_kind)random_below(MT_WMBUS_COMPACT + 1);
        enum mt_wmbus_shape shape = (enum mt_wmbus_shape)random_below(MT_WMBUS_FORMAT_B + 1);
        memset(&formats, 0, sizeof(formats));
        if (kind == MT_WMBUS_COMPACT) { /* its full frame comes first */
            CU_ASSERT_EQUAL(mt_wmbus_build_as(bytes, &len, sizeof(bytes), &sending,
                                              MT_WMBUS_STRIPPED, MT_WMBUS_ELL),
                            MT_OK);
            CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes, len), len, sending.key), MT_OK);
        }
        CU_ASSERT_EQUAL(mt_wmbus_build_as(bytes, &len, sizeof(bytes), &sending, shape, kind),
                        MT_OK);
        CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes, len), len, sending.key), MT_OK);
        CU_ASSERT_EQUAL(used, len);
        CU_ASSERT_STRING_EQUAL(frame.identity.maker, sending.identity.maker);
        CU_ASSERT_STRING_EQUAL(frame.identity.number, sending.identity.number);
        CU_ASSERT_EQUAL(frame.identity.medium, sending.identity.medium);
        CU_ASSERT_TRUE(frame.has_reading);
        CU_ASSERT_EQUAL(frame.reading.total, sending.reading.total);
        CU_ASSERT_EQUAL(frame.reading.time_us, sending.reading.time_us);
        if (sending.key != NULL) {
            chances += decode_bytes(guard_end(bytes, len), len, other_key) != MT_NOT_AUTHENTIC;
            chances += decode_bytes(guard_end(bytes, len), len, NULL) != MT_NO_KEY;
        }
    }
    CU_ASSERT_TRUE(chances <= 3); /* checks of 16 bits are passed by chance once in 65536 */
}

/* By its first twelve bytes the first is a frame in format A of which the end is missing; sixteen
 * bytes and a CRC of such a frame are in the second. Neither has CRCs, and both are whole. */
static void crcs_that_are_right_by_chance_hide_no_frame(void)
{
    static const char head_hex[] = "1E4439145507026500047A2B001005CEEB1BA7285160D20604380AD8F7C2B2";
    static const char block_hex[] =
        "214424503010198900038D20B6B6A5CB1A641978041037000000066D283003F63A00";
    uint8_t bytes[64];
    size_t len = unhex(bytes, sizeof(bytes), head_hex);
    CU_ASSERT_EQUAL(mt_wmbus_crc(bytes, 10), bytes[10] << 8 | bytes[11]);
    CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes, len), len, meter_key), MT_OK);
    CU_ASSERT_EQUAL(used, len);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "65020755");
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes, len - 1), len - 1, meter_key), MT_NEED_MORE);
    len = unhex(bytes, sizeof(bytes), block_hex);
    CU_ASSERT_EQUAL(mt_wmbus_crc(bytes + 12, 16), bytes[28] << 8 | bytes[29]);
    CU_ASSERT_EQUAL(decode_bytes(guard_end(bytes, len), len, NULL), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "89191030");
    CU_ASSERT_EQUAL(frame.reading.total, 55); /* 04 10 37000000: 0x37 ml */
}

static void what_cannot_be_sent_is_not_built(void)
{
    uint8_t bytes[MT_WMBUS_FRAME_MAX];
    size_t len;
    struct mt_sending sending = {.identity = {MT_WATER, "ABC", "12345678"}};
    for (size_t max = 0; max < 21; max++) {
        CU_ASSERT_EQUAL(mt_wmbus_build(bytes, &len, max, &sending), MT_TOO_LARGE);
    }
    CU_ASSERT_EQUAL(mt_wmbus_build(bytes, &len, 21, &sending), MT_OK);
    sending.counter = 0x20000000; /* more than a session number holds */
    CU_ASSERT_EQUAL(mt_wmbus_build_as(bytes, &len, sizeof(bytes), &sending, MT_WMBUS_STRIPPED,
                                      MT_WMBUS_ELL),
                    MT_BAD_RANGE);
    sending.key = meter_key;
    sending.key_len = 8;
    CU_ASSERT_EQUAL(mt_wmbus_build(bytes, &len, sizeof(bytes), &sending), MT_NO_KEY);
    sending = (struct mt_sending){.identity = {MT_WATER, "ABC", "123"}};
    CU_ASSERT_EQUAL(mt_wmbus_build(bytes, &len, sizeof(bytes), &sending), MT_BAD_DIGIT);
}

static const struct unit_test tests[] = {
    {"the_crc_is_that_of_the_standard", the_crc_is_that_of_the_standard},
    {"a_frame_in_the_clear_is_a_reading_in_every_shape",
     a_frame_in_the_clear_is_a_reading_in_every_shape},
    {"blocks_end_where_the_formats_say", blocks_end_where_the_formats_say},
    {"a_crc_that_differs_is_said_so", a_crc_that_differs_is_said_so},
    {"every_prefix_is_refused", every_prefix_is_refused},
    {"every_flipped_bit_of_a_frame_with_crcs_is_refused",
     every_flipped_bit_of_a_frame_with_crcs_is_refused},
    {"no_flipped_bit_under_a_check_gives_another_total",
     no_flipped_bit_under_a_check_gives_another_total},
    {"mode_5_needs_the_right_key", mode_5_needs_the_right_key},
    {"bytes_that_the_receiver_opened_are_read_without_a_key_only",
     bytes_that_the_receiver_opened_are_read_without_a_key_only},
    {"mode_7_checks_its_mac", mode_7_checks_its_mac},
    {"the_ell_encrypts_and_its_crc_says_whether_the_key_is_right",
     the_ell_encrypts_and_its_crc_says_whether_the_key_is_right},
    {"the_meter_in_the_head_is_billed_not_the_radio",
     the_meter_in_the_head_is_billed_not_the_radio},
    {"a_compact_frame_waits_for_a_full_one", a_compact_frame_waits_for_a_full_one},
    {"a_format_frame_is_learnt_too", a_format_frame_is_learnt_too},
    {"only_so_many_formats_are_kept_and_the_oldest_gives_way",
     only_so_many_formats_are_kept_and_the_oldest_gives_way},
    {"makers_payloads_give_their_registers", makers_payloads_give_their_registers},
    {"makers_heat_and_cost_units_keep_their_unit", makers_heat_and_cost_units_keep_their_unit},
    {"a_key_that_ten_bits_check_is_no_ground_for_a_bill",
     a_key_that_ten_bits_check_is_no_ground_for_a_bill},
    {"makers_payloads_that_fail_their_checks_are_refused",
     makers_payloads_that_fail_their_checks_are_refused},
    {"what_is_in_no_table_is_never_guessed", what_is_in_no_table_is_never_guessed},
    {"requests_errors_and_alarms_are_no_readings", requests_errors_and_alarms_are_no_readings},
    {"two_bytes_that_look_like_a_crc_are_data_where_the_rest_is_none_else",
     two_bytes_that_look_like_a_crc_are_data_where_the_rest_is_none_else},
    {"padding_of_ff_is_stepped_over", padding_of_ff_is_stepped_over},
    {"frames_follow_each_other", frames_follow_each_other},
    {"every_byte_is_explained", every_byte_is_explained},
    {"every_refusal_is_explained", every_refusal_is_explained},
    {"what_is_built_is_read_back", what_is_built_is_read_back},
    {"crcs_that_are_right_by_chance_hide_no_frame", crcs_that_are_right_by_chance_hide_no_frame},
    {"what_cannot_be_sent_is_not_built", what_cannot_be_sent_is_not_built},
};
UNIT_MAIN("wmbus", tests)
