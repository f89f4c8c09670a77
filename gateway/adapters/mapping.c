/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message taken apart by its mapping; see the header. */
#include "gateway/adapters/mapping.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/adapters/mapping_json.h"
#include "meters/decimal.h"

#define SCALAR_MAX 128u

static const char key_path[] = "$key";

const char *gw_mapping_verdict_name(enum gw_mapping_verdict verdict)
{
    static const char *const names[GW_MAPPING_VERDICTS] = {
        "done",    "aside",     "body",   "too_large", "device", "unmet",
        "missing", "ambiguous", "number", "unit",      "time",   "payload",
    };
    return verdict < GW_MAPPING_VERDICTS ? names[verdict] : "none";
}

const char *gw_mapping_verdict_advice(enum gw_mapping_verdict verdict)
{
    static const char *const advice[GW_MAPPING_VERDICTS] = {
        "It was read.",
        "It is of a kind that carries no register, and was left aside.",
        "It is not the JSON, or the number, that the mapping says: look at what the device sends.",
        "It is larger than this gateway looks at.",
        "It does not say which device it is from, where the mapping looks for it.",
        "The device says that the value is not good: look at the device.",
        "Nothing stands where the mapping looks: the device's firmware may name it otherwise.",
        "There are several values where one is asked for: bind each with its own --channel.",
        "It is no number that a register can show.",
        "Its unit is not one of this meter's medium, or is not known: name it with --unit.",
        "Its time is none, or does not say its zone: is the device's clock set?",
        "The frame in it is not written as the mapping says.",
    };
    return verdict < GW_MAPPING_VERDICTS ? advice[verdict] : advice[GW_MAPPING_BAD_BODY];
}

__attribute__((format(printf, 3, 4))) static enum gw_mapping_verdict no(
    char why[GW_MAPPING_WHY_BYTES], enum gw_mapping_verdict verdict, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, GW_MAPPING_WHY_BYTES, format, args); /* cut where it must be */
    va_end(args);
    return verdict;
}

/* ---- topics ------------------------------------------------------------------------------------------- */

/* Names are keys of tables and lines of files: nothing that ends a line or a field. */
static bool name_put(char *out, size_t max, const char *text, size_t len)
{
    if (len == 0 || len >= max) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F || c == ',' || c == '"' || c == '/' || c == '+' || c == '#') {
            return false;
        }
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* One part of a topic against its pattern. */
static bool part_match(struct gw_mapping_names *names, const char *pattern, size_t pattern_len,
                       const char *part, size_t part_len)
{
    static const char device[] = "{device}";
    static const char channel[] = "{channel}";
    const char *brace = memchr(pattern, '{', pattern_len);
    if (brace == NULL) {
        return (pattern_len == 1 && *pattern == '+') ||
               (pattern_len == part_len && memcmp(pattern, part, part_len) == 0);
    }
    size_t lead = (size_t)(brace - pattern);
    size_t rest = pattern_len - lead;
    if (part_len <= lead || memcmp(pattern, part, lead) != 0) {
        return false;
    }
    if (rest == sizeof(device) - 1 && memcmp(brace, device, rest) == 0) {
        return name_put(names->device, sizeof(names->device), part + lead, part_len - lead);
    }
    return rest == sizeof(channel) - 1 && memcmp(brace, channel, rest) == 0 &&
           name_put(names->channel, sizeof(names->channel), part + lead, part_len - lead);
}

static bool topic_match(struct gw_mapping_names *names, const char *pattern, const char *topic,
                        size_t topic_len)
{
    const char *end = topic + topic_len;
    for (;;) {
        size_t pattern_len = strcspn(pattern, "/");
        const char *slash = memchr(topic, '/', (size_t)(end - topic));
        const char *part_end = slash != NULL ? slash : end;
        if (!part_match(names, pattern, pattern_len, topic, (size_t)(part_end - topic))) {
            return false;
        }
        if (slash == NULL || pattern[pattern_len] == '\0') {
            return slash == NULL && pattern[pattern_len] == '\0';
        }
        pattern += pattern_len + 1;
        topic = slash + 1;
    }
}

