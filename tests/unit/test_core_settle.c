/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "gateway/core/civil.h"
#include "tests/support/core_fixture.h"
#include "tests/support/unit.h"

/* Charge meter 0's household: the flat price is 53,800 ufen a Wh, so 1,859 Wh are 100.0142 fen. */
static void use(struct fixture *f, int64_t *total, int64_t wh)
{
    f->now_us += GW_US_PER_HOUR;
    *total += wh;
    CU_ASSERT_EQUAL(fixture_read(f, 0, f->now_us, *total), GW_ACCEPTED);
}

static uint32_t tick(struct fixture *f, struct gw_order_request *first)
{
    gw_core_begin(f->core, f->now_us);
    CU_ASSERT_FALSE(gw_core_tick(f->core, 100));
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
    uint32_t count = 0;
    const struct gw_order_request *requests = gw_core_requests(f->core, &count);
    if (count > 0) {
        *first = requests[0];
    }
    return count;
}

static void answer(struct fixture *f, uint64_t number, enum gw_order_event event,
                   enum gw_refusal refusal)
{
    struct gw_order_result result = {.number = number, .event = event, .refusal = refusal};
    gw_core_begin(f->core, f->now_us);
    gw_core_order_result(f->core, &result);
    CU_ASSERT_EQUAL(gw_core_commit(f->core), GW_OK);
}

static struct gw_household_view home(const struct fixture *f)
{
    struct gw_household_view view;
    CU_ASSERT_TRUE_FATAL(gw_core_household(&view, f->core, 0));
    return view;
}

static void check(const struct fixture *f)
{
    struct gw_ledger_report report;
    gw_core_ledger_check(&report, f->core);
    CU_ASSERT_EQUAL(report.broken, 0);
}

static void open_home(struct fixture *f, int64_t *total)
{
    fixture_open(f);
    fixture_add_meter(f, 0, "flat");
    *total = 0;
    (void)fixture_read(f, 0, f->now_us, 0);
}

static void an_order_is_made_when_enough_is_owed_and_not_before(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    use(&f, &total, 1858);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    use(&f, &total, 1);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 100);
    CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_SEND);
    CU_ASSERT_STRING_EQUAL(request.key, "gw1-1");
    CU_ASSERT_STRING_EQUAL(request.wallet, "w1");
    CU_ASSERT_STRING_EQUAL(request.mandate, "m-w1");
    CU_ASSERT_EQUAL(request.part_count, 1);
    CU_ASSERT_STRING_EQUAL(request.parts[0].payee, "grid");
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    CU_ASSERT_EQUAL(home(&f).settled_fen, 100);
    CU_ASSERT_EQUAL(home(&f).taken_fen, 100);
    check(&f);
    fixture_close(&f);
}

static void a_small_debt_is_taken_after_a_day(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    use(&f, &total, 19); /* 1.0222 fen */
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    f.now_us += GW_US_PER_DAY - 1;
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), f.now_us + 1);
    f.now_us += 1;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 1);
    fixture_close(&f);
}

static void an_unsure_order_is_asked_until_the_operator_answers(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    use(&f, &total, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    uint64_t number = request.number;
    answer(&f, number, GW_ORDER_EV_NO_ANSWER, GW_REFUSAL_NONE);
    for (int hour = 0; hour < 60; hour++) {
        f.now_us += GW_US_PER_MIN + 20 * GW_US_PER_S;
        CU_ASSERT_EQUAL_FATAL(tick(&f, &request), 1);
        CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_ASK);
        CU_ASSERT_EQUAL(request.number, number);
        answer(&f, number, GW_ORDER_EV_NO_ANSWER, GW_REFUSAL_NONE);
    }
    struct gw_counters counters;
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.orders_unsure, 1);
    /* It never arrived: the same key goes again. */
    f.now_us += 2 * GW_US_PER_MIN;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    answer(&f, number, GW_ORDER_EV_UNKNOWN, GW_REFUSAL_NONE);
    f.now_us += 2 * GW_US_PER_MIN;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_SEND);
    CU_ASSERT_STRING_EQUAL(request.key, "gw1-1");
    answer(&f, number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    gw_core_counters(&counters, f.core);
    CU_ASSERT_EQUAL(counters.orders_unsure, 0);
    CU_ASSERT_EQUAL(counters.orders_open, 0);
    CU_ASSERT_EQUAL(counters.settled_fen, 107);
    check(&f);
    fixture_close(&f);
}

