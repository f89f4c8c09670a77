/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing a running fleet, and how its parts are wired. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim/fleet_run.h"

#define FILES_PER_METER 1u
#define FILES_BESIDES 256u

/* ---- what the fleet and the links tell ------------------------------------------------------------------ */

unsigned sim_run_transport(const struct sim_run *run, uint32_t meter)
{
    return sim_fleet_meter(run->fleet, meter)->spec.via == SIM_VIA_COAP ? 1 : 0;
}

static void on_uplink(void *owner, uint32_t meter, enum fw_frame frame, const uint8_t *bytes,
                      size_t len, int64_t now_us)
{
    struct sim_run *run = owner;
    (void)now_us; /* it leaves now, whatever the simulation says */
    if (run->options->via == SIM_VIA_NONE) {
        return;
    }
    if (run->sent_real_us[meter] == 0) {
        run->sent_real_us[meter] = sim_link_now_us();
    }
    if (sim_run_transport(run, meter) == 1) {
        (void)sim_coap_send(run->coap, meter, frame, bytes, len); /* else the meter repeats it */
    } else {
        (void)sim_mqtt_send(run->mqtt, meter, frame, bytes, len);
    }
}

static void on_reading(void *owner, uint32_t meter, const struct fw_record *record)
{
    struct sim_run *run = owner;
    if (run->truth != NULL) {
        sim_truth_reading(run->truth, sim_fleet_meter(run->fleet, meter), record);
    }
}

static void switch_on(struct sim_run *run, const struct sim_spec *spec)
{
    if (spec->via == SIM_VIA_COAP) {
        sim_coap_start(run->coap, spec);
    } else if (spec->via == SIM_VIA_MQTT) {
        sim_mqtt_start(run->mqtt, spec);
    }
}

static void on_boot(void *owner, uint32_t meter)
{
    struct sim_run *run = owner;
    if (run->fleet != NULL) { /* at the first start all are switched on together, later */
        switch_on(run, &sim_fleet_meter(run->fleet, meter)->spec);
    }
}

static void on_dark(void *owner, uint32_t meter)
{
    struct sim_run *run = owner;
    run->sent_real_us[meter] = 0;
    if (run->options->via == SIM_VIA_NONE) {
        return;
    }
    if (sim_run_transport(run, meter) == 1) {
        sim_coap_stop(run->coap, meter);
    } else {
        sim_mqtt_stop(run->mqtt, meter);
    }
}

static void on_down(void *owner, uint32_t meter, const uint8_t *bytes, size_t len)
{
    struct sim_run *run = owner;
    if (run->sent_real_us[meter] != 0) {
        sim_histogram_add(&run->took[sim_run_transport(run, meter)],
                          sim_link_now_us() - run->sent_real_us[meter]);
        run->sent_real_us[meter] = 0;
    }
    sim_fleet_receipt(run->fleet, meter, bytes, len, gw_clock_now_us(&run->clock));
}

static void on_up(void *owner, uint32_t meter)
{
    struct sim_run *run = owner;
    sim_fleet_link_up(run->fleet, meter, gw_clock_now_us(&run->clock));
}

/* ---- opening ------------------------------------------------------------------------------------------------ */

/* Without a seed: the one of the last run in this state directory, or chance. */
uint64_t sim_run_seed(const struct sim_options *options)
{
    char path[SIM_TEXT_MAX + 8];
    unsigned long long seed = 0;
    (void)snprintf(path, sizeof(path), "%s/seed", options->state);
    FILE *file = options->state[0] != '\0' ? fopen(path, "re") : NULL;
    bool read = file != NULL && fscanf(file, "%20llu", &seed) == 1;
    if (file != NULL) {
        (void)fclose(file); /* it was only read */
    }
    if (!read && getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed)) {
        seed %= 1000000000u; /* short enough to type */
    }
    return seed;
}

void sim_run_keep_seed(const struct sim_options *options)
{
    char path[SIM_TEXT_MAX + 8];
    (void)snprintf(path, sizeof(path), "%s/seed", options->state);
    FILE *file = options->state[0] != '\0' ? fopen(path, "we") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%llu\n", (unsigned long long)options->seed);
        (void)fclose(file); /* a lost seed costs the next run its meters' names, which it prints */
    }
}

/* The directory, for us alone as far as this seed goes: two fleets must not run the same meters, whose
 * counters would then be used twice. */
