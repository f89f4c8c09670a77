/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The clock: the rule of simulated time, and its file. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "gateway/adapters/clock.h"
#include "tests/support/unit.h"

static char folder[] = "/tmp/test-clock-XXXXXX";
static char path[64];

static void write_text(const char *text)
{
    FILE *file = fopen(path, "w");
    CU_ASSERT_FATAL(file != NULL);
    CU_ASSERT(fputs(text, file) >= 0);
    CU_ASSERT(fclose(file) == 0);
}

static enum gw_status open_text(struct gw_clock *clock, char *error, const char *text)
{
    write_text(text);
    return gw_clock_open(clock, error, path);
}

static void simulated_time_is_origin_plus_real_time_times_speed(void)
{
    struct gw_clock clock;
    CU_ASSERT_EQUAL_FATAL(open_text(&clock, NULL,
                                    "meterpay-clock 1\norigin_real_us 1000000\n"
                                    "origin_sim_us 500\nspeed 60\n"),
                          GW_OK);
    CU_ASSERT_EQUAL(clock.speed, 60);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 1000000), 500);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 1000001), 560);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 2000000), 60000500);
    /* Real time before the origin: 8 us x 60 = 480 before 500, and never below 0. */
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 999992), 20);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 0), 0);
}

static void the_end_of_time_is_the_year_9999(void)
{
    struct gw_clock clock;
    CU_ASSERT_EQUAL_FATAL(open_text(&clock, NULL,
                                    "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\n"
                                    "speed 100000\n"),
                          GW_OK);
    /* 10000-01-01 is 253,402,300,800 s after 1970. */
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 2534023007999), 253402300799900000);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, 2534023008001), 253402300800000000);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, INT64_MAX), 253402300800000000);
}

static void a_span_is_divided_by_the_speed_and_rounded_up(void)
{
    static const struct {
        int32_t speed;
        int64_t span_us;
        int64_t real_us;
    } rows[] = {{1, 7, 7},
                {60, 60, 1},
                {60, 61, 2},
                {60, 59, 1},
                {100000, 1, 1},
                {60, 0, 0},
                {60, -5, 0},
                {1, INT64_MAX, INT64_MAX},
                {2, INT64_MAX, 4611686018427387904}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gw_clock clock = {.speed = rows[i].speed};
        CU_ASSERT_EQUAL(gw_clock_real_span_us(&clock, rows[i].span_us), rows[i].real_us);
    }
}

static void a_file_that_was_written_is_read_back(void)
{
    struct gw_clock clock;
    CU_ASSERT_EQUAL(gw_clock_write(path, 1795462623491265, 3600), GW_OK);
    CU_ASSERT_EQUAL_FATAL(gw_clock_open(&clock, NULL, path), GW_OK);
    CU_ASSERT_EQUAL(clock.origin_sim_us, 1795462623491265);
    CU_ASSERT_EQUAL(clock.speed, 3600);
    CU_ASSERT_EQUAL(gw_clock_at_us(&clock, clock.origin_real_us), 1795462623491265);
    int64_t first_us = gw_clock_now_us(&clock);
    CU_ASSERT(first_us >= 1795462623491265);
    CU_ASSERT(gw_clock_now_us(&clock) >= first_us);
}

static void impossible_clocks_are_not_written(void)
{
    CU_ASSERT_EQUAL(gw_clock_write(path, 0, 0), GW_INVALID);
    CU_ASSERT_EQUAL(gw_clock_write(path, 0, 100001), GW_INVALID);
    CU_ASSERT_EQUAL(gw_clock_write(path, -1, 1), GW_INVALID);
    CU_ASSERT_EQUAL(gw_clock_write("/nonexistent/clock", 0, 1), GW_IO);
}

/* The machine's clocks as the test sets them; clock.c asks these instead of the C library's. */
static int64_t machine_us;
static int64_t uptime_us;

int clock_gettime(clockid_t which, struct timespec *time)
{
    int64_t us = which == CLOCK_BOOTTIME ? uptime_us : machine_us;
    time->tv_sec = us / 1000000;
    time->tv_nsec = us % 1000000 * 1000;
    return 0;
}

#define MINUTE ((int64_t)60 * 1000000)
#define BEGIN ((int64_t)1795462623 * 1000000)

static void open_machine(struct gw_clock *clock)
{
    machine_us = BEGIN;
    uptime_us = 7 * MINUTE;
    CU_ASSERT_EQUAL_FATAL(gw_clock_open(clock, NULL, NULL), GW_OK);
    CU_ASSERT_EQUAL(gw_clock_now_us(clock), BEGIN);
}

static void a_clock_that_is_slewed_or_set_a_little_is_followed(void)
{
    struct gw_clock clock;
    open_machine(&clock);
    for (int i = 1; i <= 100; i++) { /* four minutes too fast at every look: 400 minutes in all */
        machine_us += 5 * MINUTE;
        uptime_us += MINUTE;
        CU_ASSERT_EQUAL(gw_clock_now_us(&clock), BEGIN + i * 5 * MINUTE);
        CU_ASSERT_EQUAL(gw_clock_step_us(&clock), 0);
    }
    machine_us -= 5 * MINUTE; /* back: told times stand still, and a look says so */
    CU_ASSERT_EQUAL(gw_clock_now_us(&clock), BEGIN + 500 * MINUTE);
    CU_ASSERT_EQUAL(gw_clock_look_us(&clock), BEGIN + 495 * MINUTE);
    CU_ASSERT_EQUAL(gw_clock_step_us(&clock), 0);
}

