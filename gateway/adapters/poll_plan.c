/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/poll_plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meters/name.h"

#define SECOND_US 1000000ll
#define SPEED_MIN 300u
#define SPEED_MAX 115200u

/* One file on its way into a plan. */
struct reading {
    struct gw_yaml *yaml;
    struct gw_poll_plan *plan;
    const char *dir;
};

static const struct {
    const char *word;
    const char *frame;
    uint32_t digits; /* of the meter's number where it is the address; 0: any */
} protocols[GW_POLL_PROTOCOLS] = {
    {"dlt645", "dlt645", 12}, {"dlt645-1997", "dlt645", 12}, {"cjt188", "cjt188", 14},
    {"mbus", "mbus", 8},      {"mbus-secondary", "mbus", 8}, {"modbus", NULL, 0},
};

const char *gw_poll_protocol_name(uint8_t protocol)
{
    MT_CHECK(protocol < GW_POLL_PROTOCOLS);
    return protocols[protocol].word;
}

const char *gw_poll_frame_name(uint8_t protocol)
{
    MT_CHECK(protocol < GW_POLL_PROTOCOLS);
    return protocols[protocol].frame;
}

uint32_t gw_line_frame_ms(const struct gw_line_plan *line, uint32_t bytes_max)
{
    /* 11 bits a character, a third to spare; TCP has the speed of the bus behind it. */
    uint64_t bits = (uint64_t)bytes_max * 11u * 4u / 3u;
    return (uint32_t)(bits * 1000u / line->speed) + 500u;
}

/* ---- fields ---------------------------------------------------------------------------------------- */

/** A span such as 500ms, 15min or 1d. */
static int64_t read_span(struct gw_yaml *yaml, const gw_yaml_node *node, int64_t min_us,
                         int64_t max_us)
{
    static const struct {
        const char *word;
        int64_t us;
    } units[] = {{"ms", 1000},
                 {"s", SECOND_US},
                 {"min", 60 * SECOND_US},
                 {"h", 3600 * SECOND_US},
                 {"d", 86400 * SECOND_US}};
    const char *text = gw_yaml_text(yaml, node);
    int64_t number = 0;
    size_t at = 0;
    while (at < 9 && text[at] >= '0' && text[at] <= '9') {
        number = number * 10 + (text[at++] - '0');
    }
    for (size_t i = 0; at > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t span_us = number * units[i].us; /* below 10^9 times a day: it fits */
        if (strcmp(text + at, units[i].word) == 0 && span_us >= min_us && span_us <= max_us) {
            return span_us;
        }
    }
    gw_yaml_fail(yaml, node, "'%.20s' is no span from %lld ms to %lld s; write 500ms, 15min, 1h",
                 text, (long long)min_us / 1000, (long long)(max_us / SECOND_US));
    return min_us;
}

static uint32_t read_number(struct gw_yaml *yaml, const gw_yaml_node *node, const char *what,
                            uint32_t min, uint32_t max)
{
    struct gw_yaml_number number = {.what = what, .min = min, .max = max};
    return (uint32_t)gw_yaml_decimal(yaml, node, &number);
}

static int32_t read_minute(struct gw_yaml *yaml, const gw_yaml_node *node)
{
    const char *t = gw_yaml_text(yaml, node);
    bool shaped = strlen(t) == 5 && t[2] == ':';
    for (int i = 0; shaped && i < 5; i++) {
        shaped = i == 2 || (t[i] >= '0' && t[i] <= '9');
    }
    int hour = shaped ? (t[0] - '0') * 10 + t[1] - '0' : 24;
    int minute = shaped ? (t[3] - '0') * 10 + t[4] - '0' : 60;
    if (hour > 23 || minute > 59) {
        gw_yaml_fail(yaml, node, "'%.20s' is no time of the day; write \"03:10\"", t);
        return -1;
    }
    return hour * 60 + minute;
}

