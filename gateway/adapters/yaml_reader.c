/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A strict reader on libyaml's document. The events are looked through before the document is built,
 * so that depth and aliases are refused while nothing has grown yet.
 */
#include "gateway/adapters/yaml_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "gateway/core/civil.h"
#include "meters/decimal.h"

/* Keys are compared with each other: the square of this is the most that costs. */
#define KEYS_MAX 256u

struct gw_yaml {
    const char *name;
    char *why;
    size_t why_max;
    bool failed;
    bool has_document;
    yaml_document_t document;
};

static void complain(struct gw_yaml *yaml, size_t line, const char *format, va_list arguments)
{
    if (yaml->failed) {
        return;
    }
    yaml->failed = true;
    int used = line > 0 ? snprintf(yaml->why, yaml->why_max, "%s:%zu: ", yaml->name, line)
                        : snprintf(yaml->why, yaml->why_max, "%s: ", yaml->name);
    if (used >= 0 && (size_t)used < yaml->why_max) {
        (void)vsnprintf(yaml->why + used, yaml->why_max - (size_t)used, format,
                        arguments); /* cut where the caller's buffer ends */
    }
}

void gw_yaml_fail(struct gw_yaml *yaml, const gw_yaml_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(yaml, node != NULL ? node->start_mark.line + 1 : 0, format, arguments);
    va_end(arguments);
}

static void fail_at_line(struct gw_yaml *yaml, size_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail_at_line(struct gw_yaml *yaml, size_t line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    complain(yaml, line, format, arguments);
    va_end(arguments);
}

static void fail_parser(struct gw_yaml *yaml, const yaml_parser_t *parser)
{
    fail_at_line(yaml, parser->problem_mark.line + 1, "this is no YAML: %s",
                 parser->problem != NULL ? parser->problem : "unreadable");
}

/** Judge one event; *depth and *documents are the caller's counts. */
static void check_event(struct gw_yaml *yaml, const yaml_event_t *event, uint32_t *depth,
                        uint32_t *documents)
{
    size_t line = event->start_mark.line + 1;
    const yaml_char_t *anchor = NULL;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        (*documents)++;
        break;
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        (*depth)++;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        (*depth)++;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        (*depth)--;
        break;
    case YAML_ALIAS_EVENT:
        anchor = event->data.alias.anchor;
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    if (anchor != NULL) {
        fail_at_line(yaml, line, "anchors (&) and aliases (*) are not accepted: write it out");
    }
    if (*depth > GW_YAML_DEPTH_MAX) {
        fail_at_line(yaml, line, "nested deeper than %u levels", GW_YAML_DEPTH_MAX);
    }
    if (*documents > 1) {
        fail_at_line(yaml, line, "a second document starts here: one file holds one");
    }
}

/** Directives are of no use here, and thousands of them cost the parser the square of that. */
static void check_directives(struct gw_yaml *yaml, const struct gw_yaml_source *source)
{
    size_t line = 1;
    for (size_t i = 0; i < source->len; i++) {
        if (source->text[i] == '%' && (i == 0 || source->text[i - 1] == '\n')) {
            fail_at_line(yaml, line, "directives (%%) are not accepted: remove the line");
            return;
        }
        line += source->text[i] == '\n' ? 1 : 0;
    }
}

static void check_events(struct gw_yaml *yaml, const struct gw_yaml_source *source)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        fail_at_line(yaml, 0, "out of memory");
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, source->len);
    uint32_t depth = 0;
    uint32_t documents = 0;
    bool at_end = false;
    /* Each event takes at least a byte of the text or ends something that did. */
    while (!at_end && !yaml->failed) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) == 0) {
            fail_parser(yaml, &parser);
            break;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        check_event(yaml, &event, &depth, &documents);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
}

static void load_document(struct gw_yaml *yaml, const struct gw_yaml_source *source)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        fail_at_line(yaml, 0, "out of memory");
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, source->len);
    if (yaml_parser_load(&parser, &yaml->document) == 0) {
        fail_parser(yaml, &parser);
    } else {
        yaml->has_document = true;
    }
    yaml_parser_delete(&parser);
}

