/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Faults on demand: what an operator at its worst does to a gateway, repeatable by count or seed.
 *
 *  A rule hits the next `count` requests, or each request with a probability. Rules are asked once for
 *  each authentic request of a gateway; what they say together is done to it.
 */
#ifndef SIM_OPERATOR_FAULTS_H
#define SIM_OPERATOR_FAULTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "meters/check.h"
#include "sim/operator/parse.h"

#define SIM_FAULT_RULES_MAX 16u
#define SIM_FAULT_MS_MAX 600000

enum sim_fault {
    SIM_FAULT_SLOW,         /**< Answers `ms` later; the work is done at once. */
    SIM_FAULT_ERROR,        /**< Answers 500 without having done anything. */
    SIM_FAULT_ERROR_AFTER,  /**< Does the work, then answers 500. */
    SIM_FAULT_REPLY_LOST,   /**< Does the work, then breaks the connection. */
    SIM_FAULT_REQUEST_LOST, /**< Breaks the connection without having done anything. */
    SIM_FAULT_DUPLICATE,    /**< Does the request twice, as if the network had repeated it. */
    SIM_FAULT_GARBLED,      /**< Does the work, then answers 200 with a cut-off body. */
    SIM_FAULT_DOWN,         /**< Stops listening for `seconds` of the operator's clock. */
    SIM_FAULT_COUNT,
};

enum sim_fault_on { SIM_FAULT_ON_ANY, SIM_FAULT_ON_POST, SIM_FAULT_ON_GET };

struct sim_fault_rule {
    enum sim_fault fault;
    enum sim_fault_on on;
    uint64_t count;       /**< Hits left; with per_million 0. */
    uint32_t per_million; /**< Probability; with count 0. */
    uint64_t random;      /**< State of the generator, from the seed. */
    uint32_t ms;          /**< SLOW */
    uint64_t hit_count;
};

struct sim_faults {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stopping; /**< Nobody sleeps any longer. */
    uint32_t rule_count;
    struct sim_fault_rule rules[SIM_FAULT_RULES_MAX];
    int64_t down_s; /**< Asked for and not yet taken by the main thread; 0: no. */
};

/** What is done to one request. */
struct sim_fault_plan {
    bool hit[SIM_FAULT_COUNT];
    uint32_t ms;
};

void sim_faults_init(struct sim_faults *faults);
void sim_faults_deinit(struct sim_faults *faults);

/** Read a rule from JSON and add it (SIM_FAULT_DOWN goes to down_s). False with `error`. */
MT_MUST_USE bool sim_faults_add(struct sim_faults *faults, char error[SIM_PARSE_ERROR_BYTES],
                                const json_t *json);
/** Forget all rules. */
void sim_faults_clear(struct sim_faults *faults);
/** All rules as JSON; the caller owns it. */
json_t *sim_faults_json(struct sim_faults *faults);

/** What happens to the next request. Any thread. */
struct sim_fault_plan sim_faults_next(struct sim_faults *faults, bool post);

/** Sleep that long, or until sim_faults_stop. */
void sim_faults_sleep(struct sim_faults *faults, uint32_t ms);
/** Wake all sleepers, and let nobody sleep until sim_faults_resume. */
void sim_faults_stop(struct sim_faults *faults);
void sim_faults_resume(struct sim_faults *faults);

/** Seconds to be down that were asked for since the last call; 0: none. */
int64_t sim_faults_take_down(struct sim_faults *faults);

#endif
