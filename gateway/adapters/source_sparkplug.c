/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/source_sparkplug.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 192u /* of one metric in the text */

static const char bd_seq_name[] = "bdSeq";

/* ---- nodes ---------------------------------------------------------------------------------------------- */

static uint32_t find_node(const struct gw_source_table *table, const char *name)
{
    struct gw_probe probe;
    if (table->node_count == 0) {
        return UINT32_MAX;
    }
    uint64_t hash = gw_index_hash(&table->nodes_by_name, name, strlen(name));
    uint32_t at = gw_index_first(&probe, &table->nodes_by_name, hash);
    while (at != UINT32_MAX && strcmp(table->nodes[at].name, name) != 0) {
        at = gw_index_next(&probe, &table->nodes_by_name);
    }
    return at;
}

/* "group:node" of a device's name. Returns false when it is no such name. */
static bool node_of(char name[GW_MAPPING_DEVICE_MAX + 1], const char *device)
{
    const char *colon = strchr(device, ':');
    size_t len = colon != NULL ? (size_t)(colon - device) + 1 + strcspn(colon + 1, ":") : 0;
    memcpy(name, device, len); /* a device's name is no longer */
    name[len] = '\0';
    return colon != NULL;
}

static bool speaks_sparkplug(const struct gw_source_table *table, uint32_t source)
{
    return table->mappings[table->sources[source].mapping].body == GW_MAPPING_SPARKPLUG;
}

bool gw_sparkplug_nodes_build(struct gw_source_table *table)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        most += speaks_sparkplug(table, i);
    }
    if (most == 0) {
        return true;
    }
    uint32_t cells = gw_index_cells(most);
    table->nodes = calloc(most, sizeof(*table->nodes));
    table->node_cells = calloc(cells, sizeof(*table->node_cells));
    if (table->nodes == NULL || table->node_cells == NULL) {
        return false;
    }
    gw_index_init(&table->nodes_by_name, table->node_cells, cells, table->devices.seed);
    for (uint32_t i = 0; i < table->count; i++) {
        struct gw_source *source = &table->sources[i];
        char name[GW_MAPPING_DEVICE_MAX + 1];
        if (!speaks_sparkplug(table, i) || !node_of(name, source->names.device)) {
            continue;
        }
        uint32_t at = find_node(table, name);
        if (at == UINT32_MAX) {
            at = table->node_count++;
            memcpy(table->nodes[at].name, name, sizeof(name));
            table->nodes[at].first = UINT32_MAX;
            gw_index_add(&table->nodes_by_name,
                         gw_index_hash(&table->nodes_by_name, name, strlen(name)), at);
        }
        source->next_of_node = table->nodes[at].first;
        table->nodes[at].first = i;
    }
    return true;
}

/* ---- a message ------------------------------------------------------------------------------------------ */

/* A message on its way. */
struct passage {
    struct gw_source_table *table;
    struct gw_sparkplug_node *node;
    uint32_t mapping;
    const struct gw_sparkplug_topic *topic;
    const struct gw_source_message *message;
    struct gw_sparkplug_outcome *out;
    char *text;
};

static bool is_birth(const struct gw_sparkplug_topic *topic)
{
    return topic->type == GW_SPARKPLUG_NBIRTH || topic->type == GW_SPARKPLUG_DBIRTH;
}

/* Visit the bindings of the message's device; index from 0. Returns NULL past the last. */
static struct gw_source *binding_of(const struct passage *p, uint32_t *cursor)
{
    while (*cursor != UINT32_MAX) {
        struct gw_source *source = &p->table->sources[*cursor];
        *cursor = source->next_of_node;
        if (source->mapping == p->mapping && strcmp(source->names.device, p->topic->device) == 0) {
            return source;
        }
    }
    return NULL;
}

/* A birth names everything anew; a death ends what was named. */
static void forget(const struct passage *p)
{
    bool whole = p->topic->type == GW_SPARKPLUG_NBIRTH || p->topic->type == GW_SPARKPLUG_NDEATH;
    for (uint32_t at = p->node->first; at != UINT32_MAX;) {
        struct gw_source *source = &p->table->sources[at];
        at = source->next_of_node;
        if (whole || strcmp(source->names.device, p->topic->device) == 0) {
            source->has_alias = false;
        }
    }
}

/* A metric's name and a binding's channel: a slash is a dot, because channels have none. */
static bool is_called(const struct gw_sparkplug_metric *metric, const char *channel)
{
    size_t len = strlen(channel);
    bool same = metric->name_len == len;
    for (size_t i = 0; same && i < len; i++) {
        char c = metric->name[i];
        same = (c == '/' ? '.' : c) == channel[i];
    }
    return same;
}

static bool is_bd_seq(const struct gw_sparkplug_metric *metric)
{
    return metric->name != NULL && metric->name_len == sizeof(bd_seq_name) - 1 &&
           memcmp(metric->name, bd_seq_name, metric->name_len) == 0;
}

