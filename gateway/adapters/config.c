/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "gateway/adapters/config_table.h"

#define FIELDS_MAX 96u

/* One file on its way into a configuration. */
struct reader {
    struct gw_config *config;
    char *why;
    const char *name;
    yaml_document_t *document;
    bool seen[FIELDS_MAX];
};

static enum gw_status complain(struct reader *r, const yaml_node_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum gw_status complain(struct reader *r, const yaml_node_t *at, const char *format, ...)
{
    int used = snprintf(r->why, GW_CONFIG_WHY_BYTES, "%s:%zu: ", r->name,
                        at != NULL ? at->start_mark.line + 1 : 1);
    va_list list;
    va_start(list, format);
    if (used > 0 && (size_t)used < GW_CONFIG_WHY_BYTES) {
        vsnprintf(r->why + used, GW_CONFIG_WHY_BYTES - (size_t)used, format, list);
    }
    va_end(list);
    return GW_INVALID;
}

static const char *scalar(const yaml_node_t *node)
{
    /* A NUL inside the text would hide what follows it: such a scalar is no text. */
    if (node == NULL || node->type != YAML_SCALAR_NODE ||
        strlen((const char *)node->data.scalar.value) != node->data.scalar.length) {
        return NULL;
    }
    return (const char *)node->data.scalar.value;
}

static enum gw_status unknown_field(struct reader *r, const yaml_node_t *key, const char *section,
                                    const char *name)
{
    char known[600] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < gw_config_field_count; i++) {
        if (strcmp(gw_config_fields[i].section, section) == 0 && used < sizeof(known)) {
            int n = snprintf(known + used, sizeof(known) - used, "%s%s", used > 0 ? ", " : "",
                             gw_config_fields[i].name);
            used += n > 0 ? (size_t)n : 0;
        }
    }
    return complain(r, key, "the section %s has no field '%.64s'; its fields are: %s.", section,
                    name, known);
}

static enum gw_status read_field(struct reader *r, const char *section, const yaml_node_t *key,
                                 const yaml_node_t *value)
{
    const char *name = scalar(key);
    if (name == NULL) {
        return complain(r, key, "a field of %s has no plain name; write `name: value`.", section);
    }
    for (uint32_t i = 0; i < gw_config_field_count; i++) {
        const struct gw_config_field *field = &gw_config_fields[i];
        if (strcmp(field->section, section) != 0 || strcmp(field->name, name) != 0) {
            continue;
        }
        if (r->seen[i]) {
            return complain(r, key, "%s.%s is given a second time; keep one of them.", section,
                            name);
        }
        r->seen[i] = true;
        const char *text = scalar(value);
        char why[400];
        if (text == NULL) {
            return complain(r, value, "%s.%s must be one value, not a list or a section.", section,
                            name);
        }
        if (gw_config_set(r->config, why, sizeof(why), field, text) != GW_OK) {
            return complain(r, value, "%s.%s %s", section, name, why);
        }
        return GW_OK;
    }
    return unknown_field(r, key, section, name);
}

static enum gw_status read_section(struct reader *r, const yaml_node_t *key,
                                   const yaml_node_t *value)
{
    const char *section = scalar(key);
    if (section == NULL || gw_config_section_about(section) == NULL) {
        return complain(
            r, key,
            "there is no section '%.64s'; the sections are: gateway, store, limits, settle, "
            "mqtt, coap, operator, http.",
            section != NULL ? section : "(not a name)");
    }
    const char *text = scalar(value);
    if (text != NULL && *text == '\0') {
        return GW_OK; /* `mqtt:` with nothing below it: all defaults */
    }
    if (value == NULL || value->type != YAML_MAPPING_NODE) {
        return complain(r, value, "the section %s must hold fields: lines `name: value`, indented.",
                        section);
    }
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start;
         pair < value->data.mapping.pairs.top; pair++) {
        enum gw_status status =
            read_field(r, section, yaml_document_get_node(r->document, pair->key),
                       yaml_document_get_node(r->document, pair->value));
        if (status != GW_OK) {
            return status;
        }
    }
    return GW_OK;
}

static enum gw_status read_document(struct reader *r)
{
    const yaml_node_t *root = yaml_document_get_root_node(r->document);
    if (root == NULL) {
        return GW_OK; /* an empty file */
    }
    if (root->type != YAML_MAPPING_NODE) {
        return complain(r, root, "the file must hold sections, such as `gateway:`.");
    }
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        enum gw_status status = read_section(r, yaml_document_get_node(r->document, pair->key),
                                             yaml_document_get_node(r->document, pair->value));
        if (status != GW_OK) {
            return status;
        }
    }
    return GW_OK;
}

static bool is_power_of_two(int64_t value)
{
    return value > 0 && (value & (value - 1)) == 0;
}