static bool take_state_dir(struct sim_run *run)
{
    const char *state = run->options->state;
    char path[SIM_TEXT_MAX + 40];
    run->lock_fd = -1;
    if (state[0] == '\0') {
        return true;
    }
    if (mkdir(state, 0700) != 0 && errno != EEXIST) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX, "The state directory %s cannot be made: %s.",
                       state, strerror(errno));
        return false;
    }
    (void)snprintf(path, sizeof(path), "%s/seed-%llu.lock", state,
                   (unsigned long long)run->options->seed);
    run->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (run->lock_fd < 0) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX, "%s cannot be made: %s.", path, strerror(errno));
        return false;
    }
    if (flock(run->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX,
                       "A fleet with seed %llu runs in %s already: give another --seed or --state.",
                       (unsigned long long)run->options->seed, state);
        return false;
    }
    return true;
}

/* The shared clock; without one, a clock of our own at the asked speed. */
static bool open_clock(struct sim_run *run)
{
    char error[GW_CLOCK_ERROR_BYTES];
    char path[] = "/tmp/meterpay-fleet-clock-XXXXXX";
    const struct sim_options *options = run->options;
    if (options->clock[0] != '\0') {
        if (gw_clock_open(&run->clock, error, options->clock) != GW_OK) {
            (void)snprintf(run->why, SIM_RUN_WHY_MAX, "%s", error);
            return false;
        }
        if (options->speed != 0 && options->speed != run->clock.speed) {
            (void)sim_complain(options,
                               "gateway and fleet share the clock in %s, which runs at speed %d: "
                               "--speed %lld is left aside.",
                               options->clock, run->clock.speed, (long long)options->speed);
        }
        return true;
    }
    if (options->speed <= 1) {
        return gw_clock_open(&run->clock, error, NULL) == GW_OK;
    }
    if (options->dir[0] != '\0') {
        (void)sim_complain(options,
                           "the gateway has no clock file and lives in real time: readings of "
                           "a faster fleet lie in its future, and are doubted.");
    }
    int fd = mkstemp(path);
    bool made = fd >= 0 &&
                gw_clock_write(path, (int64_t)time(NULL) * SIM_SECOND_US,
                               (int32_t)options->speed) == GW_OK &&
                gw_clock_open(&run->clock, error, path) == GW_OK;
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path); /* it was read */
    }
    if (!made) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX, "No clock file can be made in /tmp: %s.",
                       strerror(errno));
    }
    return made;
}

/* Local midnight of a date yyyy-mm-dd. */
static bool read_start(int64_t *start_us, const char *text)
{
    struct tm date = {0};
    const char *end = strptime(text, "%Y-%m-%d", &date);
    if (end == NULL || *end != '\0') {
        return false;
    }
    *start_us = (int64_t)timegm(&date) * SIM_SECOND_US - SIM_LOCAL_OFFSET_US;
    return *start_us > 0;
}

static void configure(struct sim_fleet_config *config, struct sim_run *run, int64_t speed)
{
    const struct sim_options *options = run->options;
    sim_fleet_defaults(config);
    config->meter_count = run->meter_count;
    config->seed = options->seed;
    config->via = options->via;
    config->start_us = run->start_us;
    config->protocol = run->protocol;
    config->rules.interval_us = options->interval_min * 60 * SIM_SECOND_US;
    config->rules.report_count = (uint32_t)options->report_count;
    config->rules.drift_ppm_max = options->drift_ppm;
    config->rules.reboot_ppm = options->reboot_ppm;
    config->rules.state_dir = options->state[0] != '\0' ? options->state : NULL;
    sim_rules_for_speed(&config->rules, speed);
    config->faults = options->faults;
    /* Real sockets have delays of their own; late means later than a repetition. */
    config->faults.late_us_max = config->rules.retry_us * 2;
    config->events = (struct sim_fleet_events){
        .owner = run, .uplink = on_uplink, .reading = on_reading, .boot = on_boot, .dark = on_dark};
}

