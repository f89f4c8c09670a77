/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A day's statement against our books, made by hand: every class of difference, and what is none. */
#include "gateway/app/match.h"
#include "tests/support/unit.h"

/* The day is [1000 s, 2000 s); clocks may differ by 10 s. */
#define FROM_US 1000000000ll
#define TO_US 2000000000ll
#define SLACK_US 10000000ll

static struct gw_match match;

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(gw_match_init(&match, FROM_US, TO_US, SLACK_US), GW_OK);
}

static struct gw_match_order order(uint64_t number, int64_t amount_fen, int64_t time_s)
{
    return (struct gw_match_order){.number = number,
                                   .amount_fen = amount_fen,
                                   .time_us = time_s * 1000000,
                                   .digest = 7,
                                   .kind = GW_ORDER_DEBIT,
                                   .state = GW_ORDER_DONE};
}

static void there(uint64_t number, int64_t amount_fen, int64_t time_s)
{
    struct gw_match_order o = order(number, amount_fen, time_s);
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_OK);
}

static void here(uint64_t number, int64_t amount_fen, int64_t time_s)
{
    struct gw_match_order o = order(number, amount_fen, time_s);
    CU_ASSERT_EQUAL(gw_match_here(&match, &o), GW_OK);
}

/* Everything counted is `count` orders of `verdict`, beside `equal` equal ones. */
static void expect(enum gw_match_verdict verdict, uint64_t count, uint64_t equal)
{
    for (int i = 0; i < GW_MATCH_VERDICTS; i++) {
        uint64_t wanted = i == (int)verdict ? count : 0;
        wanted = i == GW_MATCH_EQUAL ? equal : wanted;
        if (match.verdicts[i] != wanted) {
            printf("    %s: %llu, not %llu\n", gw_match_verdict_name((enum gw_match_verdict)i),
                   (unsigned long long)match.verdicts[i], (unsigned long long)wanted);
            CU_FAIL("another verdict");
        }
    }
    gw_match_deinit(&match);
}

static void equal_books_are_equal_in_any_order(void)
{
    begin();
    there(12, 300, 1500);
    there(3, 100, 1100);
    there(7, 200, 1200);
    gw_match_sort(&match);
    here(7, 200, 1201);
    here(3, 100, 1101);
    here(12, 300, 1501);
    CU_ASSERT_EQUAL(gw_match_left_there(&match), 0);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 0);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL(match.sums_here.fen[GW_ORDER_DEBIT], 600);
    CU_ASSERT_EQUAL(match.sums_there.fen[GW_ORDER_DEBIT], 600);
    CU_ASSERT_EQUAL(match.sums_there.count[GW_ORDER_DEBIT], 3);
    CU_ASSERT_EQUAL(match.times_off, 0);
    CU_ASSERT_EQUAL(match.listed_count, 0);
    expect(GW_MATCH_EQUAL, 3, 3);
}

static void an_empty_day_is_equal(void)
{
    begin();
    gw_match_sort(&match);
    gw_match_finish(&match);
    expect(GW_MATCH_EQUAL, 0, 0);
}

static void money_that_moved_and_is_not_in_our_books_is_only_there(void)
{
    begin();
    there(3, 100, 1100);
    there(4, 100, 1100);
    gw_match_sort(&match);
    here(3, 100, 1101);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL_FATAL(match.listed_count, 1);
    CU_ASSERT_EQUAL(match.listed[0].there.number, 4);
    CU_ASSERT_TRUE(match.listed[0].has_there && !match.listed[0].has_here);
    expect(GW_MATCH_ONLY_THERE, 1, 1);
}

static void a_key_that_is_none_of_ours_is_only_there_by_its_name(void)
{
    struct gw_match_order o = order(0, 55, 1300);
    begin();
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, "gw1-x"), GW_OK);
    gw_match_sort(&match);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL_FATAL(match.listed_count, 1);
    CU_ASSERT_STRING_EQUAL(match.listed[0].key, "gw1-x");
    CU_ASSERT_EQUAL(match.listed[0].there.amount_fen, 55);
    expect(GW_MATCH_ONLY_THERE, 1, 0);
}

static void a_row_that_comes_twice_is_once_too_much(void)
{
    begin();
    there(3, 100, 1100);
    there(3, 100, 1100);
    gw_match_sort(&match);
    here(3, 100, 1101);
    gw_match_finish(&match);
    expect(GW_MATCH_ONLY_THERE, 1, 1);
}

static void what_no_statement_holds_is_only_here(void)
{
    begin();
    there(3, 100, 1100);
    gw_match_sort(&match);
    here(3, 100, 1101);
    here(9, 400, 1999);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 1);
    gw_match_elsewhere(&match, 8);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 1);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL_FATAL(match.listed_count, 1);
    CU_ASSERT_EQUAL(match.listed[0].here.number, 9);
    CU_ASSERT_EQUAL(match.listed[0].here.amount_fen, 400);
    expect(GW_MATCH_ONLY_HERE, 1, 1);
}

