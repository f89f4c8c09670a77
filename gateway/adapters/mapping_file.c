/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A mapping's file, read top to bottom as docs/mappings.md lists it. The reader is sticky: after the
 * first complaint the functions below run on over nothing, and the end asks once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/mapping.h"
#include "gateway/adapters/mapping_json.h"
#include "meters/decimal.h"

#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define ALL_MEDIA 0x0Fu
#define FILE_BYTES_MAX 16384u

/* A text of at most GW_MAPPING_PATH_MAX bytes, or nothing when the key is absent. */
static void read_path(char out[GW_MAPPING_PATH_MAX + 1], struct gw_yaml *yaml,
                      const gw_yaml_node *node, const char *what)
{
    out[0] = '\0';
    if (node != NULL) {
        gw_yaml_copy(yaml, out, GW_MAPPING_PATH_MAX + 1, node, what);
    }
}

static void check_topic(struct gw_yaml *yaml, const gw_yaml_node *node, const char *pattern)
{
    for (const char *at = pattern; *at != '\0'; at++) {
        bool mark = strncmp(at, "{device}", 8) == 0 || strncmp(at, "{channel}", 9) == 0;
        size_t len = strcspn(at, "}") + 1;
        if (*at == '#' || *at == '$') {
            gw_yaml_fail(yaml, node, "a topic's pattern has no '%c'", *at);
        } else if (*at == '{' && (!mark || (at[len] != '/' && at[len] != '\0'))) {
            gw_yaml_fail(yaml, node, "{device} or {channel} must end a part of the topic");
        } else if (*at == '{' && strstr(at + 1, at[1] == 'd' ? "{device}" : "{channel}") != NULL) {
            gw_yaml_fail(yaml, node, "a topic names its device or channel twice");
        }
    }
}

