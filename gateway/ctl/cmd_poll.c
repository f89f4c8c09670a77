/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay poll list`, `read` and `scan`: meters on RS-485 and M-Bus lines.
 *
 * read and scan talk on the line themselves, in turn with the daemon; nothing that they hear is billed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/poll_line.h"
#include "gateway/adapters/poll_scan.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/decode.h"

static char *line_name;
static char *device;
static char *protocol_name;
static int speed = 2400;
static char *parity;

/* ---- list ------------------------------------------------------------------------------------------ */

static void print_meters(const json_t *meters)
{
    size_t i = 0;
    const json_t *meter = NULL;
    static const char *const titles[] = {"METER",   "LINE",     "PROTOCOL", "EVERY S", "ANSWERED",
                                         "ANSWERS", "FAILURES", "STATE",    "WHY"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 9);
    json_array_foreach(meters, i, meter)
    {
        bool silent = json_is_true(json_object_get(meter, "silent"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "meter"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "line"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "protocol"));
        gw_ctl_table_cell_int(table, gw_ctl_int(meter, "every_s"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "answered"));
        gw_ctl_table_cell_int(table, gw_ctl_int(meter, "answers"));
        gw_ctl_table_cell_int(table, gw_ctl_int(meter, "failures"));
        gw_ctl_table_cell(table, silent ? "silent" : gw_ctl_text(meter, "verdict"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "why"));
    }
    gw_ctl_table_end(table, "No meter is polled: there is no lines.yaml, or it names none.");
}

int gw_cmd_poll_list(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Lists the meters that the daemon polls: schedule, last answer, silence.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/lines");
    int result = gw_ctl_get(&reply, &args, &path);
    if (result != GW_CTL_OK) {
        return result;
    }
    if (args.json) {
        gw_ctl_print_json(reply);
    } else {
        print_meters(json_object_get(reply, "meters"));
    }
    json_decref(reply);
    return GW_CTL_OK;
}

/* ---- read ------------------------------------------------------------------------------------------- */

/* DIR/lines.yaml, or NULL with a complaint. */
static struct gw_poll_plan *load_plan(const char *dir)
{
    static struct gw_poll_plan plan;
    char why[GW_YAML_WHY_MAX];
    if (dir == NULL) {
        (void)gw_ctl_misuse("give the gateway's directory with --dir.");
        return NULL;
    }
    if (gw_poll_plan_load(&plan, why, dir) != GW_OK) {
        (void)gw_ctl_misuse("%s", why);
        return NULL;
    }
    return &plan;
}

static void print_frame(const struct gw_poll_target *target, const uint8_t *bytes, size_t len)
{
    const char *name = gw_poll_frame_name(target->protocol);
    struct mt_input input = {.bytes = bytes, .len = len};
    size_t used = 0;
    bool refused = false;
    json_t *object = gw_decode_json(&used, &refused, mt_protocol_find(name, strlen(name)), &input);
    (void)json_dumpf(object, stdout, JSON_COMPACT); /* main asks stdout whether it was written */
    putchar('\n');
    json_decref(object);
}

static int complain(const struct gw_line *line, const char *name, enum gw_status status,
                    enum gw_talk_said said)
{
    if (status != GW_OK) {
        return gw_ctl_no("%s", line->why);
    }
    return gw_ctl_no("%s %s%s%s", name,
                     said == GW_TALK_SILENT ? "does not answer" : "answers without a register",
                     *line->why != '\0' ? ": " : "", line->why);
}

static int read_now(struct gw_line *line, const struct gw_poll_plan *plan,
                    const struct gw_poll_target *target)
{
    static struct gw_talk talk;
    struct mt_reading reading;
    enum gw_talk_said said = GW_TALK_SILENT;
    enum gw_status status = gw_line_take(line);
    if (status == GW_OK && target->protocol == GW_POLL_MODBUS) {
        status = gw_line_modbus(line, &said, &reading, target->address, &plan->maps[target->map],
                                line->plan->tries);
    } else if (status == GW_OK) {
        gw_talk_begin(&talk, target, line->plan->tries);
        status = gw_line_talk(line, &said, &talk);
    }
    gw_line_give(line);
    if (status != GW_OK || said != GW_TALK_ANSWER) {
        return complain(line, target->name, status, said);
    }
    if (target->protocol == GW_POLL_MODBUS) {
        printf("{\"protocol\":\"modbus\",\"meter\":\"%s\",\"total\":{\"value\":\"%lld\",\"unit\":"
               "\"%s\"}}"
               "\n",
               target->name, (long long)reading.total,
               target->identity.medium == MT_POWER || target->identity.medium == MT_HEAT ? "Wh"
                                                                                         : "ml");
        return GW_CTL_OK;
    }
    size_t len = 0;
    const uint8_t *bytes = gw_talk_answer(&talk, &len);
    print_frame(target, bytes, len);
    return GW_CTL_OK;
}

int gw_cmd_poll_read(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "METER",
        .about =
            "Asks a meter of lines.yaml once, now, and prints its answer decoded, as `meterpay\n"
            "decode` does. Nothing is billed by it.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_line line;
    gw_ctl_parse(&args, argc, argv, &syntax);
    const struct gw_poll_plan *plan = load_plan(args.dir);
    if (plan == NULL) {
        return GW_CTL_USAGE;
    }
    for (uint32_t l = 0; l < plan->line_count; l++) {
        for (uint32_t i = 0; i < plan->lines[l].count; i++) {
            const struct gw_poll_target *target = &plan->targets[plan->lines[l].first + i];
            if (strcmp(target->name, args.rest[0]) != 0) {
                continue;
            }
            if (gw_line_open(&line, &plan->lines[l], args.dir, -1) != GW_OK) {
                return gw_ctl_no("%s", line.why);
            }
            int result = read_now(&line, plan, target);
            gw_line_close(&line);
            return result;
        }
    }
    return gw_ctl_no("%s is on no line of %s/%s.", args.rest[0], args.dir, GW_LINES_NAME);
}

