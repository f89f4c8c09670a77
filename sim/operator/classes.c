/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Reads the table of wallet classes with libyaml. See classes.h. */
#include "sim/operator/classes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "gateway/core/civil.h"

struct reader {
    const char *path;
    char *error;
    yaml_document_t document;
};

static enum gw_status wrong(struct reader *reader, size_t line, const char *what)
{
    (void)snprintf(reader->error, SIM_CLASSES_ERROR_BYTES, "%.250s:%zu: %.200s", reader->path, line,
                   what);
    return GW_INVALID;
}

uint8_t sim_class_number(const char *text)
{
    for (uint8_t n = 1; n <= 4; n++) {
        if (strcmp(text, sim_class_text(n)) == 0) {
            return n;
        }
    }
    return 0;
}

const char *sim_class_text(uint8_t class_number)
{
    static const char *const texts[] = {"?", "I", "II", "III", "IV"};
    MT_CHECK(class_number >= 1 && class_number <= 4);
    return texts[class_number];
}

bool sim_day_parse(int32_t *day, const char *text)
{
    static const char form[] = "dddd-dd-dd";
    int fields[3] = {0};
    size_t field = 0;
    if (strlen(text) != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (form[i] == 'd' ? !digit : text[i] != '-') {
            return false;
        }
        if (form[i] == '-') {
            field++;
        } else {
            fields[field] = fields[field] * 10 + (text[i] - '0');
        }
    }
    struct gw_date date = {fields[0], (uint8_t)fields[1], (uint8_t)fields[2]};
    if (!gw_date_valid(date)) {
        return false;
    }
    *day = gw_day_of_date(date);
    return true;
}

void sim_day_format(char text[11], int32_t day)
{
    struct gw_date date = gw_date_of_day(day);
    (void)snprintf(text, 11, "%04u-%02u-%02u", (unsigned)date.year % 10000u, date.month % 100u,
                   date.day % 100u);
}

/* The scalar of a key in a mapping, or NULL. */
static const yaml_node_t *find(struct reader *reader, const yaml_node_t *mapping, const char *key)
{
    yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&reader->document, pair->key);
        if (name->type == YAML_SCALAR_NODE &&
            strcmp((const char *)name->data.scalar.value, key) == 0) {
            return yaml_document_get_node(&reader->document, pair->value);
        }
    }
    return NULL;
}

static const char *find_text(struct reader *reader, const yaml_node_t *mapping, const char *key)
{
    const yaml_node_t *node = find(reader, mapping, key);
    bool scalar = node != NULL && node->type == YAML_SCALAR_NODE;
    return scalar ? (const char *)node->data.scalar.value : NULL;
}

/* Whole fen or "none". */
static bool parse_limit(int64_t *limit_fen, const char *text)
{
    char *end = NULL;
    if (text == NULL) {
        return false;
    }
    if (strcmp(text, "none") == 0) {
        *limit_fen = SIM_NO_LIMIT;
        return true;
    }
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > SIM_ACCOUNT_FEN_MAX) {
        return false;
    }
    *limit_fen = value;
    return true;
}

static bool parse_type(enum sim_wallet_type *type, const char *text)
{
    if (text == NULL) {
        return false;
    }
    if (strcmp(text, "personal") == 0) {
        *type = SIM_WALLET_PERSONAL;
        return true;
    }
    *type = SIM_WALLET_CORPORATE;
    return strcmp(text, "corporate") == 0;
}

static enum gw_status read_entry(struct reader *reader, struct sim_class_entry *entry,
                                 const yaml_node_t *node)
{
    size_t line = node->start_mark.line + 1;
    if (node->type != YAML_MAPPING_NODE) {
        return wrong(reader, line, "expected {type: ..., class: ..., from: ..., ...}");
    }
    const char *class_text = find_text(reader, node, "class");
    const char *from = find_text(reader, node, "from");
    entry->class_number = class_text == NULL ? 0 : sim_class_number(class_text);
    if (entry->class_number == 0) {
        return wrong(reader, line, "class must be I, II, III or IV");
    }
    if (!parse_type(&entry->type, find_text(reader, node, "type"))) {
        return wrong(reader, line, "type must be personal or corporate");
    }
    if (from == NULL || !sim_day_parse(&entry->from_day, from)) {
        return wrong(reader, line, "from must be a date such as 2026-01-31");
    }
    if (!parse_limit(&entry->limits.single_fen, find_text(reader, node, "single_fen")) ||
        !parse_limit(&entry->limits.day_fen, find_text(reader, node, "day_fen")) ||
        !parse_limit(&entry->limits.year_fen, find_text(reader, node, "year_fen")) ||
        !parse_limit(&entry->limits.balance_fen, find_text(reader, node, "balance_fen"))) {
        return wrong(
            reader, line,
            "single_fen, day_fen, year_fen and balance_fen must each be whole fen or none");
    }
    return GW_OK;
}

