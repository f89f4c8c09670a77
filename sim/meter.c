/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A simulated meter's life. */
#include "sim/meter.h"

#include <stdio.h>
#include <string.h>

#include "sim/seed.h"

#define MILLION 1000000ll
#define MINUTE_US (60 * FW_US_PER_S)
#define PATH_MAX_CHARS 512

/* ---- its crystal ---------------------------------------------------------------------------------- */

static int64_t up_us(const struct sim_meter *meter, int64_t now_us)
{
    int64_t lived_us = now_us - meter->boot_us;
    return lived_us + lived_us / MILLION * meter->drift_ppm +
           lived_us % MILLION * meter->drift_ppm / MILLION;
}

/* The first moment at which the uptime is up_wanted_us: the inverse, rounded up. */
static int64_t moment_us(const struct sim_meter *meter, int64_t up_wanted_us)
{
    int64_t guess_us = meter->boot_us + up_wanted_us - up_wanted_us / MILLION * meter->drift_ppm;
    int64_t off_us = up_wanted_us - up_us(meter, guess_us);
    guess_us += off_us - off_us / MILLION * meter->drift_ppm;
    while (up_us(meter, guess_us) < up_wanted_us) {
        guess_us++;
    }
    return guess_us;
}

static bool rtc(void *owner, int64_t *time_us)
{
    const struct sim_meter *meter = owner;
    int64_t since_us = meter->now_us - meter->rtc_set_us;
    *time_us = meter->now_us + meter->rtc_error_us + since_us / MILLION * meter->drift_ppm;
    return true;
}

static void set_rtc(struct sim_meter *meter, int64_t now_us)
{
    int64_t time_us;
    if (fw_meter_time(&time_us, &meter->fw, up_us(meter, now_us))) {
        meter->rtc_error_us = time_us - now_us;
        meter->rtc_set_us = now_us;
    }
}

static enum fw_status send(void *owner, enum fw_frame frame, const uint8_t *bytes, size_t len)
{
    struct sim_meter *meter = owner;
    return meter->events->send(meter->events->owner, meter, frame, bytes, len);
}

/* ---- its power ------------------------------------------------------------------------------------ */

/* Quarter of the day in which the power fails, or -1. It fails minutes away from the quarter's edges, and
 * comes back so too: which readings are missing then never hangs on a clock's last second. */
static int32_t failing_quarter(const struct sim_meter *meter, int64_t day)
{
    uint64_t bits = sim_hash(meter->seed, SIM_WHAT_REBOOT, meter->spec.index, (uint64_t)day);
    if (!sim_chance(bits, meter->rules->reboot_ppm)) {
        return -1;
    }
    return (int32_t)sim_between(bits << 30, 0, 95);
}

static int64_t day_of(int64_t time_us)
{
    return (time_us + SIM_LOCAL_OFFSET_US) / SIM_DAY_US;
}

static int64_t day_start_us(int64_t day)
{
    return day * SIM_DAY_US - SIM_LOCAL_OFFSET_US;
}

static int64_t failure_us(const struct sim_meter *meter, int64_t day)
{
    int32_t quarter = failing_quarter(meter, day);
    if (quarter < 0) {
        return INT64_MAX;
    }
    uint64_t bits =
        sim_hash(meter->seed, SIM_WHAT_REBOOT, meter->spec.index, (uint64_t)day + (1u << 24));
    return day_start_us(day) + quarter * 15 * MINUTE_US +
           sim_between(bits, 4 * MINUTE_US, 9 * MINUTE_US);
}

/* The next failure after a moment; looks a month ahead at most and is asked again then. */
static int64_t next_failure_us(const struct sim_meter *meter, int64_t after_us)
{
    int64_t day = day_of(after_us);
    for (int64_t i = 0; i < 31; i++) {
        int64_t at_us = failure_us(meter, day + i);
        if (at_us > after_us && at_us != INT64_MAX) {
            return at_us;
        }
    }
    return INT64_MAX;
}