/** "host:port", or "[address]:port". */
static void read_tcp(struct gw_yaml *yaml, struct gw_line_plan *line, const gw_yaml_node *node)
{
    const char *text = gw_yaml_text(yaml, node);
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    char *end = NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    bool fine = len > 0 && len <= GW_LINE_WHERE_MAX && port > 0 && port <= 65535 && *end == '\0';
    if (!fine) {
        gw_yaml_fail(yaml, node, "'%.60s' is no host:port", text);
        return;
    }
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    size_t brackets = bracketed ? 2 : 0;
    memcpy(line->where, text + brackets / 2, len - brackets);
    line->where[len - brackets] = '\0';
    line->port = (uint16_t)port;
    line->is_tcp = true;
}

/* ---- meters ------------------------------------------------------------------------------------------ */

static uint8_t find_map(struct reading *r, const gw_yaml_node *node)
{
    struct gw_poll_plan *plan = r->plan;
    char why[GW_YAML_WHY_MAX];
    const char *name = gw_yaml_text(r->yaml, node);
    for (uint32_t i = 0; i < plan->map_count; i++) {
        if (strcmp(plan->maps[i].name, name) == 0) {
            return (uint8_t)i;
        }
    }
    if (gw_yaml_failed(r->yaml)) {
        return 0;
    }
    if (plan->map_count == GW_POLL_MAPS_MAX) {
        gw_yaml_fail(r->yaml, node, "more than %u register maps are in use", GW_POLL_MAPS_MAX);
    } else if (gw_modbus_map_load(&plan->maps[plan->map_count], why, r->dir, name) != GW_OK) {
        gw_yaml_fail(r->yaml, node, "%s", why);
    } else if (strcmp(plan->maps[plan->map_count].name, name) != 0) {
        gw_yaml_fail(r->yaml, node, "the file of the register map '%s' names itself '%s'", name,
                     plan->maps[plan->map_count].name);
    } else {
        return (uint8_t)plan->map_count++;
    }
    return 0;
}

static void read_address(struct reading *r, struct gw_poll_target *target, const gw_yaml_node *node)
{
    const gw_yaml_node *address = gw_yaml_get(r->yaml, node, "address");
    bool is_modbus = target->protocol == GW_POLL_MODBUS;
    uint32_t digits = protocols[target->protocol].digits;
    if (is_modbus || target->protocol == GW_POLL_MBUS) {
        address = gw_yaml_need(r->yaml, node, "address");
        target->address = (uint8_t)read_number(r->yaml, address, "an address on the line", 1,
                                               is_modbus ? 247 : 250);
    } else if (address != NULL) {
        gw_yaml_fail(r->yaml, address, "%s asks by the meter's number: leave the address out",
                     protocols[target->protocol].word);
    }
    if (digits > 0 && strlen(target->identity.number) != digits) {
        gw_yaml_fail(r->yaml, node, "the number of %s is not of %u digits, as every %s meter's is",
                     target->name, digits, protocols[target->protocol].word);
    }
    const gw_yaml_node *map = gw_yaml_get(r->yaml, node, "map");
    if (is_modbus) {
        target->map = find_map(r, gw_yaml_need(r->yaml, node, "map"));
        if (!gw_yaml_failed(r->yaml) &&
            r->plan->maps[target->map].medium != target->identity.medium) {
            gw_yaml_fail(r->yaml, map, "the register map is of another medium than %s",
                         target->name);
        }
    } else if (map != NULL) {
        gw_yaml_fail(r->yaml, map, "only modbus has register maps");
    }
}

static void read_target(struct reading *r, struct gw_poll_target *target, const gw_yaml_node *node)
{
    static const char *const keys[] = {"meter", "protocol", "address", "every", "map"};
    const char *words[GW_POLL_PROTOCOLS];
    for (uint32_t i = 0; i < GW_POLL_PROTOCOLS; i++) {
        words[i] = protocols[i].word;
    }
    gw_yaml_keys(r->yaml, node, keys, 5);
    const gw_yaml_node *meter = gw_yaml_need(r->yaml, node, "meter");
    gw_yaml_copy(r->yaml, target->name, sizeof(target->name), meter, "a meter's name");
    if (!gw_yaml_failed(r->yaml) &&
        mt_name_parse(&target->identity, target->name, strlen(target->name)) != MT_OK) {
        gw_yaml_fail(r->yaml, meter, "'%s' is no meter's name, such as pHXE-000012345678",
                     target->name);
    }
    for (uint32_t i = 0; i < r->plan->target_count; i++) {
        if (strcmp(r->plan->targets[i].name, target->name) == 0) {
            gw_yaml_fail(r->yaml, meter, "%s is there a second time", target->name);
        }
    }
    target->protocol = (uint8_t)gw_yaml_word(r->yaml, gw_yaml_need(r->yaml, node, "protocol"),
                                             words, GW_POLL_PROTOCOLS);
    const gw_yaml_node *every = gw_yaml_get(r->yaml, node, "every");
    target->every_us = every != NULL
                           ? read_span(r->yaml, every, SECOND_US, 31ll * 86400 * SECOND_US)
                           : 900 * SECOND_US;
    if (!gw_yaml_failed(r->yaml)) {
        read_address(r, target, node);
    }
}