bool gw_mapping_topic(struct gw_mapping_names *out, const struct gw_mapping *mapping,
                      const char *topic, size_t topic_len)
{
    for (uint32_t i = 0; i < mapping->topic_count; i++) {
        struct gw_mapping_names names = {.device = "", .channel = ""};
        if (topic_match(&names, mapping->topics[i], topic, topic_len)) {
            *out = names;
            return true;
        }
    }
    return false;
}

void gw_mapping_filter(char filter[GW_MAPPING_PATH_MAX + 1], const struct gw_mapping *mapping,
                       uint32_t index)
{
    static const struct gw_mapping_names nobody = {.device = "", .channel = ""};
    char topic[GW_MAPPING_TOPIC_MAX + 1];
    gw_mapping_topic_of(topic, mapping, index, &nobody);
    size_t len = strlen(topic);
    MT_CHECK(len <= GW_MAPPING_PATH_MAX); /* a + is shorter than what it stands for */
    memcpy(filter, topic, len + 1);
}

void gw_mapping_topic_of(char topic[GW_MAPPING_TOPIC_MAX + 1], const struct gw_mapping *mapping,
                         uint32_t index, const struct gw_mapping_names *names)
{
    MT_CHECK(index < mapping->topic_count);
    const char *pattern = mapping->topics[index];
    size_t len = 0;
    while (*pattern != '\0') {
        size_t part = strcspn(pattern, "/");
        const char *brace = memchr(pattern, '{', part);
        const char *name = brace == NULL ? "" : brace[1] == 'd' ? names->device : names->channel;
        size_t lead = brace == NULL ? part : (size_t)(brace - pattern);
        if (brace != NULL && *name == '\0') {
            topic[len++] = '+';
        } else {
            memcpy(topic + len, pattern, lead);
            memcpy(topic + len + lead, name, strlen(name));
            len += lead + strlen(name);
        }
        pattern += part;
        if (*pattern == '/') {
            topic[len++] = *pattern++;
        }
    }
    topic[len] = '\0';
}

/* ---- records ------------------------------------------------------------------------------------------ */

/* Values that a list's path leads to so far, each with the name of the member that it was. */
struct spread {
    uint32_t count;
    bool full;
    struct {
        struct mt_json value;
        char key[GW_MAPPING_DEVICE_MAX + 1];
    } items[GW_MAPPING_RECORDS_MAX];
};

/* The key of the member that an item came from, so that a list below it keeps it. */
struct adding {
    struct spread *to;
    const char *key;
};

static bool add_item(void *arg, const char *key, const struct mt_json *value)
{
    struct adding *adding = arg;
    struct spread *to = adding->to;
    if (to->count == GW_MAPPING_RECORDS_MAX) {
        to->full = true;
        return false;
    }
    const char *name = adding->key != NULL ? adding->key : key;
    to->items[to->count].value = *value;
    memcpy(to->items[to->count].key, name, strlen(name) + 1);
    to->count++;
    return true;
}

/* One step of a list's path: "[]" each item (a value that is no list is its only one), "*" each member,
 * anything else the member of that name. */
static enum gw_mapping_verdict spread_step(struct spread *to, const struct spread *from,
                                           const char *step)
{
    enum gw_mapping_verdict verdict = GW_MAPPING_DONE;
    to->count = 0;
    to->full = false;
    for (uint32_t i = 0; i < from->count && verdict == GW_MAPPING_DONE; i++) {
        struct mt_json value = from->items[i].value;
        struct adding adding = {.to = to, .key = from->items[i].key};
        char c = mt_json_peek(&value);
        if (strcmp(step, "[]") == 0 && c == '[') {
            (void)gw_mapping_json_each(&value, &adding, add_item); /* full says it */
        } else if (strcmp(step, "[]") == 0) {
            (void)add_item(&adding, "", &value);
        } else if (strcmp(step, "*") == 0 && c == '{') {
            adding.key = NULL;
            (void)gw_mapping_json_each(&value, &adding, add_item);
        } else if (strcmp(step, "*") == 0) {
            verdict = GW_MAPPING_MISSING;
        } else {
            struct mt_json found;
            verdict = gw_mapping_json_find(&found, NULL, &value, step);
            (void)(verdict == GW_MAPPING_DONE && add_item(&adding, "", &found));
        }
        verdict = to->full ? GW_MAPPING_TOO_LARGE : verdict;
    }
    return verdict;
}