/* Most outages last a minute or two; one in five takes some quarters. */
static int64_t outage_us(const struct sim_meter *meter, int64_t failed_us)
{
    uint64_t bits = sim_hash(meter->seed, SIM_WHAT_REBOOT, meter->spec.index, (uint64_t)failed_us);
    int64_t lasts_us = sim_between(bits, 5 * FW_US_PER_S, 2 * MINUTE_US);
    if (sim_chance(bits << 24, 200000)) {
        lasts_us += sim_between(bits << 40, 1, 5) * 15 * MINUTE_US;
    }
    return lasts_us;
}

/* ---- its storage ---------------------------------------------------------------------------------- */

/* The owner's note on the board: which consumption passed a shut valve, and was never counted. */
static int64_t skipped_units(struct sim_meter *meter)
{
    int64_t units;
    memcpy(&units, fw_host_note(&meter->host), sizeof(units));
    return units < 0 ? 0 : units;
}

static void skip_units(struct sim_meter *meter, int64_t units)
{
    int64_t sum = skipped_units(meter) + units;
    memcpy(fw_host_note(&meter->host), &sum, sizeof(sum));
}

static void configure(struct fw_config *config, const struct sim_meter *meter)
{
    const struct sim_meter_rules *rules = meter->rules;
    fw_config_default(config, (enum mt_medium)meter->spec.identity.medium);
    config->identity = meter->spec.identity;
    memcpy(config->root_key, meter->spec.root_key, sizeof(config->root_key));
    memcpy(config->sign_secret, meter->spec.sign_secret, sizeof(config->sign_secret));
    config->has_sign = true;
    config->interval_us = rules->interval_us;
    config->grace_us = MINUTE_US < rules->interval_us ? MINUTE_US : rules->interval_us;
    config->spread_us = rules->spread_us;
    config->retry_us = rules->retry_us;
    config->retry_us_max = rules->retry_us_max;
    config->round_us_max = rules->round_us_max;
    config->report_count = rules->report_count;
    /* A datagram that needs no fragments: RFC 7252, 4.6. */
    config->message_bytes_max = meter->spec.via == SIM_VIA_COAP ? 960 : MT_MESSAGE_BYTES_MAX;
    if (meter->spec.identity.medium == MT_POWER) {
        sim_spec_calendar(&config->calendar);
    }
}

static enum fw_status open_board(struct sim_meter *meter, const char **why)
{
    char path[PATH_MAX_CHARS];
    struct fw_host_config host = {
        .sector_count = meter->rules->nv_sectors,
        .sector_bytes = meter->rules->nv_sector_bytes,
        .seed = sim_hash(meter->seed, SIM_WHAT_BOARD, meter->spec.index, 0),
        .owner = meter,
        .send = send,
        .rtc = rtc,
    };
    if (meter->rules->state_dir != NULL) {
        int len =
            snprintf(path, sizeof(path), "%s/%s.nv", meter->rules->state_dir, meter->spec.name);
        if (len < 0 || (size_t)len >= sizeof(path)) {
            *why = "the state directory's name is too long";
            return FW_INVALID;
        }
        host.path = path;
    }
    return fw_host_init(&meter->host, &host, why);
}

/* ---- what it counts ------------------------------------------------------------------------------- */

/* Count one stretch of consumption, as the front end would have while it lasted. */
static void count_to(struct sim_meter *meter, int64_t boundary_us)
{
    int64_t offset_us = meter->fw.clock.offset_us;
    int64_t wanted = sim_load_register(&meter->load, boundary_us) - skipped_units(meter);
    int64_t units = wanted - meter->fw.now.total;
    if (units <= 0) {
        return;
    }
    bool shut = meter->host.hal.valve_get(meter->host.hal.context) == FW_VALVE_SHUT;
    if (shut) {
        skip_units(meter, units);
    } else {
        fw_meter_count(&meter->fw, units, boundary_us - offset_us);
    }
}

