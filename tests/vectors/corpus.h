/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Rows of collected frames and the values they state; one test program a family of protocols.
 *
 *  A row is `id <TAB> hex <TAB> key or - <TAB> expected JSON`. The folder comes from the
 *  environment's METERPAY_CORPORA, else from CMake; without it a test says that it was skipped.
 *  Numbers are compared as decimals, digit by digit.
 */
#ifndef TESTS_VECTORS_CORPUS_H
#define TESTS_VECTORS_CORPUS_H

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "meters/decimal.h"
#include "meters/registry.h"
#include "tests/support/unit.h"

#define LINE_MAX_BYTES 65536
#define FRAME_BYTES_MAX 8192

struct row {
    char id[64];
    uint8_t bytes[FRAME_BYTES_MAX];
    size_t len;
    uint8_t key[64];
    size_t key_len; /* 0: none */
    json_t *expected;
};

static size_t rows_run;
static size_t rows_failed;

/* Count and name one fact about a row. */
static inline void expect(bool fact, const struct row *row, const char *what)
{
    if (!fact) {
        rows_failed++;
        printf("    %s: %s\n", row->id, what);
    }
    CU_ASSERT(fact);
}

static inline const char *folder(void)
{
    const char *set = getenv("METERPAY_CORPORA");
    return set != NULL && set[0] != '\0' ? set : METERPAY_CORPORA;
}

static inline size_t unhex(uint8_t *out, size_t max, const char *hex)
{
    size_t len = 0;
    unsigned byte;
    while (len < max && sscanf(hex, "%2x", &byte) == 1) {
        out[len++] = (uint8_t)byte;
        hex += 2;
    }
    return len;
}

static inline bool parse_row(struct row *row, char *line)
{
    char *save = NULL;
    char *id = strtok_r(line, "\t", &save);
    char *hex = strtok_r(NULL, "\t", &save);
    char *key = strtok_r(NULL, "\t", &save);
    char *json = strtok_r(NULL, "\n", &save);
    if (id == NULL || id[0] == '#' || hex == NULL || key == NULL || json == NULL) {
        return false;
    }
    snprintf(row->id, sizeof(row->id), "%s", id);
    row->len = unhex(row->bytes, sizeof(row->bytes), hex);
    row->key_len = strcmp(key, "-") == 0 ? 0 : unhex(row->key, sizeof(row->key), key);
    row->expected = json_loads(json, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    return row->expected != NULL;
}

/* Run a check over every row of a file. Returns the number of rows, 0 when there is no file. */
static inline size_t each_row(const char *file, void (*check)(const struct row *))
{
    char path[4096];
    static char line[LINE_MAX_BYTES];
    static struct row row;
    snprintf(path, sizeof(path), "%s/%s", folder(), file);
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return 0;
    }
    rows_run = 0;
    rows_failed = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        if (parse_row(&row, line)) {
            check(&row);
            json_decref(row.expected);
            rows_run++;
        }
    }
    fclose(f);
    printf("    %s: %zu rows, %zu facts that differ\n", file, rows_run, rows_failed);
    return rows_run;
}

/* A number of the JSON against a decoded value; null stands for "absent". */
static inline bool same_number(const json_t *expected, const struct mt_value *value)
{
    if (json_is_null(expected)) {
        return value->absent;
    }
    char text[64];
    struct mt_decimal want;
    struct mt_decimal got;
    snprintf(text, sizeof(text), "%.12g", json_real_value(expected));
    if (value->absent || mt_decimal_parse(&want, text, strlen(text)) != MT_OK) {
        return false;
    }
    mt_decimal_format(text, value->mantissa, value->exponent);
    return mt_decimal_parse(&got, text, strlen(text)) == MT_OK && got.mantissa == want.mantissa &&
           got.exponent == want.exponent;
}

static inline const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* {"value": 1.5, "unit": "m3"} against a decoded value. */
static inline bool same_quantity(const json_t *expected, const struct mt_value *value)
{
    const char *unit = text_of(expected, "unit");
    return same_number(json_object_get(expected, "value"), value) &&
           (unit == NULL || strcmp(unit, value->unit) == 0);
}

static inline bool is_told(enum mt_status status)
{
    return status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
}

