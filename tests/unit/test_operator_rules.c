/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The stand-in operator's rules: limits, caps, windows, the life of an order, requests in JSON. */
#include "sim/operator/faults.h"
#include "sim/operator/parse.h"
#include "sim/operator/rules.h"
#include "tests/support/unit.h"

/* 2026-12-31 23:59:59.999999 and one microsecond later, in UTC+8 (15:59:59 UTC). */
#define YEAR_END_US 1798732799999999
#define YEAR_BEGIN_US 1798732800000000
#define DAY_US 86400000000

/* Class IV of DOMAIN.md, 7, in fen. */
static const struct sim_limits class_iv = {1000000, 200000, 500000, 5000000};
static const struct sim_limits unlimited = {SIM_NO_LIMIT, SIM_NO_LIMIT, SIM_NO_LIMIT, SIM_NO_LIMIT};

static struct sim_wallet wallet_with(int64_t balance_fen)
{
    struct sim_wallet wallet = {.id = "w", .class_number = 4, .balance_fen = balance_fen};
    return wallet;
}

static struct sim_mandate open_mandate(void)
{
    struct sim_mandate mandate = {
        .id = "m",
        .wallet = "w",
        .gateway = "g",
        .single_fen = SIM_NO_LIMIT,
        .day_fen = SIM_NO_LIMIT,
        .month_fen = SIM_NO_LIMIT,
        .to_day = INT32_MAX,
    };
    return mandate;
}

static struct sim_transfer transfer_of(int64_t amount_fen)
{
    struct sim_transfer transfer = {
        .wallet = "w", .mandate = "m", .amount_fen = amount_fen, .part_count = 1};
    transfer.parts[0] = (struct gw_order_part){"grid", amount_fen};
    return transfer;
}

static enum sim_code take(struct sim_wallet *wallet, struct sim_mandate *mandate,
                          const struct sim_limits *limits, int64_t amount_fen, int64_t now_us)
{
    struct sim_transfer transfer = transfer_of(amount_fen);
    return sim_reserve(wallet, mandate, limits, "g", &transfer, now_us).code;
}

static void periods_are_calendar_periods_of_utc_plus_8(void)
{
    /* 2026-12-31 is day 20818 after 1970-01-01 and lies in month 56 x 12 + 11 = 683. */
    CU_ASSERT_EQUAL(sim_period_day(YEAR_END_US), 20818);
    CU_ASSERT_EQUAL(sim_period_day(YEAR_BEGIN_US), 20819);
    CU_ASSERT_EQUAL(sim_period_month(YEAR_END_US), 683);
    CU_ASSERT_EQUAL(sim_period_month(YEAR_BEGIN_US), 684);
    CU_ASSERT_EQUAL(sim_period_year(YEAR_END_US), 2026);
    CU_ASSERT_EQUAL(sim_period_year(YEAR_BEGIN_US), 2027);
}

static void class_iv_pays_2000_at_once_and_5000_a_day(void)
{
    struct sim_wallet wallet = wallet_with(1000000);
    struct sim_mandate mandate = open_mandate();
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 200001, YEAR_END_US),
                    SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 200000, YEAR_END_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 200000, YEAR_END_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 100001, YEAR_END_US),
                    SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 100000, YEAR_END_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 1, YEAR_END_US), SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(wallet.held_fen, 500000);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 1, YEAR_BEGIN_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(wallet.day.spent_fen, 1);
    CU_ASSERT_EQUAL(wallet.year.spent_fen, 1);
}

static void class_iv_pays_50000_a_year(void)
{
    struct sim_wallet wallet = wallet_with(100000000);
    struct sim_mandate mandate = open_mandate();
    int64_t begin_us = YEAR_BEGIN_US;
    for (int day = 0; day < 25; day++) { /* 25 x 2,000 yuan */
        CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 200000, begin_us + day * DAY_US),
                        SIM_CODE_OK);
    }
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 1, begin_us + 25 * DAY_US),
                    SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 1, begin_us + 364 * DAY_US),
                    SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &class_iv, 1, begin_us + 365 * DAY_US), SIM_CODE_OK);
}

