/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A meter asked on a line: bytes in, bytes out. The frames were made by hand from the standards. */
#include "gateway/adapters/poll_talk.h"
#include "tests/support/unit.h"

/* DL/T 645-2007: 00010000 of meter 000012345678, which shows 1234.56 kWh. */
static const uint8_t question[] = {0xfe, 0xfe, 0xfe, 0xfe, 0x68, 0x78, 0x56, 0x34, 0x12, 0x00,
                                   0x00, 0x68, 0x11, 0x04, 0x33, 0x33, 0x34, 0x33, 0xc6, 0x16};
static const uint8_t answer[] = {0x68, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0x68, 0x91, 0x08,
                                 0x33, 0x33, 0x34, 0x33, 0x89, 0x67, 0x45, 0x33, 0xb2, 0x16};
static const uint8_t of_another[] = {0x68, 0x79, 0x56, 0x34, 0x12, 0x00, 0x00, 0x68, 0x91, 0x08,
                                     0x33, 0x33, 0x34, 0x33, 0xcc, 0xcc, 0xcc, 0x33, 0xe2, 0x16};
static const uint8_t refusal[] = {0x68, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00,
                                  0x68, 0xd1, 0x01, 0x35, 0xeb, 0x16};
/* 12:34:56 on 2024-02-29, to everybody. */
static const uint8_t sync_frame[] = {0xfe, 0xfe, 0xfe, 0xfe, 0x68, 0x99, 0x99, 0x99,
                                     0x99, 0x99, 0x99, 0x68, 0x08, 0x06, 0x89, 0x67,
                                     0x45, 0x5c, 0x35, 0x57, 0x91, 0x16};
/* M-Bus: 12345678 ABC, water, primary address 5: 123456 l; and a telegram with a temperature only. */
static const uint8_t water[] = {0x68, 0x15, 0x15, 0x68, 0x08, 0x05, 0x72, 0x78, 0x56,
                                0x34, 0x12, 0x43, 0x04, 0x01, 0x07, 0x10, 0x00, 0x00,
                                0x00, 0x04, 0x13, 0x40, 0xe2, 0x01, 0x00, 0x2c, 0x16};
static const uint8_t temperature[] = {0x68, 0x13, 0x13, 0x68, 0x08, 0x05, 0x72, 0x78, 0x56,
                                      0x34, 0x12, 0x43, 0x04, 0x01, 0x07, 0x11, 0x00, 0x00,
                                      0x00, 0x02, 0x5b, 0x14, 0x00, 0x64, 0x16};

static struct gw_talk talk;

static void begin(uint8_t protocol, const char *number, uint8_t medium, uint8_t tries)
{
    struct gw_poll_target target = {.protocol = protocol, .address = 5};
    target.identity.medium = medium;
    strcpy(target.identity.number, number);
    gw_talk_begin(&talk, &target, tries);
}

static void expect_asked(const uint8_t *bytes, size_t expected)
{
    size_t len = 0;
    const uint8_t *asked = gw_talk_ask(&talk, &len);
    CU_ASSERT_EQUAL(len, expected);
    CU_ASSERT(len == expected && memcmp(asked, bytes, len) == 0);
}

static void begin_dlt645(void)
{
    begin(GW_POLL_DLT645, "000012345678", MT_POWER, 2);
    expect_asked(question, sizeof(question));
}

static void expect_answer(enum gw_talk_said said, int64_t total)
{
    CU_ASSERT_EQUAL(said, GW_TALK_ANSWER);
    CU_ASSERT(talk.frame.has_reading);
    CU_ASSERT_EQUAL(talk.frame.reading.total, total);
}

static void an_answer_is_taken_byte_by_byte(void)
{
    begin_dlt645();
    for (size_t i = 0; i + 1 < sizeof(answer); i++) {
        CU_ASSERT_EQUAL(gw_talk_hear(&talk, answer + i, 1), GW_TALK_MORE);
    }
    expect_answer(gw_talk_hear(&talk, answer + sizeof(answer) - 1, 1), 1234560);
    size_t len = 0;
    const uint8_t *bytes = gw_talk_answer(&talk, &len);
    CU_ASSERT(len == sizeof(answer) && memcmp(bytes, answer, len) == 0);
}

static void the_echo_of_the_question_is_stepped_over(void)
{
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, question, 7), GW_TALK_MORE);
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, question + 7, sizeof(question) - 7), GW_TALK_MORE);
    expect_answer(gw_talk_hear(&talk, answer, sizeof(answer)), 1234560);
    CU_ASSERT_EQUAL(talk.foreign_count, 0);
}

static void noise_and_preambles_are_stepped_over(void)
{
    static const uint8_t noise[] = {0x00, 0xff, 0x55, 0xfe, 0xfe, 0xfe, 0xfe};
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, noise, sizeof(noise)), GW_TALK_MORE);
    expect_answer(gw_talk_hear(&talk, answer, sizeof(answer)), 1234560);
}

