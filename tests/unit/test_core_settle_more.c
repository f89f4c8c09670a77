/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When an order is tried, from which wallet, by how much and under which number: to the microsecond and
 * to the fen. */
#include "tests/support/core_steps.h"

static void bind(struct fixture *f, const char *wallet, int64_t cap_single_fen, int64_t cap_day_fen)
{
    struct gw_bind_spec spec = {.household = "home-0",
                                .mandate = "m",
                                .cap_single_fen = cap_single_fen,
                                .cap_day_fen = cap_day_fen};
    memcpy(spec.wallet, wallet, strlen(wallet) + 1u);
    gw_core_begin(f->core, f->now_us);
    CU_ASSERT_EQUAL(gw_core_bind_wallet(f->core, &spec), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(f), GW_OK);
}

static void unbind(struct fixture *f, const char *wallet)
{
    gw_core_begin(f->core, f->now_us);
    CU_ASSERT_EQUAL(gw_core_unbind_wallet(f->core, "home-0", wallet), GW_REG_DONE);
    CU_ASSERT_EQUAL(fixture_commit(f), GW_OK);
}

static void open_home(struct fixture *f)
{
    fixture_open(f);
    fixture_add_meter(f, 0, "flat");
    (void)fixture_read(f, 0, f->now_us, 0);
}

/* A home that owes 107 fen to one wallet. */
static void open_debt(struct fixture *f)
{
    open_home(f);
    fixture_bind(f, 0, "w1", INT64_MAX);
    steps_use_to(f, 0, 2000);
}

static struct gw_order_view the_order(const struct fixture *f)
{
    struct gw_order_view view = {.number = 0};
    uint32_t cursor = 0;
    CU_ASSERT_TRUE_FATAL(gw_core_open_order(&view, f->core, &cursor));
    return view;
}

/* ---- time ---------------------------------------------------------------------------------------- */

/* order.h: doubled from 1 s to 60 s, plus up to a quarter. */
static void each_lost_reply_is_waited_for_longer_up_to_a_minute(void)
{
    static const int64_t least_s[] = {1, 2, 4, 8, 16, 32, 60, 60, 60, 60};
    struct fixture f;
    struct gw_order_request request;
    open_debt(&f);
    request = steps_request(&f);
    for (uint32_t i = 0; i < sizeof(least_s) / sizeof(least_s[0]); i++) {
        CU_ASSERT_EQUAL(gw_core_next_us(f.core), INT64_MAX); /* Only the answer is waited for. */
        f.now_us += GW_US_PER_MIN;
        steps_answer(&f, request.number, GW_ORDER_EV_NO_ANSWER);
        int64_t wait_us = gw_core_next_us(f.core) - f.now_us;
        CU_ASSERT_TRUE(wait_us >= least_s[i] * GW_US_PER_S);
        CU_ASSERT_TRUE(wait_us < least_s[i] * GW_US_PER_S * 5 / 4);
        struct gw_order_view view = the_order(&f);
        CU_ASSERT_EQUAL(view.attempts, i + 1);
        CU_ASSERT_EQUAL(view.state, GW_ORDER_UNSURE);
        CU_ASSERT_EQUAL(view.changed_us, f.now_us);
        CU_ASSERT_EQUAL(view.next_try_us, f.now_us + wait_us);
        f.now_us += wait_us - 1;
        CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
        f.now_us += 1;
        request = steps_request(&f);
        CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_ASK);
        CU_ASSERT_EQUAL(the_order(&f).state, GW_ORDER_ASKED);
        CU_ASSERT_EQUAL(the_order(&f).changed_us, f.now_us);
    }
    fixture_close(&f);
}