static void a_jump_is_not_believed_until_it_is_accepted_or_gone(void)
{
    static const int64_t jumps[] = {5 * MINUTE + 1, 1000000 * MINUTE, -(5 * MINUTE + 1),
                                    -1000000 * MINUTE};
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        struct gw_clock clock;
        open_machine(&clock);
        machine_us += jumps[i] + MINUTE;
        uptime_us += MINUTE;
        CU_ASSERT_EQUAL(gw_clock_now_us(&clock), BEGIN + MINUTE);
        CU_ASSERT_EQUAL(gw_clock_step_us(&clock), jumps[i]);
        machine_us += MINUTE;
        uptime_us += MINUTE;
        CU_ASSERT_EQUAL(gw_clock_now_us(&clock), BEGIN + 2 * MINUTE);
        machine_us -= jumps[i]; /* set right */
        CU_ASSERT_EQUAL(gw_clock_now_us(&clock), BEGIN + 2 * MINUTE);
        CU_ASSERT_EQUAL(gw_clock_step_us(&clock), 0);
        machine_us += jumps[i];
        CU_ASSERT_EQUAL(gw_clock_look_us(&clock), BEGIN + 2 * MINUTE);
        gw_clock_accept(&clock);
        CU_ASSERT_EQUAL(gw_clock_step_us(&clock), 0);
        CU_ASSERT_EQUAL(gw_clock_look_us(&clock), BEGIN + 2 * MINUTE + jumps[i]);
    }
}

static void a_jump_is_multiplied_by_the_speed_only_when_believed(void)
{
    struct gw_clock clock;
    machine_us = BEGIN;
    uptime_us = 0;
    CU_ASSERT_EQUAL(gw_clock_write(path, 1000, 60), GW_OK);
    CU_ASSERT_EQUAL_FATAL(gw_clock_open(&clock, NULL, path), GW_OK);
    machine_us += 10 * MINUTE;
    uptime_us += MINUTE;
    CU_ASSERT_EQUAL(gw_clock_now_us(&clock), 1000 + 60 * MINUTE);
    gw_clock_accept(&clock);
    CU_ASSERT_EQUAL(gw_clock_now_us(&clock), 1000 + 600 * MINUTE);
}

static void the_clock_stands_still_while_real_time_is_behind(void)
{
    struct gw_clock clock;
    open_machine(&clock);
    atomic_store(&clock.last_us, INT64_MAX - 1);
    CU_ASSERT_EQUAL(gw_clock_now_us(&clock), INT64_MAX - 1);
}

static void what_is_no_clock_file_is_refused_with_a_reason_and_changes_nothing(void)
{
    static const char *const texts[] = {
        "",
        "meterpay-clock 2\norigin_real_us 0\norigin_sim_us 0\nspeed 1\n",
        "meterpay-clock 1\n",
        "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\n",
        "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\nspeed 0\n",
        "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\nspeed 100001\n",
        "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\nspeed -1\n",
        "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\nspeed 1x\n",
        "meterpay-clock 1\norigin_real_us 0\norigin_sim_us 0\nspeed 1.5\n",
        "meterpay-clock 1\norigin_real_us \norigin_sim_us 0\nspeed 1\n",
        "meterpay-clock 1\norigin_real_us 99999999999999999999\norigin_sim_us 0\nspeed 1\n",
        "meterpay-clock 1\norigin_real_us 253402300800000001\norigin_sim_us 0\nspeed 1\n",
        "meterpay-clock 1\norigin_sim_us 0\norigin_real_us 0\nspeed 1\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char error[GW_CLOCK_ERROR_BYTES] = "";
        struct gw_clock clock = {.speed = 7};
        CU_ASSERT_EQUAL(open_text(&clock, error, texts[i]), GW_INVALID);
        CU_ASSERT_EQUAL(clock.speed, 7);
        CU_ASSERT(strstr(error, path) != NULL);
    }
    char error[GW_CLOCK_ERROR_BYTES] = "";
    struct gw_clock clock = {.speed = 7};
    CU_ASSERT_EQUAL(gw_clock_open(&clock, error, "/nonexistent/clock"), GW_IO);
    CU_ASSERT(strstr(error, "No such file") != NULL);
    CU_ASSERT_EQUAL(clock.speed, 7);
}

static const struct unit_test tests[] = {
    {"simulated_time_is_origin_plus_real_time_times_speed",
     simulated_time_is_origin_plus_real_time_times_speed},
    {"the_end_of_time_is_the_year_9999", the_end_of_time_is_the_year_9999},
    {"a_clock_that_is_slewed_or_set_a_little_is_followed",
     a_clock_that_is_slewed_or_set_a_little_is_followed},
    {"a_jump_is_not_believed_until_it_is_accepted_or_gone",
     a_jump_is_not_believed_until_it_is_accepted_or_gone},
    {"a_jump_is_multiplied_by_the_speed_only_when_believed",
     a_jump_is_multiplied_by_the_speed_only_when_believed},
    {"a_span_is_divided_by_the_speed_and_rounded_up",
     a_span_is_divided_by_the_speed_and_rounded_up},
    {"a_file_that_was_written_is_read_back", a_file_that_was_written_is_read_back},
    {"impossible_clocks_are_not_written", impossible_clocks_are_not_written},
    {"the_clock_stands_still_while_real_time_is_behind",
     the_clock_stands_still_while_real_time_is_behind},
    {"what_is_no_clock_file_is_refused_with_a_reason_and_changes_nothing",
     what_is_no_clock_file_is_refused_with_a_reason_and_changes_nothing},
};

int main(int argc, char **argv)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/clock", folder);
    int code = unit_main("clock", tests, sizeof tests / sizeof tests[0], argc, argv);
    (void)unlink(path);
    (void)rmdir(folder);
    return code;
}