/* A meter fresh from the shop has run here since the epoch: band by band, one switch after the other. */
static void install(struct sim_meter *meter, int64_t until_us)
{
    const struct fw_calendar *calendar = &meter->fw.config.calendar;
    int64_t at_us = SIM_LOAD_EPOCH_US;
    fw_meter_count(&meter->fw, meter->load.start_units, at_us - meter->fw.clock.offset_us);
    if (fw_calendar_has_bands(calendar)) {
        const int64_t step_us = 60 * MINUTE_US; /* bands change on the hour */
        for (at_us += step_us; at_us < until_us; at_us += step_us) {
            count_to(meter, at_us);
        }
    }
    count_to(meter, until_us);
}

/* Count up to the last boundary by the meter's own clock. */
static void count(struct sim_meter *meter, int64_t uptime_us)
{
    int64_t time_us;
    if (!fw_meter_time(&time_us, &meter->fw, uptime_us)) {
        return;
    }
    int64_t interval_us = meter->rules->interval_us;
    int64_t boundary_us = time_us - time_us % interval_us;
    bool fresh = meter->fw.now.recorded_us == 0 && meter->fw.now.total == 0;
    if (fresh && boundary_us > SIM_LOAD_EPOCH_US) {
        install(meter, boundary_us);
        meter->counted_us = boundary_us;
    }
    if (meter->counted_us == 0) {
        meter->counted_us = meter->fw.now.recorded_us > 0 ? meter->fw.now.recorded_us : boundary_us;
    }
    /* After a year without power a meter counts that year in one go. */
    bool long_ago = boundary_us - meter->counted_us > 366 * SIM_DAY_US;
    int64_t from_us = long_ago ? boundary_us - interval_us : meter->counted_us;
    for (int64_t at_us = from_us + interval_us; at_us <= boundary_us; at_us += interval_us) {
        count_to(meter, at_us);
        meter->counted_us = at_us;
    }
}

/* ---- its life ------------------------------------------------------------------------------------- */

enum fw_status sim_meter_init(struct sim_meter *meter, const struct sim_spec *spec, uint64_t seed,
                              const struct sim_meter_rules *rules,
                              const struct sim_meter_events *events, struct fw_work *work)
{
    MT_CHECK(meter != NULL && spec != NULL && rules != NULL && events != NULL && work != NULL);
    memset(meter, 0, sizeof(*meter));
    meter->spec = *spec;
    meter->seed = seed;
    meter->rules = rules;
    meter->events = events;
    meter->fw.work = work;
    uint64_t bits = sim_hash(seed, SIM_WHAT_DRIFT, spec->index, 0);
    int64_t ppm_max = rules->drift_ppm_max;
    meter->drift_ppm = (int32_t)sim_between(bits, -ppm_max, ppm_max);
    meter->rtc_error_us =
        sim_between(bits << 32, -rules->clock_error_us_max, rules->clock_error_us_max);
    sim_load_init(&meter->load, seed, spec->home, (enum mt_medium)spec->identity.medium);
    return FW_OK;
}

static enum fw_status boot(struct sim_meter *meter, int64_t now_us)
{
    struct fw_config config;
    configure(&config, meter);
    fw_host_power_on(&meter->host);
    meter->boot_us = now_us;
    meter->now_us = now_us;
    meter->counted_us = 0;
    meter->dark = false;
    enum fw_status st = fw_meter_init(&meter->fw, &config, &meter->host.hal, meter->fw.work, 0);
    mt_key_wipe(&config, sizeof(config));
    if (st == FW_OK) {
        count(meter, 0);
        meter->power_us = next_failure_us(meter, now_us);
        meter->events->boot(meter->events->owner, meter);
    }
    return st;
}

