/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log's limit: an error that comes a million times fills no disk, and nothing is hidden. */
#include "gateway/app/log.h"
#include "tests/support/unit.h"

static void a_burst_is_told_and_then_counted(void)
{
    struct gw_log_limit limit = {0};
    uint64_t left_out = 0;
    for (uint32_t i = 0; i < GW_LOG_BURST; i++) {
        CU_ASSERT_TRUE(gw_log_allow(&limit, &left_out, 1000 + i));
        CU_ASSERT_EQUAL(left_out, 0);
    }
    for (uint32_t i = 0; i < 1000000; i++) {
        CU_ASSERT_FALSE(gw_log_allow(&limit, &left_out, 2000 + i));
    }
    CU_ASSERT_TRUE(gw_log_allow(&limit, &left_out, 1000 + GW_LOG_WINDOW_US));
    CU_ASSERT_EQUAL(left_out, 1000000);
}

static void after_a_quiet_time_all_is_told_again(void)
{
    struct gw_log_limit limit = {0};
    uint64_t left_out = 0;
    for (int64_t now_us = 0; now_us < 100 * GW_LOG_WINDOW_US; now_us += GW_LOG_WINDOW_US / 4) {
        CU_ASSERT_TRUE(gw_log_allow(&limit, &left_out, now_us));
        CU_ASSERT_EQUAL(left_out, 0);
    }
}

static const struct unit_test tests[] = {
    {"a_burst_is_told_and_then_counted", a_burst_is_told_and_then_counted},
    {"after_a_quiet_time_all_is_told_again", after_a_quiet_time_all_is_told_again},
};
UNIT_MAIN("log", tests)
