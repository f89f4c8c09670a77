/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Mappings for tests: a shipped one by its name, and one body through it. */
#ifndef TESTS_SUPPORT_MAPPING_RUN_H
#define TESTS_SUPPORT_MAPPING_RUN_H

#include <stdio.h>
#include <string.h>

#include "gateway/adapters/mapping.h"

/** A body and what is known of its device. */
struct mapping_case {
    const char
        *mapping;      /**< Shipped name, or the text of a file when it has more lines than one. */
    const char *topic; /**< NULL: it came by a hook. */
    const char *body;
    uint32_t record; /**< Which of the message. */
    struct gw_mapping_owner owner;
};

/** What came of it. */
struct mapping_run {
    enum gw_mapping_verdict verdict;
    bool matched; /**< The topic is the mapping's, or there is none. */
    char why[GW_YAML_WHY_MAX];
    struct gw_mapping mapping;
    struct gw_mapping_records records;
    struct gw_mapped mapped;
};

static inline bool mapping_get(struct gw_mapping *mapping, char why[GW_YAML_WHY_MAX],
                               const char *which)
{
    char path[1024];
    if (strchr(which, '\n') != NULL) {
        struct gw_yaml_source source = {.name = "test", .text = which, .len = strlen(which)};
        return gw_mapping_parse(mapping, why, GW_YAML_WHY_MAX, &source) == GW_OK;
    }
    (void)snprintf(path, sizeof(path), METERPAY_MAPPINGS "/%s.yaml", which);
    return gw_mapping_load(mapping, why, GW_YAML_WHY_MAX, path) == GW_OK;
}

/** Returns false, saying why on stdout, when the mapping itself is not good. */
static inline bool mapping_do(struct mapping_run *run, const struct mapping_case *c)
{
    struct gw_mapping_names names = {.device = "", .channel = ""};
    struct gw_mapping_owner owner = c->owner;
    memset(run, 0, sizeof(*run));
    if (!mapping_get(&run->mapping, run->why, c->mapping)) {
        printf("    %s\n", run->why);
        return false;
    }
    owner.channel = owner.channel != NULL ? owner.channel : "";
    owner.unit = owner.unit != NULL ? owner.unit : "";
    run->matched =
        c->topic == NULL || gw_mapping_topic(&names, &run->mapping, c->topic, strlen(c->topic));
    run->verdict = gw_mapping_records(&run->records, run->why, &run->mapping, &names, c->body,
                                      strlen(c->body));
    if (run->verdict == GW_MAPPING_DONE && c->record < run->records.count) {
        run->verdict = gw_mapping_take(&run->mapped, run->why, &run->mapping,
                                       &run->records.records[c->record], &owner);
    }
    return true;
}

#endif