static void a_refusal_changes_nothing_and_is_told_in_order(void)
{
    struct sim_transfer transfer = transfer_of(100);
    struct sim_wallet wallet = wallet_with(50);
    struct sim_mandate mandate = open_mandate();
    struct sim_wallet wallet_before = wallet;
    struct sim_mandate mandate_before = mandate;
    struct sim_limits tight = {0, 99, 99, 99};
    CU_ASSERT_EQUAL(sim_reserve(NULL, NULL, &tight, "g", &transfer, 0).code,
                    SIM_CODE_WALLET_UNKNOWN);
    wallet.status = SIM_WALLET_FROZEN;
    CU_ASSERT_EQUAL(sim_reserve(&wallet, NULL, &tight, "g", &transfer, 0).code,
                    SIM_CODE_WALLET_FROZEN);
    wallet.status = SIM_WALLET_CLOSED;
    CU_ASSERT_EQUAL(sim_reserve(&wallet, NULL, &tight, "g", &transfer, 0).code,
                    SIM_CODE_WALLET_CLOSED);
    wallet.status = SIM_WALLET_ACTIVE;
    CU_ASSERT_EQUAL(sim_reserve(&wallet, NULL, &tight, "g", &transfer, 0).code,
                    SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(sim_reserve(&wallet, &mandate, &tight, "other", &transfer, 0).code,
                    SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(sim_reserve(&wallet, &mandate, &tight, "g", &transfer, 0).code,
                    SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(sim_reserve(&wallet, &mandate, &unlimited, "g", &transfer, 0).code,
                    SIM_CODE_INSUFFICIENT_FUNDS);
    CU_ASSERT_EQUAL(memcmp(&wallet, &wallet_before, sizeof wallet), 0);
    CU_ASSERT_EQUAL(memcmp(&mandate, &mandate_before, sizeof mandate), 0);
}

static void a_mandate_holds_from_its_first_day_to_the_day_before_its_last(void)
{
    struct sim_wallet wallet = wallet_with(1000);
    struct sim_mandate mandate = open_mandate();
    mandate.from_day = 20818;
    mandate.to_day = 20819;
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 1, YEAR_END_US - DAY_US),
                    SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 1, YEAR_BEGIN_US - DAY_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 1, YEAR_END_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 1, YEAR_BEGIN_US),
                    SIM_CODE_MANDATE_INVALID);
    mandate.to_day = INT32_MAX;
    mandate.revoked = true;
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 1, YEAR_BEGIN_US),
                    SIM_CODE_MANDATE_INVALID);
}

static void a_mandates_caps_are_for_one_payment_a_day_and_a_month(void)
{
    struct sim_wallet wallet = wallet_with(10000);
    struct sim_mandate mandate = open_mandate();
    mandate.single_fen = 100;
    mandate.day_fen = 150;
    mandate.month_fen = 250;
    int64_t first_us = YEAR_BEGIN_US;
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 101, first_us), SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 100, first_us), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 51, first_us), SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 50, first_us), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 100, first_us + DAY_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 1, first_us + 30 * DAY_US),
                    SIM_CODE_MANDATE_INVALID); /* still January */
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 100, first_us + 31 * DAY_US), SIM_CODE_OK);
}

static struct sim_order reserved_order(int64_t amount_fen, int64_t created_us)
{
    struct sim_order order = {.state = SIM_ORDER_RESERVED, .created_us = created_us};
    order.asked = transfer_of(amount_fen);
    return order;
}

static void what_is_not_captured_is_given_back_to_periods_that_still_run(void)
{
    struct sim_wallet wallet = wallet_with(1000);
    struct sim_mandate mandate = open_mandate();
    struct sim_order order = reserved_order(600, YEAR_END_US);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 600, YEAR_END_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(sim_capture(&order, &wallet, &mandate, 601).code, SIM_CODE_REQUEST_INVALID);
    CU_ASSERT_EQUAL(sim_capture(&order, &wallet, &mandate, 0).code, SIM_CODE_REQUEST_INVALID);
    CU_ASSERT_EQUAL(sim_capture(&order, &wallet, &mandate, 250).code, SIM_CODE_OK);
    CU_ASSERT_EQUAL(wallet.balance_fen, 750);
    CU_ASSERT_EQUAL(wallet.held_fen, 0);
    CU_ASSERT_EQUAL(wallet.day.spent_fen, 250);
    CU_ASSERT_EQUAL(wallet.year.spent_fen, 250);
    CU_ASSERT_EQUAL(mandate.day.spent_fen, 250);
    CU_ASSERT_EQUAL(mandate.month.spent_fen, 250);
    CU_ASSERT_EQUAL(mandate.captured_fen, 250);
    CU_ASSERT_EQUAL(order.state, SIM_ORDER_DONE);
    CU_ASSERT_EQUAL(sim_capture(&order, &wallet, &mandate, 1).code, SIM_CODE_STATE_INVALID);
    CU_ASSERT_EQUAL(sim_void(&order, &wallet, &mandate).code, SIM_CODE_STATE_INVALID);
}