static void a_refused_wallet_gives_way_to_the_next(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    fixture_bind(&f, 0, "w2", INT64_MAX);
    use(&f, &total, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w1");
    answer(&f, request.number, GW_ORDER_EV_REFUSED, GW_REFUSAL_SHORT);
    CU_ASSERT_EQUAL(home(&f).taken_fen, 0);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w2");
    CU_ASSERT_EQUAL(request.amount_fen, 107);
    answer(&f, request.number, GW_ORDER_EV_REFUSED, GW_REFUSAL_SHORT);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    f.now_us += GW_US_PER_DAY + GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w1");
    check(&f);
    fixture_close(&f);
}

static void caps_of_the_mandate_hold_and_the_rest_waits_for_the_next_day(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", 150);
    use(&f, &total, 4000); /* 215.2 fen */
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 150);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    f.now_us += GW_US_PER_DAY;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 65);
    check(&f);
    fixture_close(&f);
}

static void without_a_wallet_the_debt_waits_and_nothing_spins(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    use(&f, &total, 5000);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    CU_ASSERT_TRUE(gw_core_next_us(f.core) > f.now_us);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 269);
    struct gw_bind_spec again = {.household = "home-0",
                                 .wallet = "w1",
                                 .mandate = "m",
                                 .cap_single_fen = 1,
                                 .cap_day_fen = 1};
    CU_ASSERT_EQUAL(gw_core_bind_wallet(f.core, &again), GW_REG_BOUND);
    CU_ASSERT_EQUAL(gw_core_unbind_wallet(f.core, "home-0", "w1"), GW_REG_DONE);
    CU_ASSERT_EQUAL(gw_core_unbind_wallet(f.core, "home-0", "w1"), GW_REG_NO_BINDING);
    fixture_close(&f);
}

static void an_order_is_shared_by_what_each_payee_is_owed(void)
{
    struct fixture f;
    struct gw_order_request request;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "water3");
    fixture_bind(&f, 0, "w1", INT64_MAX);
    (void)fixture_read(&f, 0, f.now_us, 0);
    f.now_us += 24 * GW_US_PER_HOUR;
    /* 333 l: 68.931, 45.288 and 52.281 fen: 166.5 in all, of which 166 are taken. */
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 333000), GW_ACCEPTED);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 166);
    CU_ASSERT_EQUAL(request.part_count, 3);
    /* 166 * 68.931 / 166.5 = 68.724, 45.152, 52.124: the remainder of one goes to 0.724. */
    CU_ASSERT_EQUAL(request.parts[0].amount_fen, 69);
    CU_ASSERT_EQUAL(request.parts[1].amount_fen, 45);
    CU_ASSERT_EQUAL(request.parts[2].amount_fen, 52);
    check(&f);
    fixture_close(&f);
}

static void an_order_that_could_not_be_queued_is_sent_later(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    use(&f, &total, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    gw_core_request_failed(f.core, request.number);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    f.now_us += 2 * GW_US_PER_S;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_SEND);
    fixture_close(&f);
}

/* 2,000 Wh over the edge of 22:00 are charged half at peak; a late reading shows that all of it was
 * after the edge, and 28 fen are owed back. They are set against what is used next. */
static void a_correction_downwards_is_set_against_what_comes(void)
{
    struct fixture f;
    struct gw_order_request request;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "tou");
    fixture_bind(&f, 0, "w1", INT64_MAX);
    int64_t ten_us = FIXTURE_START_US + 22 * GW_US_PER_HOUR;
    f.now_us = ten_us + GW_US_PER_HOUR;
    (void)fixture_read(&f, 0, ten_us - GW_US_PER_HOUR, 0);
    (void)fixture_read(&f, 0, ten_us + GW_US_PER_HOUR, 4000); /* 113.6 + 57.6 fen */
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 171);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, ten_us, 0), GW_ACCEPTED_LATE); /* 115.2 fen in all */
    CU_ASSERT_EQUAL(gw_household_owed_fen(&f.core->households[0]), -56);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    check(&f);
    f.now_us += 2 * GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, 9500), GW_ACCEPTED); /* 158.4 more */
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.kind, GW_ORDER_DEBIT);
    CU_ASSERT_EQUAL(request.amount_fen, 273 - 171);
    fixture_close(&f);
}

/* The same, larger: after a day the credit goes back to the wallet that paid. */
static void a_large_credit_is_refunded(void)
{
    struct fixture f;
    struct gw_order_request request;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "tou");
    fixture_bind(&f, 0, "w1", INT64_MAX);
    int64_t ten_us = FIXTURE_START_US + 22 * GW_US_PER_HOUR;
    f.now_us = ten_us + GW_US_PER_HOUR;
    (void)fixture_read(&f, 0, ten_us - GW_US_PER_HOUR, 0);
    (void)fixture_read(&f, 0, ten_us + GW_US_PER_HOUR, 8000); /* 342.4 fen */
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    (void)fixture_read(&f, 0, ten_us, 0); /* 230.4 fen */
    f.now_us += GW_US_PER_DAY;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.kind, GW_ORDER_REFUND);
    CU_ASSERT_EQUAL(request.amount_fen, 112);
    CU_ASSERT_EQUAL(request.part_count, 1);
    CU_ASSERT_EQUAL(request.parts[0].amount_fen, 112);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w1");
    check(&f);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    CU_ASSERT_EQUAL(home(&f).settled_fen, 230);
    CU_ASSERT_EQUAL(gw_household_owed_fen(&f.core->households[0]), 0);
    check(&f);
    fixture_close(&f);
}