/* Waits of 10 minutes, of 20 and of 3 hours: whichever ends first, and never more than an hour. */
static void a_refused_wallet_is_tried_again_when_its_pause_ends(void)
{
    struct fixture f;
    struct gw_order_request request;
    open_debt(&f);
    fixture_bind(&f, 0, "w2", INT64_MAX);
    f.core->config.settle.retry_refused_us = 20 * GW_US_PER_MIN;
    steps_answer(&f, steps_request(&f).number, GW_ORDER_EV_REFUSED);
    int64_t first_us = f.now_us + 20 * GW_US_PER_MIN;
    f.core->config.settle.retry_refused_us = 10 * GW_US_PER_MIN;
    f.now_us += GW_US_PER_MIN;
    steps_answer(&f, steps_request(&f).number, GW_ORDER_EV_REFUSED);
    CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), f.now_us + 10 * GW_US_PER_MIN);
    f.now_us += 10 * GW_US_PER_MIN - 1;
    CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
    f.now_us += 1;
    request = steps_request(&f);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w2");
    f.core->config.settle.retry_refused_us = 3 * GW_US_PER_HOUR;
    steps_answer(&f, request.number, GW_ORDER_EV_REFUSED);
    CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), first_us);
    f.now_us = first_us;
    request = steps_request(&f);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w1");
    steps_answer(&f, request.number, GW_ORDER_EV_REFUSED);
    CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), first_us + GW_US_PER_HOUR);
    fixture_close(&f);
}

/* 215 fen are owed and 100 a day may be taken: at noon it is looked at again in an hour, half an hour
 * before midnight at midnight. */
static void a_used_up_cap_of_the_day_is_looked_at_again_at_midnight(void)
{
    for (unsigned late = 0; late < 2; late++) {
        struct fixture f;
        struct gw_order_request request;
        open_home(&f);
        bind(&f, "w1", INT64_MAX, 100);
        f.now_us = FIXTURE_START_US + 11 * GW_US_PER_HOUR;
        f.now_us += late == 0 ? 0 : 11 * GW_US_PER_HOUR + 30 * GW_US_PER_MIN;
        steps_use_to(&f, 0, 4000);
        CU_ASSERT_EQUAL(steps_settle(&f), 100);
        CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
        int64_t midnight_us = FIXTURE_START_US + GW_US_PER_DAY;
        int64_t next_us = late == 0 ? f.now_us + GW_US_PER_HOUR : midnight_us;
        CU_ASSERT_EQUAL(gw_core_next_us(f.core), next_us);
        f.now_us = midnight_us - 1;
        CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
        f.now_us = late == 0 ? midnight_us + GW_US_PER_HOUR : midnight_us;
        CU_ASSERT_EQUAL(steps_settle(&f), 100);
        /* 15 fen are left: too few for an order before a day has passed. */
        CU_ASSERT_EQUAL(gw_core_next_us(f.core), f.now_us + GW_US_PER_DAY);
        CU_ASSERT_STRING_EQUAL(steps_books(f.core), "");
        fixture_close(&f);
    }
}

static void a_wallet_that_is_gone_is_not_waited_for(void)
{
    struct fixture f;
    struct gw_order_request request;
    open_home(&f);
    fixture_bind(&f, 0, "w1", INT64_MAX);
    f.now_us = FIXTURE_START_US + 22 * GW_US_PER_HOUR + 30 * GW_US_PER_MIN;
    steps_use_to(&f, 0, 2000);
    unbind(&f, "w1"); /* In the same microsecond: it pays no more. */
    CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), f.now_us + GW_US_PER_HOUR);
    fixture_close(&f);
}

static void a_request_that_never_left_is_tried_again_in_a_second(void)
{
    struct fixture f;
    struct gw_order_request request;
    open_debt(&f);
    request = steps_request(&f);
    gw_core_request_failed(f.core, request.number);
    CU_ASSERT_EQUAL(the_order(&f).state, GW_ORDER_QUEUED);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), f.now_us + GW_US_PER_S);
    f.now_us += GW_US_PER_S;
    request = steps_request(&f);
    CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_SEND);
    steps_answer(&f, request.number, GW_ORDER_EV_NO_ANSWER);
    /* Neither of these was under way: nothing changes. */
    int64_t next_us = gw_core_next_us(f.core);
    gw_core_request_failed(f.core, request.number);
    gw_core_request_failed(f.core, request.number + 1);
    gw_core_request_failed(f.core, 0);
    CU_ASSERT_EQUAL(gw_core_next_us(f.core), next_us);
    f.now_us = next_us;
    request = steps_request(&f);
    CU_ASSERT_EQUAL(request.action, GW_ORDER_DO_ASK);
    steps_answer(&f, request.number, GW_ORDER_EV_UNKNOWN);
    gw_core_request_failed(f.core, request.number);
    CU_ASSERT_EQUAL(the_order(&f).state, GW_ORDER_QUEUED);
    fixture_close(&f);
}