static void a_void_after_the_year_is_over_leaves_the_new_year_alone(void)
{
    struct sim_wallet wallet = wallet_with(1000);
    struct sim_mandate mandate = open_mandate();
    struct sim_order order = reserved_order(600, YEAR_END_US);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 600, YEAR_END_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(take(&wallet, &mandate, &unlimited, 100, YEAR_BEGIN_US), SIM_CODE_OK);
    CU_ASSERT_EQUAL(sim_void(&order, &wallet, &mandate).code, SIM_CODE_OK);
    CU_ASSERT_EQUAL(order.state, SIM_ORDER_VOIDED);
    CU_ASSERT_EQUAL(wallet.balance_fen, 900);
    CU_ASSERT_EQUAL(wallet.held_fen, 100);
    CU_ASSERT_EQUAL(wallet.day.spent_fen, 100);
    CU_ASSERT_EQUAL(wallet.year.spent_fen, 100);
    CU_ASSERT_EQUAL(mandate.month.spent_fen, 100);
}

static void refunds_in_sum_never_exceed_what_was_captured(void)
{
    struct sim_wallet wallet = wallet_with(0);
    struct sim_mandate mandate = open_mandate();
    struct sim_transfer transfer = transfer_of(60);
    mandate.captured_fen = 100;
    mandate.revoked = true;
    wallet.status = SIM_WALLET_FROZEN;
    CU_ASSERT_EQUAL(sim_refund(&wallet, &mandate, "g", &transfer).code, SIM_CODE_OK);
    CU_ASSERT_EQUAL(sim_refund(&wallet, &mandate, "g", &transfer).code,
                    SIM_CODE_REFUND_EXCEEDS_CAPTURED);
    transfer.amount_fen = 40;
    CU_ASSERT_EQUAL(sim_refund(&wallet, &mandate, "other", &transfer).code,
                    SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(sim_refund(&wallet, NULL, "g", &transfer).code, SIM_CODE_MANDATE_INVALID);
    CU_ASSERT_EQUAL(sim_refund(NULL, &mandate, "g", &transfer).code, SIM_CODE_WALLET_UNKNOWN);
    CU_ASSERT_EQUAL(sim_refund(&wallet, &mandate, "g", &transfer).code, SIM_CODE_OK);
    CU_ASSERT_EQUAL(wallet.balance_fen, 100);
    CU_ASSERT_EQUAL(mandate.refunded_fen, 100);
    wallet.status = SIM_WALLET_CLOSED;
    CU_ASSERT_EQUAL(sim_refund(&wallet, &mandate, "g", &transfer).code, SIM_CODE_WALLET_CLOSED);
}

static void a_topup_keeps_the_balance_limit_with_what_is_held(void)
{
    struct sim_wallet wallet = wallet_with(600000);
    wallet.held_fen = 300000;
    CU_ASSERT_EQUAL(sim_topup(&wallet, &class_iv, 100001).code, SIM_CODE_LIMIT_EXCEEDED);
    CU_ASSERT_EQUAL(sim_topup(&wallet, &class_iv, 0).code, SIM_CODE_REQUEST_INVALID);
    CU_ASSERT_EQUAL(sim_topup(&wallet, &class_iv, 100000).code, SIM_CODE_OK);
    CU_ASSERT_EQUAL(wallet.balance_fen, 700000);
    wallet.balance_fen = SIM_ACCOUNT_FEN_MAX - wallet.held_fen;
    CU_ASSERT_EQUAL(sim_topup(&wallet, &unlimited, 1).code, SIM_CODE_LIMIT_EXCEEDED);
}

static void a_transfer_is_whole_and_its_parts_sum_to_it(void)
{
    struct sim_transfer good = transfer_of(100);
    struct sim_transfer bad;
    CU_ASSERT_EQUAL(sim_transfer_check(&good).code, SIM_CODE_OK);
    bad = good, bad.amount_fen = 101;
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID);
    bad = good, bad.amount_fen = 0;
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID);
    bad = good, bad.amount_fen = bad.parts[0].amount_fen = SIM_AMOUNT_FEN_MAX + 1;
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID);
    bad = good, bad.part_count = 0;
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID);
    bad = good, bad.part_count = GW_ORDER_PAYEES_MAX + 1;
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID);
    bad = good, bad.part_count = 2;
    bad.parts[0].amount_fen = 50;
    bad.parts[1] = bad.parts[0];
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID); /* a payee twice */
    bad.parts[1].payee[0] = 'x';
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_OK);
    bad.parts[0].amount_fen = 101, bad.parts[1].amount_fen = -1;
    CU_ASSERT_EQUAL(sim_transfer_check(&bad).code, SIM_CODE_REQUEST_INVALID);
}