/* Where a path begins: at the body for "/", else at the record. */
static enum gw_mapping_verdict find(struct mt_json *value, char unit[16],
                                    const struct gw_mapping_record *record, const char *path)
{
    bool from_body = *path == '/';
    struct mt_json from = {.at = from_body ? record->body : record->at,
                           .end = record->body + record->body_len};
    return gw_mapping_json_find(value, unit, &from, path + from_body);
}

/* A name out of the record: by its path, or the member's name. */
static bool read_name(char *out, size_t max, const struct gw_mapping_record *record,
                      const char *path, const char *key)
{
    char text[SCALAR_MAX];
    struct mt_json value;
    if (strcmp(path, key_path) == 0) {
        return name_put(out, max, key, strlen(key));
    }
    return find(&value, NULL, record, path) == GW_MAPPING_DONE &&
           gw_mapping_json_scalar(text, sizeof(text), &value) &&
           name_put(out, max, text, strlen(text));
}

/* ---- what a record says --------------------------------------------------------------------------------- */

struct taking {
    const struct gw_mapping *mapping;
    const struct gw_mapping_record *record;
    const struct gw_mapping_owner *owner;
    const char *channel; /* the record's, or the binding's */
    char *why;
};

/* "{channel}" in a path stands for the channel's name. Returns false when there is none, or no room. */
static bool expand(char path[GW_MAPPING_PATH_MAX + 1], const struct taking *t, const char *from)
{
    static const char mark[] = "{channel}";
    const char *at = strstr(from, mark);
    int len = at == NULL ? snprintf(path, GW_MAPPING_PATH_MAX + 1, "%s", from)
                         : snprintf(path, GW_MAPPING_PATH_MAX + 1, "%.*s%s%s", (int)(at - from),
                                    from, t->channel, at + sizeof(mark) - 1);
    return len >= 0 && len <= (int)GW_MAPPING_PATH_MAX && (at == NULL || t->channel[0] != '\0');
}

/* An item of a list, by the channel's number. */
struct item {
    uint32_t wanted, seen;
    bool found;
    struct mt_json value;
};

static bool pick_item(void *arg, const char *key, const struct mt_json *value)
{
    struct item *item = arg;
    (void)key; /* a list has none */
    item->found = item->seen++ == item->wanted;
    item->value = *value;
    return !item->found;
}

/* A list where one value is asked for: the channel says which. */
static enum gw_mapping_verdict choose(struct mt_json *value, const struct taking *t)
{
    int64_t index = 0;
    if (mt_json_peek(value) != '[') {
        return GW_MAPPING_DONE;
    }
    if (mt_decimal_text_scaled(&index, t->channel, strlen(t->channel), 0) != MT_OK || index < 0 ||
        index > GW_MAPPING_BODY_BYTES_MAX) {
        return GW_MAPPING_AMBIGUOUS;
    }
    struct item item = {.wanted = (uint32_t)index};
    (void)gw_mapping_json_each(value, &item, pick_item); /* found says it */
    *value = item.value;
    return item.found ? GW_MAPPING_DONE : GW_MAPPING_MISSING;
}

/* The text of the scalar at a path. */
static enum gw_mapping_verdict scalar_at(char text[SCALAR_MAX], char unit[16],
                                         const struct taking *t, const char *path)
{
    char full[GW_MAPPING_PATH_MAX + 1];
    struct mt_json value;
    if (!expand(full, t, path)) {
        return no(t->why, GW_MAPPING_AMBIGUOUS, "%s needs a channel", path);
    }
    enum gw_mapping_verdict verdict = find(&value, unit, t->record, full);
    verdict = verdict == GW_MAPPING_DONE ? choose(&value, t) : verdict;
    if (verdict != GW_MAPPING_DONE) {
        return no(t->why, verdict, "%s: %s", full, gw_mapping_verdict_name(verdict));
    }
    if (!gw_mapping_json_scalar(text, SCALAR_MAX, &value)) {
        return no(t->why, GW_MAPPING_MISSING, "%s is no single value", full);
    }
    return GW_MAPPING_DONE;
}

