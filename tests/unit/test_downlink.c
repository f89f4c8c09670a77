/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Receipts, commands and day-end snapshots. The bytes are written by hand. */
#include "meters/limits.h"
#include "meters/message.h"
#include "tests/support/decoder.h"
#include "tests/support/unit.h"

/* [{n: "ack", v: 100001}, {n: "time", v: 1760000000}] */
static const char receipt_hex[] = "82a2006361636b021a000186a1a2006474696d65021a68e77800";

/* [{n: "valve", v: 1}, {n: "expires", v: 1760000000}, {n: "id", v: 7}] */
static const char command_hex[] =
    "83a2006576616c76650201a2006765787069726573021a68e77800a2006269640207";

/* [{n: "day", v: 20251009, bt: 1760000000}, {n: "1.8.0", u: "Wh", v: 12345678},
 *  {n: "seq", v: 100000}] */
static const char snapshot_hex[] = "83a30063646179021a01350181221a68e77800"
                                   "a30065312e382e3001625768021a00bc614e"
                                   "a20063736571021a000186a0";

static void a_receipt_says_what_is_durable(void)
{
    const struct mt_receipt receipt = {100001, INT64_C(1760000000999999)};
    uint8_t out[MT_RECEIPT_BYTES_MAX];
    size_t out_len = 0;
    CU_ASSERT_EQUAL(mt_receipt_encode(out, &out_len, sizeof(out), &receipt), MT_OK);
    expect_bytes(out, out_len, receipt_hex);
    struct mt_downlink down;
    CU_ASSERT_EQUAL(mt_downlink_decode(&down, guard_end(out, out_len), out_len), MT_OK);
    CU_ASSERT_FALSE(down.is_command);
    CU_ASSERT_EQUAL(down.receipt.next_seq, 100001);
    CU_ASSERT_EQUAL(down.receipt.time_us, INT64_C(1760000000000000));
}

static void a_command_says_what_until_when_and_its_number(void)
{
    const struct mt_command command = {7, 1, INT64_C(1760000000000000)};
    uint8_t out[MT_RECEIPT_BYTES_MAX];
    size_t out_len = 0;
    CU_ASSERT_EQUAL(mt_command_encode(out, &out_len, sizeof(out), &command), MT_OK);
    expect_bytes(out, out_len, command_hex);
    struct mt_downlink down;
    CU_ASSERT_EQUAL(mt_downlink_decode(&down, guard_end(out, out_len), out_len), MT_OK);
    CU_ASSERT_TRUE(down.is_command);
    CU_ASSERT_EQUAL(down.command.id, 7);
    CU_ASSERT_EQUAL(down.command.valve, 1);
    CU_ASSERT_EQUAL(down.command.expires_us, INT64_C(1760000000000000));
}

static void the_largest_of_each_fits_the_limit(void)
{
    const struct mt_receipt receipt = {UINT32_MAX, MT_TIME_S_MAX * 1000000};
    const struct mt_command command = {UINT32_MAX, 2, MT_TIME_S_MAX * 1000000};
    uint8_t out[MT_RECEIPT_BYTES_MAX];
    size_t out_len;
    struct mt_downlink down;
    CU_ASSERT_EQUAL(mt_receipt_encode(out, &out_len, sizeof(out), &receipt), MT_OK);
    CU_ASSERT_EQUAL(mt_downlink_decode(&down, out, out_len), MT_OK);
    CU_ASSERT_EQUAL(down.receipt.next_seq, UINT32_MAX);
    CU_ASSERT_EQUAL(mt_command_encode(out, &out_len, sizeof(out), &command), MT_OK);
    CU_ASSERT_EQUAL(mt_downlink_decode(&down, out, out_len), MT_OK);
    CU_ASSERT_EQUAL(down.command.expires_us, command.expires_us);
    CU_ASSERT_EQUAL(mt_receipt_encode(out, &out_len, 10, &receipt), MT_TOO_LARGE);
    CU_ASSERT_EQUAL(mt_command_encode(out, &out_len, 10, &command), MT_TOO_LARGE);
}

static bool accepts_downlink(const uint8_t *bytes, size_t len)
{
    struct mt_downlink down;
    return mt_downlink_decode(&down, bytes, len) == MT_OK;
}

static void every_prefix_of_a_downlink_is_refused(void)
{
    uint8_t bytes[128];
    size_t len = unhex(bytes, sizeof(bytes), receipt_hex);
    expect_every_prefix_refused(accepts_downlink, bytes, len);
    len = unhex(bytes, sizeof(bytes), command_hex);
    expect_every_prefix_refused(accepts_downlink, bytes, len);
}

static void halves_and_mixtures_are_refused(void)
{
    static const struct {
        const char *hex;
        enum mt_status status;
    } rows[] = {
        {"80", MT_BAD_LAYOUT},
        {"81a2006361636b0201", MT_BAD_LAYOUT},                 /* no time */
        {"82a2006361636b0201a2006361636b0201", MT_BAD_LAYOUT}, /* twice */
        {"83a2006361636b0201a2006474696d650201a2006269640207", MT_BAD_LAYOUT},
        {"82a2006361636b0220a2006474696d650201", MT_BAD_RANGE}, /* ack -1 */
        {"82a2006361636b021b0000000100000000a2006474696d650201", MT_BAD_RANGE},
        {"83a2006576616c76650203a20067657870697265730201a2006269640207", MT_BAD_RANGE},
        {"82a2006361636b0201a2006474696d65021b00000001b09fc001", MT_BAD_RANGE},
        {"83a2006361636b0201a2006474696d650201a2006178 0201", MT_OK}, /* more is ignored */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[128];
        size_t len = unhex(bytes, sizeof(bytes), rows[i].hex);
        struct mt_downlink down = {.command = {.id = 55}};
        enum mt_status status = mt_downlink_decode(&down, guard_end(bytes, len), len);
        CU_ASSERT_EQUAL(status, rows[i].status);
        CU_ASSERT_TRUE(status == MT_OK || down.command.id == 55);
    }
}