static void a_request_with_a_known_key_is_the_same_or_a_conflict(void)
{
    CU_ASSERT_EQUAL(sim_repeat_of(NULL, "a"), SIM_REPEAT_NEW);
    CU_ASSERT_EQUAL(sim_repeat_of("a", "a"), SIM_REPEAT_SAME);
    CU_ASSERT_EQUAL(sim_repeat_of("a", "b"), SIM_REPEAT_CONFLICT);
}

/** One order of the random walk, kept apart from the code under test. */
struct kept {
    struct sim_order order;
    bool open;
};

static uint64_t walk_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* What the wallet's day should have counted, from the orders alone. */
static int64_t spent_on(const struct kept *kept, size_t count, int32_t day)
{
    int64_t sum_fen = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sim_order *order = &kept[i].order;
        if (sim_period_day(order->created_us) == day && order->state == SIM_ORDER_RESERVED) {
            sum_fen += order->asked.amount_fen;
        } else if (sim_period_day(order->created_us) == day && order->state == SIM_ORDER_DONE) {
            sum_fen += order->captured_fen;
        }
    }
    return sum_fen;
}

static void no_money_appears_or_vanishes_on_a_random_walk(void)
{
    static struct kept kept[4000];
    size_t count = 0;
    uint64_t random = 20260101;
    int64_t now_us = YEAR_BEGIN_US - 3 * DAY_US;
    struct sim_wallet wallet = wallet_with(50000000);
    struct sim_mandate mandate = open_mandate();
    for (int step = 0; step < 4000; step++) {
        struct kept *one = count > 0 ? &kept[walk_random(&random) % count] : NULL;
        int64_t amount_fen = (int64_t)(walk_random(&random) % 3000) + 1;
        uint64_t what = walk_random(&random) % 10;
        now_us += (int64_t)(walk_random(&random) % 200) * 1000000;
        if (what < 5) {
            struct sim_order order = reserved_order(amount_fen, now_us);
            if (take(&wallet, &mandate, &class_iv, amount_fen, now_us) == SIM_CODE_OK) {
                kept[count++].order = order;
            }
        } else if (what < 8 && one != NULL) {
            (void)!sim_capture(&one->order, &wallet, &mandate, amount_fen).code;
        } else if (what < 9 && one != NULL) {
            (void)!sim_void(&one->order, &wallet, &mandate).code;
        } else {
            struct sim_transfer transfer = transfer_of(amount_fen);
            (void)!sim_refund(&wallet, &mandate, "g", &transfer).code;
        }
        int64_t held_fen = 0;
        int64_t captured_fen = 0;
        for (size_t i = 0; i < count; i++) {
            held_fen +=
                kept[i].order.state == SIM_ORDER_RESERVED ? kept[i].order.asked.amount_fen : 0;
            captured_fen += kept[i].order.captured_fen;
        }
        CU_ASSERT_EQUAL_FATAL(wallet.held_fen, held_fen);
        CU_ASSERT_EQUAL_FATAL(mandate.captured_fen, captured_fen);
        CU_ASSERT_EQUAL_FATAL(wallet.balance_fen + wallet.held_fen,
                              50000000 - mandate.captured_fen + mandate.refunded_fen);
        CU_ASSERT_EQUAL_FATAL(wallet.day.spent_fen, spent_on(kept, count, wallet.day.period));
        CU_ASSERT_FATAL(wallet.day.spent_fen <= 500000 && wallet.year.spent_fen <= 5000000);
        CU_ASSERT_FATAL(mandate.refunded_fen <= mandate.captured_fen);
    }
    CU_ASSERT(count > 500);
}