/* ---- wallets ------------------------------------------------------------------------------------- */

/* A home has at most 64, and the oldest of them pays. */
static void the_oldest_of_64_bindings_is_found(void)
{
    struct fixture f;
    char wallet[8];
    open_home(&f);
    for (unsigned i = 0; i < 64; i++) {
        snprintf(wallet, sizeof(wallet), "w%u", i);
        bind(&f, wallet, INT64_MAX, INT64_MAX);
    }
    struct gw_bind_spec one_more = {.household = "home-0",
                                    .wallet = "w64",
                                    .mandate = "m",
                                    .cap_single_fen = 1,
                                    .cap_day_fen = 1};
    CU_ASSERT_EQUAL(gw_core_bind_wallet(f.core, &one_more), GW_REG_FULL);
    steps_use_to(&f, 0, 2000);
    CU_ASSERT_STRING_EQUAL(steps_request(&f).wallet, "w0");
    fixture_close(&f);
}

/* Peak until 22:00. 8,000 Wh from 21:00 to 23:00 are 342.4 fen; that all of it was used after 22:00 makes
 * it 230.4. Taken were 230, 111 and 1 fen; 112 go back: newest wallet first, and to none more than it
 * paid. */
static void a_refund_goes_back_the_way_the_money_came(void)
{
    struct fixture f;
    fixture_open(&f);
    f.core->config.settle.order_min_fen = 1;
    fixture_add_meter(&f, 0, "tou");
    bind(&f, "w1", INT64_MAX, 230);
    bind(&f, "w2", 111, INT64_MAX);
    int64_t ten_us = steps_use_over_ten(&f, 0, 8000);
    CU_ASSERT_EQUAL(steps_settle(&f), 230);
    CU_ASSERT_EQUAL(steps_settle(&f), 111);
    unbind(&f, "w2");
    bind(&f, "w3", INT64_MAX, INT64_MAX);
    CU_ASSERT_EQUAL(steps_settle(&f), 1);
    unbind(&f, "w3");
    bind(&f, "w4", INT64_MAX, INT64_MAX);
    CU_ASSERT_EQUAL(fixture_read(&f, 0, ten_us, 0), GW_ACCEPTED_LATE);
    f.now_us += GW_US_PER_DAY;
    static const struct {
        const char *wallet;
        int64_t fen;
    } back[] = {{"w3", 1}, {"w2", 111}};
    for (unsigned i = 0; i < 2; i++) {
        struct gw_order_request request = steps_request(&f);
        CU_ASSERT_EQUAL(request.kind, GW_ORDER_REFUND);
        CU_ASSERT_STRING_EQUAL(request.wallet, back[i].wallet);
        CU_ASSERT_EQUAL(request.amount_fen, back[i].fen);
        CU_ASSERT_EQUAL(f.core->head->ordered_fen, -back[i].fen);
        CU_ASSERT_STRING_EQUAL(steps_books(f.core), "");
        steps_answer(&f, request.number, GW_ORDER_EV_DONE);
        CU_ASSERT_STRING_EQUAL(steps_books(f.core), "");
        f.now_us += GW_US_PER_DAY;
    }
    struct gw_binding_view binding;
    CU_ASSERT_TRUE(gw_core_binding(&binding, f.core, 0));
    CU_ASSERT_EQUAL(binding.taken_fen, 230);
    CU_ASSERT_TRUE(gw_core_binding(&binding, f.core, 1));
    CU_ASSERT_EQUAL(binding.taken_fen, 0);
    CU_ASSERT_EQUAL(f.core->head->settled_fen, 230);
    CU_ASSERT_EQUAL(f.core->head->payee_settled_fen[0], 230);
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

/* Less than the least order is owed back: it stays, at 99 fen for ever, and at 100 for a day. */
static void a_small_credit_stays_and_the_least_one_goes_back(void)
{
    /* 28 fen a kWh between peak and valley: 3,536 Wh at peak for valley are 99.008, 3,572 are 100.016. */
    static const struct {
        int64_t wh;
        uint32_t orders;
    } rows[] = {{3536, 0}, {3572, 1}};
    for (unsigned i = 0; i < 2; i++) {
        struct fixture f;
        struct gw_order_request request;
        fixture_open(&f);
        fixture_add_meter(&f, 0, "tou");
        fixture_bind(&f, 0, "w1", INT64_MAX);
        int64_t ten_us = steps_use_over_ten(&f, 0, 2 * rows[i].wh);
        (void)steps_settle(&f);
        CU_ASSERT_EQUAL(fixture_read(&f, 0, ten_us, 0), GW_ACCEPTED_LATE);
        int64_t owed_fen = gw_household_owed_fen(&f.core->households[0]);
        CU_ASSERT_EQUAL(owed_fen, rows[i].orders == 1 ? -100 : -99);
        f.now_us += GW_US_PER_DAY - 1;
        CU_ASSERT_EQUAL(steps_tick(&f, &request), 0);
        f.now_us += 1;
        CU_ASSERT_EQUAL(steps_tick(&f, &request), rows[i].orders);
        fixture_close(&f);
    }
}

/* 107 fen are done and 43 refused of a day's 150: 43 may still be taken today. */
static void a_refusal_gives_back_its_own_part_of_the_day(void)
{
    struct fixture f;
    open_home(&f);
    f.core->config.settle.retry_refused_us = 0;
    f.core->config.settle.order_min_fen = 1;
    bind(&f, "w1", INT64_MAX, 150);
    steps_use_to(&f, 0, 2000);
    CU_ASSERT_EQUAL(steps_settle(&f), 107);
    steps_use_to(&f, 0, 4000);
    for (unsigned i = 0; i < 3; i++) {
        struct gw_order_request request = steps_request(&f);
        CU_ASSERT_EQUAL(request.amount_fen, 43);
        steps_answer(&f, request.number, GW_ORDER_EV_REFUSED);
    }
    CU_ASSERT_EQUAL(steps_settle(&f), 43);
    struct gw_binding_view binding;
    CU_ASSERT_TRUE(gw_core_binding(&binding, f.core, 0));
    CU_ASSERT_EQUAL(binding.taken_fen, 150);
    fixture_close(&f);
}

/* ---- amounts ------------------------------------------------------------------------------------- */

/* Ten million fen were taken for the first of two payees. It is owed 0.9 fen more, the second
 * 2.0, and the third has a credit of 0.9. Of 2 fen the first gets 2 x 0.9 / 2.9 = 0.62, the second 1.38. */
static void what_was_taken_counts_to_the_last_fen_when_an_order_is_shared(void)
{
    struct fixture f;
    fixture_open(&f);
    f.core->config.settle.order_min_fen = 1;
    fixture_add_meter(&f, 0, "water3");
    fixture_bind(&f, 0, "w1", INT64_MAX);
    (void)fixture_read(&f, 0, f.now_us, 0);
    struct gw_household *household = &f.core->households[0];
    /* One litre is 0.207, 0.136 and 0.157 fen more. The third payee owes 0.9 fen back. */
    household->taken_fen[0] = 10000000;
    household->charged_ufen[0] = 10000000900000 - 207000;
    household->charged_ufen[1] = 2000000 - 136000;
    household->charged_ufen[2] = -900000 - 157000;
    steps_use_to(&f, 0, 1000);
    struct gw_order_request request = steps_request(&f);
    CU_ASSERT_EQUAL(request.amount_fen, 2);
    CU_ASSERT_EQUAL_FATAL(request.part_count, 2);
    CU_ASSERT_STRING_EQUAL(request.parts[0].payee, "water");
    CU_ASSERT_EQUAL(request.parts[0].amount_fen, 1);
    CU_ASSERT_STRING_EQUAL(request.parts[1].payee, "sewage");
    CU_ASSERT_EQUAL(request.parts[1].amount_fen, 1);
    fixture_close(&f);
}

static void a_request_holds_nothing_of_the_one_before(void)
{
    struct fixture f;
    fixture_open(&f);
    fixture_add_meter(&f, 0, "water3");
    fixture_bind(&f, 0, "a-long-wallet", INT64_MAX);
    fixture_add_meter(&f, 1, "flat");
    fixture_bind(&f, 1, "w", INT64_MAX);
    (void)fixture_read(&f, 0, f.now_us, 0);
    (void)fixture_read(&f, 1, f.now_us, 0);
    f.now_us += 99 * GW_US_PER_HOUR;
    steps_use_to(&f, 0, 1000000);
    CU_ASSERT_EQUAL(steps_request(&f).part_count, 3);
    steps_use_to(&f, 1, 2000);
    struct gw_order_request request = steps_request(&f);
    CU_ASSERT_EQUAL(request.part_count, 1);
    CU_ASSERT_STRING_EQUAL(request.wallet, "w");
    for (unsigned i = 1; i < GW_ORDER_PAYEES_MAX; i++) {
        CU_ASSERT_EQUAL(request.parts[i].amount_fen, 0);
        CU_ASSERT_STRING_EQUAL(request.parts[i].payee, "");
    }
    fixture_close(&f);
}

/* ---- numbers ------------------------------------------------------------------------------------- */

static void the_key_is_the_whole_number_in_decimal(void)
{
    static const struct {
        uint64_t number;
        const char *key;
    } rows[] = {{1, "gw1-1"},
                {10, "gw1-10"},
                {98, "gw1-98"},
                {3145728, "gw1-3145728"},
                {18446744073708503040ull, "gw1-18446744073708503040"}}; /* 2^64 - 2^20 */
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        open_debt(&f);
        f.core->head->order_next = rows[i].number;
        struct gw_order_request request = steps_request(&f);
        CU_ASSERT_EQUAL(request.number, rows[i].number);
        CU_ASSERT_STRING_EQUAL(request.key, rows[i].key);
        steps_answer(&f, request.number, GW_ORDER_EV_DONE);
        CU_ASSERT_EQUAL(f.core->head->settled_fen, 107);
        CU_ASSERT_TRUE(steps_replays(&f));
        fixture_close(&f);
    }
}