static void read_match(struct gw_mapping *m, struct gw_yaml *yaml, const gw_yaml_node *node)
{
    static const char *const keys[] = {"topics", "hook"};
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    const gw_yaml_node *topics = gw_yaml_get(yaml, node, "topics");
    const gw_yaml_node *hook = gw_yaml_get(yaml, node, "hook");
    uint32_t count = topics != NULL ? gw_yaml_count(yaml, topics) : 0;
    if (count > GW_MAPPING_TOPICS_MAX || (count == 0 && hook == NULL)) {
        gw_yaml_fail(yaml, node, "match has 1 to %u topics, or a hook", GW_MAPPING_TOPICS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const gw_yaml_node *item = gw_yaml_item(yaml, topics, i);
        read_path(m->topics[i], yaml, item, "a topic's pattern");
        check_topic(yaml, item, m->topics[i]);
    }
    m->topic_count = count;
    if (hook != NULL) {
        gw_yaml_copy(yaml, m->hook, sizeof(m->hook), hook, "a hook's name");
    }
}

static void read_rules(struct gw_mapping *m, struct gw_yaml *yaml, const gw_yaml_node *node,
                       bool must)
{
    static const char *const keys[] = {"path", "is"};
    uint32_t count = node != NULL ? gw_yaml_count(yaml, node) : 0;
    for (uint32_t i = 0; i < count && !gw_yaml_failed(yaml); i++) {
        const gw_yaml_node *item = gw_yaml_item(yaml, node, i);
        if (m->rule_count == GW_MAPPING_RULES_MAX) {
            gw_yaml_fail(yaml, item, "more than %u conditions", GW_MAPPING_RULES_MAX);
            return;
        }
        struct gw_mapping_rule *rule = &m->rules[m->rule_count++];
        gw_yaml_keys(yaml, item, keys, COUNT_OF(keys));
        read_path(rule->path, yaml, gw_yaml_need(yaml, item, "path"), "a condition's path");
        read_path(rule->is, yaml, gw_yaml_need(yaml, item, "is"), "a condition's text");
        rule->must = must;
    }
}

/* "+08:00" in minutes. */
static void read_zone(struct gw_mapping *m, struct gw_yaml *yaml, const gw_yaml_node *node)
{
    const char *text = gw_yaml_text(yaml, node);
    static const char shape[] = "+00:00";
    size_t i = 0;
    while (text[i] != '\0' && shape[i] != '\0' &&
           (shape[i] == '0' ? text[i] >= '0' && text[i] <= '9'
                            : text[i] == shape[i] || (i == 0 && text[i] == '-'))) {
        i++;
    }
    int32_t hours = i == 6 ? (text[1] - '0') * 10 + text[2] - '0' : 99;
    int32_t minutes = i == 6 ? (text[4] - '0') * 10 + text[5] - '0' : 99;
    if (i != 6 || text[6] != '\0' || hours > 14 || minutes > 59) {
        gw_yaml_fail(yaml, node, "a zone is written \"+08:00\"");
        return;
    }
    m->has_zone = true;
    m->zone_minutes = (hours * 60 + minutes) * (text[0] == '-' ? -1 : 1);
}

static void read_clock(struct gw_mapping *m, struct gw_yaml *yaml, const gw_yaml_node *node)
{
    static const char *const keys[] = {"path", "form", "zone"};
    static const char *const forms[] = {"s", "ms", "us", "iso"};
    if (node == NULL) {
        return;
    }
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    read_path(m->clock_path, yaml, gw_yaml_need(yaml, node, "path"), "a clock's path");
    m->clock = (uint8_t)(GW_MAPPING_S + gw_yaml_word(yaml, gw_yaml_need(yaml, node, "form"), forms,
                                                     COUNT_OF(forms)));
    const gw_yaml_node *zone = gw_yaml_get(yaml, node, "zone");
    if (zone != NULL) {
        read_zone(m, yaml, zone);
    }
}

static uint8_t read_media(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    static const char *const words[] = {"power", "water", "gas", "heat"};
    uint32_t media = 0;
    uint32_t count = node != NULL ? gw_yaml_count(yaml, node) : 0;
    for (uint32_t i = 0; i < count; i++) {
        media |= 1u << gw_yaml_word(yaml, gw_yaml_item(yaml, node, i), words, COUNT_OF(words));
    }
    return (uint8_t)(node == NULL ? ALL_MEDIA : media);
}

static void read_unit(struct gw_mapping_register *r, struct gw_yaml *yaml, const gw_yaml_node *node)
{
    static const char *const keys[] = {"path"};
    static const char mark[] = "{unit}";
    size_t len = strlen(r->path);
    bool suffixed =
        len >= sizeof(mark) - 1 && strcmp(r->path + len - (sizeof(mark) - 1), mark) == 0;
    if (suffixed && node == NULL) {
        return;
    }
    if (suffixed || node == NULL) {
        gw_yaml_fail(yaml, node, "a register has a unit, or a path that ends in {unit}");
        return;
    }
    if (gw_yaml_is_map(node)) {
        gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
        r->unit_from = GW_MAPPING_UNIT_PATH;
        read_path(r->unit, yaml, gw_yaml_need(yaml, node, "path"), "a unit's path");
        return;
    }
    read_path(r->unit, yaml, node, "a unit");
    r->unit_from = strcmp(r->unit, "source") == 0 ? GW_MAPPING_UNIT_SOURCE : GW_MAPPING_UNIT_FIXED;
    if (r->unit_from == GW_MAPPING_UNIT_FIXED && !gw_mapping_unit_known(r->unit)) {
        gw_yaml_fail(yaml, node,
                     "'%s' is no unit: Wh, kWh, MWh, Wmin, kJ, MJ, GJ, m3, l, ml, or source",
                     r->unit);
    }
}

static void read_register(struct gw_mapping_register *r, struct gw_yaml *yaml,
                          const gw_yaml_node *node, bool has_paths)
{
    static const char *const keys[] = {"register", "path", "unit", "scale", "media", "optional"};
    static const char *const names[] = {"total", "band1", "band2", "band3", "band4"};
    struct mt_decimal scale = {.mantissa = 1, .exponent = 0};
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    r->band =
        (uint8_t)gw_yaml_word(yaml, gw_yaml_need(yaml, node, "register"), names, COUNT_OF(names));
    if (has_paths) {
        read_path(r->path, yaml, gw_yaml_need(yaml, node, "path"), "a register's path");
    }
    r->media = read_media(yaml, gw_yaml_get(yaml, node, "media"));
    read_unit(r, yaml, gw_yaml_get(yaml, node, "unit"));
    const gw_yaml_node *text = gw_yaml_get(yaml, node, "scale");
    if (text != NULL) {
        const char *digits = gw_yaml_text(yaml, text);
        if (mt_decimal_parse(&scale, digits, strlen(digits)) != MT_OK || scale.mantissa <= 0 ||
            scale.exponent > 9 || scale.exponent < -9) {
            gw_yaml_fail(yaml, text, "a scale is a decimal number above 0, such as 0.1");
        }
    }
    r->scale_mantissa = scale.mantissa;
    r->scale_exponent = scale.exponent;
    const gw_yaml_node *optional = gw_yaml_get(yaml, node, "optional");
    r->optional = optional != NULL && gw_yaml_bool(yaml, optional);
}

static void read_registers(struct gw_mapping *m, struct gw_yaml *yaml, const gw_yaml_node *node)
{
    uint32_t count = gw_yaml_count(yaml, node);
    if (count == 0 || count > GW_MAPPING_READINGS_MAX ||
        (m->body == GW_MAPPING_NUMBER && count != 1)) {
        gw_yaml_fail(yaml, node, "readings are 1 to %u registers; with a bare number, one",
                     GW_MAPPING_READINGS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count && !gw_yaml_failed(yaml); i++) {
        read_register(&m->registers[i], yaml, gw_yaml_item(yaml, node, i),
                      m->body != GW_MAPPING_NUMBER);
    }
    m->register_count = count;
}

static void read_payload(struct gw_mapping *m, struct gw_yaml *yaml, const gw_yaml_node *node)
{
    static const char *const keys[] = {"path", "code", "protocol"};
    static const char *const codes[] = {"base64", "hex"};
    gw_yaml_keys(yaml, node, keys, COUNT_OF(keys));
    read_path(m->payload, yaml, gw_yaml_need(yaml, node, "path"), "a payload's path");
    m->code = (uint8_t)(GW_MAPPING_BASE64 + gw_yaml_word(yaml, gw_yaml_need(yaml, node, "code"),
                                                         codes, COUNT_OF(codes)));
    const gw_yaml_node *protocol = gw_yaml_need(yaml, node, "protocol");
    gw_yaml_copy(yaml, m->protocol, sizeof(m->protocol), protocol, "a protocol's name");
    if (strcmp(m->protocol, "auto") == 0) {
        m->protocol[0] = '\0';
    } else if (!gw_yaml_failed(yaml) &&
               mt_protocol_find(m->protocol, strlen(m->protocol)) == NULL) {
        gw_yaml_fail(yaml, protocol, "there is no protocol '%s'; auto recognises it", m->protocol);
    }
}

static bool names_device(const struct gw_mapping *m)
{
    bool named = m->hook[0] == '\0';
    for (uint32_t i = 0; i < m->topic_count; i++) {
        named = named && strstr(m->topics[i], "{device}") != NULL;
    }
    return named || m->device[0] != '\0';
}

static void read_mapping(struct gw_mapping *m, struct gw_yaml *yaml)
{
    static const char *const keys[] = {"format", "name",     "note",   "match",  "body",
                                       "when",   "require",  "list",   "device", "channel",
                                       "time",   "readings", "payload"};
    static const char *const formats[] = {GW_MAPPING_FORMAT};
    static const char *const bodies[] = {"json", "number", "sparkplug"};
    const gw_yaml_node *root = gw_yaml_root(yaml);
    gw_yaml_keys(yaml, root, keys, COUNT_OF(keys));
    (void)gw_yaml_word(yaml, gw_yaml_need(yaml, root, "format"), formats,
                       COUNT_OF(formats)); /* only whether it is there and ours matters */
    gw_yaml_copy(yaml, m->name, sizeof(m->name), gw_yaml_need(yaml, root, "name"),
                 "a mapping's name");
    if (m->name[strspn(m->name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0') {
        gw_yaml_fail(yaml, gw_yaml_get(yaml, root, "name"), "a name is of a-z 0-9 -");
    }
    read_match(m, yaml, gw_yaml_need(yaml, root, "match"));
    m->body =
        (uint8_t)gw_yaml_word(yaml, gw_yaml_need(yaml, root, "body"), bodies, COUNT_OF(bodies));
    read_rules(m, yaml, gw_yaml_get(yaml, root, "when"), false);
    read_rules(m, yaml, gw_yaml_get(yaml, root, "require"), true);
    read_path(m->list, yaml, gw_yaml_get(yaml, root, "list"), "a list's path");
    read_path(m->device, yaml, gw_yaml_get(yaml, root, "device"), "a device's path");
    read_path(m->channel, yaml, gw_yaml_get(yaml, root, "channel"), "a channel's path");
    read_clock(m, yaml, gw_yaml_get(yaml, root, "time"));
    const gw_yaml_node *readings = gw_yaml_get(yaml, root, "readings");
    const gw_yaml_node *payload = gw_yaml_get(yaml, root, "payload");
    if ((readings == NULL) == (payload == NULL)) {
        gw_yaml_fail(yaml, root, "a mapping has readings or a payload, and not both");
    } else if (readings != NULL) {
        read_registers(m, yaml, readings);
    } else {
        read_payload(m, yaml, payload);
    }
    bool bare = m->body == GW_MAPPING_NUMBER;
    if (bare && (m->code != 0 || m->clock != 0 || m->rule_count > 0 || m->list[0] != '\0' ||
                 m->device[0] != '\0' || m->channel[0] != '\0')) {
        gw_yaml_fail(yaml, root, "a bare number has no paths in it");
    }
    if (!names_device(m)) {
        gw_yaml_fail(yaml, root,
                     "nothing says which device it is: {device} in every topic, or device");
    }
}

enum gw_status gw_mapping_parse(struct gw_mapping *mapping, char *why, size_t why_max,
                                const struct gw_yaml_source *source)
{
    struct gw_mapping *read = calloc(1, sizeof(*read));
    struct gw_yaml *yaml = gw_yaml_open(why, why_max, source);
    bool good = read != NULL && yaml != NULL;
    if (!good) {
        (void)snprintf(why, why_max, "%s: out of memory", source->name); /* cut is fine */
    } else {
        read_mapping(read, yaml);
        good = !gw_yaml_failed(yaml);
    }
    if (good) {
        *mapping = *read;
    }
    gw_yaml_close(yaml);
    free(read);
    return good ? GW_OK : GW_INVALID;
}

enum gw_status gw_mapping_load(struct gw_mapping *mapping, char *why, size_t why_max,
                               const char *path)
{
    char text[FILE_BYTES_MAX + 1];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)snprintf(why, why_max, "%s: %s", path, strerror(errno)); /* cut is fine */
        return GW_IO;
    }
    size_t len = fread(text, 1, sizeof(text), file);
    bool failed = ferror(file) != 0;
    (void)fclose(file); /* only read */
    if (failed || len > FILE_BYTES_MAX) {
        (void)snprintf(why, why_max, "%s: %s", path,
                       failed ? "cannot be read" : "is larger than 16 KiB");
        return failed ? GW_IO : GW_INVALID;
    }
    const struct gw_yaml_source source = {.name = path, .text = text, .len = len};
    return gw_mapping_parse(mapping, why, why_max, &source);
}