static void a_snapshot_names_day_register_and_record(void)
{
    const struct mt_snapshot snapshot = {20251009, INT64_C(1760000000000000), 12345678, 100000};
    uint8_t out[128];
    size_t out_len = 0;
    CU_ASSERT_EQUAL(mt_snapshot_encode(out, &out_len, sizeof(out), &snapshot, MT_POWER), MT_OK);
    expect_bytes(out, out_len, snapshot_hex);
    struct mt_snapshot back;
    CU_ASSERT_EQUAL(mt_snapshot_decode(&back, guard_end(out, out_len), out_len, MT_POWER), MT_OK);
    CU_ASSERT_EQUAL(back.day, snapshot.day);
    CU_ASSERT_EQUAL(back.time_us, snapshot.time_us);
    CU_ASSERT_EQUAL(back.total, snapshot.total);
    CU_ASSERT_EQUAL(back.seq, snapshot.seq);
    CU_ASSERT_EQUAL(mt_snapshot_decode(&back, out, out_len, MT_WATER), MT_BAD_LAYOUT);
}

static void snapshots_of_every_medium_come_back(void)
{
    for (int medium = MT_POWER; medium <= MT_HEAT; medium++) {
        const struct mt_snapshot snapshot = {20240229, INT64_C(1709222400123456), 1234567, 0};
        uint8_t out[128];
        size_t out_len = 0;
        struct mt_snapshot back;
        CU_ASSERT_EQUAL(mt_snapshot_encode(out, &out_len, sizeof(out), &snapshot, medium), MT_OK);
        CU_ASSERT_EQUAL(mt_snapshot_decode(&back, out, out_len, medium), MT_OK);
        CU_ASSERT_EQUAL(back.total, snapshot.total);
        CU_ASSERT_EQUAL(back.time_us, snapshot.time_us);
    }
}

static bool accepts_snapshot(const uint8_t *bytes, size_t len)
{
    struct mt_snapshot snapshot;
    return mt_snapshot_decode(&snapshot, bytes, len, MT_POWER) == MT_OK;
}

static void every_prefix_of_a_snapshot_is_refused(void)
{
    uint8_t bytes[128];
    size_t len = unhex(bytes, sizeof(bytes), snapshot_hex);
    expect_every_prefix_refused(accepts_snapshot, bytes, len);
}

static void a_snapshot_of_no_day_or_no_time_is_refused(void)
{
    static const struct mt_snapshot rows[] = {
        {20250229, INT64_C(1760000000000000), 1, 1},
        {20251301, INT64_C(1760000000000000), 1, 1},
        {20250100, INT64_C(1760000000000000), 1, 1},
        {19691231, INT64_C(1760000000000000), 1, 1},
        {22010101, INT64_C(1760000000000000), 1, 1},
        {20251009, 0, 1, 1},
        {20251009, 5, 1, 1},
        {20251009, INT64_C(1760000000000000), -1, 1},
    };
    uint8_t out[128];
    size_t out_len;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(mt_snapshot_encode(out, &out_len, sizeof(out), &rows[i], MT_POWER),
                        MT_BAD_RANGE);
    }
    /* Without bt its time would be the reader's: a proof must not depend on who reads it. */
    size_t len = unhex(out, sizeof(out),
                       "83a20063646179021a01350181a30065312e382e3001625768021a00bc614e"
                       "a20063736571021a000186a0");
    struct mt_snapshot back;
    CU_ASSERT_EQUAL(mt_snapshot_decode(&back, out, len, MT_POWER), MT_BAD_RANGE);
    len = unhex(out, sizeof(out), snapshot_hex);
    CU_ASSERT_EQUAL(mt_snapshot_decode(&back, out, len, MT_MEDIUM_OTHER), MT_UNSUPPORTED);
}

static const struct unit_test tests[] = {
    {"a_receipt_says_what_is_durable", a_receipt_says_what_is_durable},
    {"a_command_says_what_until_when_and_its_number",
     a_command_says_what_until_when_and_its_number},
    {"the_largest_of_each_fits_the_limit", the_largest_of_each_fits_the_limit},
    {"every_prefix_of_a_downlink_is_refused", every_prefix_of_a_downlink_is_refused},
    {"halves_and_mixtures_are_refused", halves_and_mixtures_are_refused},
    {"a_snapshot_names_day_register_and_record", a_snapshot_names_day_register_and_record},
    {"snapshots_of_every_medium_come_back", snapshots_of_every_medium_come_back},
    {"every_prefix_of_a_snapshot_is_refused", every_prefix_of_a_snapshot_is_refused},
    {"a_snapshot_of_no_day_or_no_time_is_refused", a_snapshot_of_no_day_or_no_time_is_refused},
};
UNIT_MAIN("downlink", tests)
