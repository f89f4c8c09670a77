/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A foreign message's way to its meters; see the header. */
#include "gateway/adapters/source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/adapters/source_sparkplug.h"
#include "meters/message.h"

struct gw_sources {
    struct gw_source_paths paths;
    pthread_mutex_t edit; /* held by whoever changes the file, for as long as that takes */
    pthread_mutex_t lock; /* over everything below */
    struct gw_source_table table;
    struct gw_sources_state state;
    uint64_t refusal_count;
    struct gw_source_refusal refusals[GW_SOURCE_REFUSALS_KEPT];
    /* of the message that is worked on */
    struct gw_mapping_records records;
    struct gw_mapped mapped;
    struct mt_message message;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX];
    char text[GW_MAPPING_BODY_BYTES_MAX];
};

/* One message, on its way. */
struct passage {
    struct gw_sources *sources;
    const struct gw_source_message *message;
    const struct gw_mapping *mapping;
    struct gw_source_outcome *out;
    gw_source_put *put;
    void *arg;
};

static bool take_path(char out[GW_SHIPPED_PATH_MAX], const char *path)
{
    size_t len = path != NULL ? strlen(path) : 0;
    if (len >= GW_SHIPPED_PATH_MAX) {
        return false;
    }
    memcpy(out, len > 0 ? path : "", len + 1);
    return true;
}

enum gw_status gw_sources_open(struct gw_sources **out, char why[GW_SOURCE_WHY_BYTES],
                               const struct gw_sources_config *config)
{
    struct gw_sources *sources = calloc(1, sizeof(*sources));
    if (sources == NULL) {
        memcpy(why, "out of memory", sizeof("out of memory"));
        return GW_FULL;
    }
    (void)pthread_mutex_init(&sources->edit, NULL); /* with default attributes they cannot fail */
    (void)pthread_mutex_init(&sources->lock, NULL);
    enum gw_status status = GW_INVALID;
    if (!take_path(sources->paths.shipped, config->shipped) ||
        !take_path(sources->paths.own, config->own) ||
        !take_path(sources->paths.bindings, config->bindings)) {
        memcpy(why, "a path is too long", sizeof("a path is too long"));
    } else {
        status = gw_source_table_read(&sources->table, why, &sources->paths);
    }
    if (status != GW_OK) {
        gw_sources_close(sources);
        return status;
    }
    sources->state.mappings = sources->table.mapping_count;
    sources->state.bindings = sources->table.count;
    *out = sources;
    return GW_OK;
}

void gw_sources_close(struct gw_sources *sources)
{
    if (sources != NULL) {
        gw_source_table_free(&sources->table);
        (void)pthread_mutex_destroy(&sources->edit); /* nobody holds them any more */
        (void)pthread_mutex_destroy(&sources->lock);
        free(sources);
    }
}

static bool find_filter(char filter[GW_MAPPING_PATH_MAX + 1], const struct gw_source_table *table,
                        uint32_t index)
{
    for (uint32_t m = 0; m < table->mapping_count; m++) {
        uint32_t count = table->bound[m] ? table->mappings[m].topic_count : 0;
        if (index < count) {
            gw_mapping_filter(filter, &table->mappings[m], index);
            return true;
        }
        index -= count;
    }
    return false;
}

bool gw_sources_filter(char filter[GW_MAPPING_PATH_MAX + 1], struct gw_sources *sources,
                       uint32_t index)
{
    (void)pthread_mutex_lock(&sources->lock); /* a default mutex of ours: it cannot fail */
    bool found = find_filter(filter, &sources->table, index);
    (void)pthread_mutex_unlock(&sources->lock);
    return found;
}

/* ---- bindings ------------------------------------------------------------------------------------------- */