static void noise_that_looks_like_a_frame_does_not_hide_the_answer(void)
{
    /* A head that promises 200 bytes. The answer behind it is found when the time is up. */
    static const uint8_t head[] = {0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x91, 200};
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, head, sizeof(head)), GW_TALK_MORE);
    enum gw_talk_said said = gw_talk_hear(&talk, answer, sizeof(answer));
    expect_answer(said == GW_TALK_MORE ? gw_talk_timeout(&talk) : said, 1234560);
}

static void an_answer_of_another_meter_is_not_taken(void)
{
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, of_another, sizeof(of_another)), GW_TALK_MORE);
    CU_ASSERT_EQUAL(talk.foreign_count, 1);
    expect_answer(gw_talk_hear(&talk, answer, sizeof(answer)), 1234560);
}

static void no_flipped_bit_makes_an_answer_of_another_total(void)
{
    for (size_t bit = 0; bit < 8 * sizeof(answer); bit++) {
        uint8_t bad[sizeof(answer)];
        memcpy(bad, answer, sizeof(bad));
        bad[bit / 8] ^= (uint8_t)(1u << bit % 8);
        begin_dlt645();
        CU_ASSERT_NOT_EQUAL(gw_talk_hear(&talk, bad, sizeof(bad)), GW_TALK_ANSWER);
        CU_ASSERT_EQUAL(gw_talk_timeout(&talk), GW_TALK_ASK);
    }
}

static void a_silent_meter_is_asked_as_often_as_told(void)
{
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_timeout(&talk), GW_TALK_ASK);
    expect_asked(question, sizeof(question));
    CU_ASSERT_EQUAL(gw_talk_timeout(&talk), GW_TALK_SILENT);
}

static void half_an_answer_is_none_and_asked_again(void)
{
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, answer, sizeof(answer) - 3), GW_TALK_MORE);
    CU_ASSERT_EQUAL(gw_talk_timeout(&talk), GW_TALK_ASK);
    expect_asked(question, sizeof(question));
    /* The rest of the first comes late, then the second answer. */
    (void)gw_talk_hear(&talk, answer + sizeof(answer) - 3, 3);
    expect_answer(gw_talk_hear(&talk, answer, sizeof(answer)), 1234560);
}

static void a_refusal_is_told_with_its_error(void)
{
    begin_dlt645();
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, refusal, sizeof(refusal)), GW_TALK_REFUSED);
    CU_ASSERT_EQUAL(talk.frame.error, 2);
}

static void a_flood_of_noise_is_bounded(void)
{
    uint8_t noise[300];
    memset(noise, 0x68, sizeof(noise));
    begin_dlt645();
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(gw_talk_hear(&talk, noise, sizeof(noise)), GW_TALK_MORE);
    }
    CU_ASSERT(talk.heard_len <= sizeof(talk.heard));
    CU_ASSERT_EQUAL(gw_talk_timeout(&talk), GW_TALK_ASK);
}

static void an_mbus_meter_is_reset_then_asked(void)
{
    static const uint8_t reset[] = {0x10, 0x40, 0x05, 0x45, 0x16};
    static const uint8_t request[] = {0x10, 0x7b, 0x05, 0x80, 0x16};
    static const uint8_t next[] = {0x10, 0x5b, 0x05, 0x60, 0x16};
    static const uint8_t ack = 0xe5;
    begin(GW_POLL_MBUS, "12345678", MT_WATER, 2);
    expect_asked(reset, sizeof(reset));
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, reset, sizeof(reset)), GW_TALK_MORE);
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, &ack, 1), GW_TALK_ASK);
    expect_asked(request, sizeof(request));
    /* The first telegram has no register: the frame count bit is turned over for the next. */
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, temperature, sizeof(temperature)), GW_TALK_ASK);
    expect_asked(next, sizeof(next));
    expect_answer(gw_talk_hear(&talk, water, sizeof(water)), 123456000);
}

/* The telegram with a temperature, and these records behind it. */
static enum gw_talk_said hear_telegram(const uint8_t *more, size_t more_len)
{
    uint8_t bytes[64];
    MT_CHECK(sizeof(temperature) + more_len <= sizeof(bytes));
    size_t len = sizeof(temperature) - 2;
    memcpy(bytes, temperature, len);
    memcpy(bytes + len, more, more_len);
    len += more_len;
    bytes[1] = bytes[2] = (uint8_t)(len - 4);
    bytes[len] = 0;
    for (size_t i = 4; i < len; i++) {
        bytes[len] = (uint8_t)(bytes[len] + bytes[i]);
    }
    bytes[len + 1] = 0x16;
    return gw_talk_hear(&talk, bytes, len + 2);
}

static void begin_reading_mbus(void)
{
    static const uint8_t ack = 0xe5;
    size_t len;
    begin(GW_POLL_MBUS, "12345678", MT_WATER, 2);
    (void)gw_talk_ask(&talk, &len); /* the reset, tested above */
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, &ack, 1), GW_TALK_ASK);
    (void)gw_talk_ask(&talk, &len); /* the request, tested above */
}

