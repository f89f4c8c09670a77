/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The meter's serial port. Frames were made by hand from DL/T 645 and CJ/T 188. */
#include "firmware/serial/serial.h"
#include "tests/support/unit.h"

/* 2026-11-24 12:34:56 in China, a Tuesday. */
#define MOMENT_US INT64_C(1795494896000000)

static const struct mt_identity power = {.medium = MT_POWER,
                                         .maker = "HXE",
                                         .number = "123456789012"};
static const struct mt_identity water = {.medium = MT_WATER, .maker = "HXW", .number = "12345678"};
static const struct mt_identity gas = {.medium = MT_GAS,
                                       .maker = "HXG",
                                       .number = "00000000000042"};

static const struct fw_serial_view view = {
    .now = {.total = 123456789, /* 123456.78 kWh */
            .band = {100000000, 23456789, 0, 0},
            .band_mask = 3,
            .time_us = MOMENT_US,
            .flags = MT_FLAG_VALVE_SHUT},
    .has_settlement = true,
    .settlement = {.total = 100000000, .band = {90000000, 10000000}, .band_mask = 3},
};
static const struct fw_serial_view volume = {
    .now = {.total = INT64_C(12345678901), .time_us = MOMENT_US, .flags = MT_FLAG_VALVE_SHUT},
    .has_settlement = true,
    .settlement = {.total = INT64_C(10000000000)},
};
static const struct fw_serial_view young = {.now = {.total = 10}};

static uint8_t reply[FW_SERIAL_REPLY_MAX];

static struct fw_serial port_of(const struct mt_identity *identity)
{
    struct fw_serial serial;
    CU_ASSERT_FATAL(fw_serial_init(&serial, identity));
    return serial;
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

/* The answer to a question as hex; "" for none. */
static const char *answer(const struct mt_identity *identity, const struct fw_serial_view *with,
                          const char *hex)
{
    static char text[2 * FW_SERIAL_REPLY_MAX + 1];
    uint8_t bytes[512];
    struct fw_serial serial = port_of(identity);
    size_t len = fw_serial_take(&serial, reply, bytes, bytes_of(bytes, hex), with, 1000000);
    text[0] = '\0';
    for (size_t i = 0; i < len; i++) {
        snprintf(text + 2 * i, 3, "%02X", reply[i]);
    }
    return text;
}

struct asked {
    const struct mt_identity *of;
    const struct fw_serial_view *with;
    const char *question;
    const char *answer; /* "": none */
};

static void expect_all(const struct asked *asked, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = answer(asked[i].of, asked[i].with, asked[i].question);
        if (strcmp(got, asked[i].answer) != 0) {
            printf("    %s: %s, not %s\n", asked[i].question, got, asked[i].answer);
        }
        CU_ASSERT_STRING_EQUAL(got, asked[i].answer);
    }
}
#define EXPECT_ALL(asked) expect_all(asked, sizeof(asked) / sizeof((asked)[0]))

/* ---- DL/T 645 ------------------------------------------------------------------------------------------- */

#define TOTAL "68129078563412681104333334336816"            /* asks for 00010000 */
#define TOTAL_IS "6812907856341268910833333433AB896745CC16" /* 123456.78 kWh */

static void a_collector_reads_a_power_meters_registers(void)
{
    static const struct asked asked[] = {
        {&power, &view, TOTAL, TOTAL_IS},
        /* forward less nothing: 00000000 */
        {&power, &view, "68129078563412681104333333336716",
         "6812907856341268910833333333AB896745CB16"},
        /* band 2: 23456.78 kWh */
        {&power, &view, "68129078563412681104333534336A16",
         "6812907856341268910833353433AB896735BE16"},
        /* the last settlement: 100000.00 kWh; a young meter had none */
        {&power, &view, "68129078563412681104343334336916",
         "681290785634126891083433343333333343C916"},
        {&power, &young, "68129078563412681104343334336916", "6812907856341268D101358D16"},
        /* the block: total, 100000.00 and 23456.78 kWh, nothing in bands 3 and 4 */
        {&power, &view, "68129078563412681104333234336716",
         "6812907856341268911833323433AB89674533333343AB89673533333333333333331F16"},
        /* 9010 of the edition of 1997 */
        {&power, &view, "6812907856341268010243C38F16", "6812907856341268810643C3AB896745F316"},
    };
    EXPECT_ALL(asked);
}

