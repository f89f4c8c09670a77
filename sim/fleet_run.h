/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A running fleet, for the files of `meterpay-fleet run` only. */
#ifndef SIM_FLEET_RUN_H
#define SIM_FLEET_RUN_H

#include <stdio.h>

#include "gateway/adapters/clock.h"
#include "sim/fleet.h"
#include "sim/histogram.h"
#include "sim/link.h"

#define SIM_RUN_WHY_MAX 1024u
#define SIM_SECOND_US 1000000ll

struct sim_run {
    const struct sim_options *options;
    int lock_fd; /**< Of the state directory; 0 or less: none. */
    uint32_t meter_count;
    const struct mt_protocol *protocol; /* of other makers' meters; NULL: there are none */
    struct sim_fleet *fleet;
    struct gw_clock clock;
    struct sim_mqtt *mqtt;
    struct sim_coap *coap;
    FILE *truth;           /* NULL: not asked for */
    int64_t *sent_real_us; /* owned, by meter: when the message that is out left first; 0: none */
    struct sim_histogram took[2]; /* by transport */
    int64_t start_us;
    int64_t end_us;
    char why[SIM_RUN_WHY_MAX];
};

/** Open everything in order. With false, run->why says what is wrong; close it all the same. */
MT_MUST_USE bool sim_run_open(struct sim_run *run);
void sim_run_close(struct sim_run *run);

/** Without a seed on the command line: the one of the last run in this state directory, or chance. */
uint64_t sim_run_seed(const struct sim_options *options);

/** Remember the seed in the state directory, for the next run. */
void sim_run_keep_seed(const struct sim_options *options);

/** Print what happened. */
void sim_run_summary(const struct sim_run *run);

/** Transport of a meter: 0 MQTT, 1 CoAP. */
unsigned sim_run_transport(const struct sim_run *run, uint32_t meter);

#endif
