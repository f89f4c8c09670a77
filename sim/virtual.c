/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fleet's engine: one agenda of meters, one radio. */
#include "sim/virtual.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US (60 * FW_US_PER_S)
#define FRAME_DOWN 0xFFu
#define FRAME_LINK_UP 0xFEu /* no message: the meter's transport has a connection */

struct sim_fleet {
    struct sim_fleet_config config;
    struct sim_meter_events meter_events;
    struct sim_meter *meters; /* owned */
    uint32_t started_count;
    struct sim_agenda agenda;
    struct sim_radio radio;
    struct fw_work work;
    int64_t now_us;
    uint64_t readings;
    struct fw_stats gone;                   /* what meters had counted before they lost power */
    uint64_t foreign_sent, foreign_unbuilt; /* frames of other makers' meters */
};

void sim_fleet_defaults(struct sim_fleet_config *config)
{
    MT_CHECK(config != NULL);
    *config = (struct sim_fleet_config){
        .meter_count = 3,
        .seed = 1,
        .via = SIM_VIA_BOTH,
        .start_us = SIM_LOAD_EPOCH_US + 365 * SIM_DAY_US,
        .rules = {.interval_us = 15 * MINUTE_US,
                  .spread_us = MINUTE_US,
                  .retry_us = MINUTE_US / 2,
                  .retry_us_max = 60 * MINUTE_US,
                  .round_us_max = MINUTE_US / 2,
                  .report_count = 1,
                  .drift_ppm_max = 40,
                  .clock_error_us_max = 2 * FW_US_PER_S,
                  .reboot_ppm = 20000,
                  .nv_sectors = 12,
                  .nv_sector_bytes = 4096},
        .faults = {.loss_ppm = 10000,
                   .duplicate_ppm = 5000,
                   .reorder_ppm = 10000,
                   .delay_us_min = 20000,
                   .delay_us_max = 400000,
                   .late_us_max = 90 * FW_US_PER_S},
    };
}

static void plan(struct sim_fleet *fleet, const struct sim_meter *meter)
{
    int64_t next_us = sim_meter_next_us(meter);
    /* What should have been done already is done now: time does not go back. */
    sim_agenda_set(&fleet->agenda, meter->spec.index,
                   next_us > fleet->now_us ? next_us : fleet->now_us);
}

/* ---- what the meters do ----------------------------------------------------------------------------- */

static bool is_foreign(const struct sim_meter *meter)
{
    return meter->spec.foreign.protocol != NULL;
}

static enum fw_status on_send(void *owner, struct sim_meter *meter, enum fw_frame frame,
                              const uint8_t *bytes, size_t len)
{
    struct sim_fleet *fleet = owner;
    if (is_foreign(meter)) {
        return FW_OK; /* its maker's board sends; the firmware below only keeps its register */
    }
    struct sim_packet packet = {
        .meter = meter->spec.index,
        .frame = (uint8_t)frame,
        .len = len,
        .bytes = (uint8_t *)bytes, /* copied by the radio */
    };
    sim_radio_send(&fleet->radio, &packet, fleet->now_us);
    return FW_OK;
}

/* The record's number counts on over power cuts, so no counter of an encryption comes twice. */
static void send_frame(struct sim_fleet *fleet, const struct sim_meter *meter,
                       const struct fw_record *record)
{
    uint8_t bytes[SIM_FOREIGN_BYTES_MAX];
    size_t len = 0;
    const uint8_t *key = meter->spec.foreign.key_len > 0 ? meter->spec.raw_key : NULL;
    if (sim_foreign_build(bytes, &len, &meter->spec.foreign, &record->reading, key,
                          record->seq + 1) != MT_OK) {
        fleet->foreign_unbuilt++; /* a register that the protocol cannot show */
        return;
    }
    struct sim_packet packet = {.meter = meter->spec.index,
                                .frame = (uint8_t)SIM_FRAME_RAW,
                                .len = len,
                                .bytes = bytes}; /* copied by the radio */
    fleet->foreign_sent++;
    sim_radio_send(&fleet->radio, &packet, fleet->now_us);
}

static void on_reading(void *owner, const struct sim_meter *meter, const struct fw_record *record)
{
    struct sim_fleet *fleet = owner;
    fleet->readings++;
    if (fleet->config.events.reading != NULL) {
        fleet->config.events.reading(fleet->config.events.owner, meter->spec.index, record);
    }
    if (is_foreign(meter)) {
        send_frame(fleet, meter, record);
    }
}

static void on_boot(void *owner, struct sim_meter *meter)
{
    struct sim_fleet *fleet = owner;
    if (fleet->config.events.boot != NULL) {
        fleet->config.events.boot(fleet->config.events.owner, meter->spec.index);
    }
}