/* ---- requests in JSON ------------------------------------------------------------------------------ */

static bool parse(enum sim_action action, const char *body)
{
    char error[SIM_PARSE_ERROR_BYTES] = "";
    struct sim_request request = {.action = action};
    bool good = sim_request_parse(&request, error, body, strlen(body));
    CU_ASSERT_EQUAL(good, error[0] == '\0');
    return good;
}

static void ids_are_of_a_few_characters(void)
{
    CU_ASSERT_TRUE(sim_id_valid("aZ09._-", 7));
    CU_ASSERT_FALSE(sim_id_valid("aZ09._-", 6));
    CU_ASSERT_FALSE(sim_id_valid("", 6));
    CU_ASSERT_FALSE(sim_id_valid(NULL, 6));
    CU_ASSERT_FALSE(sim_id_valid("a b", 6));
    CU_ASSERT_FALSE(sim_id_valid("a/b", 6));
    CU_ASSERT_FALSE(sim_id_valid("a\xc3\xa9", 6));
}

static void numbers_are_digits_within_their_limit(void)
{
    uint64_t number = 5;
    CU_ASSERT_TRUE(sim_number_parse(&number, "9223372036854775807", INT64_MAX));
    CU_ASSERT_EQUAL(number, INT64_MAX);
    CU_ASSERT_FALSE(sim_number_parse(&number, "9223372036854775808", INT64_MAX));
    CU_ASSERT_FALSE(sim_number_parse(&number, "10000000000000000000", UINT64_MAX));
    CU_ASSERT_FALSE(sim_number_parse(&number, "", 10));
    CU_ASSERT_FALSE(sim_number_parse(&number, "+1", 10));
    CU_ASSERT_FALSE(sim_number_parse(&number, "11", 10));
    CU_ASSERT_EQUAL(number, INT64_MAX);
}

static void only_well_formed_requests_are_understood(void)
{
    CU_ASSERT_TRUE(parse(SIM_ACTION_VOID, "{}"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_VOID, "{\"a\":1}"));
    CU_ASSERT_TRUE(parse(SIM_ACTION_CAPTURE, "{\"amount_fen\":1}"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_CAPTURE, "{\"amount_fen\":1,\"parts\":[]}"));
    CU_ASSERT_TRUE(parse(SIM_ACTION_REFUND, "{\"wallet\":\"w\",\"mandate\":\"m\",\"amount_fen\":1,"
                                            "\"parts\":[{\"payee\":\"p\",\"amount_fen\":1}]}"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_REFUND, "{\"wallet\":\"w\",\"mandate\":\"m\",\"amount_fen\":2,"
                                             "\"parts\":[{\"payee\":\"p\",\"amount_fen\":1}]}"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_REFUND, "{\"wallet\":\"w\",\"mandate\":\"m\",\"amount_fen\":1,"
                                             "\"capture\":true,"
                                             "\"parts\":[{\"payee\":\"p\",\"amount_fen\":1}]}"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_RESERVE,
                          "{\"wallet\":\"w\",\"mandate\":\"m\",\"amount_fen\":1,"
                          "\"parts\":[{\"payee\":\"p\",\"amount_fen\":1}]}"));
    CU_ASSERT_TRUE(parse(SIM_ACTION_RESERVE, "{\"wallet\":\"w\",\"mandate\":\"m\",\"amount_fen\":1,"
                                             "\"capture\":false,"
                                             "\"parts\":[{\"payee\":\"p\",\"amount_fen\":1}]}"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_VOID, "[]"));
    CU_ASSERT_FALSE(parse(SIM_ACTION_VOID, ""));
}

