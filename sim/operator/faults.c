/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Faults on demand. See faults.h. */
#include "sim/operator/faults.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const fault_names[SIM_FAULT_COUNT] = {
    [SIM_FAULT_SLOW] = "slow",
    [SIM_FAULT_ERROR] = "error",
    [SIM_FAULT_ERROR_AFTER] = "error_after",
    [SIM_FAULT_REPLY_LOST] = "reply_lost",
    [SIM_FAULT_REQUEST_LOST] = "request_lost",
    [SIM_FAULT_DUPLICATE] = "duplicate",
    [SIM_FAULT_GARBLED] = "garbled",
    [SIM_FAULT_DOWN] = "down",
};
static const char *const on_names[] = {"any", "post", "get"};

void sim_faults_init(struct sim_faults *faults)
{
    memset(faults, 0, sizeof *faults);
    pthread_condattr_t attributes;
    (void)pthread_mutex_init(&faults->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&faults->woken, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

void sim_faults_deinit(struct sim_faults *faults)
{
    (void)pthread_cond_destroy(&faults->woken);
    (void)pthread_mutex_destroy(&faults->lock);
}

/* splitmix64 (Steele, Lea, Flood 2014): small, seedable, the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool parse_name(size_t *index, const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; text != NULL && i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = i;
            return true;
        }
    }
    return false;
}

/* Every field of a rule, each within its range. */
static bool parse_rule(struct sim_fault_rule *rule, int64_t *down_s, char *error,
                       const json_t *json)
{
    static const char *const names[] = {"fault", "on", "count",   "per_million",
                                        "seed",  "ms", "seconds", NULL};
    static const struct sim_field_range ranges[] = {
        {0, 1000000000, 0, true},       {0, 1000000, 0, true},    {0, INT64_MAX, 1, true},
        {0, SIM_FAULT_MS_MAX, 0, true}, {0, 1000000000, 0, true},
    };
    int64_t values[5];
    size_t fault = 0;
    size_t on = SIM_FAULT_ON_ANY;
    const json_t *on_field = json_object_get(json, "on");
    if (!sim_fields_known(error, json, names) ||
        !sim_field_number(&values[0], error, json, "count", &ranges[0]) ||
        !sim_field_number(&values[1], error, json, "per_million", &ranges[1]) ||
        !sim_field_number(&values[2], error, json, "seed", &ranges[2]) ||
        !sim_field_number(&values[3], error, json, "ms", &ranges[3]) ||
        !sim_field_number(&values[4], error, json, "seconds", &ranges[4])) {
        return false;
    }
    if (!parse_name(&fault, json_string_value(json_object_get(json, "fault")), fault_names,
                    SIM_FAULT_COUNT)) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES,
                       "fault must be slow, error, error_after, reply_lost, request_lost, "
                       "duplicate, garbled or down");
        return false;
    }
    if (on_field != NULL && !parse_name(&on, json_string_value(on_field), on_names, 3)) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "on must be any, post or get");
        return false;
    }
    *rule = (struct sim_fault_rule){
        .fault = (enum sim_fault)fault,
        .on = (enum sim_fault_on)on,
        .count = (uint64_t)values[0],
        .per_million = (uint32_t)values[1],
        .random = (uint64_t)values[2],
        .ms = (uint32_t)values[3],
    };
    *down_s = values[4];
    return true;
}

static const char *rule_wrong(const struct sim_fault_rule *rule, int64_t down_s)
{
    if (rule->fault == SIM_FAULT_DOWN) {
        return down_s > 0 ? NULL : "down needs seconds";
    }
    if ((rule->count > 0) == (rule->per_million > 0)) {
        return "give either count (the next N requests) or per_million (a probability)";
    }
    return rule->fault == SIM_FAULT_SLOW && rule->ms == 0 ? "slow needs ms" : NULL;
}

