/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay mapping check`: whether a mapping file is good, and what it reads out of a message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "gateway/adapters/mapping.h"
#include "gateway/adapters/shipped.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/input.h"

static const char about[] =
    "Reads a mapping file, or a shipped mapping by its name, and complains with the line that is "
    "wrong. With a message, prints what\n"
    "would be read out of it; nothing is sent anywhere. docs/mappings.md is the language.\n"
    "Exit status: 0 the file is good and so is the message, 1 one of them is not.\n";

static char *topic, *body_path, *medium_text, *channel, *unit;

static const struct poptOption options[] = {
    {"topic", 't', POPT_ARG_STRING, &topic, 0, "the topic that the message came on", "TOPIC"},
    {"body", 'b', POPT_ARG_STRING, &body_path, 0, "the message; - for standard input", "FILE"},
    {"medium", 'm', POPT_ARG_STRING, &medium_text, 0, "power, water, gas or heat (power)", "WORD"},
    {"channel", 'c', POPT_ARG_STRING, &channel, 0, "the binding's channel", "TEXT"},
    {"unit", 'u', POPT_ARG_STRING, &unit, 0, "the binding's unit", "UNIT"},
    POPT_TABLEEND,
};

static bool read_medium(uint8_t *medium)
{
    static const char *const words[] = {"power", "water", "gas", "heat"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(medium_text != NULL ? medium_text : "power", words[i]) == 0) {
            *medium = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* A frame is shown in hex, for `meterpay decode`. */
static json_t *frame_json(const struct gw_mapped *mapped)
{
    static char hex[2 * GW_MESSAGE_BYTES_MAX + 1];
    for (size_t i = 0; i < mapped->frame_len; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", mapped->frame[i]); /* it fits */
    }
    hex[2 * mapped->frame_len] = '\0';
    return json_pack("{s:s, s:s}", "protocol", mapped->protocol != NULL ? mapped->protocol : "auto",
                     "hex", hex);
}

static json_t *reading_json(const struct gw_mapped *mapped, uint8_t medium)
{
    bool volume = medium == MT_WATER || medium == MT_GAS;
    json_t *reading =
        json_pack("{s:I}", volume ? "total_ml" : "total_wh", (json_int_t)mapped->reading.total);
    for (uint32_t b = 0; b < MT_BANDS; b++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "band%u_%s", b + 1, volume ? "ml" : "wh"); /* it fits */
        if ((mapped->reading.band_mask >> b & 1u) != 0) {
            (void)json_object_set_new(reading, name, json_integer(mapped->reading.band[b]));
        }
    }
    if (mapped->reading.time_us != 0) {
        (void)json_object_set_new(reading, "time_us", json_integer(mapped->reading.time_us));
    }
    return reading;
}

static json_t *record_json(const struct gw_mapping *mapping, const struct gw_mapping_record *record,
                           const struct gw_mapping_owner *owner, bool *good)
{
    static struct gw_mapped mapped;
    char why[GW_MAPPING_WHY_BYTES] = "";
    enum gw_mapping_verdict verdict = gw_mapping_take(&mapped, why, mapping, record, owner);
    json_t *object = json_pack("{s:s, s:s, s:s}", "device", record->names.device, "channel",
                               record->names.channel, "verdict", gw_mapping_verdict_name(verdict));
    if (verdict != GW_MAPPING_DONE) {
        *good = *good && verdict == GW_MAPPING_ASIDE;
        (void)json_object_set_new(object, "why", json_string(why));
        (void)json_object_set_new(object, "advice",
                                  json_string(gw_mapping_verdict_advice(verdict)));
    } else if (mapped.is_frame) {
        (void)json_object_set_new(object, "frame", frame_json(&mapped));
    } else {
        (void)json_object_set_new(object, "reading", reading_json(&mapped, owner->medium));
    }
    return object;
}

static int try_message(const struct gw_mapping *mapping, const char *body, size_t body_len)
{
    static struct gw_mapping_records records;
    struct gw_mapping_names names = {.device = "", .channel = ""};
    struct gw_mapping_owner owner = {.channel = channel != NULL ? channel : "",
                                     .unit = unit != NULL ? unit : ""};
    char why[GW_MAPPING_WHY_BYTES] = "";
    bool good = true;
    if (!read_medium(&owner.medium)) {
        return gw_ctl_misuse("--medium is power, water, gas or heat");
    }
    if (topic != NULL && !gw_mapping_topic(&names, mapping, topic, strlen(topic))) {
        return gw_ctl_no("the mapping '%s' is not for the topic %s", mapping->name, topic);
    }
    enum gw_mapping_verdict verdict =
        gw_mapping_records(&records, why, mapping, &names, body, body_len);
    if (verdict != GW_MAPPING_DONE) {
        return gw_ctl_no("%s. %s", why, gw_mapping_verdict_advice(verdict));
    }
    json_t *list = json_array();
    for (uint32_t i = 0; i < records.count; i++) {
        (void)json_array_append_new(list, record_json(mapping, &records.records[i], &owner, &good));
    }
    json_t *reply = json_pack("{s:s, s:o}", "mapping", mapping->name, "records", list);
    gw_ctl_print_json(reply);
    json_decref(reply);
    return good ? GW_CTL_OK : GW_CTL_NO;
}

/* A word without a dot or slash is the name of a shipped mapping. */
static bool find_shipped(char path[GW_SHIPPED_PATH_MAX], const char *name)
{
    char folder[GW_SHIPPED_PATH_MAX];
    if (strpbrk(name, "./") != NULL || !gw_shipped_folder(folder, "mappings")) {
        return false;
    }
    int len = snprintf(path, GW_SHIPPED_PATH_MAX, "%s/%s.yaml", folder, name);
    return len > 0 && (size_t)len < GW_SHIPPED_PATH_MAX && access(path, R_OK) == 0;
}

int gw_cmd_mapping_check(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "FILE|NAME [--body FILE [--topic T] [--medium M] [--channel C] [--unit U]]",
        .about = about,
        .rest_min = 1,
        .rest_max = 1,
    };
    static struct gw_mapping mapping;
    struct gw_ctl_args args;
    char why[GW_YAML_WHY_MAX];
    char shipped[GW_SHIPPED_PATH_MAX];
    gw_ctl_parse(&args, argc, argv, &syntax);
    const char *path = find_shipped(shipped, args.rest[0]) ? shipped : args.rest[0];
    enum gw_status status = gw_mapping_load(&mapping, why, sizeof(why), path);
    if (status != GW_OK) {
        return status == GW_IO ? gw_ctl_misuse("%s", why) : gw_ctl_no("%s", why);
    }
    if (body_path == NULL) {
        printf("%s: the mapping '%s' is good.\n", args.rest[0], mapping.name);
        return GW_CTL_OK;
    }
    size_t len = 0;
    char *body = gw_ctl_read_file(&len, body_path, GW_MAPPING_BODY_BYTES_MAX);
    if (body == NULL) {
        return GW_CTL_USAGE;
    }
    int result = try_message(&mapping, body, len);
    free(body);
    return result;
}