static enum gw_mapping_verdict check_rules(const struct taking *t)
{
    for (uint32_t i = 0; i < t->mapping->rule_count; i++) {
        const struct gw_mapping_rule *rule = &t->mapping->rules[i];
        char text[SCALAR_MAX] = "";
        bool there = scalar_at(text, NULL, t, rule->path) == GW_MAPPING_DONE;
        if (!there || strcmp(text, rule->is) != 0) {
            return no(t->why, rule->must ? GW_MAPPING_UNMET : GW_MAPPING_ASIDE,
                      "%s is '%.60s', not '%.60s'", rule->path, text, rule->is);
        }
    }
    return GW_MAPPING_DONE;
}

/* ---- whose it is ---------------------------------------------------------------------------------------- */

static enum gw_mapping_verdict name_record(struct gw_mapping_record *record,
                                           char why[GW_MAPPING_WHY_BYTES],
                                           const struct gw_mapping *mapping, const char *key)
{
    struct gw_mapping_names *names = &record->names;
    if (mapping->device[0] != '\0' &&
        !read_name(names->device, sizeof(names->device), record, mapping->device, key)) {
        names->device[0] = '\0';
    }
    if (names->device[0] == '\0') {
        return no(why, GW_MAPPING_NO_DEVICE, "no device's name stands at %s",
                  mapping->device[0] != '\0' ? mapping->device : "its topic");
    }
    if (mapping->channel[0] != '\0' &&
        !read_name(names->channel, sizeof(names->channel), record, mapping->channel, key)) {
        return no(why, GW_MAPPING_NO_DEVICE, "no channel's name stands at %s", mapping->channel);
    }
    return GW_MAPPING_DONE;
}

/* Messages of another kind need not say who speaks: a platform's notice that a device is online. */
static bool is_aside(const struct gw_mapping *mapping, const struct gw_mapping_record *record)
{
    char why[GW_MAPPING_WHY_BYTES];
    const struct taking t = {.mapping = mapping, .record = record, .channel = "", .why = why};
    return check_rules(&t) == GW_MAPPING_ASIDE;
}

static enum gw_mapping_verdict spread_body(struct spread spreads[2], uint32_t *last,
                                           char why[GW_MAPPING_WHY_BYTES],
                                           const struct gw_mapping *mapping)
{
    char step[GW_MAPPING_PATH_MAX + 1];
    const char *path = mapping->list;
    *last = 0;
    while (gw_mapping_path_next(step, &path)) {
        enum gw_mapping_verdict verdict = spread_step(&spreads[*last ^ 1u], &spreads[*last], step);
        if (verdict != GW_MAPPING_DONE) {
            return no(why, verdict, "the records are not at %s", mapping->list);
        }
        *last ^= 1u;
    }
    return GW_MAPPING_DONE;
}

