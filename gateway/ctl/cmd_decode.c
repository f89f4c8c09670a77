/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay decode`: frames as JSON, one line each. */
#include <stdlib.h>
#include <string.h>

#include "gateway/ctl/ctl.h"
#include "gateway/ctl/decode.h"
#include "gateway/ctl/explain.h"
#include "gateway/ctl/input.h"
#include "meters/wmbus.h"

#define FRAME_BYTES_MAX 65536u
#define KEY_BYTES_MAX 64u
#define LINE_BYTES (2u * FRAME_BYTES_MAX + 4u * KEY_BYTES_MAX + 16u)

static char *protocol_name;
static char *key_hex;
static char *key_file;
static char *resource_path;
static int explain;

static const struct poptOption options[] = {
    {"protocol", '\0', POPT_ARG_STRING, &protocol_name, 0, "dlt645, mbus, sml, ... [recognised]",
     "NAME"},
    {"key", '\0', POPT_ARG_STRING, &key_hex, 0,
     "the meter's key, where its protocol encrypts; for test keys: other users of this machine can "
     "see "
     "it",
     "HEX"},
    {"key-file", '\0', POPT_ARG_STRING, &key_file, 0, "the key, from a file's first line", "FILE"},
    {"path", '\0', POPT_ARG_STRING, &resource_path, 0,
     "what an LwM2M meter was asked for, such as /3424/0; its TLV does not say", "PATH"},
    {"explain", '\0', POPT_ARG_NONE, &explain, 0,
     "name every byte, and say what is wrong and where, instead of JSON", NULL},
    POPT_TABLEEND,
};

static uint8_t frame[FRAME_BYTES_MAX];
static struct mt_formats formats; /* learnt from the frames before */

/* What all frames of one run share. */
struct decoder {
    const struct mt_protocol *protocol;
    uint8_t key[KEY_BYTES_MAX];
    size_t key_len;
};

static void print(json_t *object)
{
    (void)json_dumpf(object, stdout, JSON_COMPACT); /* main asks stdout whether it was written */
    putchar('\n');
    (void)fflush(stdout);
    json_decref(object);
}

static struct mt_input input_of(const struct decoder *d, const uint8_t *bytes, size_t len)
{
    return (struct mt_input){.bytes = bytes,
                             .len = len,
                             .key = d->key_len > 0 ? d->key : NULL,
                             .key_len = d->key_len,
                             .path = resource_path,
                             .path_len = resource_path != NULL ? strlen(resource_path) : 0,
                             .formats = &formats};
}

/* Every frame of the bytes, named byte by byte. */
static int explain_all(const struct decoder *d, size_t len)
{
    size_t at = 0;
    int result = GW_CTL_OK;
    while (at < len) {
        struct mt_input input = input_of(d, frame + at, len - at);
        size_t used = 0;
        enum mt_status status = gw_explain(stdout, &used, d->protocol, &input);
        bool refused = status != MT_OK && status != MT_NO_READING;
        result = refused ? GW_CTL_NO : result;
        at = refused || used == 0 ? len : at + used;
    }
    return result;
}

/* Every frame of the bytes, a line each. What follows the last one is noise. */
static int decode_all(const struct decoder *d, size_t len)
{
    size_t at = 0;
    size_t frames = 0;
    int result = GW_CTL_OK;
    do {
        struct mt_input input = input_of(d, frame + at, len - at);
        size_t used = 0;
        bool refused = false;
        json_t *object = gw_decode_json(&used, &refused, d->protocol, &input);
        bool noise = refused && frames > 0;
        const char *error = json_string_value(json_object_get(object, "error"));
        noise = noise && (strcmp(error, "not_found") == 0 || strcmp(error, "truncated") == 0);
        if (noise) {
            json_decref(object);
            return result;
        }
        print(object);
        frames++;
        result = refused ? GW_CTL_NO : result;
        at = refused || used == 0 ? len : at + used;
    } while (at < len);
    return result;
}

/* One line of stdin: hex, or hex and a key. Always one line out. */
static int decode_line(const struct decoder *d, char *line)
{
    struct decoder own = *d;
    size_t len = 0;
    char *rest = NULL;
    char *hex = strtok_r(line, " \t\r\n", &rest);
    char *key = strtok_r(NULL, " \t\r\n", &rest);
    bool refused = true;
    json_t *object = NULL;
    if (hex == NULL || !gw_decode_hex(frame, &len, sizeof(frame), hex) || len == 0) {
        object =
            gw_decode_error("not_hex", "the line must begin with the frame in hexadecimal digits");
    } else if (key != NULL && strcmp(key, "-") != 0 &&
               !gw_decode_hex(own.key, &own.key_len, sizeof(own.key), key)) {
        object = gw_decode_error("not_hex", "the key must be hexadecimal digits, 64 bytes at most");
    } else {
        struct mt_input input = input_of(&own, frame, len);
        size_t used = 0;
        object = gw_decode_json(&used, &refused, own.protocol, &input);
    }
    print(object);
    explicit_bzero(own.key, sizeof(own.key));
    return refused ? GW_CTL_NO : GW_CTL_OK;
}

static int decode_lines(const struct decoder *d)
{
    static char line[LINE_BYTES];
    int result = GW_CTL_OK;
    while (ferror(stdout) == 0 && fgets(line, sizeof(line), stdin) != NULL) {
        size_t len = strlen(line);
        bool cut = len == sizeof(line) - 1 && line[len - 1] != '\n';
        for (int c = 0; cut && c != EOF && c != '\n';) {
            c = getchar(); /* the rest of a line that is too long is dropped, and refused below */
        }
        if (cut) {
            print(gw_decode_error("too_large", "the line is longer than any frame"));
            result = GW_CTL_NO;
        } else if (decode_line(d, line) != GW_CTL_OK) {
            result = GW_CTL_NO;
        }
    }
    return ferror(stdin) != 0 ? gw_ctl_misuse("stdin cannot be read.") : result;
}

static int find_protocol(struct decoder *d)
{
    if (protocol_name == NULL) {
        return GW_CTL_OK;
    }
    d->protocol = mt_protocol_find(protocol_name, strlen(protocol_name));
    if (d->protocol != NULL) {
        return GW_CTL_OK;
    }
    fprintf(stderr, "meterpay: there is no protocol '%s'; known are:\n", protocol_name);
    const struct mt_protocol *known = NULL;
    for (size_t i = 0; (known = mt_protocol_at(i)) != NULL; i++) {
        fprintf(stderr, "  %-12s %s\n", known->name, known->title);
    }
    return GW_CTL_USAGE;
}

static int read_key(struct decoder *d)
{
    if (key_hex != NULL && key_file != NULL) {
        return gw_ctl_misuse("give --key or --key-file, not both.");
    }
    if (key_hex != NULL && !gw_decode_hex(d->key, &d->key_len, sizeof(d->key), key_hex)) {
        return gw_ctl_misuse("--key must be hexadecimal digits, 64 bytes at most.");
    }
    if (key_file == NULL) {
        return GW_CTL_OK;
    }
    size_t len = 0;
    char *text = gw_ctl_read_file(&len, key_file, 4 * KEY_BYTES_MAX);
    if (text == NULL) {
        return GW_CTL_USAGE;
    }
    text[strcspn(text, "\r\n")] = '\0';
    bool fine = gw_decode_hex(d->key, &d->key_len, sizeof(d->key), text);
    explicit_bzero(text, len);
    free(text);
    return fine ? GW_CTL_OK
                : gw_ctl_misuse("%s: the first line must be hexadecimal digits, 64 bytes at most.",
                                key_file);
}

int gw_cmd_decode(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "[--protocol NAME] [--key HEX] [--path PATH] [--explain] HEX | -",
        .about =
            "Decodes a meter's frame, as bytes in hexadecimal, and prints one line of JSON for "
            "each:\n"
            "  "
            "{\"protocol\",\"kind\",\"medium\",\"meter\",\"maker\",\"time\",\"total\":{\"value\","
            "\"unit\"},\n"
            "   \"values\":[{\"name\",\"obis\",\"value\",\"unit\"}]}   or   "
            "{\"error\",\"reason\"}\n"
            "Values are decimal texts with the digits that the meter sent; time is the meter's own "
            "clock.\n"
            "kind is reply, request, or abnormal (the meter's own refusal). Noise before a frame "
            "is\n"
            "stepped over. With -, stdin holds one frame a line, `hex [key]`, and each line gives\n"
            "exactly one line, in order. --explain is for one frame: each field with its bytes,\n"
            "and where it is refused, why. Exit status: 0 all were decoded; 1 any was refused.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    static struct decoder d;
    gw_ctl_parse(&args, argc, argv, &syntax);
    int result = find_protocol(&d);
    result = result == GW_CTL_OK ? read_key(&d) : result;
    if (result != GW_CTL_OK) {
        return result;
    }
    size_t len = 0;
    if (strcmp(args.rest[0], "-") == 0 && explain != 0) {
        return gw_ctl_misuse("--explain takes one frame as an argument, not stdin.");
    }
    if (strcmp(args.rest[0], "-") == 0) {
        result = decode_lines(&d);
    } else if (!gw_decode_hex(frame, &len, sizeof(frame), args.rest[0]) || len == 0) {
        print(gw_decode_error("not_hex", "the argument must be the frame in hexadecimal digits"));
        result = GW_CTL_NO;
    } else {
        result = explain != 0 ? explain_all(&d, len) : decode_all(&d, len);
    }
    explicit_bzero(d.key, sizeof(d.key));
    return result;
}