/* ---- lines ---------------------------------------------------------------------------------------------- */

static void read_where(struct gw_yaml *yaml, struct gw_line_plan *line, const gw_yaml_node *node)
{
    const gw_yaml_node *device = gw_yaml_get(yaml, node, "device");
    const gw_yaml_node *tcp = gw_yaml_get(yaml, node, "tcp");
    if ((device == NULL) == (tcp == NULL)) {
        gw_yaml_fail(yaml, node, "a line has either a device or a tcp");
    } else if (device != NULL) {
        gw_yaml_copy(yaml, line->where, sizeof(line->where), device, "a device's path");
    } else {
        read_tcp(yaml, line, tcp);
    }
}

static void read_timing(struct gw_yaml *yaml, struct gw_line_plan *line, const gw_yaml_node *node)
{
    static const char *const parities[] = {"even", "odd", "none"};
    const gw_yaml_node *field = gw_yaml_get(yaml, node, "speed");
    line->speed = field != NULL
                      ? read_number(yaml, field, "a speed in bits a second", SPEED_MIN, SPEED_MAX)
                      : 2400;
    field = gw_yaml_get(yaml, node, "parity");
    line->parity = field != NULL ? "EON"[gw_yaml_word(yaml, field, parities, 3) % 3] : 'E';
    field = gw_yaml_get(yaml, node, "stop_bits");
    line->stop_bits =
        field != NULL ? (uint8_t)read_number(yaml, field, "a number of stop bits", 1, 2) : 1;
    /* DL/T 645, 5.3: a meter begins within 500 ms; then come what preamble and head take. */
    field = gw_yaml_get(yaml, node, "answer_within");
    line->answer_ms = field != NULL
                          ? (uint32_t)(read_span(yaml, field, 10000, 60 * SECOND_US) / 1000)
                          : 500u + 24u * 11u * 1000u / (line->speed > 0 ? line->speed : 300u);
    field = gw_yaml_get(yaml, node, "gap");
    line->gap_ms = field != NULL ? (uint32_t)(read_span(yaml, field, 0, SECOND_US) / 1000) : 30;
    field = gw_yaml_get(yaml, node, "tries");
    line->tries = field != NULL ? (uint8_t)read_number(yaml, field, "a number of tries", 1, 10) : 3;
    field = gw_yaml_get(yaml, node, "time_sync");
    line->sync_minute = field != NULL ? read_minute(yaml, field) : -1;
    static const char *const framings[] = {"rtu", "tcp"};
    field = gw_yaml_get(yaml, node, "modbus");
    line->modbus_tcp = field != NULL && gw_yaml_word(yaml, field, framings, 2) == 1;
    if (line->modbus_tcp && !line->is_tcp) {
        gw_yaml_fail(yaml, field, "Modbus/TCP needs a line that is tcp");
    }
}

static bool is_line_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-';
        if (!plain) {
            return false;
        }
    }
    return true;
}