static void telegrams_are_asked_for_while_the_meter_says_that_more_follow(void)
{
    static const uint8_t more = 0x1f;
    size_t len;
    begin_reading_mbus();
    for (unsigned i = 1; i < GW_TALK_TELEGRAMS_MAX; i++) {
        bool fcb = talk.fcb;
        CU_ASSERT_EQUAL(hear_telegram(&more, 1), GW_TALK_ASK);
        CU_ASSERT_EQUAL(talk.fcb, !fcb);
        (void)gw_talk_ask(&talk, &len); /* only that it asks counts */
    }
    CU_ASSERT_EQUAL(hear_telegram(&more, 1), GW_TALK_REFUSED);
    /* Who does not say so is asked once more. */
    begin_reading_mbus();
    CU_ASSERT_EQUAL(hear_telegram(&more, 0), GW_TALK_ASK);
    (void)gw_talk_ask(&talk, &len); /* only that it asks counts */
    CU_ASSERT_EQUAL(hear_telegram(&more, 0), GW_TALK_REFUSED);
}

static void a_register_that_is_void_is_not_made_up_for_by_the_next_telegram(void)
{
    static const uint8_t invalid[] = {0x04, 0x13, 0x00, 0x00, 0x00, 0x80, 0x1f};
    begin_reading_mbus();
    CU_ASSERT_EQUAL(hear_telegram(invalid, sizeof(invalid)), GW_TALK_REFUSED);
    CU_ASSERT_TRUE(talk.frame.total_is_void);
}

static void an_mbus_meter_that_is_not_selected_is_selected_again(void)
{
    /* EN 13757-3, 10: 53 FD 52, number low byte first, maker, version and type as wildcards. */
    static const uint8_t select[] = {0x68, 0x0b, 0x0b, 0x68, 0x53, 0xfd, 0x52, 0x78, 0x56,
                                     0x34, 0x12, 0xff, 0xff, 0xff, 0xff, 0xb2, 0x16};
    static const uint8_t request[] = {0x10, 0x7b, 0xfd, 0x78, 0x16};
    static const uint8_t ack = 0xe5;
    begin(GW_POLL_MBUS_SECONDARY, "12345678", MT_WATER, 2);
    expect_asked(select, sizeof(select));
    CU_ASSERT_EQUAL(gw_talk_timeout(&talk), GW_TALK_ASK);
    expect_asked(select, sizeof(select));
    CU_ASSERT_EQUAL(gw_talk_hear(&talk, &ack, 1), GW_TALK_ASK);
    expect_asked(request, sizeof(request));
    expect_answer(gw_talk_hear(&talk, water, sizeof(water)), 123456000);
}

static void the_time_goes_to_everybody(void)
{
    uint8_t out[GW_TALK_ASK_MAX];
    /* 2024-02-29 12:34:56 at UTC+8 is 04:34:56 UTC. */
    size_t len = gw_talk_sync(out, 1709181296ll * 1000000);
    CU_ASSERT(len == sizeof(sync_frame) && memcmp(out, sync_frame, len) == 0);
    CU_ASSERT_EQUAL(gw_talk_sync(out, 0), 0);
}

static const struct unit_test tests[] = {
    {"an_answer_is_taken_byte_by_byte", an_answer_is_taken_byte_by_byte},
    {"the_echo_of_the_question_is_stepped_over", the_echo_of_the_question_is_stepped_over},
    {"noise_and_preambles_are_stepped_over", noise_and_preambles_are_stepped_over},
    {"noise_that_looks_like_a_frame_does_not_hide_the_answer",
     noise_that_looks_like_a_frame_does_not_hide_the_answer},
    {"an_answer_of_another_meter_is_not_taken", an_answer_of_another_meter_is_not_taken},
    {"no_flipped_bit_makes_an_answer_of_another_total",
     no_flipped_bit_makes_an_answer_of_another_total},
    {"a_silent_meter_is_asked_as_often_as_told", a_silent_meter_is_asked_as_often_as_told},
    {"half_an_answer_is_none_and_asked_again", half_an_answer_is_none_and_asked_again},
    {"a_refusal_is_told_with_its_error", a_refusal_is_told_with_its_error},
    {"a_flood_of_noise_is_bounded", a_flood_of_noise_is_bounded},
    {"an_mbus_meter_is_reset_then_asked", an_mbus_meter_is_reset_then_asked},
    {"telegrams_are_asked_for_while_the_meter_says_that_more_follow",
     telegrams_are_asked_for_while_the_meter_says_that_more_follow},
    {"a_register_that_is_void_is_not_made_up_for_by_the_next_telegram",
     a_register_that_is_void_is_not_made_up_for_by_the_next_telegram},
    {"an_mbus_meter_that_is_not_selected_is_selected_again",
     an_mbus_meter_that_is_not_selected_is_selected_again},
    {"the_time_goes_to_everybody", the_time_goes_to_everybody},
};
UNIT_MAIN("poll_talk", tests)
