/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pushed DLMS messages of Norwegian, Swedish, Austrian, Slovenian and other meters. */
#include "tests/vectors/corpus.h"

/* Rows that carry no register that is decoded here, and the verdict that says so. */
static const struct {
    const char *id;
    enum mt_status status;
    const char *why;
} listed[] = {
    {"athombv/described-list", MT_BAD_CHECKSUM, "made anonymous by hand: its checksum is wrong"},
    {"athombv/iskra-1", MT_BAD_LAYOUT, "made anonymous by hand: its structure contradicts itself"},
    {"amshan/hdlc/FRAME_SHORT_INFO", MT_UNSUPPORTED, "no message in it"},
    {"u9n/udp_wrapper/", MT_UNSUPPORTED, "authentic; its body is the maker's own"},
    {"athombv/dsmr-luxembourgh", MT_BAD_CHECKSUM, "authentic; the P1 telegram's CRC is wrong"},
};

/* "2021-09-27T09:47:15+02:00"; without a zone the clock is taken for UTC+8. */
static bool is_timestamp(const char *text, const struct mt_frame *frame)
{
    int zone = 8 * 60;
    struct tm tm = {0};
    if (sscanf(text, "%d-%d-%dT%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6) {
        return false;
    }
    if (strlen(text) > 19) {
        zone = atoi(text + 20) * 60 + atoi(text + 23);
        zone = text[19] == '-' ? -zone : zone;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return frame->has_time && frame->has_zone == (strlen(text) > 19) &&
           frame->time_us == ((int64_t)timegm(&tm) - zone * 60) * 1000000;
}

static const struct mt_value *value_coded(const struct mt_frame *got, const char *code)
{
    for (uint32_t i = 0; i < got->value_count; i++) {
        char text[MT_OBIS_TEXT_MAX];
        size_t len = mt_obis_format(text, &got->values[i].obis);
        if (len > 0 && strncmp(code, text, len) == 0 && strcmp(code + len, ".255") == 0) {
            return &got->values[i];
        }
    }
    return NULL;
}

static void check_objects(const struct row *row, json_t *objects, const struct mt_frame *got)
{
    const char *code;
    json_t *entry;
    json_object_foreach(objects, code, entry)
    {
        const json_t *scaler = json_object_get(entry, "scaler");
        const json_t *number = json_object_get(entry, "value");
        const char *unit = text_of(entry, "unit");
        if (!json_is_number(number)) {
            continue;
        }
        const struct mt_value *value = value_coded(got, strchr(code, ':') + 1);
        expect(value != NULL && value->mantissa == (int64_t)json_number_value(number), row, code);
        if (value != NULL && scaler != NULL) {
            expect(value->exponent == (int8_t)json_number_value(scaler), row, "scaler");
            expect(strcmp(value->unit, unit) == 0, row, "unit");
        }
    }
}

static void check_message(const struct row *row, const json_t *want, const struct mt_frame *got)
{
    const json_t *total = json_object_get(want, "total");
    const char *id = text_of(want, "id");
    const char *time = text_of(want, "timestamp");
    expect((total != NULL) == got->has_total, row, "there is a total, or none");
    if (total != NULL && got->has_total) {
        expect(same_quantity(total, &got->total), row, "the total differs");
        expect(got->has_reading, row, "no reading");
    }
    expect(id == NULL || strcmp(id, got->identity.number) == 0, row, "the number");
    expect(time == NULL || is_timestamp(time, got), row, "the time");
    expect(got->identity.medium == MT_POWER, row, "the medium");
    check_objects(row, json_object_get(want, "obis"), got);
}

static void check_row(const struct row *row)
{
    static struct mt_frame frame;
    static struct row whole;
    whole = *row;
    const char *second = text_of(row->expected, "auth_key");
    if (second != NULL) {
        whole.key_len += unhex(whole.key + whole.key_len, 16, second);
    }
    struct mt_input input = input_of(&whole);
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        if (strncmp(row->id, listed[i].id, strlen(listed[i].id)) == 0) {
            size_t used;
            enum mt_status status = mt_decode(&frame, &used, mt_protocol_find("dlms", 4), &input);
            printf("    %s: %s\n", row->id, listed[i].why);
            expect(status == listed[i].status, row, mt_status_text(status));
            return;
        }
    }
    check_protocol(&whole, "dlms", check_message);
}

CORPUS_TEST(every_dlms_row_decodes_to_its_values, "dlms.tsv", check_row)

static const struct unit_test tests[] = {
    {"every_dlms_row_decodes_to_its_values", every_dlms_row_decodes_to_its_values},
};
UNIT_MAIN("corpus_dlms", tests)