enum gw_mapping_verdict gw_mapping_records(struct gw_mapping_records *out,
                                           char why[GW_MAPPING_WHY_BYTES],
                                           const struct gw_mapping *mapping,
                                           const struct gw_mapping_names *names, const char *body,
                                           size_t body_len)
{
    struct spread spreads[2];
    uint32_t last = 0;
    if (body_len > GW_MAPPING_BODY_BYTES_MAX) {
        return no(why, GW_MAPPING_TOO_LARGE, "%zu bytes", body_len);
    }
    enum gw_mapping_verdict verdict = mapping->body != GW_MAPPING_NUMBER
                                          ? gw_mapping_json_check(body, body_len)
                                          : GW_MAPPING_DONE;
    if (verdict != GW_MAPPING_DONE) {
        return no(why, verdict, "the body is no JSON, or nested too deep");
    }
    spreads[0].count = 1;
    spreads[0].items[0].value = (struct mt_json){.at = body, .end = body + body_len};
    spreads[0].items[0].key[0] = '\0';
    verdict = spread_body(spreads, &last, why, mapping);
    out->count = 0;
    for (uint32_t i = 0; i < spreads[last].count && verdict == GW_MAPPING_DONE; i++) {
        struct gw_mapping_record *record = &out->records[out->count++];
        *record = (struct gw_mapping_record){.body = body,
                                             .body_len = body_len,
                                             .at = spreads[last].items[i].value.at,
                                             .names = *names};
        verdict = name_record(record, why, mapping, spreads[last].items[i].key);
        record->aside = verdict != GW_MAPPING_DONE && is_aside(mapping, record);
        verdict = record->aside ? GW_MAPPING_DONE : verdict;
    }
    return verdict;
}

/* ---- registers and frames ---------------------------------------------------------------------------------- */

/* A body that is a number and nothing else, white space around it aside. */
static bool bare_number(char text[SCALAR_MAX], const struct gw_mapping_record *record)
{
    struct mt_json j = {.at = record->at, .end = record->body + record->body_len};
    struct mt_json_text token;
    if (!mt_json_number(&token, &j) || token.len >= SCALAR_MAX) {
        return false;
    }
    (void)mt_json_peek(&j); /* only to step over white space */
    memcpy(text, token.at, token.len);
    text[token.len] = '\0';
    return j.at == j.end;
}

static enum gw_mapping_verdict register_unit(char unit[SCALAR_MAX], const struct taking *t,
                                             const struct gw_mapping_register *r,
                                             const char *suffix)
{
    if (suffix[0] != '\0') {
        (void)snprintf(unit, SCALAR_MAX, "%s", suffix); /* it fits */
    } else if (r->unit_from == GW_MAPPING_UNIT_PATH) {
        return scalar_at(unit, NULL, t, r->unit);
    } else {
        bool fixed = r->unit_from == GW_MAPPING_UNIT_FIXED;
        (void)snprintf(unit, SCALAR_MAX, "%.100s", fixed ? r->unit : t->owner->unit);
    }
    return GW_MAPPING_DONE;
}

static enum gw_mapping_verdict take_register(int64_t *out, const struct taking *t,
                                             const struct gw_mapping_register *r)
{
    char text[SCALAR_MAX];
    char suffix[16] = "";
    char unit[SCALAR_MAX] = "";
    struct mt_decimal number;
    enum gw_mapping_verdict verdict = GW_MAPPING_DONE;
    if (t->mapping->body != GW_MAPPING_NUMBER) {
        verdict = scalar_at(text, suffix, t, r->path);
    } else if (!bare_number(text, t->record)) {
        verdict = no(t->why, GW_MAPPING_BAD_BODY, "the body is not one number");
    }
    if (verdict == GW_MAPPING_DONE) {
        verdict = register_unit(unit, t, r, suffix);
    }
    if (verdict != GW_MAPPING_DONE) {
        return verdict;
    }
    if (mt_decimal_parse(&number, text, strlen(text)) != MT_OK) {
        return no(t->why, GW_MAPPING_BAD_NUMBER, "'%.60s' is no number of 18 digits", text);
    }
    verdict = gw_mapping_smallest(out, unit, t->owner->medium,
                                  (__int128)number.mantissa * r->scale_mantissa,
                                  (int64_t)number.exponent + r->scale_exponent);
    return verdict == GW_MAPPING_DONE ? verdict
                                      : no(t->why, verdict, "'%.60s' in '%.30s': %s", text, unit,
                                           gw_mapping_verdict_name(verdict));
}