static void read_line(struct reading *r, const gw_yaml_node *node)
{
    static const char *const keys[] = {"name",   "device",    "tcp",    "speed",
                                       "parity", "stop_bits", "gap",    "answer_within",
                                       "tries",  "time_sync", "modbus", "meters"};
    struct gw_poll_plan *plan = r->plan;
    struct gw_line_plan *line = &plan->lines[plan->line_count];
    gw_yaml_keys(r->yaml, node, keys, sizeof(keys) / sizeof(keys[0]));
    const gw_yaml_node *name = gw_yaml_need(r->yaml, node, "name");
    gw_yaml_copy(r->yaml, line->name, sizeof(line->name), name, "a line's name");
    if (!is_line_name(line->name)) {
        gw_yaml_fail(r->yaml, name, "a line's name is of a-z 0-9 -");
    }
    for (uint32_t i = 0; i < plan->line_count; i++) {
        if (strcmp(plan->lines[i].name, line->name) == 0) {
            gw_yaml_fail(r->yaml, name, "the line %s is there a second time", line->name);
        }
    }
    read_where(r->yaml, line, node);
    read_timing(r->yaml, line, node);
    const gw_yaml_node *meters = gw_yaml_get(r->yaml, node, "meters");
    line->first = plan->target_count;
    line->count = meters != NULL ? gw_yaml_count(r->yaml, meters) : 0;
    if (line->count > GW_LINE_METERS_MAX || plan->target_count + line->count > GW_POLL_METERS_MAX) {
        gw_yaml_fail(r->yaml, meters, "a line has at most %u meters, and all lines %u",
                     GW_LINE_METERS_MAX, GW_POLL_METERS_MAX);
    }
    for (uint32_t i = 0; i < line->count && !gw_yaml_failed(r->yaml); i++) {
        read_target(r, &plan->targets[plan->target_count], gw_yaml_item(r->yaml, meters, i));
        uint8_t protocol = plan->targets[plan->target_count].protocol;
        if (line->modbus_tcp && protocol != GW_POLL_MODBUS) {
            gw_yaml_fail(r->yaml, meters, "a line of Modbus/TCP carries nothing but modbus");
        }
        plan->target_count++;
    }
    plan->line_count++;
}

enum gw_status gw_poll_plan_parse(struct gw_poll_plan *plan, char *why,
                                  const struct gw_yaml_source *source, const char *dir)
{
    static const char *const keys[] = {"lines"};
    struct reading r = {.plan = plan, .dir = dir};
    memset(plan, 0, sizeof(*plan));
    r.yaml = gw_yaml_open(why, GW_YAML_WHY_MAX, source);
    if (r.yaml == NULL) {
        return GW_FULL;
    }
    const gw_yaml_node *root = gw_yaml_root(r.yaml);
    gw_yaml_keys(r.yaml, root, keys, 1);
    const gw_yaml_node *lines = gw_yaml_need(r.yaml, root, "lines");
    uint32_t count = gw_yaml_count(r.yaml, lines);
    if (count > GW_LINES_MAX) {
        gw_yaml_fail(r.yaml, lines, "there are more than %u lines", GW_LINES_MAX);
    }
    for (uint32_t i = 0; i < count && !gw_yaml_failed(r.yaml); i++) {
        read_line(&r, gw_yaml_item(r.yaml, lines, i));
    }
    bool failed = gw_yaml_failed(r.yaml);
    gw_yaml_close(r.yaml);
    return failed ? GW_INVALID : GW_OK;
}

enum gw_status gw_poll_plan_load(struct gw_poll_plan *plan, char *why, const char *dir)
{
    char path[600];
    int used = snprintf(path, sizeof(path), "%s/%s", dir, GW_LINES_NAME);
    FILE *file = used > 0 && (size_t)used < sizeof(path) ? fopen(path, "re") : NULL;
    if (file == NULL) {
        bool none = errno == ENOENT;
        (void)snprintf(why, GW_YAML_WHY_MAX, "%.300s %s", path,
                       none ? "does not exist: nothing is polled" : "cannot be read");
        return none ? GW_END : GW_IO;
    }
    char *text = malloc(GW_YAML_BYTES_MAX);
    size_t len = text != NULL ? fread(text, 1, GW_YAML_BYTES_MAX, file) : 0;
    bool fine = text != NULL && ferror(file) == 0 && len < GW_YAML_BYTES_MAX;
    (void)fclose(file); /* it was only read */
    struct gw_yaml_source source = {.name = path, .text = text, .len = len};
    enum gw_status status = fine ? gw_poll_plan_parse(plan, why, &source, dir) : GW_IO;
    if (!fine) {
        (void)snprintf(why, GW_YAML_WHY_MAX, "%.300s cannot be read, or is over %u bytes", path,
                       GW_YAML_BYTES_MAX);
    }
    free(text);
    return status;
}
