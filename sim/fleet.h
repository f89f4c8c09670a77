/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The program meterpay-fleet: options, and its commands.
 *
 *      meterpay-fleet [run] ...      simulated meters over real sockets, on the shared clock
 *      meterpay-fleet provision ...  the list of meters, for `meterpay meter add --from`
 *      meterpay-fleet replay FILE    frames of a corpus, published as raw frames
 *
 *  Everything is on one thread. Results go to stdout, complaints to stderr.
 */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include <stdio.h>

#include "sim/spec.h"
#include "sim/virtual.h"

enum sim_exit {
    SIM_EXIT_DONE = 0,
    SIM_EXIT_NO = 1,    /**< It ran, and something is not as it should be. */
    SIM_EXIT_USAGE = 2, /**< Not understood, or nothing to talk to. */
};

#define SIM_TEXT_MAX 512u

/** What the command line and the run directory say. Empty text: not given. */
struct sim_options {
    const char *program; /**< "meterpay-fleet run" and so on, for messages. */
    uint32_t meter_count;
    bool has_meters;
    uint64_t seed;
    bool has_seed;
    enum sim_via via;
    int64_t span_us;        /**< Simulated time to run; 0: until stopped. */
    int64_t speed;          /**< 0: not given. */
    char dir[SIM_TEXT_MAX]; /**< A gateway's directory; its settings are the defaults. */
    char broker_host[SIM_TEXT_MAX];
    uint16_t broker_port;
    char gateway_host[SIM_TEXT_MAX];
    uint16_t gateway_port;
    char root[64];
    char site[64];
    char clock[SIM_TEXT_MAX];      /**< The shared clock file. */
    char state[SIM_TEXT_MAX];      /**< Where meters keep their storage; empty: memory. */
    char provision[SIM_TEXT_MAX];  /**< List of meters to run, as `provision` wrote it. */
    char truth[SIM_TEXT_MAX];      /**< Where to write every reading; "-": stdout. */
    char api_socket[SIM_TEXT_MAX]; /**< Of the gateway; empty: meters are registered already. */
    char start[SIM_TEXT_MAX];      /**< Local date to start at, with --via none. */
    char user[64];                 /**< replay: broker's user name. */
    char password_file[SIM_TEXT_MAX];
    char key_file[SIM_TEXT_MAX];    /**< replay: the root key of as_meter, 32 hex digits. */
    char as_meter[MT_NAME_MAX + 1]; /**< replay: publish all as this meter. */
    char protocol
        [32]; /**< replay: instead of the file's name; else what other makers' meters speak. */
    char file[SIM_TEXT_MAX]; /**< replay: the corpus. */
    int64_t interval_min;
    int64_t drain_s; /**< Real seconds to wait for receipts at the end. */
    int64_t report_count;
    struct sim_radio_faults faults;
    uint32_t drift_ppm;
    uint32_t reboot_ppm;
    struct sim_tariffs tariffs;
    bool json;
    bool quiet;
};

/** Read the command line, then the run directory for what it leaves open.
 *
 *  Returns: SIM_EXIT_DONE, or SIM_EXIT_USAGE after a complaint. --help ends the program.
 */
int sim_options_read(struct sim_options *options, int argc, const char **argv);

/** Print "<program>: <sentence>" to stderr. Returns SIM_EXIT_USAGE. */
int sim_complain(const struct sim_options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The commands. Each returns an exit status. */
int sim_run(const struct sim_options *options);
int sim_provision(const struct sim_options *options);
int sim_replay(const struct sim_options *options);

/** The protocol of --protocol for run and provision; NULL without one.
 *  Returns: false after a complaint when no meter of a home can speak it. */
MT_MUST_USE bool sim_options_protocol(const struct mt_protocol **protocol,
                                      const struct sim_options *options);

/** The meter of an index, as the options have it: their seed, way and protocol. */
void sim_options_spec(struct sim_spec *spec, const struct sim_options *options, uint32_t index);

/** Rules of the meters for a simulation that runs so many times faster than the wall's clock: pauses on
 *  the network are real, so they grow with the speed. */
void sim_rules_for_speed(struct sim_meter_rules *rules, int64_t speed);

/** Count the meters of the list in options->provision, all of which must be those of the seed, in order.
 *  Returns false with a sentence in why. */
MT_MUST_USE bool sim_provision_count(uint32_t *count, const struct sim_options *options, char *why,
                                     size_t why_max);

/** Register the fleet at the gateway's API: those that are there already are left alone.
 *  Returns false with a sentence in why. *added counts the new ones. */
MT_MUST_USE bool sim_register(const struct sim_options *options, uint32_t meter_count,
                              uint32_t *added, char *why, size_t why_max);

/** The truth: one JSON object a line for each reading, and one for each meter at the end. */
void sim_truth_reading(FILE *out, const struct sim_meter *meter, const struct fw_record *record);
void sim_truth_final(FILE *out, const struct sim_meter *meter);

#endif