/* Sequence numbers: a gap, or data before a birth, and the births are asked for. */
static void count_seq(const struct passage *p, const struct gw_sparkplug_payload *payload)
{
    struct gw_sparkplug_node *node = p->node;
    if (p->topic->type == GW_SPARKPLUG_NBIRTH) {
        node->is_born = true;
        node->seq = (uint8_t)payload->seq;
        return;
    }
    if (p->topic->type == GW_SPARKPLUG_NDEATH) {
        return; /* it has none: the broker sends it */
    }
    p->out->ask = !node->is_born || !payload->has_seq || payload->seq != (uint8_t)(node->seq + 1);
    node->seq = (uint8_t)payload->seq;
}

static void put_metric(const struct passage *p, const struct gw_sparkplug_payload *payload,
                       const struct gw_sparkplug_metric *metric, const struct gw_source *source)
{
    char value[GW_SPARKPLUG_VALUE_BYTES];
    char line[LINE_BYTES];
    uint64_t time_ms = metric->has_time    ? metric->time_ms
                       : payload->has_time ? payload->time_ms
                                           : (uint64_t)(p->message->time_us / 1000);
    if (!gw_sparkplug_value(value, metric, source->datatype)) {
        return;
    }
    int len =
        snprintf(line, sizeof(line), "%s{\"name\":\"%s\",\"value\":\"%s\",\"time\":%" PRIu64 "}",
                 p->out->metrics > 0 ? "," : "", source->names.channel, value, time_ms);
    MT_CHECK(len > 0 && (size_t)len < sizeof(line)); /* a channel has 32 bytes */
    if ((size_t)len + 2 > GW_MAPPING_BODY_BYTES_MAX - p->out->len) {
        return; /* bound metrics are few: a node repeats itself */
    }
    memcpy(p->text + p->out->len, line, (size_t)len);
    p->out->len += (size_t)len;
    p->out->metrics++;
}

/* Each binding that the metric is. Returns whether it could be one that we cannot tell. */
static bool take_metric(const struct passage *p, const struct gw_sparkplug_payload *payload,
                        const struct gw_sparkplug_metric *metric)
{
    bool missing = false;
    uint32_t cursor = p->node->first;
    for (struct gw_source *source = binding_of(p, &cursor); source != NULL;
         source = binding_of(p, &cursor)) {
        bool named = metric->name != NULL;
        bool same = named
                        ? is_called(metric, source->names.channel)
                        : source->has_alias && metric->has_alias && metric->alias == source->alias;
        if (same && named && is_birth(p->topic)) {
            source->has_alias = metric->has_alias;
            source->alias = metric->alias;
            source->datatype = metric->datatype;
        }
        if (same) {
            put_metric(p, payload, metric, source);
        }
        missing = missing || (!named && !source->has_alias);
    }
    return missing;
}

static void end_node(const struct passage *p, const struct gw_sparkplug_payload *payload)
{
    struct gw_sparkplug_payload look = *payload;
    struct gw_sparkplug_metric metric;
    bool same = true; /* a death of an older session comes late, and is not this one's */
    while (gw_sparkplug_next(&metric, &look)) {
        same = same && (!is_bd_seq(&metric) || metric.bits == p->node->bd_seq);
    }
    if (same) {
        p->node->is_born = false;
        forget(p);
    }
}

static void take_metrics(const struct passage *p, struct gw_sparkplug_payload *payload)
{
    struct gw_sparkplug_metric metric;
    int len = snprintf(p->text, GW_MAPPING_BODY_BYTES_MAX, "{\"device\":\"%s\",\"metrics\":[",
                       p->topic->device);
    MT_CHECK(len > 0);
    p->out->len = (size_t)len;
    while (gw_sparkplug_next(&metric, payload)) {
        if (p->topic->type == GW_SPARKPLUG_NBIRTH && is_bd_seq(&metric)) {
            p->node->bd_seq = metric.bits;
        } else if (take_metric(p, payload, &metric)) {
            p->out->ask = true;
        }
    }
    memcpy(p->text + p->out->len, "]}", 2);
    p->out->len += 2;
}

void gw_sparkplug_take(struct gw_sparkplug_outcome *out, char *text, struct gw_source_table *table,
                       uint32_t mapping, const struct gw_sparkplug_topic *topic,
                       const struct gw_source_message *message)
{
    struct gw_sparkplug_payload payload;
    memset(out, 0, sizeof(*out));
    uint32_t at = find_node(table, topic->node);
    out->is_known = at != UINT32_MAX;
    if (!out->is_known) {
        return;
    }
    const struct passage p = {.table = table,
                              .node = &table->nodes[at],
                              .mapping = mapping,
                              .topic = topic,
                              .message = message,
                              .out = out,
                              .text = text};
    out->is_damaged =
        !gw_sparkplug_open(&payload, (const uint8_t *)message->body, message->body_len);
    if (out->is_damaged) {
        return;
    }
    count_seq(&p, &payload);
    if (is_birth(topic) || topic->type == GW_SPARKPLUG_DDEATH) {
        forget(&p);
    }
    if (topic->type == GW_SPARKPLUG_NDEATH) {
        end_node(&p, &payload);
    } else if (topic->type != GW_SPARKPLUG_DDEATH) {
        take_metrics(&p, &payload);
    }
    bool due = p.node->asked_us == 0 ||
               message->time_us - p.node->asked_us >= GW_SPARKPLUG_ASK_US ||
               message->time_us < p.node->asked_us;
    out->ask = out->ask && due;
    if (out->ask) {
        p.node->asked_us = message->time_us;
    }
}
