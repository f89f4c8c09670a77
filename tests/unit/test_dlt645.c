/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DL/T 645. Frames are made by hand from the standard's layout (clause 5, annex A); those with a
 * minus sign too: no public capture of one is known. */
#include "meters/dlt645.h"
#include "tests/support/decoder.h"
#include "tests/support/frame_values.h"
#include "tests/support/round_trip.h"
#include "tests/support/unit.h"

static struct mt_frame frame;
static size_t used;

static enum mt_status decode(const char *hex)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, sizeof(bytes), hex);
    struct mt_input input = {.bytes = guard_end(bytes, len), .len = len};
    frame = (struct mt_frame){.value_count = 99};
    used = 9999;
    return mt_dlt645_decode(&frame, &used, &input);
}

static void expect_value(uint32_t index, int64_t mantissa, int8_t exponent, const char *unit,
                         const char *obis)
{
    expect_frame_value(&frame, index, mantissa, exponent, unit, obis);
}

static const char forward_hex[] = "6878563412000068910833333433AB8967452A16";
static const char block_hex[] =
    "68785634120000689118333234333333343333433333335333333363333333733333F616";

static void forward_active_energy_is_a_reading(void)
{
    CU_ASSERT_EQUAL(decode(forward_hex), MT_OK);
    CU_ASSERT_STRING_EQUAL(frame.protocol, "dlt645");
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
    CU_ASSERT_EQUAL(frame.identity.medium, MT_POWER);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "000012345678");
    CU_ASSERT_STRING_EQUAL(frame.identity.maker, "");
    CU_ASSERT_EQUAL(frame.data_id, MT_DLT645_FORWARD_ACTIVE);
    CU_ASSERT_EQUAL(frame.value_count, 1);
    expect_value(0, 12345678, -2, "kWh", "1.8.0");
    CU_ASSERT_TRUE(frame.has_total && frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 123456780);
    CU_ASSERT_EQUAL(frame.reading.time_us, 0);
    CU_ASSERT_FALSE(frame.has_time);
    /* The register's last value before it rolls over has no sign, whatever its highest bit. */
    CU_ASSERT_EQUAL(decode("6878563412000068910833333433CCCCCCCC7A16"), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 999999990);
}

static void a_block_carries_its_tariffs_as_bands(void)
{
    CU_ASSERT_EQUAL(decode(block_hex), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 5);
    expect_value(0, 10000, -2, "kWh", "1.8.0");
    expect_value(4, 4000, -2, "kWh", "1.8.4");
    CU_ASSERT_TRUE(frame.has_reading);
    CU_ASSERT_EQUAL(frame.reading.total, 100000);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 0xF);
    CU_ASSERT_EQUAL(frame.reading.band[1], 20000);
    /* Fewer tariffs, and one that the meter does not have. */
    CU_ASSERT_EQUAL(decode("6878563412000068911033323433333334333343333332323232C216"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 3);
    CU_ASSERT_TRUE(frame.values[2].absent);
    CU_ASSERT_EQUAL(frame.reading.band_mask, 0x1);
}

static void combined_energy_has_a_sign_and_is_never_billed_by_itself(void)
{
    CU_ASSERT_EQUAL(decode("6878563412000068910833333333674533B3DB16"), MT_OK);
    expect_value(0, -1234, -2, "kWh", "15.8.0");
    CU_ASSERT_TRUE(frame.has_total);
    CU_ASSERT_FALSE(frame.has_reading);
    CU_ASSERT_EQUAL(mt_frame_reading(&frame), MT_BAD_RANGE);
}