/* 128 orders may be open: number 128 would be the 129th place, so the next one begins anew at 2^20. */
static void numbers_without_a_place_are_never_given(void)
{
    struct fixture f;
    open_debt(&f);
    f.core->head->order_next = 128;
    CU_ASSERT_EQUAL(steps_request(&f).number, 1048576);
    fixture_close(&f);
}

/* 64 places are tried at a time, and after a second the next 64. */
static void a_free_place_is_looked_for_64_at_a_time(void)
{
    for (uint64_t taken = 63; taken <= 65; taken++) {
        struct fixture f;
        struct gw_order_request request = {.number = 0};
        open_debt(&f);
        for (uint64_t i = 1; i <= taken; i++) {
            f.core->orders[i].number = i;
        }
        f.core->orders_open = (uint32_t)taken;
        CU_ASSERT_EQUAL(steps_tick(&f, &request), taken == 63 ? 1 : 0);
        if (taken > 63) {
            CU_ASSERT_EQUAL(gw_core_next_us(f.core), f.now_us + GW_US_PER_S);
            f.now_us += GW_US_PER_S;
            CU_ASSERT_EQUAL(f.core->number_hint, 65);
            CU_ASSERT_EQUAL(steps_tick(&f, &request), 1);
        }
        CU_ASSERT_EQUAL(request.number, taken + 1);
        fixture_close(&f);
    }
}