static void clock_and_address_can_be_read(void)
{
    static const struct asked asked[] = {
        /* 26-11-24, Tuesday; 12:34:56; a clock that is not set */
        {&power, &view, "68129078563412681104343433376D16",
         "6812907856341268910834343337355744591A16"},
        {&power, &view, "68129078563412681104353433376E16",
         "68129078563412689107353433378967452616"},
        {&power, &young, "68129078563412681104353433376E16", "6812907856341268D101358D16"},
        {&power, &view, "68129078563412681104343733377016",
         "6812907856341268910A3437333745C3AB896745DE16"},
        {&power, &view, "68AAAAAAAAAAAA681300DF16", "6812907856341268930645C3AB8967450716"},
    };
    EXPECT_ALL(asked);
}

static void questions_to_others_are_passed_over(void)
{
    static const struct asked asked[] = {
        {&power, &view, "68139078563412681104333334336916", ""},
        /* AA for the upper digits asks whoever ends in 9012 */
        {&power, &view, "681290AAAAAAAA68110433333433FC16", TOTAL_IS},
        /* another's answer, then a question to us */
        {&power, &view, "681290785634126891083333333333333333B716", ""},
        {&power, &view, "681290785634126891083333333333333333B716" TOTAL, TOTAL_IS},
        /* everybody's clock is to be set */
        {&power, &view, "68999999999999680806333333333333A616", ""},
        /* a water meter's address is a gas meter's, too */
        {&gas, &view, "6810420000000000000103901F077416", ""},
    };
    EXPECT_ALL(asked);
}

static void what_would_change_the_meter_is_refused(void)
{
    static const struct asked asked[] = {
        /* trip (1C), write (14): not allowed, 04; voltage (02010100), half an identifier: no such data */
        {&power, &view, "68129078563412681C1033333333333333333333333333333333E216",
         "6812907856341268DC01379A16"},
        {&power, &view, "6812907856341268140C3333333333333333333333330A16",
         "6812907856341268D401379216"},
        {&power, &view, "68129078563412681104333434356B16", "6812907856341268D101358D16"},
        {&power, &view, "681290785634126811023333FF16", "6812907856341268D101358D16"},
        /* a valve, by CJ/T 188 */
        {&water, &view, "6810785634120000000404A0170999ED16", ""},
    };
    EXPECT_ALL(asked);
}

/* ---- CJ/T 188 ------------------------------------------------------------------------------------------- */

static void a_collector_reads_water_and_gas_meters(void)
{
    static const struct asked asked[] = {
        /* 12345.67 m3 now, 10000.00 m3 at the settlement, 2026-11-24 12:34:56, the valve is shut */
        {&water, &volume, "6810785634120000000103901F074616",
         "6810785634120000008116901F07674523012C000000012C5634122411262001001A16"},
        {&water, &volume, "68107856341200000001031F90074616",
         "68107856341200000081161F9007674523012C000000012C5634122411262001001A16"},
        {&water, &volume, "68AAAAAAAAAAAAAAAA0103901F077216",
         "6810785634120000008116901F07674523012C000000012C5634122411262001001A16"},
        {&water, &view, "6810AAAAAAAAAAAAAA0303810A09B816", "6810785634120000008303810A09A616"},
        /* no settlement yet, no clock */
        {&gas, &young, "6830420000000000000103901F079416",
         "6830420000000000008116901F07000000002CFFFFFFFF2CFFFFFFFFFFFFFF00007416"},
        {&water, &view, "6810785634120000000103D120078816", ""},
    };
    EXPECT_ALL(asked);
}

/* ---- the line ------------------------------------------------------------------------------------------- */

static size_t take(struct fw_serial *serial, const uint8_t *bytes, size_t len, int64_t now_us)
{
    return fw_serial_take(serial, reply, bytes, len, &view, now_us);
}