static bool open_links(struct sim_run *run)
{
    const struct sim_options *options = run->options;
    char why[SIM_LINK_WHY_BYTES];
    bool needs_mqtt = options->via == SIM_VIA_MQTT || options->via == SIM_VIA_BOTH;
    bool needs_coap = options->via == SIM_VIA_COAP || options->via == SIM_VIA_BOTH;
    struct sim_link_config config = {
        .broker_host = options->broker_host,
        .broker_port = options->broker_port,
        .gateway_host = options->gateway_host,
        .gateway_port = options->gateway_port,
        .root = options->root,
        .site = options->site,
        .events = {.owner = run, .down = on_down, .up = on_up},
    };
    if (needs_mqtt && options->broker_port == 0) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX,
                       "Where is the broker? Give --broker HOST:PORT, or --dir.");
        return false;
    }
    if (needs_coap && options->gateway_port == 0) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX,
                       "Where is the gateway's CoAP? Give --gateway "
                       "coaps://HOST:PORT, or --dir.");
        return false;
    }
    bool good = (!needs_mqtt || sim_mqtt_open(&run->mqtt, &config, run->meter_count, why)) &&
                (!needs_coap || sim_coap_open(&run->coap, &config, run->meter_count, why));
    if (!good) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX, "%s", why);
    }
    return good;
}

/* A socket for each meter, and some. */
static bool allow_files(struct sim_run *run)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)run->meter_count * FILES_PER_METER + FILES_BESIDES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return true;
    }
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == wanted) {
        return true;
    }
    (void)snprintf(run->why, SIM_RUN_WHY_MAX,
                   "%u meters need %llu open files and only %llu are allowed: raise `ulimit -n`.",
                   run->meter_count, (unsigned long long)wanted,
                   (unsigned long long)limit.rlim_max);
    return false;
}

static bool open_truth(struct sim_run *run)
{
    const char *path = run->options->truth;
    if (path[0] == '\0') {
        return true;
    }
    run->truth = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (run->truth == NULL) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX, "%s cannot be written: %s.", path,
                       strerror(errno));
    }
    return run->truth != NULL;
}

static bool open_fleet(struct sim_run *run, int64_t speed)
{
    struct sim_fleet_config config;
    struct sim_fleet *fleet;
    configure(&config, run, speed);
    run->sent_real_us = calloc(config.meter_count, sizeof(*run->sent_real_us));
    if (run->sent_real_us == NULL) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX, "There is no memory for %u meters.",
                       config.meter_count);
        return false;
    }
    if (sim_fleet_open(&fleet, &config, run->why, SIM_RUN_WHY_MAX) != FW_OK) {
        return false;
    }
    run->fleet = fleet;
    for (uint32_t i = 0; config.via != SIM_VIA_NONE && i < config.meter_count; i++) {
        switch_on(run, &sim_fleet_meter(fleet, i)->spec);
    }
    return true;
}

/* Everything in order; with false, run->why says what is wrong. */
bool sim_run_open(struct sim_run *run)
{
    const struct sim_options *options = run->options;
    run->meter_count = options->meter_count;
    bool alone = options->via == SIM_VIA_NONE;
    uint32_t added = 0;
    if (options->start[0] != '\0' && (!alone || !read_start(&run->start_us, options->start))) {
        (void)snprintf(
            run->why, SIM_RUN_WHY_MAX,
            "--start takes a date such as 2026-11-23, and only with --via none: else the "
            "clock says when it is.");
        return false;
    }
    if (alone && options->span_us == 0) {
        (void)snprintf(run->why, SIM_RUN_WHY_MAX,
                       "--via none needs --hours: nothing else would end it.");
        return false;
    }
    if (options->provision[0] != '\0' &&
        !sim_provision_count(&run->meter_count, options, run->why, SIM_RUN_WHY_MAX)) {
        return false;
    }
    if (!allow_files(run) || !take_state_dir(run) || !open_clock(run) || !open_truth(run)) {
        return false;
    }
    if (!alone && options->api_socket[0] != '\0' &&
        !sim_register(options, run->meter_count, &added, run->why, SIM_RUN_WHY_MAX)) {
        return false;
    }
    if (added > 0 && !options->quiet) {
        (void)fprintf(stderr, "%s: %u meters registered\n", options->program, added);
    }
    if (run->start_us == 0) {
        run->start_us = gw_clock_now_us(&run->clock);
    }
    run->end_us = options->span_us > 0 ? run->start_us + options->span_us : INT64_MAX;
    return (alone || open_links(run)) && open_fleet(run, alone ? 1 : run->clock.speed);
}

void sim_run_close(struct sim_run *run)
{
    /* Links first: what still comes then has nowhere to go, and nobody asks for it. */
    sim_mqtt_close(run->mqtt);
    sim_coap_close(run->coap);
    sim_fleet_close(run->fleet);
    if (run->truth != NULL && run->truth != stdout) {
        (void)fclose(run->truth); /* flushed and checked before */
    }
    free(run->sent_real_us);
    if (run->lock_fd > 0) {
        (void)close(run->lock_fd); /* gives the lock back */
    }
}