/* An order is made, then sent: two steps each. */
static void a_tick_takes_as_many_steps_as_it_may(void)
{
    struct fixture f;
    fixture_open(&f);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_add_meter(&f, i, "flat");
        fixture_bind(&f, i, "w", INT64_MAX);
        (void)fixture_read(&f, i, f.now_us, 0);
    }
    f.now_us += GW_US_PER_HOUR;
    for (uint32_t i = 0; i < 3; i++) {
        (void)fixture_read(&f, i, f.now_us, 2000);
    }
    uint32_t count = 0;
    gw_core_begin(f.core, f.now_us);
    CU_ASSERT_TRUE(gw_core_tick(f.core, 0));
    CU_ASSERT_FALSE(gw_core_pending(f.core));
    CU_ASSERT_TRUE(gw_core_tick(f.core, 2));
    (void)gw_core_requests(f.core, &count);
    CU_ASSERT_EQUAL(count, 1);
    /* No room for another request: there is more to do, and nothing is written beyond the last. */
    f.core->request_count = GW_BATCH_MAX;
    CU_ASSERT_TRUE(gw_core_tick(f.core, 100));
    CU_ASSERT_EQUAL(f.core->request_count, GW_BATCH_MAX);
    f.core->request_count = 1;
    CU_ASSERT_FALSE(gw_core_tick(f.core, 100));
    (void)gw_core_requests(f.core, &count);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT_EQUAL(gw_core_commit(f.core), GW_OK);
    fixture_close(&f);
}