struct gw_yaml *gw_yaml_open(char *why, size_t why_max, const struct gw_yaml_source *source)
{
    MT_CHECK(why != NULL && why_max > 0);
    struct gw_yaml *yaml = calloc(1, sizeof(*yaml));
    if (yaml == NULL) {
        return NULL;
    }
    yaml->name = source->name;
    yaml->why = why;
    yaml->why_max = why_max;
    why[0] = '\0';
    if (source->len > GW_YAML_BYTES_MAX) {
        fail_at_line(yaml, 0, "larger than %u bytes", GW_YAML_BYTES_MAX);
    }
    if (!yaml->failed) {
        check_directives(yaml, source);
    }
    if (!yaml->failed) {
        check_events(yaml, source);
    }
    if (!yaml->failed) {
        load_document(yaml, source);
    }
    if (!yaml->failed && yaml_document_get_root_node(&yaml->document) == NULL) {
        fail_at_line(yaml, 0, "the file is empty");
    }
    return yaml;
}

void gw_yaml_close(struct gw_yaml *yaml)
{
    if (yaml == NULL) {
        return;
    }
    if (yaml->has_document) {
        yaml_document_delete(&yaml->document);
    }
    free(yaml);
}

bool gw_yaml_failed(const struct gw_yaml *yaml)
{
    return yaml->failed;
}

const gw_yaml_node *gw_yaml_root(struct gw_yaml *yaml)
{
    return yaml->failed ? NULL : yaml_document_get_root_node(&yaml->document);
}

bool gw_yaml_is_map(const gw_yaml_node *node)
{
    return node != NULL && node->type == YAML_MAPPING_NODE;
}

bool gw_yaml_is_list(const gw_yaml_node *node)
{
    return node != NULL && node->type == YAML_SEQUENCE_NODE;
}

uint32_t gw_yaml_count(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    if (yaml->failed || node == NULL) {
        return 0;
    }
    if (node->type == YAML_MAPPING_NODE) {
        return (uint32_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    }
    if (node->type == YAML_SEQUENCE_NODE) {
        return (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    }
    gw_yaml_fail(yaml, node, "a list [a, b] or a mapping {a: b} is expected here");
    return 0;
}

const gw_yaml_node *gw_yaml_item(struct gw_yaml *yaml, const gw_yaml_node *node, uint32_t index)
{
    if (yaml->failed || index >= gw_yaml_count(yaml, node)) {
        return NULL;
    }
    int id = node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start[index].value
                                             : node->data.sequence.items.start[index];
    return yaml_document_get_node(&yaml->document, id);
}

const gw_yaml_node *gw_yaml_key(struct gw_yaml *yaml, const gw_yaml_node *node, uint32_t index)
{
    if (yaml->failed || !gw_yaml_is_map(node) || index >= gw_yaml_count(yaml, node)) {
        return NULL;
    }
    return yaml_document_get_node(&yaml->document, node->data.mapping.pairs.start[index].key);
}

/** Join words with commas: "a, b, c". */
static void list_words(char *text, size_t text_max, const char *const *words, size_t count)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count && used < text_max; i++) {
        int more = snprintf(text + used, text_max - used, "%s%s", i > 0 ? ", " : "", words[i]);
        used += more > 0 ? (size_t)more : 0;
    }
}