static void an_answer_after_midnight_belongs_to_the_day_of_the_statement(void)
{
    begin(); /* The day on which it moved: booked a second, or ten days, after its end. */
    there(3, 100, 1999);
    there(4, 100, 1999);
    gw_match_sort(&match);
    here(3, 100, 2001);
    here(4, 100, 1000000);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL(match.sums_here.count[GW_ORDER_DEBIT], 0);
    expect(GW_MATCH_EQUAL, 2, 2);

    begin(); /* The day on which it was booked: the day before holds it. */
    gw_match_sort(&match);
    here(3, 100, 1001);
    here(2, 100, 1002);
    gw_match_elsewhere(&match, 3);
    gw_match_elsewhere(&match, 3);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 1);
    gw_match_elsewhere(&match, 2);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 0);
    CU_ASSERT_EQUAL(match.other_day, 2);
    gw_match_finish(&match);
    expect(GW_MATCH_EQUAL, 0, 0);
}

static void orders_of_later_days_are_not_this_days(void)
{
    begin();
    gw_match_sort(&match);
    here(3, 100, 2000); /* The end is not in the day. */
    here(4, 100, 999);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 0);
    gw_match_finish(&match);
    expect(GW_MATCH_EQUAL, 0, 0);
}

static void another_amount_is_told_with_both(void)
{
    begin();
    there(3, 101, 1100);
    gw_match_sort(&match);
    here(3, 100, 1101);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL_FATAL(match.listed_count, 1);
    CU_ASSERT_EQUAL(match.listed[0].here.amount_fen, 100);
    CU_ASSERT_EQUAL(match.listed[0].there.amount_fen, 101);
    expect(GW_MATCH_AMOUNT, 1, 0);
}

static void another_kind_wallet_or_share_is_told(void)
{
    struct gw_match_order o = order(3, 100, 1100);
    begin();
    o.kind = GW_ORDER_REFUND;
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_OK);
    gw_match_sort(&match);
    here(3, 100, 1101);
    gw_match_finish(&match);
    expect(GW_MATCH_KIND, 1, 0);

    begin();
    o = order(3, 100, 1100);
    o.digest = 8;
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_OK);
    gw_match_sort(&match);
    here(3, 100, 1101);
    gw_match_finish(&match);
    expect(GW_MATCH_DETAILS, 1, 0);
}

static void refused_here_and_done_there_differ_in_state(void)
{
    struct gw_match_order o = order(3, 100, 1101);
    begin();
    there(3, 100, 1100);
    gw_match_sort(&match);
    o.state = GW_ORDER_REFUSED;
    CU_ASSERT_EQUAL(gw_match_here(&match, &o), GW_OK);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL(match.sums_here.count[GW_ORDER_DEBIT], 0);
    expect(GW_MATCH_STATE, 1, 0);
}

static void refused_on_both_sides_is_nothing(void)
{
    struct gw_match_order o = order(3, 100, 1101);
    begin();
    gw_match_sort(&match);
    o.state = GW_ORDER_REFUSED;
    CU_ASSERT_EQUAL(gw_match_here(&match, &o), GW_OK);
    CU_ASSERT_EQUAL(gw_match_left_here(&match), 0);
    gw_match_finish(&match);
    expect(GW_MATCH_EQUAL, 0, 0);
}

static void open_here_is_not_decided_and_an_end_seen_later_wins(void)
{
    begin();
    there(3, 100, 1100);
    there(4, 100, 1100);
    gw_match_sort(&match);
    gw_match_open(&match, 3);
    gw_match_open(&match, 4);
    gw_match_open(&match, 5); /* Not in the statement: nothing to say about it. */
    here(4, 100, 1101);
    CU_ASSERT_EQUAL(gw_match_left_there(&match), 1);
    gw_match_finish(&match);
    expect(GW_MATCH_OPEN_HERE, 1, 1);
}

static void a_time_after_the_booking_is_counted_beyond_the_slack_only(void)
{
    begin();
    there(3, 100, 1110);
    there(4, 100, 1111);
    gw_match_sort(&match);
    here(3, 100, 1100);
    here(4, 100, 1100);
    gw_match_finish(&match);
    CU_ASSERT_EQUAL(match.times_off, 1);
    expect(GW_MATCH_EQUAL, 2, 2);
}

static void sums_that_overflow_are_refused(void)
{
    struct gw_match_order o = order(3, INT64_MAX, 1100);
    begin();
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_OK);
    o.number = 4;
    o.amount_fen = 1;
    CU_ASSERT_EQUAL(gw_match_there(&match, &o, ""), GW_CORRUPT);
    gw_match_deinit(&match);
}