bool sim_faults_add(struct sim_faults *faults, char error[SIM_PARSE_ERROR_BYTES],
                    const json_t *json)
{
    struct sim_fault_rule rule;
    int64_t down_s = 0;
    if (!parse_rule(&rule, &down_s, error, json)) {
        return false;
    }
    const char *wrong = rule_wrong(&rule, down_s);
    (void)pthread_mutex_lock(&faults->lock);
    if (wrong == NULL && rule.fault == SIM_FAULT_DOWN) {
        faults->down_s = down_s;
    } else if (wrong == NULL && faults->rule_count == SIM_FAULT_RULES_MAX) {
        wrong = "there are 16 rules already: clear them first";
    } else if (wrong == NULL) {
        faults->rules[faults->rule_count++] = rule;
    }
    (void)pthread_mutex_unlock(&faults->lock);
    if (wrong != NULL) {
        (void)snprintf(error, SIM_PARSE_ERROR_BYTES, "%s", wrong);
    }
    return wrong == NULL;
}

void sim_faults_clear(struct sim_faults *faults)
{
    (void)pthread_mutex_lock(&faults->lock);
    faults->rule_count = 0;
    (void)pthread_mutex_unlock(&faults->lock);
}

json_t *sim_faults_json(struct sim_faults *faults)
{
    json_t *list = json_array();
    (void)pthread_mutex_lock(&faults->lock);
    for (uint32_t i = 0; i < faults->rule_count; i++) {
        const struct sim_fault_rule *rule = &faults->rules[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "fault", fault_names[rule->fault],
                            "on", on_names[rule->on], "count", (json_int_t)rule->count,
                            "per_million", (json_int_t)rule->per_million, "ms",
                            (json_int_t)rule->ms, "hit_count", (json_int_t)rule->hit_count));
    }
    (void)pthread_mutex_unlock(&faults->lock);
    return list;
}

static bool rule_hits(struct sim_fault_rule *rule, bool post)
{
    if (rule->on == (post ? SIM_FAULT_ON_GET : SIM_FAULT_ON_POST)) {
        return false;
    }
    if (rule->per_million > 0) {
        return next_random(&rule->random) % 1000000u < rule->per_million;
    }
    if (rule->count == 0) {
        return false;
    }
    rule->count--;
    return true;
}

struct sim_fault_plan sim_faults_next(struct sim_faults *faults, bool post)
{
    struct sim_fault_plan plan = {0};
    (void)pthread_mutex_lock(&faults->lock);
    for (uint32_t i = 0; i < faults->rule_count; i++) {
        struct sim_fault_rule *rule = &faults->rules[i];
        if (rule_hits(rule, post)) {
            rule->hit_count++;
            plan.hit[rule->fault] = true;
            plan.ms += rule->fault == SIM_FAULT_SLOW ? rule->ms : 0;
        }
    }
    (void)pthread_mutex_unlock(&faults->lock);
    return plan;
}

void sim_faults_sleep(struct sim_faults *faults, uint32_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&faults->lock);
    int rc = 0;
    while (!faults->stopping && rc == 0) {
        rc = pthread_cond_timedwait(&faults->woken, &faults->lock, &until);
    }
    (void)pthread_mutex_unlock(&faults->lock);
}

static void set_stopping(struct sim_faults *faults, bool stopping)
{
    (void)pthread_mutex_lock(&faults->lock);
    faults->stopping = stopping;
    (void)pthread_cond_broadcast(&faults->woken);
    (void)pthread_mutex_unlock(&faults->lock);
}

void sim_faults_stop(struct sim_faults *faults)
{
    set_stopping(faults, true);
}

void sim_faults_resume(struct sim_faults *faults)
{
    set_stopping(faults, false);
}

int64_t sim_faults_take_down(struct sim_faults *faults)
{
    (void)pthread_mutex_lock(&faults->lock);
    int64_t down_s = faults->down_s;
    faults->down_s = 0;
    (void)pthread_mutex_unlock(&faults->lock);
    return down_s;
}