bool gw_sources_grant(struct gw_source_grant *grant, struct gw_sources *sources, uint64_t *cursor)
{
    bool found = false;
    (void)pthread_mutex_lock(&sources->lock);
    const struct gw_source_table *table = &sources->table;
    while (!found && *cursor / GW_MAPPING_TOPICS_MAX < table->count) {
        const struct gw_source *source = &table->sources[*cursor / GW_MAPPING_TOPICS_MAX];
        const struct gw_mapping *mapping = &table->mappings[source->mapping];
        uint32_t topic = (uint32_t)(*cursor % GW_MAPPING_TOPICS_MAX);
        (*cursor)++;
        bool sparkplug = mapping->body == GW_MAPPING_SPARKPLUG;
        found = source->user[0] != '\0' &&
                (sparkplug ? topic < GW_SPARKPLUG_RIGHTS &&
                                 gw_sparkplug_right(grant->topic, source->names.device,
                                                    (enum gw_sparkplug_right)topic)
                           : topic < mapping->topic_count);
        if (found) {
            memcpy(grant->user, source->user, sizeof(grant->user));
            grant->is_command = sparkplug && topic == GW_SPARKPLUG_COMMAND;
        }
        if (found && !sparkplug) {
            gw_mapping_topic_of(grant->topic, mapping, topic, &source->names);
        }
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return found;
}

bool gw_sources_binding(struct gw_binding *out, struct gw_sources *sources, uint32_t index)
{
    (void)pthread_mutex_lock(&sources->lock);
    bool there = index < sources->table.count;
    if (there) {
        gw_source_binding(out, &sources->table, index);
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return there;
}

bool gw_sources_mapping(char name[GW_MAPPING_NAME_MAX + 1], struct gw_sources *sources,
                        uint32_t index)
{
    (void)pthread_mutex_lock(&sources->lock);
    bool there = index < sources->table.mapping_count;
    if (there) {
        memcpy(name, sources->table.mappings[index].name, GW_MAPPING_NAME_MAX + 1);
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return there;
}

/* With `edit` held. The new file is read as a start would read it before it becomes the bindings. */
static enum gw_status change(struct gw_sources *sources, char why[GW_SOURCE_WHY_BYTES],
                             const struct gw_binding *more, uint32_t skip)
{
    struct gw_source_paths paths = sources->paths;
    struct gw_source_table fresh = {.mapping_count = 0};
    enum gw_status status =
        gw_source_table_write(paths.bindings, why, &sources->table, &sources->paths, more, skip);
    if (status != GW_OK) {
        return status;
    }
    status = gw_source_table_read(&fresh, why, &paths);
    if (status == GW_OK) {
        status = gw_source_table_settle(why, paths.bindings, &sources->paths);
    }
    if (status != GW_OK) {
        (void)unlink(paths.bindings); /* gone already is as good */
        gw_source_table_free(&fresh);
        return status;
    }
    (void)pthread_mutex_lock(&sources->lock);
    struct gw_source_table old = sources->table;
    sources->table = fresh;
    sources->state.mappings = fresh.mapping_count;
    sources->state.bindings = fresh.count;
    (void)pthread_mutex_unlock(&sources->lock);
    gw_source_table_free(&old);
    return GW_OK;
}

/* What ends a line or a field would be another line. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F || c == ',' || c == '"' || c == '/' || c == '+' || c == '#') {
            return false;
        }
    }
    return true;
}

enum gw_status gw_sources_add(struct gw_sources *sources, char why[GW_SOURCE_WHY_BYTES],
                              const struct gw_binding *binding)
{
    static const char not_plain[] = "a device, a channel and the rest have none of / + # , \"";
    const struct gw_binding *b = binding;
    if (!is_plain(b->mapping) || !is_plain(b->names.device) || !is_plain(b->names.channel) ||
        !is_plain(b->unit) || !is_plain(b->meter) || !is_plain(b->user)) {
        memcpy(why, not_plain, sizeof(not_plain));
        return GW_INVALID;
    }
    (void)pthread_mutex_lock(&sources->edit);
    enum gw_status status = change(sources, why, binding, UINT32_MAX);
    (void)pthread_mutex_unlock(&sources->edit);
    return status;
}

enum gw_status gw_sources_remove(struct gw_sources *sources, char why[GW_SOURCE_WHY_BYTES],
                                 const char *meter)
{
    (void)pthread_mutex_lock(&sources->edit); /* nobody else changes the table: it may be read */
    uint32_t at = 0;
    while (at < sources->table.count && strcmp(sources->table.sources[at].meter, meter) != 0) {
        at++;
    }
    bool found = at < sources->table.count;
    enum gw_status status = found ? change(sources, why, NULL, at) : GW_END;
    (void)pthread_mutex_unlock(&sources->edit);
    return status;
}

bool gw_sources_has_hook(struct gw_sources *sources, const char *hook)
{
    bool has = false;
    (void)pthread_mutex_lock(&sources->lock);
    for (uint32_t m = 0; m < sources->table.mapping_count && hook[0] != '\0'; m++) {
        has = has || strcmp(sources->table.mappings[m].hook, hook) == 0;
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return has;
}

/* ---- what is not taken ---------------------------------------------------------------------------------- */

static void refuse(const struct passage *p, const struct gw_mapping_names *names,
                   enum gw_mapping_verdict verdict, const char *why)
{
    struct gw_sources *s = p->sources;
    struct gw_source_refusal *r = &s->refusals[s->refusal_count++ % GW_SOURCE_REFUSALS_KEPT];
    *r = (struct gw_source_refusal){.time_us = p->message->time_us,
                                    .verdict = verdict,
                                    .names = *names};
    memcpy(r->mapping, p->mapping->name, sizeof(r->mapping));
    size_t len = strnlen(why, sizeof(r->why) - 1);
    memcpy(r->why, why, len);
    r->why[len] = '\0';
    if (verdict == GW_MAPPING_DONE) {
        s->state.unbound++;
        p->out->unbound++;
    } else {
        s->state.refused[verdict]++;
        p->out->refused++;
    }
}

/* ---- what is -------------------------------------------------------------------------------------------- */

/* A reading as the message that a meter of our own would send without protection. */
static bool encode(struct gw_sources *s, size_t *len, const struct gw_source *source)
{
    s->message.has_seq = false;
    s->message.has_proof = false;
    s->message.count = 1;
    s->message.readings[0] = s->mapped.reading;
    return mt_message_encode(s->bytes, len, sizeof(s->bytes), &s->message,
                             (enum mt_medium)source->medium) == MT_OK;
}

static void pass_on(const struct passage *p, const struct gw_mapping_record *record,
                    const struct gw_source *source)
{
    struct gw_sources *s = p->sources;
    char why[GW_MAPPING_WHY_BYTES] = "";
    const struct gw_mapping_owner owner = {.medium = source->medium,
                                           .channel = source->names.channel,
                                           .unit = source->unit};
    enum gw_mapping_verdict verdict = gw_mapping_take(&s->mapped, why, p->mapping, record, &owner);
    size_t len = s->mapped.frame_len;
    if (verdict == GW_MAPPING_ASIDE) {
        s->state.aside++;
        p->out->aside++;
        return;
    }
    if (verdict == GW_MAPPING_DONE && !s->mapped.is_frame && !encode(s, &len, source)) {
        verdict = GW_MAPPING_BAD_UNIT; /* a medium that has no registers of its own */
    }
    if (verdict != GW_MAPPING_DONE) {
        refuse(p, &record->names, verdict, why);
        return;
    }
    const char *protocol = s->mapped.is_frame ? s->mapped.protocol : NULL;
    const struct gw_message message = {
        .transport = p->message->transport,
        .form = s->mapped.is_frame ? GW_FORM_RAW : GW_FORM_CBOR,
        .name = source->meter,
        .name_len = strlen(source->meter),
        .protocol = protocol,
        .protocol_len = protocol != NULL ? strlen(protocol) : 0,
        .bytes = s->mapped.is_frame ? s->mapped.frame : s->bytes,
        .len = len,
        .reply = p->message->reply,
    };
    if (!p->put(p->arg, &message)) {
        p->out->full = true;
        return;
    }
    s->state.put++;
    p->out->put++;
}

/* The bindings of a record's device: that of its channel where the message names one, else all. */
static void take_record(const struct passage *p, const struct gw_mapping_record *record)
{
    const struct gw_source_table *table = &p->sources->table;
    uint32_t mapping = (uint32_t)(p->mapping - table->mappings);
    struct gw_probe probe;
    uint32_t bound = 0;
    if (record->aside) {
        p->sources->state.aside++;
        p->out->aside++;
        return;
    }
    uint64_t hash = gw_source_hash(table, mapping, record->names.device);
    uint32_t at = gw_index_first(&probe, &table->devices, hash);
    for (; at != UINT32_MAX && !p->out->full; at = gw_index_next(&probe, &table->devices)) {
        const struct gw_source *source = &table->sources[at];
        bool same = source->mapping == mapping &&
                    strcmp(source->names.device, record->names.device) == 0 &&
                    (record->names.channel[0] == '\0' ||
                     strcmp(source->names.channel, record->names.channel) == 0);
        if (same) {
            bound++;
            pass_on(p, record, source);
        }
    }
    if (bound == 0) {
        refuse(p, &record->names, GW_MAPPING_DONE, "nobody bound this device");
    }
}

static void take_by(struct passage *p, const struct gw_mapping_names *names)
{
    struct gw_mapping_records *records = &p->sources->records;
    char why[GW_MAPPING_WHY_BYTES] = "";
    enum gw_mapping_verdict verdict =
        gw_mapping_records(records, why, p->mapping, names, p->message->body, p->message->body_len);
    p->out->known = true;
    if (verdict != GW_MAPPING_DONE) {
        refuse(p, names, verdict, why);
        return;
    }
    for (uint32_t i = 0; i < records->count && !p->out->full; i++) {
        take_record(p, &records->records[i]);
    }
}

/* A Sparkplug message becomes JSON first. */
static void take_sparkplug(struct passage *p)
{
    struct gw_sources *s = p->sources;
    struct gw_sparkplug_topic topic;
    struct gw_sparkplug_outcome sparkplug;
    struct gw_mapping_names names = {.device = "", .channel = ""};
    const struct gw_source_message *message = p->message;
    uint32_t mapping = (uint32_t)(p->mapping - s->table.mappings);
    if (!gw_sparkplug_topic(&topic, message->topic, message->topic_len) ||
        topic.type == GW_SPARKPLUG_OTHER) {
        return; /* of another host's, or a name that nobody can bind */
    }
    memcpy(names.device, topic.device, sizeof(names.device));
    p->out->known = true;
    gw_sparkplug_take(&sparkplug, s->text, &s->table, mapping, &topic, message);
    if (!sparkplug.is_known) {
        refuse(p, &names, GW_MAPPING_DONE, "nobody bound this edge node");
    } else if (sparkplug.is_damaged) {
        refuse(p, &names, GW_MAPPING_BAD_BODY, "this is no Sparkplug B payload");
    }
    if (sparkplug.ask && !gw_sparkplug_right(p->out->ask, topic.node, GW_SPARKPLUG_COMMAND)) {
        p->out->ask[0] = '\0';
    }
    if (sparkplug.metrics > 0) {
        struct gw_source_message json = *message;
        json.body = s->text;
        json.body_len = sparkplug.len;
        p->message = &json;
        take_by(p, &names);
        p->message = message;
    }
}

void gw_sources_message(struct gw_source_outcome *out, struct gw_sources *sources,
                        const struct gw_source_message *message, gw_source_put *put, void *arg)
{
    struct passage p = {.sources = sources, .message = message, .out = out, .put = put, .arg = arg};
    MT_CHECK((message->topic == NULL) != (message->hook == NULL));
    memset(out, 0, sizeof(*out));
    (void)pthread_mutex_lock(&sources->lock); /* a default mutex of ours: it cannot fail */
    sources->state.messages++;
    for (uint32_t m = 0; m < sources->table.mapping_count && !out->full; m++) {
        struct gw_mapping_names names = {.device = "", .channel = ""};
        p.mapping = &sources->table.mappings[m];
        bool ours = message->topic != NULL
                        ? gw_mapping_topic(&names, p.mapping, message->topic, message->topic_len)
                        : strcmp(p.mapping->hook, message->hook) == 0;
        /* Several mappings may be for one topic: only those that somebody uses have a say. */
        if (ours && sources->table.bound[m]) {
            if (p.mapping->body == GW_MAPPING_SPARKPLUG && message->topic != NULL) {
                take_sparkplug(&p);
            } else {
                take_by(&p, &names);
            }
        }
    }
    (void)pthread_mutex_unlock(&sources->lock);
}

/* ---- looking -------------------------------------------------------------------------------------------- */

void gw_sources_state(struct gw_sources_state *out, struct gw_sources *sources)
{
    (void)pthread_mutex_lock(&sources->lock);
    *out = sources->state;
    (void)pthread_mutex_unlock(&sources->lock);
}

bool gw_sources_refusal(struct gw_source_refusal *out, struct gw_sources *sources, uint32_t index)
{
    (void)pthread_mutex_lock(&sources->lock);
    uint64_t count = sources->refusal_count;
    bool there = index < GW_SOURCE_REFUSALS_KEPT && index < count;
    if (there) {
        *out = sources->refusals[(count - 1 - index) % GW_SOURCE_REFUSALS_KEPT];
    }
    (void)pthread_mutex_unlock(&sources->lock);
    return there;
}