static void on_dark(void *owner, struct sim_meter *meter)
{
    struct sim_fleet *fleet = owner;
    const struct fw_stats *stats = &meter->fw.stats;
    if (!is_foreign(meter)) {
        fleet->gone.sent += stats->sent;
        fleet->gone.repeated += stats->repeated;
        fleet->gone.answered += stats->answered;
        fleet->gone.snapshots += stats->snapshots;
        fleet->gone.commands += stats->commands;
        fleet->gone.down_refused += stats->down_refused;
    }
    sim_radio_forget(&fleet->radio, meter->spec.index);
    if (fleet->config.events.dark != NULL) {
        fleet->config.events.dark(fleet->config.events.owner, meter->spec.index);
    }
}

/* ---- opening ------------------------------------------------------------------------------------------ */

static enum fw_status start_meters(struct sim_fleet *fleet, char *why, size_t why_max)
{
    const struct sim_fleet_config *config = &fleet->config;
    for (uint32_t i = 0; i < config->meter_count; i++) {
        struct sim_spec spec;
        struct sim_meter *meter = &fleet->meters[i];
        const char *end = "it cannot be made";
        sim_spec_make(&spec, config->seed, i, config->via);
        sim_spec_speak(&spec, config->seed, config->protocol);
        enum fw_status st = sim_meter_init(meter, &spec, config->seed, &config->rules,
                                           &fleet->meter_events, &fleet->work);
        if (st == FW_OK) {
            st = sim_meter_start(meter, config->start_us, &end);
        }
        mt_key_wipe(&spec, sizeof(spec));
        if (st != FW_OK) {
            (void)snprintf(why, why_max, "Meter %s: %s.", meter->spec.name, end);
            return st;
        }
        fleet->started_count++;
        plan(fleet, meter);
    }
    return FW_OK;
}

enum fw_status sim_fleet_open(struct sim_fleet **fleet, const struct sim_fleet_config *config,
                              char *why, size_t why_max)
{
    MT_CHECK(fleet != NULL && config != NULL && why != NULL && config->events.uplink != NULL);
    MT_CHECK(config->meter_count > 0 && config->meter_count <= SIM_METERS_MAX);
    (void)snprintf(why, why_max, "There is no memory for %u meters.", config->meter_count);
    struct sim_fleet *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return FW_IO;
    }
    enum fw_status st = FW_IO;
    made->config = *config;
    made->now_us = config->start_us;
    made->meter_events = (struct sim_meter_events){
        .owner = made, .send = on_send, .reading = on_reading, .boot = on_boot, .dark = on_dark};
    made->meters = calloc(config->meter_count, sizeof(*made->meters));
    uint64_t radio_seed = sim_hash(config->seed, SIM_WHAT_RADIO, 0, 0);
    if (made->meters != NULL && sim_agenda_init(&made->agenda, config->meter_count) &&
        sim_radio_init(&made->radio, radio_seed, &config->faults, SIM_RADIO_PACKETS_MAX)) {
        st = start_meters(made, why, why_max);
    }
    if (st != FW_OK) {
        sim_fleet_close(made);
        return st;
    }
    *fleet = made;
    return FW_OK;
}

void sim_fleet_close(struct sim_fleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    for (uint32_t i = 0; fleet->meters != NULL && i < fleet->config.meter_count; i++) {
        sim_meter_deinit(&fleet->meters[i]);
        mt_key_wipe(&fleet->meters[i], sizeof(fleet->meters[i]));
    }
    if (fleet->radio.packets != NULL) {
        sim_radio_deinit(&fleet->radio);
    }
    sim_agenda_deinit(&fleet->agenda);
    free(fleet->meters);
    free(fleet);
}

/* ---- running ------------------------------------------------------------------------------------------ */

int64_t sim_fleet_next_us(const struct sim_fleet *fleet)
{
    uint32_t number;
    int64_t meter_us;
    int64_t packet_us;
    if (!sim_agenda_first(&number, &meter_us, &fleet->agenda)) {
        meter_us = INT64_MAX;
    }
    if (!sim_radio_next(&packet_us, &fleet->radio)) {
        packet_us = INT64_MAX;
    }
    return meter_us < packet_us ? meter_us : packet_us;
}

static void advance(struct sim_fleet *fleet, int64_t now_us)
{
    fleet->now_us = now_us > fleet->now_us ? now_us : fleet->now_us;
}