static void many_orders_are_compared_and_the_list_is_bounded(void)
{
    const uint64_t count = 5000;
    begin();
    for (uint64_t i = 1; i <= count; i++) {
        there(i * 7919u % 5003u, 100, 1100); /* 5003 is prime: each number once, in disorder */
    }
    gw_match_sort(&match);
    for (uint64_t i = 1; i <= 5002; i++) {
        here(i, i % 2u == 0 ? 100 : 99, 1101);
    }
    gw_match_finish(&match);
    /* 5,000 of the numbers 1 to 5,002 are in the statement; two even or odd ones are only here. */
    CU_ASSERT_EQUAL(match.verdicts[GW_MATCH_EQUAL] + match.verdicts[GW_MATCH_AMOUNT], count);
    CU_ASSERT_EQUAL(match.verdicts[GW_MATCH_ONLY_HERE], 2);
    CU_ASSERT_EQUAL(match.verdicts[GW_MATCH_ONLY_THERE], 0);
    CU_ASSERT_EQUAL(match.listed_count, GW_MATCH_LISTED_MAX);
    gw_match_deinit(&match);
}

static void only_our_own_keys_have_a_number(void)
{
    CU_ASSERT_EQUAL(gw_match_number("gw1-17", "gw1"), 17);
    CU_ASSERT_EQUAL(gw_match_number("gw1-18446744073709551615", "gw1"), UINT64_MAX);
    CU_ASSERT_EQUAL(gw_match_number("gw1-18446744073709551616", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("gw1-017", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("gw1-0", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("gw1-", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("gw1", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("gw12-3", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("gw1-3x", "gw1"), 0);
    CU_ASSERT_EQUAL(gw_match_number("", "gw1"), 0);
}

static void the_digest_knows_wallet_payee_and_amount_and_not_the_order_of_parts(void)
{
    const struct gw_order_part a[2] = {{"grid", 67}, {"water", 33}};
    const struct gw_order_part b[2] = {{"water", 33}, {"grid", 67}};
    const struct gw_order_part c[2] = {{"grid", 33}, {"water", 67}};
    uint64_t digest = gw_match_digest("w1", a, 2);
    CU_ASSERT_EQUAL(digest, gw_match_digest("w1", b, 2));
    CU_ASSERT_NOT_EQUAL(digest, gw_match_digest("w1", c, 2));
    CU_ASSERT_NOT_EQUAL(digest, gw_match_digest("w2", a, 2));
    CU_ASSERT_NOT_EQUAL(digest, gw_match_digest("w1", a, 1));
}

static const struct unit_test tests[] = {
    {"equal_books_are_equal_in_any_order", equal_books_are_equal_in_any_order},
    {"an_empty_day_is_equal", an_empty_day_is_equal},
    {"money_that_moved_and_is_not_in_our_books_is_only_there",
     money_that_moved_and_is_not_in_our_books_is_only_there},
    {"a_key_that_is_none_of_ours_is_only_there_by_its_name",
     a_key_that_is_none_of_ours_is_only_there_by_its_name},
    {"a_row_that_comes_twice_is_once_too_much", a_row_that_comes_twice_is_once_too_much},
    {"what_no_statement_holds_is_only_here", what_no_statement_holds_is_only_here},
    {"an_answer_after_midnight_belongs_to_the_day_of_the_statement",
     an_answer_after_midnight_belongs_to_the_day_of_the_statement},
    {"orders_of_later_days_are_not_this_days", orders_of_later_days_are_not_this_days},
    {"another_amount_is_told_with_both", another_amount_is_told_with_both},
    {"another_kind_wallet_or_share_is_told", another_kind_wallet_or_share_is_told},
    {"refused_here_and_done_there_differ_in_state", refused_here_and_done_there_differ_in_state},
    {"refused_on_both_sides_is_nothing", refused_on_both_sides_is_nothing},
    {"open_here_is_not_decided_and_an_end_seen_later_wins",
     open_here_is_not_decided_and_an_end_seen_later_wins},
    {"a_time_after_the_booking_is_counted_beyond_the_slack_only",
     a_time_after_the_booking_is_counted_beyond_the_slack_only},
    {"sums_that_overflow_are_refused", sums_that_overflow_are_refused},
    {"many_orders_are_compared_and_the_list_is_bounded",
     many_orders_are_compared_and_the_list_is_bounded},
    {"only_our_own_keys_have_a_number", only_our_own_keys_have_a_number},
    {"the_digest_knows_wallet_payee_and_amount_and_not_the_order_of_parts",
     the_digest_knows_wallet_payee_and_amount_and_not_the_order_of_parts},
};
UNIT_MAIN("match", tests)
