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

static const struct unit_test tests[] = {
    {"a_lost_reply_is_asked_for_and_never_sent_anew",
     a_lost_reply_is_asked_for_and_never_sent_anew},
    {"only_a_queued_order_is_ever_sent", only_a_queued_order_is_ever_sent},
    {"only_the_operators_word_makes_an_order_sendable_again",
     only_the_operators_word_makes_an_order_sendable_again},
    {"a_final_order_stays_final", a_final_order_stays_final},
    {"a_restart_leaves_every_open_order_unsure", a_restart_leaves_every_open_order_unsure},
    {"the_back_off_doubles_to_a_minute", the_back_off_doubles_to_a_minute},
};

UNIT_MAIN("order", tests)