/* ---- scan -------------------------------------------------------------------------------------------- */

/* One probe. Returns what was heard; a meter that was found alone is printed. */
static enum gw_status probe(struct gw_line *line, enum gw_scan_heard *heard, uint8_t protocol,
                            const char *number, uint8_t address)
{
    static struct gw_talk talk;
    enum gw_talk_said said = GW_TALK_SILENT;
    enum gw_status status = gw_line_take(line);
    gw_talk_probe(&talk, protocol, number, address);
    status = status == GW_OK ? gw_line_talk(line, &said, &talk) : status;
    gw_line_give(line);
    if (status != GW_OK) {
        return status;
    }
    bool one = said != GW_TALK_SILENT && talk.frame.identity.number[0] != '\0';
    *heard = one && talk.damaged_count == 0 ? GW_SCAN_ONE
             : talk.heard_count > 0         ? GW_SCAN_COLLISION
                                            : GW_SCAN_NOBODY;
    if (*heard == GW_SCAN_ONE) {
        printf("%s", talk.frame.identity.number);
        if (protocol == GW_POLL_MBUS) {
            printf(" address %u", address);
        }
        printf("%s%s\n", talk.frame.identity.maker[0] != '\0' ? " maker " : "",
               talk.frame.identity.maker);
        (void)fflush(stdout);
    }
    return GW_OK;
}

static int scan_numbers(struct gw_line *line, uint8_t protocol)
{
    struct gw_scan scan;
    char number[MT_NUMBER_MAX + 1];
    gw_scan_begin(&scan, protocol);
    while (gw_scan_next(&scan, number)) {
        enum gw_scan_heard heard = GW_SCAN_NOBODY;
        if (probe(line, &heard, protocol, number, 0) != GW_OK) {
            return gw_ctl_no("%s", line->why);
        }
        gw_scan_heard(&scan, heard);
    }
    return scan.unresolved_count == 0
               ? GW_CTL_OK
               : gw_ctl_no("%u collisions could not be told apart.", scan.unresolved_count);
}

