/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LwM2M and SenML. The rows' objects are no meters: what is compared is every resource, one by one. */
#include "meters/lwm2m_read.h"
#include "tests/vectors/corpus.h"

#define CT_TLV 11542
#define CT_JSON 11543

static size_t seen_count;

static void path_text(char text[64], const struct mt_lwm2m_path *path)
{
    size_t len = 0;
    for (size_t i = 0; i < MT_LWM2M_PATH_LEVELS && path->at[i] != MT_LWM2M_ABSENT; i++) {
        len += (size_t)snprintf(text + len, 64 - len, "/%d", (int)path->at[i]);
    }
}

/* A number in a TLV is an integer here: the rows have no float in TLV. */
static bool same_integer(double want, const struct mt_lwm2m_item *item)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < item->len; i++) {
        bits = bits << 8 | item->bytes[i];
    }
    unsigned unused = 64 - (unsigned)item->len * 8;
    return (double)((int64_t)(bits << unused) >> unused) == want;
}

static bool same_item(const json_t *want, const struct mt_lwm2m_item *item)
{
    struct mt_value value = {0};
    if (json_is_string(want)) {
        const char *text = json_string_value(want);
        unsigned object;
        unsigned instance;
        if (item->len == 4 && sscanf(text, "%u:%u", &object, &instance) == 2) {
            return item->bytes[1] == object && item->bytes[3] == instance; /* an object link */
        }
        return strlen(text) == item->len && memcmp(text, item->bytes, item->len) == 0;
    }
    if (json_is_boolean(want)) {
        return item->len == 1 && item->bytes[0] == (json_is_true(want) ? 1 : 0);
    }
    if (item->form == MT_LWM2M_RAW) {
        return same_integer(json_real_value(want), item);
    }
    return mt_senml_decimal(&value.mantissa, &value.exponent, &item->number) == MT_OK &&
           same_number(want, &value);
}

static bool is_recorded(const json_t *records, const char *path, const struct mt_lwm2m_item *item)
{
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record)
    {
        int64_t time_us = (int64_t)json_real_value(json_array_get(record, 2)) * 1000000;
        if (strcmp(json_string_value(json_array_get(record, 0)), path) == 0 &&
            same_item(json_array_get(record, 1), item) && item->time_us == time_us) {
            return true;
        }
    }
    return false;
}

static void check_item(const struct row *row, const struct mt_lwm2m_item *item)
{
    char text[64];
    path_text(text, &item->path);
    const json_t *records = json_object_get(row->expected, "records");
    const json_t *want = json_object_get(json_object_get(row->expected, "resources"), text);
    bool same =
        records != NULL ? is_recorded(records, text, item) : want != NULL && same_item(want, item);
    if (!same) {
        printf("    %s\n", text);
    }
    expect(same, row, "a resource differs");
    seen_count++;
}

static enum mt_status each_tlv(const struct row *row, const char *path)
{
    struct mt_lwm2m_path base;
    struct mt_lwm2m_tlv r;
    struct mt_lwm2m_item item;
    enum mt_status status = MT_OK;
    expect(mt_lwm2m_path(&base, path, strlen(path)), row, "the path");
    mt_lwm2m_tlv_open(&r, row->bytes, row->len, &base, NULL);
    while ((status = mt_lwm2m_tlv_next(&item, &r)) == MT_OK) {
        check_item(row, &item);
    }
    return status;
}

static enum mt_status each_element(const struct row *row, const char *path)
{
    struct mt_lwm2m_json r;
    struct mt_lwm2m_item item;
    enum mt_status status = mt_lwm2m_json_open(&r, row->bytes, row->len, path, strlen(path));
    while (status == MT_OK && (status = mt_lwm2m_json_next(&item, &r)) == MT_OK) {
        check_item(row, &item);
    }
    return status;
}

static struct mt_frame frame;

static void check_recognised(const struct row *row, const char *protocol)
{
    struct mt_input input = input_of(row);
    size_t used;
    enum mt_status status = mt_decode(&frame, &used, NULL, &input);
    expect(is_told(status), row, mt_status_text(status));
    expect(is_told(status) && strcmp(frame.protocol, protocol) == 0, row, "another protocol");
    expect(is_told(status) && !frame.has_total, row, "it is no meter");
}

static void check_lwm2m(const struct row *row)
{
    int format = (int)json_real_value(json_object_get(row->expected, "ct"));
    const char *path = text_of(row->expected, "path");
    if (format != CT_TLV && format != CT_JSON) {
        check_recognised(row, "senml");
        return;
    }
    seen_count = 0;
    enum mt_status status = format == CT_TLV ? each_tlv(row, path) : each_element(row, path);
    size_t want = json_object_size(json_object_get(row->expected, "resources")) +
                  json_array_size(json_object_get(row->expected, "records"));
    expect(status == MT_NO_READING && seen_count == want, row, "every resource, and nothing else");
    struct mt_input input = input_of(row);
    size_t used;
    input.path = path;
    input.path_len = strlen(path);
    status = mt_decode(&frame, &used, NULL, &input);
    expect(is_told(status) && strcmp(frame.protocol, "lwm2m") == 0, row, "recognised");
    expect(!frame.has_total, row, "it is no meter");
}

/* The records with a number, in order; the frame's time is the newest of theirs. */
static void check_senml(const struct row *row)
{
    const json_t *records = json_object_get(row->expected, "resolved");
    double newest_s = 0;
    check_recognised(row, "senml");
    for (size_t i = 0; i < json_array_size(records) && i < frame.value_count; i++) {
        const json_t *record = json_array_get(records, i);
        const char *unit = text_of(record, "u");
        const json_t *time = json_object_get(record, "t");
        expect(same_number(json_object_get(record, "v"), &frame.values[i]), row, "a value differs");
        expect(unit == NULL || strcmp(unit, frame.values[i].unit) == 0, row, "a unit differs");
        newest_s =
            time != NULL && json_real_value(time) > newest_s ? json_real_value(time) : newest_s;
    }
    expect(records == NULL || json_array_size(records) == frame.value_count, row, "their number");
    if (records != NULL) {
        expect(frame.has_time == (newest_s > 0), row, "there is a time, or none");
        /* A double is cut to the microsecond below it. */
        int64_t late_us = (int64_t)(newest_s * 1e6 + 0.5) - frame.time_us;
        expect(late_us >= 0 && late_us <= 1, row, "the time differs");
    }
}

CORPUS_TEST(lwm2m, "lwm2m.tsv", check_lwm2m)
CORPUS_TEST(senml, "senml.tsv", check_senml)

static const struct unit_test tests[] = {
    {"lwm2m", lwm2m},
    {"senml", senml},
};

UNIT_MAIN("corpus_lwm2m", tests)