/* What no field can know alone. */
static enum gw_status check_whole(struct reader *r)
{
    const struct gw_config *c = r->config;
    if (c->clock_years_us <= c->clock_ahead_us) {
        return complain(
            r, NULL,
            "settle.clock_years must be more than clock_ahead: what is only doubtful must "
            "not be refused already.");
    }
    if (!is_power_of_two(c->mqtt_queue_bytes) || !is_power_of_two(c->coap_queue_bytes)) {
        return complain(r, NULL, "mqtt.queue and coap.queue must be powers of two, such as 4MiB.");
    }
    if (c->mqtt_enabled && *c->mqtt_socket == '\0' && *c->mqtt_host == '\0') {
        return complain(r, NULL, "mqtt needs a host or a socket; or set mqtt.enabled: false.");
    }
    if (c->operator_enabled &&
        (*c->operator_url == '\0' || *c->operator_ca_file == '\0' ||
         *c->operator_certificate_file == '\0' || *c->operator_key_file == '\0' ||
         *c->operator_signing_key_file == '\0')) {
        return complain(r, NULL,
                        "operator needs url, ca_file, certificate_file, key_file and "
                        "signing_key_file; or set operator.enabled: false.");
    }
    if (c->http_port != 0 && *c->http_token_file == '\0') {
        return complain(r, NULL,
                        "http.port needs http.token_file: TCP is open to every local user.");
    }
    return GW_OK;
}

void gw_config_defaults(struct gw_config *config, const char *dir)
{
    MT_CHECK(gw_config_field_count <= FIELDS_MAX);
    MT_CHECK(strlen(dir) <= GW_CONFIG_PATH_MAX);
    memset(config, 0, sizeof(*config));
    memcpy(config->dir, dir, strlen(dir) + 1);
    for (uint32_t i = 0; i < gw_config_field_count; i++) {
        char why[400];
        enum gw_status status = gw_config_set(config, why, sizeof(why), &gw_config_fields[i],
                                              gw_config_fields[i].initial);
        /* Only a very long directory can make a default path too long; the store then says so. */
        MT_CHECK(status == GW_OK || gw_config_fields[i].type == GW_CONFIG_PATH);
    }
}

enum gw_status gw_config_parse(struct gw_config *config, char why[GW_CONFIG_WHY_BYTES],
                               const char *dir, const char *name, const char *text, size_t text_len)
{
    struct gw_config read;
    yaml_parser_t parser;
    yaml_document_t document;
    struct reader r = {.config = &read, .why = why, .name = name, .document = &document};
    if (strlen(dir) > GW_CONFIG_PATH_MAX - 64) {
        return complain(&r, NULL,
                        "the gateway's directory has too long a name: %zu characters, %u at "
                        "most.",
                        strlen(dir), GW_CONFIG_PATH_MAX - 64);
    }
    gw_config_defaults(&read, dir);
    if (yaml_parser_initialize(&parser) == 0) {
        return complain(&r, NULL, "there is no memory to read it.");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, text_len);
    enum gw_status status = GW_OK;
    if (yaml_parser_load(&parser, &document) == 0) {
        snprintf(why, GW_CONFIG_WHY_BYTES,
                 "%s:%zu: this is no YAML: %s. Indent with spaces, and "
                 "write `name: value`.",
                 name, parser.problem_mark.line + 1,
                 parser.problem != NULL ? parser.problem : "not readable");
        status = GW_INVALID;
    } else {
        status = read_document(&r);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    if (status == GW_OK) {
        status = check_whole(&r);
    }
    if (status == GW_OK) {
        *config = read;
    }
    return status;
}

enum gw_status gw_config_load(struct gw_config *config, char why[GW_CONFIG_WHY_BYTES],
                              const char *dir, const char *path)
{
    char in_dir[4096];
    if (path == NULL) {
        snprintf(in_dir, sizeof(in_dir), "%s/" GW_CONFIG_NAME, dir);
        path = in_dir;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        snprintf(why, GW_CONFIG_WHY_BYTES,
                 "%.600s: cannot be read: %s. `meterpay init DIR` makes a directory with a "
                 "configuration.",
                 path, strerror(errno));
        return GW_IO;
    }
    enum gw_status status = GW_IO;
    char *text = malloc(GW_CONFIG_FILE_BYTES_MAX + 1);
    size_t len = text != NULL ? fread(text, 1, GW_CONFIG_FILE_BYTES_MAX + 1, file) : 0;
    if (text == NULL || ferror(file) != 0) {
        snprintf(why, GW_CONFIG_WHY_BYTES, "%.600s: cannot be read: %s.", path, strerror(errno));
    } else if (len > GW_CONFIG_FILE_BYTES_MAX) {
        snprintf(why, GW_CONFIG_WHY_BYTES, "%.600s: is larger than %u bytes: is it the right file?",
                 path, GW_CONFIG_FILE_BYTES_MAX);
        status = GW_INVALID;
    } else {
        status = gw_config_parse(config, why, dir, path, text, len);
    }
    free(text);
    (void)fclose(file); /* only read from */
    return status;
}

void gw_config_core(struct gw_core_config *core, const struct gw_config *config)
{
    memset(core, 0, sizeof(*core));
    core->limits.meters_max = (uint32_t)config->meters_max;
    core->limits.households_max = (uint32_t)config->households_max;
    core->limits.bindings_max = (uint32_t)config->bindings_max;
    core->limits.orders_open_max = (uint32_t)config->orders_open_max;
    core->settle.order_min_fen = config->order_min_fen;
    core->settle.order_after_us = config->order_after_us;
    core->settle.retry_refused_us = config->retry_refused_us;
    core->settle.clock_ahead_us = config->clock_ahead_us;
    core->settle.late_window_us = config->late_window_us;
    core->settle.clock_years_us = config->clock_years_us;
    memcpy(core->gateway_id, config->gateway_id, strlen(config->gateway_id) + 1);
}