static enum gw_mapping_verdict take_registers(struct mt_reading *reading, const struct taking *t)
{
    bool has_total = false;
    for (uint32_t i = 0; i < t->mapping->register_count; i++) {
        const struct gw_mapping_register *r = &t->mapping->registers[i];
        int64_t value = 0;
        if ((r->media >> t->owner->medium & 1u) == 0) {
            continue;
        }
        enum gw_mapping_verdict verdict = take_register(&value, t, r);
        if (verdict == GW_MAPPING_MISSING && r->optional) {
            continue;
        }
        if (verdict != GW_MAPPING_DONE) {
            return verdict;
        }
        bool twice = r->band == 0 ? has_total : (reading->band_mask >> (r->band - 1u) & 1u) != 0;
        if (twice) {
            return no(t->why, GW_MAPPING_AMBIGUOUS, "two values for one register: %s", r->path);
        }
        if (r->band == 0) {
            has_total = true;
            reading->total = value;
        } else {
            reading->band[r->band - 1u] = value;
            reading->band_mask |= (uint8_t)(1u << (r->band - 1u));
        }
    }
    return has_total ? GW_MAPPING_DONE
                     : no(t->why, GW_MAPPING_MISSING, "there is no total for this medium");
}

static enum gw_mapping_verdict take_time(int64_t *time_us, const struct taking *t)
{
    char text[SCALAR_MAX];
    if (t->mapping->clock == GW_MAPPING_ARRIVAL) {
        *time_us = 0;
        return GW_MAPPING_DONE;
    }
    enum gw_mapping_verdict verdict = scalar_at(text, NULL, t, t->mapping->clock_path);
    if (verdict != GW_MAPPING_DONE) {
        return verdict;
    }
    return gw_mapping_time(time_us, t->mapping, text)
               ? GW_MAPPING_DONE
               : no(t->why, GW_MAPPING_BAD_TIME, "'%.60s' is no time", text);
}

static enum gw_mapping_verdict take_frame(struct gw_mapped *out, const struct taking *t)
{
    char full[GW_MAPPING_PATH_MAX + 1];
    char nothing[1];
    struct mt_json value;
    struct mt_json_text text;
    if (!expand(full, t, t->mapping->payload)) {
        return no(t->why, GW_MAPPING_AMBIGUOUS, "%s needs a channel", t->mapping->payload);
    }
    enum gw_mapping_verdict verdict = find(&value, NULL, t->record, full);
    if (verdict != GW_MAPPING_DONE) {
        return no(t->why, verdict, "%s: %s", full, gw_mapping_verdict_name(verdict));
    }
    /* Neither base64 nor hex has a character that must be escaped, but "\/" for a slash. */
    if (mt_json_string(&text, &value, nothing, 0) != MT_OK ||
        !gw_mapping_bytes(out->frame, &out->frame_len, sizeof(out->frame), t->mapping->code,
                          text.at, text.len)) {
        return no(t->why, GW_MAPPING_BAD_PAYLOAD, "%s holds no %s of 1 to %zu bytes", full,
                  t->mapping->code == GW_MAPPING_HEX ? "hex" : "base64", sizeof(out->frame));
    }
    out->is_frame = true;
    out->protocol = t->mapping->protocol[0] != '\0' ? t->mapping->protocol : NULL;
    return GW_MAPPING_DONE;
}

enum gw_mapping_verdict gw_mapping_take(struct gw_mapped *out, char why[GW_MAPPING_WHY_BYTES],
                                        const struct gw_mapping *mapping,
                                        const struct gw_mapping_record *record,
                                        const struct gw_mapping_owner *owner)
{
    bool named = record->names.channel[0] != '\0';
    const struct taking t = {.mapping = mapping,
                             .record = record,
                             .owner = owner,
                             .channel = named ? record->names.channel : owner->channel,
                             .why = why};
    out->is_frame = false;
    out->frame_len = 0;
    out->protocol = NULL;
    memset(&out->reading, 0, sizeof(out->reading));
    enum gw_mapping_verdict verdict = check_rules(&t);
    if (verdict == GW_MAPPING_DONE && mapping->code != GW_MAPPING_NO_PAYLOAD) {
        return take_frame(out, &t);
    }
    verdict = verdict == GW_MAPPING_DONE ? take_time(&out->reading.time_us, &t) : verdict;
    return verdict == GW_MAPPING_DONE ? take_registers(&out->reading, &t) : verdict;
}