static void instantaneous_values_are_shown_with_their_direction(void)
{
    CU_ASSERT_EQUAL(decode("6878563412000068910A33323435365532323232A016"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 3);
    expect_value(0, 2203, -1, "V", "32.7.0");
    CU_ASSERT_TRUE(frame.values[1].absent && frame.values[2].absent); /* a single-phase meter */
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    CU_ASSERT_EQUAL(decode("68785634120000689107333435356745B3AC16"), MT_OK);
    expect_value(0, -1234, -3, "A", "31.7.0");
    CU_ASSERT_EQUAL(decode("68785634120000689107333336357856B4CF16"), MT_OK);
    expect_value(0, -12345, -4, "kW", "16.7.0");
    CU_ASSERT_EQUAL(decode("6878563412000068910633333935BABCC516"), MT_OK);
    expect_value(0, -987, -3, "", "13.7.0");
}

static void stored_registers_are_no_reading_of_now(void)
{
    CU_ASSERT_EQUAL(decode("6878563412000068910834333433444433333916"), MT_OK);
    expect_value(0, 1111, -2, "kWh", "1.8.0*1");
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    CU_ASSERT_EQUAL(decode("6878563412000068910C3434393855553333553533335A16"), MT_OK);
    expect_value(0, 2222, -2, "kWh", "1.8.0*1");
    expect_value(1, 222, -2, "kWh", "1.8.1*1");
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
    CU_ASSERT_EQUAL(decode("6878563412000068910C333334347856348C563443570116"), MT_OK);
    expect_value(0, 12345, -4, "kW", "1.6.0");
}

static void the_clock_and_the_money_left_are_shown(void)
{
    CU_ASSERT_EQUAL(decode("6878563412000068910B3F3433373A3938335C35572316"), MT_OK);
    CU_ASSERT_TRUE(frame.has_time);
    CU_ASSERT_EQUAL(frame.time_us, INT64_C(1709154367000000)); /* 2024-02-29 05:06:07 local */
    CU_ASSERT_EQUAL(frame.value_count, 0);
    CU_ASSERT_EQUAL(decode("687856341200006891083335C33367453333ED16"), MT_OK);
    expect_value(0, 1234, -2, "CNY", "");
}

static void the_1997_edition_is_read_too(void)
{
    CU_ASSERT_EQUAL(decode("6878563412000068810643C378563433A616"), MT_OK);
    expect_value(0, 12345, -2, "kWh", "1.8.0");
    CU_ASSERT_EQUAL(frame.reading.total, 123450);
    CU_ASSERT_EQUAL(frame.data_id, 0x9010);
    /* A block ends in AA. */
    CU_ASSERT_EQUAL(decode("6878563412000068810B52C37856343378333333DDA816"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 2);
    CU_ASSERT_EQUAL(frame.reading.band[0], 450);
    /* A set of blocks: forward total and tariff 1, then reverse total. */
    CU_ASSERT_EQUAL(decode("6878563412000068811032C37856343378333333DD3A333333DD3D16"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 3);
    expect_value(2, 7, -2, "kWh", "2.8.0");
    CU_ASSERT_EQUAL(frame.reading.total, 123450);
    CU_ASSERT_EQUAL(decode("6878563412000068810852E9533554354C353A16"), MT_OK);
    expect_value(2, 219, 0, "V", "72.7.0");
    CU_ASSERT_EQUAL(decode("6878563412000068810644C7563433336616"), MT_OK);
    expect_value(0, 123, -2, "kWh", "1.8.1*1");
    CU_ASSERT_FALSE(frame.has_total);
}

static void what_carries_no_register_is_named(void)
{
    CU_ASSERT_EQUAL(decode("68785634120000681104 33333433C616"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REQUEST);
    CU_ASSERT_EQUAL(frame.data_id, MT_DLT645_FORWARD_ACTIVE);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "000012345678");
    CU_ASSERT_EQUAL(decode("6878563412000068D10135EB16"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_ABNORMAL);
    CU_ASSERT_EQUAL(frame.error, 0x02);
    CU_ASSERT_EQUAL(decode("68AAAAAAAAAAAA689306AB8967453333AB16"), MT_NO_READING);
    CU_ASSERT_EQUAL(frame.kind, MT_FRAME_REPLY);
    CU_ASSERT_STRING_EQUAL(frame.identity.number, "000012345678");
    /* A rated voltage is a text, and a follow-up frame a piece without a name. */
    CU_ASSERT_EQUAL(decode("6878563412000068910A34373337AB89674533339A16"), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(frame.data_id, 0x04000401);
    CU_ASSERT_EQUAL(decode("687856341200006892093332343344443333346D16"), MT_UNSUPPORTED);
    CU_ASSERT_EQUAL(frame.value_count, 0);
}

static void half_a_clock_is_named(void)
{
    uint8_t bytes[MT_DLT645_FRAME_MAX];
    const uint8_t time_1997[] = {0x11, 0xC0, 0x56, 0x34, 0x12};
    const uint8_t date_2007[] = {0x01, 0x01, 0x00, 0x04, 0x04, 0x29, 0x02, 0x2A};
    struct mt_dlt645_frame link = {.number = "000012345678",
                                   .control = 0x81,
                                   .data = time_1997,
                                   .data_len = sizeof(time_1997)};
    size_t len = 0;
    CU_ASSERT_EQUAL(mt_dlt645_build(bytes, &len, sizeof(bytes), &link), MT_OK);
    struct mt_input input = {.bytes = bytes, .len = len};
    CU_ASSERT_EQUAL(mt_dlt645_decode(&frame, &used, &input), MT_NO_READING);
    CU_ASSERT_FALSE(frame.has_time);
    link.control = 0x91;
    link.data = date_2007;
    link.data_len = sizeof(date_2007);
    CU_ASSERT_EQUAL(mt_dlt645_build(bytes, &len, sizeof(bytes), &link), MT_OK);
    input.len = len;
    CU_ASSERT_EQUAL(mt_dlt645_decode(&frame, &used, &input), MT_BAD_DIGIT); /* year 2A */
}

static void an_absent_register_is_no_total(void)
{
    CU_ASSERT_EQUAL(decode("687856341200006891083333343332323232 1216"), MT_OK);
    CU_ASSERT_EQUAL(frame.value_count, 1);
    CU_ASSERT_TRUE(frame.values[0].absent);
    CU_ASSERT_FALSE(frame.has_total || frame.has_reading);
}

static void wrong_digits_and_lengths_yield_nothing(void)
{
    static const struct {
        const char *hex;
        enum mt_status status;
    } rows[] = {
        {"687856341200006891083333343341333333 2416", MT_BAD_DIGIT},
        {"6878563412000068910733333433333333E216", MT_BAD_LAYOUT},
        {"687856341200006891093333343333333333334A16", MT_BAD_LAYOUT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum mt_status status = decode(rows[i].hex);
        CU_ASSERT_EQUAL(status, rows[i].status);
        CU_ASSERT_EQUAL(frame.value_count, 99); /* untouched */
    }
}

static void noise_halves_and_several_frames_are_stepped_through(void)
{
    char hex[256];
    /* A preamble, and noise with a false start whose length would reach far. */
    snprintf(hex, sizeof(hex), "FEFEFEFE%s", forward_hex);
    CU_ASSERT_EQUAL(decode(hex), MT_OK);
    CU_ASSERT_EQUAL(used, 24);
    snprintf(hex, sizeof(hex), "001668 68 FF 681122334455666891C8%s", forward_hex);
    CU_ASSERT_EQUAL(decode(hex), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 123456780);
    /* A frame with a broken checksum before a good one. */
    snprintf(hex, sizeof(hex), "6878563412000068910833333433AB8967452B16%s", block_hex);
    CU_ASSERT_EQUAL(decode(hex), MT_OK);
    CU_ASSERT_EQUAL(frame.reading.total, 100000);
    /* Half a frame behind noise: what may be one is kept. */
    CU_ASSERT_EQUAL(decode("1122 687856341200006891083333"), MT_NEED_MORE);
    CU_ASSERT_EQUAL(used, 2);
    CU_ASSERT_EQUAL(decode("11220000"), MT_NOT_FOUND);
    CU_ASSERT_EQUAL(used, 4);
    /* More data than a reply may have (5.2.5). */
    CU_ASSERT_EQUAL(decode("687856341200006891C900000000000000"), MT_NOT_FOUND);
}

static bool accepts(const uint8_t *bytes, size_t len)
{
    struct mt_input input = {.bytes = bytes, .len = len};
    enum mt_status status = mt_dlt645_decode(&frame, &used, &input);
    CU_ASSERT_TRUE(used <= len);
    return mt_status_is_told(status);
}

static void every_prefix_and_every_flipped_bit_is_refused(void)
{
    static const char *const rows[] = {forward_hex, block_hex, "6878563412000068D10135EB16",
                                       "6878563412000068810643C378563433A616"};
    expect_damage_refused(accepts, rows, sizeof(rows) / sizeof(rows[0]));
}

static void frames_are_built_as_by_hand(void)
{
    uint8_t out[MT_DLT645_FRAME_MAX];
    size_t out_len = 0;
    const struct mt_dlt645_query query = {"000012345678", MT_DLT645_2007, MT_DLT645_FORWARD_ACTIVE};
    CU_ASSERT_EQUAL(mt_dlt645_build_read(out, &out_len, sizeof(out), &query), MT_OK);
    expect_bytes(out, out_len, "68785634120000681104 33333433C616");
    struct mt_reading reading = {.total = 123456789};
    CU_ASSERT_EQUAL(mt_dlt645_build_reading(out, &out_len, sizeof(out), "000012345678", &reading),
                    MT_OK);
    expect_bytes(out, out_len, forward_hex);
    reading = (struct mt_reading){.total = 100000,
                                  .band = {10000, 20000, 30000, 40009},
                                  .band_mask = 0xF};
    CU_ASSERT_EQUAL(mt_dlt645_build_reading(out, &out_len, sizeof(out), "000012345678", &reading),
                    MT_OK);
    expect_bytes(out, out_len, block_hex);
    const uint8_t error = 0x02;
    const struct mt_dlt645_frame abnormal = {.number = "000012345678",
                                             .control = 0xD1,
                                             .preamble_count = 4,
                                             .data = &error,
                                             .data_len = 1};
    CU_ASSERT_EQUAL(mt_dlt645_build(out, &out_len, sizeof(out), &abnormal), MT_OK);
    expect_bytes(out, out_len, "FEFEFEFE6878563412000068D10135EB16");
}

static void replies_of_every_kind_come_back(void)
{
    static const struct {
        uint32_t data_id;
        uint8_t edition;
        size_t count;
        int64_t mantissas[4];
    } rows[] = {
        {0x00000000, MT_DLT645_2007, 1, {-79999999}},
        {0x00020000, MT_DLT645_2007, 1, {99999999}},
        {0x0003FF0C, MT_DLT645_2007, 3, {-1, 2, -3}},
        {0x01020300, MT_DLT645_2007, 1, {123456}},
        {0x0201FF00, MT_DLT645_2007, 3, {2200, 2201, 9999}},
        {0x0202FF00, MT_DLT645_2007, 3, {-799999, 0, 5}},
        {0x0203FF00, MT_DLT645_2007, 4, {-1, 2, -3, 799999}},
        {0x02800002, MT_DLT645_2007, 1, {5003}},
        {0x02800007, MT_DLT645_2007, 1, {-123}},
        {0x050609FE, MT_DLT645_2007, 2, {12345, 1}},
        {0x04000409, MT_DLT645_2007, 1, {1600}},
        {0x901F, MT_DLT645_1997, 4, {4, 1, 2, 1}},
        {0xB630, MT_DLT645_1997, 1, {5}},
        {0xA123, MT_DLT645_1997, 1, {77}},
        {0x9820, MT_DLT645_1997, 1, {1}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t out[MT_DLT645_FRAME_MAX];
        size_t out_len = 0;
        const struct mt_dlt645_reply reply = {.to = {"A00000000001", rows[i].edition,
                                                     rows[i].data_id},
                                              .mantissas = rows[i].mantissas,
                                              .count = rows[i].count};
        CU_ASSERT_EQUAL_FATAL(mt_dlt645_build_reply(out, &out_len, sizeof(out), &reply), MT_OK);
        struct mt_input input = {.bytes = guard_end(out, out_len), .len = out_len};
        CU_ASSERT_EQUAL(mt_dlt645_decode(&frame, &used, &input), MT_OK);
        CU_ASSERT_EQUAL(frame.data_id, rows[i].data_id);
        CU_ASSERT_STRING_EQUAL(frame.identity.number, "A00000000001");
        CU_ASSERT_EQUAL(frame.value_count, rows[i].count);
        for (size_t v = 0; v < rows[i].count; v++) {
            CU_ASSERT_EQUAL(frame.values[v].mantissa, rows[i].mantissas[v]);
        }
    }
}

static void what_cannot_be_built_is_refused(void)
{
    uint8_t out[MT_DLT645_FRAME_MAX];
    size_t out_len = 77;
    const int64_t mantissas[4] = {800000, 1, 1, 1};
    struct mt_dlt645_reply reply = {.to = {"000012345678", MT_DLT645_2007, 0x02020100},
                                    .mantissas = mantissas,
                                    .count = 1};
    CU_ASSERT_EQUAL(mt_dlt645_build_reply(out, &out_len, sizeof(out), &reply), MT_BAD_RANGE);
    reply.to.data_id = 0x0201FF00;
    reply.count = 4;
    CU_ASSERT_EQUAL(mt_dlt645_build_reply(out, &out_len, sizeof(out), &reply), MT_BAD_LAYOUT);
    reply.count = 0;
    CU_ASSERT_EQUAL(mt_dlt645_build_reply(out, &out_len, sizeof(out), &reply), MT_BAD_LAYOUT);
    reply.to.data_id = 0x04000401;
    CU_ASSERT_EQUAL(mt_dlt645_build_reply(out, &out_len, sizeof(out), &reply), MT_UNSUPPORTED);
    struct mt_reading reading = {.total = INT64_C(1000000000)};
    CU_ASSERT_EQUAL(mt_dlt645_build_reading(out, &out_len, sizeof(out), "000012345678", &reading),
                    MT_BAD_RANGE);
    reading.total = 1;
    CU_ASSERT_EQUAL(mt_dlt645_build_reading(out, &out_len, sizeof(out), "00001234567", &reading),
                    MT_BAD_DIGIT);
    for (size_t max = 0; max < 20; max++) {
        CU_ASSERT_EQUAL(mt_dlt645_build_reading(guard_end(out, max), &out_len, max, "000012345678",
                                                &reading),
                        MT_TOO_LARGE);
    }
    CU_ASSERT_EQUAL(out_len, 77);
}

static void random_readings_come_back(void)
{
    static const struct round_trip rows[] = {
        {.protocol = "dlt645",
         .sending = {.identity = {.medium = MT_POWER, .number = "000012345678"}},
         .total_max = INT64_C(999999990),
         .step = 10,
         .has_bands = true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_round_trip(&rows[i]);
    }
}

static const struct unit_test tests[] = {
    {"random_readings_come_back", random_readings_come_back},
    {"forward_active_energy_is_a_reading", forward_active_energy_is_a_reading},
    {"a_block_carries_its_tariffs_as_bands", a_block_carries_its_tariffs_as_bands},
    {"combined_energy_has_a_sign_and_is_never_billed_by_itself",
     combined_energy_has_a_sign_and_is_never_billed_by_itself},
    {"instantaneous_values_are_shown_with_their_direction",
     instantaneous_values_are_shown_with_their_direction},
    {"stored_registers_are_no_reading_of_now", stored_registers_are_no_reading_of_now},
    {"the_clock_and_the_money_left_are_shown", the_clock_and_the_money_left_are_shown},
    {"the_1997_edition_is_read_too", the_1997_edition_is_read_too},
    {"what_carries_no_register_is_named", what_carries_no_register_is_named},
    {"half_a_clock_is_named", half_a_clock_is_named},
    {"an_absent_register_is_no_total", an_absent_register_is_no_total},
    {"wrong_digits_and_lengths_yield_nothing", wrong_digits_and_lengths_yield_nothing},
    {"noise_halves_and_several_frames_are_stepped_through",
     noise_halves_and_several_frames_are_stepped_through},
    {"every_prefix_and_every_flipped_bit_is_refused",
     every_prefix_and_every_flipped_bit_is_refused},
    {"frames_are_built_as_by_hand", frames_are_built_as_by_hand},
    {"replies_of_every_kind_come_back", replies_of_every_kind_come_back},
    {"what_cannot_be_built_is_refused", what_cannot_be_built_is_refused},
};
UNIT_MAIN("dlt645", tests)