enum fw_status sim_meter_start(struct sim_meter *meter, int64_t now_us, const char **why)
{
    MT_CHECK(meter != NULL && why != NULL);
    meter->rtc_set_us = now_us;
    enum fw_status st = open_board(meter, why);
    if (st != FW_OK) {
        return st;
    }
    *why = "its firmware does not start: the storage is damaged or too small";
    return boot(meter, now_us);
}

void sim_meter_deinit(struct sim_meter *meter)
{
    if (meter->host.nv == NULL) {
        return;
    }
    if (!meter->dark && meter->fw.hal != NULL) {
        /* Should it fail, the newest record still holds the register of its quarter. */
        enum fw_status st = fw_meter_power_fail(&meter->fw);
        meter->dark = st == FW_OK;
    }
    fw_host_deinit(&meter->host);
}

/* When a meter that is held has something to send. The firmware takes no record that is late by more than
 * its grace, so it is left alone until the grace of the last boundary is over. */
static int64_t held_next_us(const struct sim_meter *meter)
{
    int64_t time_us;
    if (meter->fw.link == FW_LINK_QUIET) {
        return INT64_MAX;
    }
    int64_t up_next_us = meter->fw.link_up_us;
    if (fw_meter_time(&time_us, &meter->fw, up_next_us)) {
        int64_t after_us = time_us % meter->rules->interval_us;
        int64_t quiet_us = meter->fw.config.grace_us + FW_US_PER_S;
        up_next_us += after_us < quiet_us ? quiet_us - after_us : 0;
    }
    return up_next_us;
}

int64_t sim_meter_next_us(const struct sim_meter *meter)
{
    if (meter->dark) {
        return meter->power_us;
    }
    int64_t up_next_us = meter->held ? held_next_us(meter) : fw_meter_next_us(&meter->fw);
    int64_t next_us = INT64_MAX;
    if (up_next_us < INT64_MAX / 2) {
        next_us = moment_us(meter, up_next_us);
    }
    return next_us < meter->power_us ? next_us : meter->power_us;
}

static void lose_power(struct sim_meter *meter, int64_t now_us)
{
    set_rtc(meter, now_us);
    meter->dark = true;
    meter->reboots++;
    meter->power_us = now_us + outage_us(meter, now_us);
    meter->events->dark(meter->events->owner, meter);
}

void sim_meter_step(struct sim_meter *meter, int64_t now_us)
{
    meter->now_us = now_us;
    if (meter->dark) {
        if (now_us >= meter->power_us && boot(meter, now_us) != FW_OK) {
            meter->dark = true;
            meter->power_us = INT64_MAX; /* the board is broken; the summary shows it silent */
        }
        return;
    }
    if (now_us >= meter->power_us) {
        lose_power(meter, now_us);
        return;
    }
    int64_t uptime_us = up_us(meter, now_us);
    uint32_t seq = meter->fw.journal.next_seq;
    if (!meter->held) {
        count(meter, uptime_us);
    } else if (uptime_us < held_next_us(meter)) {
        return;
    }
    fw_meter_step(&meter->fw, uptime_us);
    bool recorded = meter->fw.journal.has_newest && meter->fw.journal.newest.seq == seq;
    if (recorded && meter->fw.journal.next_seq > seq) {
        meter->events->reading(meter->events->owner, meter, &meter->fw.journal.newest);
    }
}

void sim_meter_downlink(struct sim_meter *meter, const uint8_t *bytes, size_t len, int64_t now_us)
{
    if (meter->dark) {
        return;
    }
    meter->now_us = now_us;
    uint32_t moves = meter->fw.stats.clock_moves;
    (void)fw_meter_downlink(&meter->fw, bytes, len,
                            up_us(meter, now_us)); /* counted by the meter */
    if (meter->fw.stats.clock_moves != moves) {
        set_rtc(meter, now_us);
    }
}

void sim_meter_link_up(struct sim_meter *meter, int64_t now_us)
{
    if (!meter->dark) {
        fw_meter_link_up(&meter->fw, up_us(meter, now_us));
    }
}