static inline void check_values(const struct row *row, const json_t *want,
                                const struct mt_frame *frame)
{
    const json_t *values = json_object_get(want, "values");
    const char *unit = text_of(want, "unit");
    if (values != NULL) {
        expect(json_array_size(values) == frame->value_count, row, "number of values");
    }
    for (size_t i = 0; i < json_array_size(values) && i < frame->value_count; i++) {
        expect(same_number(json_array_get(values, i), &frame->values[i]), row, "a value differs");
        expect(unit == NULL || strcmp(unit, frame->values[i].unit) == 0, row, "a unit differs");
    }
    const json_t *total = json_object_get(want, "total");
    expect((total != NULL) == frame->has_total, row, "there is a total, or none");
    if (total != NULL && frame->has_total) {
        expect(same_quantity(total, &frame->total), row, "the total differs");
    }
}

static inline void check_frame(const struct row *row, const json_t *want,
                               const struct mt_frame *frame)
{
    const char *number = text_of(want, "address");
    const char *dir = text_of(want, "dir");
    const char *err = text_of(want, "err");
    expect(strcmp(number, frame->identity.number) == 0, row, "the address differs");
    expect((strcmp(dir, "request") == 0) == (frame->kind == MT_FRAME_REQUEST), row, "direction");
    if (err != NULL) {
        expect(frame->kind == MT_FRAME_ABNORMAL, row, "an abnormal reply");
        expect((uint8_t)strtoul(err, NULL, 16) == frame->error, row, "the error byte");
    }
    check_values(row, want, frame);
}

static inline struct mt_input input_of(const struct row *row)
{
    return (struct mt_input){.bytes = row->bytes,
                             .len = row->len,
                             .key = row->key_len > 0 ? row->key : NULL,
                             .key_len = row->key_len};
}

/* Decode what a row holds, frame by frame, with the protocol named and without. */
static inline void check_protocol(const struct row *row, const char *protocol_name,
                                  void (*check)(const struct row *, const json_t *,
                                                const struct mt_frame *))
{
    static struct mt_frame frame;
    const struct mt_protocol *protocol = mt_protocol_find(protocol_name, strlen(protocol_name));
    struct mt_input input = input_of(row);
    size_t used = 0;
    enum mt_status status = mt_decode(&frame, &used, protocol, &input);
    const char *wish = text_of(row->expected, "expect");
    if (wish != NULL && strcmp(wish, "reject") == 0) {
        expect(!is_told(status), row, "it must be refused");
        expect(!is_told(mt_decode(&frame, &used, NULL, &input)), row, "refused when recognised");
        return;
    }
    expect(is_told(status), row, mt_status_text(status));
    if (!is_told(status)) {
        return;
    }
    const json_t *frames = json_object_get(row->expected, "frames");
    const json_t *want = frames != NULL ? json_array_get(frames, 0) : row->expected;
    check(row, want, &frame);
    expect(is_told(mt_decode(&frame, &used, NULL, &input)), row, "it must be recognised");
    expect(strcmp(frame.protocol, protocol_name) == 0, row, "recognised as another protocol");
    for (size_t i = 1; i < json_array_size(frames); i++) {
        input = (struct mt_input){.bytes = input.bytes + used, .len = input.len - used};
        status = mt_decode(&frame, &used, protocol, &input);
        expect(is_told(status), row, "a further frame");
        if (is_told(status)) {
            check(row, json_array_get(frames, i), &frame);
        }
    }
}

static inline const struct mt_value *value_named(const struct mt_frame *frame, const char *name)
{
    for (uint32_t i = 0; i < frame->value_count; i++) {
        if (strcmp(frame->values[i].name, name) == 0) {
            return &frame->values[i];
        }
    }
    return NULL;
}

/* "2015-05-11T22:01:31" is local, UTC+8. */
static inline bool same_time(const char *text, const struct mt_frame *frame)
{
    struct tm tm = {0};
    if (sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return frame->has_time && frame->time_us == ((int64_t)timegm(&tm) - 8 * 3600) * 1000000;
}

#define CORPUS_TEST(name, file, check)                            \
    static void name(void)                                        \
    {                                                             \
        if (each_row(file, check) == 0) {                         \
            UNIT_SKIP("SKIPPED: no rows in the corpora's " file); \
        }                                                         \
    }

#endif