static void fault_rules_are_counted_and_repeatable(void)
{
    struct sim_faults faults;
    char error[SIM_PARSE_ERROR_BYTES];
    sim_faults_init(&faults);
    json_t *rule = json_pack("{s:s, s:i, s:s}", "fault", "error", "count", 2, "on", "post");
    CU_ASSERT_TRUE(sim_faults_add(&faults, error, rule));
    json_decref(rule);
    CU_ASSERT_FALSE(sim_faults_next(&faults, false).hit[SIM_FAULT_ERROR]);
    CU_ASSERT_TRUE(sim_faults_next(&faults, true).hit[SIM_FAULT_ERROR]);
    CU_ASSERT_TRUE(sim_faults_next(&faults, true).hit[SIM_FAULT_ERROR]);
    CU_ASSERT_FALSE(sim_faults_next(&faults, true).hit[SIM_FAULT_ERROR]);
    static const char *const bad[] = {"{\"fault\":\"error\"}",
                                      "{\"fault\":\"error\",\"count\":1,\"per_million\":1}",
                                      "{\"fault\":\"slow\",\"count\":1}",
                                      "{\"fault\":\"down\"}",
                                      "{\"count\":1}",
                                      "{\"fault\":\"error\",\"count\":1,\"on\":\"put\"}",
                                      "{\"fault\":\"error\",\"per_million\":1000001}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *json = json_loads(bad[i], 0, NULL);
        CU_ASSERT_FALSE(sim_faults_add(&faults, error, json));
        json_decref(json);
    }
    rule = json_pack("{s:s, s:i}", "fault", "down", "seconds", 9);
    CU_ASSERT_TRUE(sim_faults_add(&faults, error, rule));
    json_decref(rule);
    CU_ASSERT_EQUAL(sim_faults_take_down(&faults), 9);
    CU_ASSERT_EQUAL(sim_faults_take_down(&faults), 0);
    sim_faults_deinit(&faults);
}

static const struct unit_test tests[] = {
    {"periods_are_calendar_periods_of_utc_plus_8", periods_are_calendar_periods_of_utc_plus_8},
    {"class_iv_pays_2000_at_once_and_5000_a_day", class_iv_pays_2000_at_once_and_5000_a_day},
    {"class_iv_pays_50000_a_year", class_iv_pays_50000_a_year},
    {"a_refusal_changes_nothing_and_is_told_in_order",
     a_refusal_changes_nothing_and_is_told_in_order},
    {"a_mandate_holds_from_its_first_day_to_the_day_before_its_last",
     a_mandate_holds_from_its_first_day_to_the_day_before_its_last},
    {"a_mandates_caps_are_for_one_payment_a_day_and_a_month",
     a_mandates_caps_are_for_one_payment_a_day_and_a_month},
    {"what_is_not_captured_is_given_back_to_periods_that_still_run",
     what_is_not_captured_is_given_back_to_periods_that_still_run},
    {"a_void_after_the_year_is_over_leaves_the_new_year_alone",
     a_void_after_the_year_is_over_leaves_the_new_year_alone},
    {"refunds_in_sum_never_exceed_what_was_captured",
     refunds_in_sum_never_exceed_what_was_captured},
    {"a_topup_keeps_the_balance_limit_with_what_is_held",
     a_topup_keeps_the_balance_limit_with_what_is_held},
    {"a_transfer_is_whole_and_its_parts_sum_to_it", a_transfer_is_whole_and_its_parts_sum_to_it},
    {"a_request_with_a_known_key_is_the_same_or_a_conflict",
     a_request_with_a_known_key_is_the_same_or_a_conflict},
    {"no_money_appears_or_vanishes_on_a_random_walk",
     no_money_appears_or_vanishes_on_a_random_walk},
    {"ids_are_of_a_few_characters", ids_are_of_a_few_characters},
    {"numbers_are_digits_within_their_limit", numbers_are_digits_within_their_limit},
    {"only_well_formed_requests_are_understood", only_well_formed_requests_are_understood},
    {"fault_rules_are_counted_and_repeatable", fault_rules_are_counted_and_repeatable},
};

UNIT_MAIN("operator_rules", tests)