static void a_question_comes_byte_by_byte(void)
{
    uint8_t bytes[64];
    struct fw_serial serial = port_of(&power);
    size_t len = bytes_of(bytes, "FEFEFEFE" TOTAL);
    for (size_t i = 0; i < len; i++) {
        CU_ASSERT_EQUAL(take(&serial, bytes + i, 1, (int64_t)i * 9000) > 0, i == len - 1);
    }
    CU_ASSERT_EQUAL(serial.len, 0);
}

static void a_question_with_a_pause_in_it_is_two_halves(void)
{
    uint8_t bytes[64];
    struct fw_serial serial = port_of(&power);
    size_t len = bytes_of(bytes, TOTAL);
    CU_ASSERT_EQUAL(take(&serial, bytes, 8, 0), 0);
    CU_ASSERT_EQUAL(take(&serial, bytes + 8, len - 8, FW_SERIAL_GAP_US + 1), 0);
    CU_ASSERT_EQUAL(take(&serial, bytes, 8, 2000000), 0);
    CU_ASSERT(take(&serial, bytes + 8, len - 8, 2000000 + FW_SERIAL_GAP_US) > 0);
}

static void noise_and_torn_questions_do_not_hide_the_next_one(void)
{
    uint8_t bytes[512];
    uint8_t question[64];
    size_t question_len = bytes_of(question, TOTAL);
    for (size_t torn = 0; torn < question_len;
         torn++) { /* the beginning of one, then a whole one */
        struct fw_serial serial = port_of(&power);
        memcpy(bytes, question, torn);
        memcpy(bytes + torn, question, question_len);
        CU_ASSERT(take(&serial, bytes, torn + question_len, 0) > 0);
    }
    struct fw_serial serial = port_of(&power);
    memset(bytes, 0x68, 300); /* each could be the beginning of one */
    memcpy(bytes + 300, question, question_len);
    CU_ASSERT(take(&serial, bytes, 300 + question_len, 0) > 0);
}

static void a_question_with_a_flipped_bit_has_no_answer(void)
{
    uint8_t bytes[64];
    size_t len = bytes_of(bytes, TOTAL);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        struct fw_serial serial = port_of(&power);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_EQUAL(take(&serial, bytes, len, 0), 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_register_begins_anew_after_its_last_digit(void)
{
    static const struct fw_serial_view full = {.now = {.total = INT64_C(1000000000) + 20}};
    /* 1,000,000.02 kWh: eight digits show 0.02 */
    EXPECT_ALL(((const struct asked[]){
        {&power, &full, TOTAL, "681290785634126891083333343335333333BA16"}}));
}

static void a_number_with_letters_is_no_address(void)
{
    static const struct mt_identity wrong[] = {
        {.medium = MT_POWER, .maker = "HXE", .number = "12345678901A"},
        {.medium = MT_POWER, .maker = "HXE", .number = "1234567890123"},
        {.medium = MT_WATER, .maker = "HXW", .number = "123456789012345"},
        {.medium = MT_WATER, .maker = "HXW", .number = ""},
        {.medium = MT_HEAT, .maker = "HXH", .number = "1"},
    };
    struct fw_serial serial;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CU_ASSERT_FALSE(fw_serial_init(&serial, &wrong[i]));
    }
}

static const struct unit_test tests[] = {
    {"a_collector_reads_a_power_meters_registers", a_collector_reads_a_power_meters_registers},
    {"clock_and_address_can_be_read", clock_and_address_can_be_read},
    {"questions_to_others_are_passed_over", questions_to_others_are_passed_over},
    {"what_would_change_the_meter_is_refused", what_would_change_the_meter_is_refused},
    {"a_collector_reads_water_and_gas_meters", a_collector_reads_water_and_gas_meters},
    {"a_question_comes_byte_by_byte", a_question_comes_byte_by_byte},
    {"a_question_with_a_pause_in_it_is_two_halves", a_question_with_a_pause_in_it_is_two_halves},
    {"noise_and_torn_questions_do_not_hide_the_next_one",
     noise_and_torn_questions_do_not_hide_the_next_one},
    {"a_question_with_a_flipped_bit_has_no_answer", a_question_with_a_flipped_bit_has_no_answer},
    {"a_register_begins_anew_after_its_last_digit", a_register_begins_anew_after_its_last_digit},
    {"a_number_with_letters_is_no_address", a_number_with_letters_is_no_address},
};
UNIT_MAIN("fw_serial", tests)