static void arrive(struct sim_fleet *fleet, struct sim_packet *packet)
{
    struct sim_meter *meter = &fleet->meters[packet->meter];
    if (packet->frame == FRAME_LINK_UP) {
        sim_meter_link_up(meter, fleet->now_us);
        plan(fleet, meter);
    } else if (packet->down && is_foreign(meter)) {
        /* Its maker's board understands no receipt of ours. */
    } else if (packet->down) {
        sim_meter_downlink(meter, packet->bytes, packet->len, fleet->now_us);
        plan(fleet, meter);
    } else {
        fleet->config.events.uplink(fleet->config.events.owner, packet->meter,
                                    (enum fw_frame)packet->frame, packet->bytes, packet->len,
                                    fleet->now_us);
    }
    free(packet->bytes);
}

uint32_t sim_fleet_run(struct sim_fleet *fleet, int64_t until_us, uint32_t events_max)
{
    MT_CHECK(fleet != NULL);
    uint32_t done = 0;
    for (; done < events_max; done++) {
        uint32_t number;
        int64_t meter_us;
        struct sim_packet packet;
        int64_t next_us = sim_fleet_next_us(fleet);
        if (next_us > until_us) {
            break;
        }
        advance(fleet, next_us);
        if (sim_radio_take(&packet, &fleet->radio, fleet->now_us)) {
            arrive(fleet, &packet);
        } else if (sim_agenda_first(&number, &meter_us, &fleet->agenda)) {
            sim_meter_step(&fleet->meters[number], fleet->now_us);
            plan(fleet, &fleet->meters[number]);
        }
    }
    return done;
}

/* Both only put something on the road: what is due before it happens before it, at its own time. */
void sim_fleet_receipt(struct sim_fleet *fleet, uint32_t meter, const uint8_t *bytes, size_t len,
                       int64_t now_us)
{
    MT_CHECK(fleet != NULL && meter < fleet->config.meter_count);
    if (len > SIM_RADIO_PACKET_BYTES_MAX) {
        return; /* no gateway of ours says so much at once */
    }
    struct sim_packet packet = {
        .meter = meter,
        .down = true,
        .frame = FRAME_DOWN,
        .len = len,
        .bytes = (uint8_t *)bytes, /* copied by the radio */
    };
    sim_radio_send(&fleet->radio, &packet, now_us > fleet->now_us ? now_us : fleet->now_us);
}

void sim_fleet_link_up(struct sim_fleet *fleet, uint32_t meter, int64_t now_us)
{
    MT_CHECK(fleet != NULL && meter < fleet->config.meter_count);
    struct sim_packet packet = {.meter = meter, .down = true, .frame = FRAME_LINK_UP};
    sim_radio_post(&fleet->radio, &packet, now_us > fleet->now_us ? now_us : fleet->now_us);
}

void sim_fleet_hold(struct sim_fleet *fleet)
{
    MT_CHECK(fleet != NULL);
    for (uint32_t i = 0; i < fleet->config.meter_count; i++) {
        fleet->meters[i].held = true;
        plan(fleet, &fleet->meters[i]);
    }
}

const struct sim_meter *sim_fleet_meter(const struct sim_fleet *fleet, uint32_t meter)
{
    MT_CHECK(fleet != NULL && meter < fleet->config.meter_count);
    return &fleet->meters[meter];
}

void sim_fleet_totals(struct sim_fleet_totals *totals, const struct sim_fleet *fleet)
{
    MT_CHECK(totals != NULL && fleet != NULL);
    *totals = (struct sim_fleet_totals){
        .readings = fleet->readings,
        .sent = fleet->gone.sent + fleet->foreign_sent,
        .repeated = fleet->gone.repeated,
        .answered = fleet->gone.answered,
        .snapshots = fleet->gone.snapshots,
        .commands = fleet->gone.commands,
        .down_refused = fleet->gone.down_refused,
        .dropped = fleet->foreign_unbuilt,
        .lost = fleet->radio.lost,
        .duplicated = fleet->radio.duplicated,
        .late = fleet->radio.late,
    };
    for (uint32_t i = 0; i < fleet->config.meter_count; i++) {
        const struct sim_meter *meter = &fleet->meters[i];
        const struct fw_stats *stats = &meter->fw.stats;
        totals->reboots += meter->reboots;
        if (is_foreign(meter)) {
            continue; /* nothing waits for a receipt there */
        }
        totals->pending += fw_journal_pending_max(&meter->fw.journal);
        totals->dropped += meter->fw.journal.dropped_count;
        if (!meter->dark) { /* else they are in `gone` already */
            totals->sent += stats->sent;
            totals->repeated += stats->repeated;
            totals->answered += stats->answered;
            totals->snapshots += stats->snapshots;
            totals->commands += stats->commands;
            totals->down_refused += stats->down_refused;
        }
    }
}