/* A refund that the operator refuses waits as a debit does. */
static void a_refused_refund_waits_before_it_is_tried_again(void)
{
    struct fixture f;
    struct gw_order_request request;
    fixture_open(&f);
    f.core->config.settle.order_after_us = 0;
    fixture_add_meter(&f, 0, "tou");
    fixture_bind(&f, 0, "w1", INT64_MAX);
    int64_t ten_us = FIXTURE_START_US + 22 * GW_US_PER_HOUR;
    f.now_us = ten_us + GW_US_PER_HOUR;
    (void)fixture_read(&f, 0, ten_us - GW_US_PER_HOUR, 0);
    (void)fixture_read(&f, 0, ten_us + GW_US_PER_HOUR, 8000);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    answer(&f, request.number, GW_ORDER_EV_DONE, GW_REFUSAL_NONE);
    (void)fixture_read(&f, 0, ten_us, 0);
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.kind, GW_ORDER_REFUND);
    answer(&f, request.number, GW_ORDER_EV_REFUSED, (enum gw_refusal)77);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    CU_ASSERT_TRUE(gw_core_next_us(f.core) > f.now_us);
    f.now_us += GW_US_PER_DAY + GW_US_PER_HOUR;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.amount_fen, 112);
    check(&f);
    void *memory = NULL;
    struct gw_core *second = fixture_second(&f, &memory); /* The odd reason was written as one. */
    free(memory);
    CU_ASSERT_PTR_NOT_NULL(second);
    fixture_close(&f);
}

/* A run of orders that never ends must not keep others from being made. */
static void stuck_orders_do_not_hold_up_the_rest(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    for (uint32_t i = 1; i < 101; i++) {
        f.core->orders[i].number = i;
    }
    f.core->orders_open = 100;
    use(&f, &total, 2000);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    f.now_us += 2 * GW_US_PER_S;
    CU_ASSERT_EQUAL(tick(&f, &request), 1);
    CU_ASSERT_EQUAL(request.number, 101);
    fixture_close(&f);
}

/* Each reading of a home that no wallet pays for was one more try. */
static void a_home_without_a_wallet_is_tried_once_an_hour(void)
{
    struct fixture f;
    struct gw_order_request request;
    int64_t total;
    open_home(&f, &total);
    use(&f, &total, 5000);
    CU_ASSERT_EQUAL(tick(&f, &request), 0);
    int64_t next_us = gw_core_next_us(f.core);
    CU_ASSERT_EQUAL(next_us, f.now_us + GW_US_PER_HOUR);
    f.now_us += GW_US_PER_MIN;
    total += 100;
    CU_ASSERT_EQUAL(fixture_read(&f, 0, f.now_us, total), GW_ACCEPTED);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), next_us);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"an_order_is_made_when_enough_is_owed_and_not_before",
     an_order_is_made_when_enough_is_owed_and_not_before},
    {"a_small_debt_is_taken_after_a_day", a_small_debt_is_taken_after_a_day},
    {"an_unsure_order_is_asked_until_the_operator_answers",
     an_unsure_order_is_asked_until_the_operator_answers},
    {"a_refused_wallet_gives_way_to_the_next", a_refused_wallet_gives_way_to_the_next},
    {"caps_of_the_mandate_hold_and_the_rest_waits_for_the_next_day",
     caps_of_the_mandate_hold_and_the_rest_waits_for_the_next_day},
    {"without_a_wallet_the_debt_waits_and_nothing_spins",
     without_a_wallet_the_debt_waits_and_nothing_spins},
    {"an_order_is_shared_by_what_each_payee_is_owed",
     an_order_is_shared_by_what_each_payee_is_owed},
    {"a_correction_downwards_is_set_against_what_comes",
     a_correction_downwards_is_set_against_what_comes},
    {"a_large_credit_is_refunded", a_large_credit_is_refunded},
    {"a_refused_refund_waits_before_it_is_tried_again",
     a_refused_refund_waits_before_it_is_tried_again},
    {"stuck_orders_do_not_hold_up_the_rest", stuck_orders_do_not_hold_up_the_rest},
    {"a_home_without_a_wallet_is_tried_once_an_hour",
     a_home_without_a_wallet_is_tried_once_an_hour},
    {"an_order_that_could_not_be_queued_is_sent_later",
     an_order_that_could_not_be_queued_is_sent_later},
};

UNIT_MAIN("core_settle", tests)