static enum gw_status read_table(struct reader *reader, struct sim_classes *classes)
{
    const yaml_node_t *root = yaml_document_get_root_node(&reader->document);
    if (root == NULL || root->type != YAML_MAPPING_NODE) {
        return wrong(reader, 1, "expected `version: 1` and a list `classes:`");
    }
    const char *version = find_text(reader, root, "version");
    const yaml_node_t *list = find(reader, root, "classes");
    if (version == NULL || strcmp(version, "1") != 0) {
        return wrong(reader, root->start_mark.line + 1, "expected `version: 1`");
    }
    if (list == NULL || list->type != YAML_SEQUENCE_NODE) {
        return wrong(reader, root->start_mark.line + 1, "expected a list `classes:`");
    }
    yaml_node_item_t *item = list->data.sequence.items.start;
    for (; item < list->data.sequence.items.top; item++) {
        const yaml_node_t *node = yaml_document_get_node(&reader->document, *item);
        if (classes->count == SIM_CLASSES_MAX) {
            return wrong(reader, node->start_mark.line + 1, "more than 256 entries");
        }
        enum gw_status status = read_entry(reader, &classes->entries[classes->count], node);
        if (status != GW_OK) {
            return status;
        }
        classes->count++;
    }
    if (classes->count == 0) {
        return wrong(reader, list->start_mark.line + 1, "the list is empty");
    }
    return GW_OK;
}

static enum gw_status read_document(struct reader *reader, struct sim_classes *classes, FILE *file)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return wrong(reader, 0, "out of memory");
    }
    yaml_parser_set_input_file(&parser, file);
    enum gw_status status = GW_INVALID;
    if (yaml_parser_load(&parser, &reader->document) == 0) {
        status = wrong(reader, parser.problem_mark.line + 1,
                       parser.problem == NULL ? "not YAML" : parser.problem);
    } else {
        status = read_table(reader, classes);
        yaml_document_delete(&reader->document);
    }
    yaml_parser_delete(&parser);
    return status;
}

enum gw_status sim_classes_load(struct sim_classes *classes, char error[SIM_CLASSES_ERROR_BYTES],
                                const char *path)
{
    MT_CHECK(classes != NULL && error != NULL && path != NULL);
    struct reader reader = {.path = path, .error = error};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)snprintf(error, SIM_CLASSES_ERROR_BYTES, "%.250s: %.200s", path, strerror(errno));
        return GW_IO;
    }
    struct sim_classes *loaded = calloc(1, sizeof *loaded);
    enum gw_status status = GW_IO;
    if (loaded == NULL) {
        (void)snprintf(error, SIM_CLASSES_ERROR_BYTES, "out of memory");
    } else {
        status = read_document(&reader, loaded, file);
    }
    if (status == GW_OK) {
        *classes = *loaded;
    }
    free(loaded);
    (void)fclose(file); /* only read from */
    return status;
}

bool sim_classes_find(struct sim_limits *limits, const struct sim_classes *classes,
                      enum sim_wallet_type type, uint8_t class_number, int32_t day)
{
    const struct sim_class_entry *best = NULL;
    for (uint32_t i = 0; i < classes->count; i++) {
        const struct sim_class_entry *entry = &classes->entries[i];
        bool fits = entry->type == type && entry->class_number == class_number;
        if (fits && entry->from_day <= day && (best == NULL || entry->from_day >= best->from_day)) {
            best = entry;
        }
    }
    if (best == NULL) {
        return false;
    }
    *limits = best->limits;
    return true;
}