/* ---- what is written down ------------------------------------------------------------------------ */

static void the_end_of_a_refused_order_says_why(void)
{
    static const struct {
        int said;
        enum gw_refusal written;
    } rows[] = {
        {GW_REFUSAL_SHORT, GW_REFUSAL_SHORT},
        {GW_REFUSAL_LIMIT, GW_REFUSAL_LIMIT},
        {GW_REFUSAL_MANDATE, GW_REFUSAL_MANDATE},
        {GW_REFUSAL_WALLET, GW_REFUSAL_WALLET},
        {GW_REFUSAL_REQUEST, GW_REFUSAL_REQUEST},
        {GW_REFUSAL_OTHER, GW_REFUSAL_OTHER},
        {7, GW_REFUSAL_OTHER},
        {-1, GW_REFUSAL_OTHER},
    };
    struct fixture f;
    open_debt(&f);
    f.core->config.settle.retry_refused_us = 0;
    uint64_t before = 0;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gw_order_result result = {.number = steps_request(&f).number,
                                         .event = GW_ORDER_EV_REFUSED,
                                         .refusal = (enum gw_refusal)rows[i].said};
        uint64_t made = f.core->last_number;
        const struct gw_entry *entry = steps_entry(&f, made);
        CU_ASSERT_EQUAL(entry->kind, GW_ENTRY_ORDER_NEW);
        CU_ASSERT_EQUAL(entry->order_state, GW_ORDER_QUEUED);
        CU_ASSERT_EQUAL(entry->refusal, GW_REFUSAL_NONE);
        CU_ASSERT_EQUAL(entry->previous_block, before);
        steps_result(&f, &result);
        before = f.core->last_number;
        entry = steps_entry(&f, before);
        CU_ASSERT_EQUAL(entry->kind, GW_ENTRY_ORDER_END);
        CU_ASSERT_EQUAL(entry->order, result.number);
        CU_ASSERT_EQUAL(entry->order_state, GW_ORDER_REFUSED);
        CU_ASSERT_EQUAL(entry->refusal, rows[i].written);
        CU_ASSERT_EQUAL(entry->previous_block, made);
        CU_ASSERT_EQUAL(entry->amount_fen, 107);
        CU_ASSERT_EQUAL(entry->part_fen[0], 107);
        struct gw_household_view home;
        CU_ASSERT_TRUE(gw_core_household(&home, f.core, 0));
        CU_ASSERT_EQUAL(home.order_last_block, before);
    }
    /* One that was done has no reason, whatever came with the answer; a reference is cut. */
    struct gw_order_result done = {.number = steps_request(&f).number,
                                   .event = GW_ORDER_EV_DONE,
                                   .refusal = GW_REFUSAL_LIMIT};
    memset(done.operator_ref, 'x', sizeof(done.operator_ref));
    steps_result(&f, &done);
    const struct gw_entry *entry = steps_entry(&f, f.core->last_number);
    CU_ASSERT_EQUAL(entry->order_state, GW_ORDER_DONE);
    CU_ASSERT_EQUAL(entry->refusal, GW_REFUSAL_NONE);
    CU_ASSERT_EQUAL(strlen(entry->operator_ref), GW_OPERATOR_REF_MAX);
    fixture_close(&f);
}