static int scan_addresses(struct gw_line *line)
{
    for (uint32_t address = 1; address <= 250; address++) {
        enum gw_scan_heard heard = GW_SCAN_NOBODY;
        if (probe(line, &heard, GW_POLL_MBUS, "", (uint8_t)address) != GW_OK) {
            return gw_ctl_no("%s", line->why);
        }
        if (heard == GW_SCAN_COLLISION) {
            printf("address %u: more than one meter\n", address);
        }
    }
    return GW_CTL_OK;
}

/* The line to scan: one of lines.yaml, or a device. NULL after a complaint. */
static const struct gw_line_plan *find_line(const char *dir)
{
    static struct gw_line_plan own = {.name = "scan", .tries = 1, .gap_ms = 30, .stop_bits = 1};
    if (device != NULL) {
        (void)snprintf(own.where, sizeof(own.where), "%s", device); /* a cut path is not opened */
        own.speed = speed >= 300 && speed <= 115200 ? (uint32_t)speed : 2400;
        own.parity = parity != NULL && strcmp(parity, "none") == 0  ? 'N'
                     : parity != NULL && strcmp(parity, "odd") == 0 ? 'O'
                                                                    : 'E';
        own.answer_ms = 500u + 24u * 11u * 1000u / own.speed;
        return &own;
    }
    const struct gw_poll_plan *plan = load_plan(dir);
    for (uint32_t i = 0; plan != NULL && i < plan->line_count; i++) {
        if (strcmp(plan->lines[i].name, line_name) == 0) {
            return &plan->lines[i];
        }
    }
    if (plan != NULL) {
        (void)gw_ctl_misuse("%s has no line '%s'.", GW_LINES_NAME, line_name);
    }
    return NULL;
}

int gw_cmd_poll_scan(int argc, const char **argv)
{
    static const struct poptOption options[] = {
        {"line", '\0', POPT_ARG_STRING, &line_name, 0, "a line of lines.yaml", "NAME"},
        {"device", '\0', POPT_ARG_STRING, &device, 0, "or a serial device", "PATH"},
        {"protocol", '\0', POPT_ARG_STRING, &protocol_name, 0,
         "dlt645, dlt645-1997, cjt188, mbus or mbus-secondary", "NAME"},
        {"speed", '\0', POPT_ARG_INT, &speed, 0, "of the device [2400]", "BITS"},
        {"parity", '\0', POPT_ARG_STRING, &parity, 0, "of the device: even, odd or none [even]",
         "NAME"},
        POPT_TABLEEND,
    };
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "--line NAME | --device PATH --protocol NAME",
        .about =
            "Finds the meters on a line and prints a number a line. Numbers that collide are told\n"
            "apart by narrower wildcards; CJ/T 188 has none, so it finds a single meter. Exit\n"
            "status: 1 when the line failed or a collision could not be resolved.\n",
    };
    struct gw_ctl_args args;
    struct gw_line line;
    uint8_t protocol = 0;
    gw_ctl_parse(&args, argc, argv, &syntax);
    if ((line_name == NULL) == (device == NULL) || protocol_name == NULL) {
        return gw_ctl_misuse("give --protocol, and one of --line and --device.");
    }
    while (protocol < GW_POLL_MODBUS &&
           strcmp(gw_poll_protocol_name(protocol), protocol_name) != 0) {
        protocol++;
    }
    if (protocol == GW_POLL_MODBUS) {
        return gw_ctl_misuse("'%s' cannot be scanned for.", protocol_name);
    }
    const struct gw_line_plan *plan = find_line(args.dir);
    if (plan == NULL) {
        return GW_CTL_USAGE;
    }
    if (gw_line_open(&line, plan, device == NULL ? args.dir : NULL, -1) != GW_OK) {
        return gw_ctl_no("%s", line.why);
    }
    int result = protocol == GW_POLL_MBUS ? scan_addresses(&line) : scan_numbers(&line, protocol);
    gw_line_close(&line);
    return result;
}
