/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Running a fleet: against a gateway over sockets and the shared clock, or alone as fast as it goes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/fleet_run.h"

#define EVENTS_AT_ONCE 2000u /* between two looks at the sockets */
#define POLL_MS_MAX 50
#define LINE_EVERY_US 1000000ll

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

int64_t sim_link_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * SIM_SECOND_US + now.tv_nsec / 1000;
}

void sim_rules_for_speed(struct sim_meter_rules *rules, int64_t speed)
{
    const int64_t day_us = 86400 * SIM_SECOND_US;
    int64_t second_us = SIM_SECOND_US * speed; /* a second of the wall's, in simulated time */
    if (rules->retry_us < 3 * second_us) {
        rules->retry_us = 3 * second_us < 15 * day_us ? 3 * second_us : 15 * day_us;
    }
    if (rules->retry_us_max < 60 * second_us) {
        rules->retry_us_max = 60 * second_us < 30 * day_us ? 60 * second_us : 30 * day_us;
    }
    if (rules->spread_us < second_us) {
        int64_t most_us = rules->interval_us * 6 / 10;
        rules->spread_us = second_us < most_us ? second_us : most_us;
    }
    if (rules->round_us_max < 2 * second_us) {
        rules->round_us_max = 2 * second_us;
    }
}

/* ---- running ------------------------------------------------------------------------------------------------ */

static void print_line(const struct sim_run *run, int64_t now_us)
{
    struct sim_fleet_totals totals;
    char text[32];
    time_t local_s = (time_t)((now_us + SIM_LOCAL_OFFSET_US) / SIM_SECOND_US);
    struct tm date;
    sim_fleet_totals(&totals, run->fleet);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M", gmtime_r(&local_s, &date));
    (void)fprintf(stderr, "\r%s  %llu readings, %llu messages, %llu repeated, %llu waiting\033[K",
                  text, (unsigned long long)totals.readings, (unsigned long long)totals.answered,
                  (unsigned long long)totals.repeated, (unsigned long long)totals.pending);
}

/* Sleep until a socket or the next event wants something. */
static void wait_for_work(struct sim_run *run, int64_t now_us, bool busy)
{
    struct pollfd fds[2] = {
        {.fd = run->mqtt != NULL ? sim_mqtt_fd(run->mqtt) : -1, .events = POLLIN},
        {.fd = run->coap != NULL ? sim_coap_fd(run->coap) : -1, .events = POLLIN}};
    int64_t next_us = sim_fleet_next_us(run->fleet);
    int64_t real_us = 0;
    if (!busy && next_us > now_us) {
        int64_t span_us = next_us - now_us < 3600 * SIM_SECOND_US * run->clock.speed
                              ? next_us - now_us
                              : 3600 * SIM_SECOND_US * run->clock.speed;
        real_us = gw_clock_real_span_us(&run->clock, span_us);
    }
    int timeout_ms = real_us / 1000 < POLL_MS_MAX ? (int)((real_us + 999) / 1000) : POLL_MS_MAX;
    (void)poll(fds, 2, timeout_ms); /* a signal ends it early, which is as good */
}

/* True while records are waiting for their receipt. */
static bool is_waiting(const struct sim_run *run)
{
    struct sim_fleet_totals totals;
    sim_fleet_totals(&totals, run->fleet);
    return totals.pending > 0;
}

static void run_online(struct sim_run *run)
{
    int64_t line_us = 0;
    int64_t drain_until_us = 0;
    bool busy = false;
    bool show = !run->options->quiet && isatty(STDERR_FILENO);
    while (true) {
        int64_t now_us = gw_clock_now_us(&run->clock);
        int64_t real_us = sim_link_now_us();
        if (drain_until_us == 0 && (stopped || now_us >= run->end_us)) {
            drain_until_us = real_us + run->options->drain_s * SIM_SECOND_US;
            stopped = 0; /* a second signal ends the wait */
            sim_fleet_hold(run->fleet);
        }
        if (drain_until_us != 0 && (stopped || real_us >= drain_until_us || !is_waiting(run))) {
            break;
        }
        wait_for_work(run, now_us, busy);
        if (run->mqtt != NULL) {
            sim_mqtt_work(run->mqtt);
        }
        if (run->coap != NULL) {
            sim_coap_work(run->coap);
        }
        busy = sim_fleet_run(run->fleet, gw_clock_now_us(&run->clock), EVENTS_AT_ONCE) ==
               EVENTS_AT_ONCE;
        if (show && real_us >= line_us) {
            print_line(run, now_us);
            line_us = real_us + LINE_EVERY_US;
        }
    }
    if (show) {
        (void)fputc('\n', stderr);
    }
}

static void run_alone(struct sim_run *run)
{
    while (!stopped && sim_fleet_run(run->fleet, run->end_us, EVENTS_AT_ONCE) == EVENTS_AT_ONCE) {
    }
}

static int finish_truth(struct sim_run *run)
{
    if (run->truth == NULL) {
        return SIM_EXIT_DONE;
    }
    for (uint32_t i = 0; i < run->meter_count; i++) {
        sim_truth_final(run->truth, sim_fleet_meter(run->fleet, i));
    }
    if (fflush(run->truth) != 0 || ferror(run->truth)) {
        (void)sim_complain(run->options, "the truth was not written whole: %s.", strerror(errno));
        return SIM_EXIT_NO;
    }
    return SIM_EXIT_DONE;
}

int sim_run(const struct sim_options *given)
{
    struct sim_options options = *given;
    struct sim_run run = {.options = &options};
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL); /* cannot fail for these signals */
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!sim_options_protocol(&run.protocol, &options)) {
        return SIM_EXIT_USAGE;
    }
    if (!options.has_seed) {
        options.seed = sim_run_seed(&options);
    }
    (void)fprintf(options.truth[0] == '-' || options.json ? stderr : stdout, "seed %llu\n",
                  (unsigned long long)options.seed);
    (void)fflush(stdout);
    if (!sim_run_open(&run)) {
        sim_run_close(&run);
        return sim_complain(&options, "%s", run.why);
    }
    sim_run_keep_seed(&options);
    if (options.via == SIM_VIA_NONE) {
        run_alone(&run);
    } else {
        run_online(&run);
    }
    int status = finish_truth(&run);
    sim_run_summary(&run);
    sim_run_close(&run);
    return status;
}