/* A debit that ends after a refund was made is a debit still. */
static void orders_of_two_kinds_end_each_as_what_it_was(void)
{
    struct fixture f;
    fixture_open(&f);
    f.core->config.settle.order_after_us = 0;
    fixture_add_meter(&f, 0, "flat");
    fixture_bind(&f, 0, "w0", INT64_MAX);
    fixture_add_meter(&f, 1, "tou");
    fixture_bind(&f, 1, "w1", INT64_MAX);
    int64_t ten_us = steps_use_over_ten(&f, 1, 8000);
    (void)fixture_read(&f, 0, ten_us, 0);
    CU_ASSERT_EQUAL(steps_settle(&f), 342);
    (void)fixture_read(&f, 0, f.now_us, 2000);
    struct gw_order_request debit = steps_request(&f);
    (void)fixture_read(&f, 1, ten_us, 0);
    struct gw_order_request refund = steps_request(&f);
    CU_ASSERT_EQUAL(refund.kind, GW_ORDER_REFUND);
    CU_ASSERT_EQUAL(f.core->head->ordered_fen, 107 - 112);
    steps_answer(&f, debit.number, GW_ORDER_EV_DONE);
    CU_ASSERT_EQUAL(steps_entry(&f, f.core->last_number)->order_kind, GW_ORDER_DEBIT);
    CU_ASSERT_EQUAL(f.core->head->settled_fen, 342 + 107);
    steps_answer(&f, refund.number, GW_ORDER_EV_DONE);
    CU_ASSERT_EQUAL(steps_entry(&f, f.core->last_number)->order_kind, GW_ORDER_REFUND);
    CU_ASSERT_EQUAL(f.core->head->settled_fen, 342 + 107 - 112);
    CU_ASSERT_STRING_EQUAL(steps_books(f.core), "");
    CU_ASSERT_TRUE(steps_replays(&f));
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    {"each_lost_reply_is_waited_for_longer_up_to_a_minute",
     each_lost_reply_is_waited_for_longer_up_to_a_minute},
    {"a_refused_wallet_is_tried_again_when_its_pause_ends",
     a_refused_wallet_is_tried_again_when_its_pause_ends},
    {"a_used_up_cap_of_the_day_is_looked_at_again_at_midnight",
     a_used_up_cap_of_the_day_is_looked_at_again_at_midnight},
    {"a_wallet_that_is_gone_is_not_waited_for", a_wallet_that_is_gone_is_not_waited_for},
    {"a_request_that_never_left_is_tried_again_in_a_second",
     a_request_that_never_left_is_tried_again_in_a_second},
    {"the_oldest_of_64_bindings_is_found", the_oldest_of_64_bindings_is_found},
    {"a_refund_goes_back_the_way_the_money_came", a_refund_goes_back_the_way_the_money_came},
    {"a_small_credit_stays_and_the_least_one_goes_back",
     a_small_credit_stays_and_the_least_one_goes_back},
    {"a_refusal_gives_back_its_own_part_of_the_day", a_refusal_gives_back_its_own_part_of_the_day},
    {"what_was_taken_counts_to_the_last_fen_when_an_order_is_shared",
     what_was_taken_counts_to_the_last_fen_when_an_order_is_shared},
    {"a_request_holds_nothing_of_the_one_before", a_request_holds_nothing_of_the_one_before},
    {"the_key_is_the_whole_number_in_decimal", the_key_is_the_whole_number_in_decimal},
    {"numbers_without_a_place_are_never_given", numbers_without_a_place_are_never_given},
    {"a_free_place_is_looked_for_64_at_a_time", a_free_place_is_looked_for_64_at_a_time},
    {"a_tick_takes_as_many_steps_as_it_may", a_tick_takes_as_many_steps_as_it_may},
    {"the_end_of_a_refused_order_says_why", the_end_of_a_refused_order_says_why},
    {"orders_of_two_kinds_end_each_as_what_it_was", orders_of_two_kinds_end_each_as_what_it_was},
};

UNIT_MAIN("core_settle_more", tests)