static bool key_is_known(const char *key, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

/** Complain when a key of the mapping stands twice. */
static void check_unique(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    uint32_t count = gw_yaml_count(yaml, node);
    if (count > KEYS_MAX) {
        gw_yaml_fail(yaml, node, "more than %u keys", KEYS_MAX);
        return;
    }
    for (uint32_t i = 0; i < count && !yaml->failed; i++) {
        const gw_yaml_node *key = gw_yaml_key(yaml, node, i);
        const char *text = gw_yaml_text(yaml, key);
        for (uint32_t k = 0; k < i && !yaml->failed; k++) {
            if (strcmp(text, gw_yaml_text(yaml, gw_yaml_key(yaml, node, k))) == 0) {
                gw_yaml_fail(yaml, key, "the key '%s' is there twice", text);
            }
        }
    }
}

void gw_yaml_keys(struct gw_yaml *yaml, const gw_yaml_node *node, const char *const *keys,
                  size_t count)
{
    char known[256];
    if (yaml->failed || node == NULL) {
        return;
    }
    list_words(known, sizeof(known), keys, count);
    if (!gw_yaml_is_map(node)) {
        gw_yaml_fail(yaml, node, "a mapping with these keys is expected here: %s", known);
        return;
    }
    check_unique(yaml, node);
    uint32_t pairs = gw_yaml_count(yaml, node);
    for (uint32_t i = 0; i < pairs && !yaml->failed; i++) {
        const gw_yaml_node *key = gw_yaml_key(yaml, node, i);
        const char *text = gw_yaml_text(yaml, key);
        if (!yaml->failed && !key_is_known(text, keys, count)) {
            gw_yaml_fail(yaml, key, "unknown key '%.40s'; known here: %s", text, known);
        }
    }
}

const gw_yaml_node *gw_yaml_get(struct gw_yaml *yaml, const gw_yaml_node *node, const char *key)
{
    uint32_t count = gw_yaml_is_map(node) ? gw_yaml_count(yaml, node) : 0;
    for (uint32_t i = 0; i < count; i++) {
        const gw_yaml_node *name = gw_yaml_key(yaml, node, i);
        if (name->type == YAML_SCALAR_NODE &&
            strcmp((const char *)name->data.scalar.value, key) == 0) {
            return gw_yaml_item(yaml, node, i);
        }
    }
    return NULL;
}

const gw_yaml_node *gw_yaml_need(struct gw_yaml *yaml, const gw_yaml_node *node, const char *key)
{
    const gw_yaml_node *value = gw_yaml_get(yaml, node, key);
    if (value == NULL) {
        gw_yaml_fail(yaml, node, "the key '%s' is missing here", key);
    }
    return value;
}

const char *gw_yaml_text(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    if (yaml->failed || node == NULL) {
        return "";
    }
    if (node->type != YAML_SCALAR_NODE) {
        gw_yaml_fail(yaml, node, "a single value is expected here, not a list or a mapping");
        return "";
    }
    const char *text = (const char *)node->data.scalar.value;
    if (strlen(text) != node->data.scalar.length) {
        gw_yaml_fail(yaml, node, "a text may not contain the character NUL");
        return "";
    }
    return text;
}

void gw_yaml_copy(struct gw_yaml *yaml, char *text, size_t text_max, const gw_yaml_node *node,
                  const char *what)
{
    const char *value = gw_yaml_text(yaml, node);
    size_t len = strlen(value);
    if (yaml->failed || node == NULL) {
        return;
    }
    if (len == 0 || len >= text_max) {
        gw_yaml_fail(yaml, node, "%s must have 1 to %zu bytes, not %zu", what, text_max - 1, len);
        return;
    }
    memcpy(text, value, len + 1);
}

uint32_t gw_yaml_word(struct gw_yaml *yaml, const gw_yaml_node *node, const char *const *words,
                      uint32_t count)
{
    const char *text = gw_yaml_text(yaml, node);
    if (yaml->failed || node == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    char known[256];
    list_words(known, sizeof(known), words, count);
    gw_yaml_fail(yaml, node, "'%.40s' is none of: %s", text, known);
    return 0;
}

bool gw_yaml_bool(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    static const char *const words[] = {"false", "true"};
    return gw_yaml_word(yaml, node, words, 2) == 1;
}

int64_t gw_yaml_decimal(struct gw_yaml *yaml, const gw_yaml_node *node,
                        const struct gw_yaml_number *number)
{
    const char *text = gw_yaml_text(yaml, node);
    if (yaml->failed || node == NULL) {
        return 0;
    }
    int64_t value = 0;
    enum mt_status status = mt_decimal_text_scaled(&value, text, strlen(text), number->scale);
    if (status == MT_OK && value >= number->min && value <= number->max) {
        return value;
    }
    char low[MT_DECIMAL_TEXT_MAX];
    char high[MT_DECIMAL_TEXT_MAX];
    mt_decimal_format(low, number->min, -number->scale);
    mt_decimal_format(high, number->max, -number->scale);
    if (status == MT_BAD_DIGIT) {
        gw_yaml_fail(yaml, node, "'%.40s' is no number; %s is expected, such as 0.5953", text,
                     number->what);
    } else {
        gw_yaml_fail(yaml, node, "%.40s cannot be %s: from %s to %s, at most %d decimals", text,
                     number->what, low, high, number->scale);
    }
    return 0;
}

int32_t gw_yaml_date(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    const char *text = gw_yaml_text(yaml, node);
    struct gw_date date;
    if (yaml->failed || node == NULL) {
        return 0;
    }
    if (!gw_date_parse(&date, text, strlen(text))) {
        gw_yaml_fail(yaml, node, "'%.40s' is no date of 1970 to 2199 written as 2024-12-31", text);
        return 0;
    }
    return gw_day_of_date(date);
}
