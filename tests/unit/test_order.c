/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/order.h"
#include "tests/support/unit.h"

#define STATES 6
#define EVENTS 6

static void a_lost_reply_is_asked_for_and_never_sent_anew(void)
{
    struct gw_order_step step;
    CU_ASSERT_TRUE(gw_order_next(&step, GW_ORDER_SENT, GW_ORDER_EV_NO_ANSWER));
    CU_ASSERT_EQUAL(step.state, GW_ORDER_UNSURE);
    CU_ASSERT_EQUAL(step.action, GW_ORDER_DO_WAIT);
    CU_ASSERT_TRUE(gw_order_next(&step, GW_ORDER_UNSURE, GW_ORDER_EV_TIMER));
    CU_ASSERT_EQUAL(step.action, GW_ORDER_DO_ASK);
}

static void only_a_queued_order_is_ever_sent(void)
{
    for (int s = 0; s < STATES; s++) {
        for (int e = 0; e < EVENTS; e++) {
            struct gw_order_step step;
            if (gw_order_next(&step, (enum gw_order_state)s, (enum gw_order_event)e) &&
                step.action == GW_ORDER_DO_SEND) {
                CU_ASSERT_EQUAL(s, GW_ORDER_QUEUED);
                CU_ASSERT_EQUAL(e, GW_ORDER_EV_TIMER);
            }
        }
    }
}

static void only_the_operators_word_makes_an_order_sendable_again(void)
{
    for (int s = 0; s < STATES; s++) {
        for (int e = 0; e < EVENTS; e++) {
            struct gw_order_step step;
            if (gw_order_next(&step, (enum gw_order_state)s, (enum gw_order_event)e) &&
                step.state == GW_ORDER_QUEUED) {
                CU_ASSERT_EQUAL(s, GW_ORDER_ASKED);
                CU_ASSERT_EQUAL(e, GW_ORDER_EV_UNKNOWN);
            }
        }
    }
}

static void a_final_order_stays_final(void)
{
    struct gw_order_step step;
    for (int e = 0; e < EVENTS; e++) {
        CU_ASSERT_FALSE(gw_order_next(&step, GW_ORDER_DONE, (enum gw_order_event)e));
        CU_ASSERT_FALSE(gw_order_next(&step, GW_ORDER_REFUSED, (enum gw_order_event)e));
    }
}

static void a_restart_leaves_every_open_order_unsure(void)
{
    struct gw_order_step step;
    for (int s = GW_ORDER_QUEUED; s <= GW_ORDER_ASKED; s++) {
        CU_ASSERT_TRUE(gw_order_next(&step, (enum gw_order_state)s, GW_ORDER_EV_RESTART));
        CU_ASSERT_EQUAL(step.state, GW_ORDER_UNSURE);
    }
}

static void the_back_off_doubles_to_a_minute(void)
{
    for (uint64_t number = 1; number < 200; number++) {
        for (uint32_t attempt = 1; attempt < 40; attempt++) {
            int64_t least_us = attempt >= 7 ? 60000000 : 1000000ll << (attempt - 1);
            int64_t wait_us = gw_order_backoff_us(attempt, number);
            CU_ASSERT_TRUE(wait_us >= least_us && wait_us < least_us + least_us / 4);
        }
    }
}

/* The picture of order.h as a table of its own: next state by state and event; -1: cannot happen. */
static void every_edge_is_the_one_of_the_picture(void)
{
    enum { Q = GW_ORDER_QUEUED, S, U, A, D, R };
    static const int next[STATES][EVENTS] = {
        /* timer, done, refused, no answer, unknown, restart */
        [Q] = {S, -1, -1, -1, -1, U},   [S] = {-1, D, R, U, -1, U},
        [U] = {A, -1, -1, -1, -1, U},   [A] = {-1, D, R, U, Q, U},
        [D] = {-1, -1, -1, -1, -1, -1}, [R] = {-1, -1, -1, -1, -1, -1},
    };
    for (int s = 0; s < STATES; s++) {
        for (int e = 0; e < EVENTS; e++) {
            struct gw_order_step step = {GW_ORDER_QUEUED, GW_ORDER_DO_NOTHING};
            bool can = gw_order_next(&step, (enum gw_order_state)s, (enum gw_order_event)e);
            CU_ASSERT_EQUAL(can, next[s][e] >= 0);
            if (!can) {
                continue;
            }
            enum gw_order_action action = GW_ORDER_DO_WAIT;
            action = next[s][e] == S ? GW_ORDER_DO_SEND : action;
            action = next[s][e] == A ? GW_ORDER_DO_ASK : action;
            action = next[s][e] == D ? GW_ORDER_DO_BOOK_DONE : action;
            action = next[s][e] == R ? GW_ORDER_DO_BOOK_REFUSED : action;
            CU_ASSERT_EQUAL((int)step.state, next[s][e]);
            CU_ASSERT_EQUAL(step.action, action);
        }
    }
}

/* Many orders that were lost together must not ask together: the whole quarter is used. */
static void the_jitter_fills_its_quarter(void)
{
    static const struct {
        uint32_t attempt;
        int64_t least_us;
    } rows[] = {{0, 1000000},  {1, 1000000},  {2, 2000000},   {6, 32000000},
                {7, 60000000}, {8, 60000000}, {39, 60000000}, {UINT32_MAX, 60000000}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t quarter_us = rows[i].least_us / 4;
        int64_t low_us = INT64_MAX;
        int64_t high_us = 0;
        for (uint64_t number = 1; number <= 100000; number++) {
            int64_t wait_us = gw_order_backoff_us(rows[i].attempt, number);
            low_us = wait_us < low_us ? wait_us : low_us;
            high_us = wait_us > high_us ? wait_us : high_us;
        }
        CU_ASSERT_TRUE(low_us >= rows[i].least_us);
        CU_ASSERT_TRUE(low_us <= rows[i].least_us + quarter_us / 1000);
        CU_ASSERT_TRUE(high_us < rows[i].least_us + quarter_us);
        CU_ASSERT_TRUE(high_us >= rows[i].least_us + quarter_us - quarter_us / 1000);
    }
    /* Nor do two that failed once stay together at their next tries. */
    CU_ASSERT_NOT_EQUAL(gw_order_backoff_us(7, 1), gw_order_backoff_us(7, 2));
    CU_ASSERT_NOT_EQUAL(gw_order_backoff_us(7, 1), gw_order_backoff_us(8, 1));
}

static const struct unit_test tests[] = {
    {"a_lost_reply_is_asked_for_and_never_sent_anew",
     a_lost_reply_is_asked_for_and_never_sent_anew},
    {"only_a_queued_order_is_ever_sent", only_a_queued_order_is_ever_sent},
    {"only_the_operators_word_makes_an_order_sendable_again",
     only_the_operators_word_makes_an_order_sendable_again},
    {"a_final_order_stays_final", a_final_order_stays_final},
    {"a_restart_leaves_every_open_order_unsure", a_restart_leaves_every_open_order_unsure},
    {"the_back_off_doubles_to_a_minute", the_back_off_doubles_to_a_minute},
    {"every_edge_is_the_one_of_the_picture", every_edge_is_the_one_of_the_picture},
    {"the_jitter_fills_its_quarter", the_jitter_fills_its_quarter},
};

UNIT_MAIN("order", tests)
