/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transmissions of German meters: alone, and in the dumps that they were cut from. */
#include "tests/vectors/corpus.h"

/* Every broken transmission is refused, every good one is decoded, whatever stands between. */
static void check_stream(const struct row *row)
{
    static struct mt_frame frame;
    const struct mt_protocol *sml = mt_protocol_find("sml", 3);
    struct mt_input input = input_of(row);
    json_int_t good = 0;
    json_int_t want =
        (json_int_t)json_number_value(json_object_get(row->expected, "transmissions_ok"));
    while (input.len > 0) {
        size_t used = 0;
        enum mt_status status = mt_decode(&frame, &used, sml, &input);
        good += status == MT_OK;
        if (status == MT_NEED_MORE || used == 0) {
            break;
        }
        input.bytes += used;
        input.len -= used;
    }
    if (good != want) {
        printf("    %lld of %lld\n", (long long)good, (long long)want);
    }
    expect(good == want, row, "the number of transmissions");
}

static const struct mt_value *value_coded(const struct mt_frame *got, const char *obis)
{
    for (uint32_t i = 0; i < got->value_count; i++) {
        char text[MT_OBIS_TEXT_MAX];
        mt_obis_format(text, &got->values[i].obis);
        size_t len = strlen(text);
        bool same = strncmp(obis, text, len) == 0 &&
                    (strcmp(obis + len, "") == 0 || strcmp(obis + len, "*255") == 0);
        if (len > 0 && same) {
            return &got->values[i];
        }
    }
    return NULL;
}

static bool same_scaled(const json_t *entry, const struct mt_value *value)
{
    return value != NULL &&
           value->mantissa == (int64_t)json_number_value(json_object_get(entry, "value")) &&
           value->exponent == (int8_t)json_number_value(json_object_get(entry, "scaler"));
}

static void check_transmission(const struct row *row, const json_t *want,
                               const struct mt_frame *got)
{
    size_t i;
    json_t *entry;
    const json_t *total = json_object_get(want, "total");
    const char *server = text_of(want, "server_id");
    expect(strcmp(server, got->identity.number) == 0, row, "the server id");
    expect(got->identity.medium == MT_POWER && strlen(got->identity.maker) == 3, row, "the maker");
    expect((total != NULL) == got->has_total, row, "there is a total, or none");
    if (total != NULL && got->has_total) {
        expect(same_quantity(total, &got->total), row, "the total differs");
        expect(got->has_reading, row, "no reading");
    }
    json_array_foreach(json_object_get(want, "list"), i, entry)
    {
        const char *obis = text_of(entry, "obis");
        const char *unit = text_of(entry, "unit");
        const struct mt_value *value = value_coded(got, strchr(obis, ':') + 1);
        if (unit == NULL || !json_is_number(json_object_get(entry, "value"))) {
            continue;
        }
        expect(same_scaled(entry, value), row, obis);
        expect(value != NULL && strcmp(value->unit, unit) == 0, row, unit);
    }
}

static void check_row(const struct row *row)
{
    if (json_object_get(row->expected, "transmissions_ok") != NULL) {
        check_stream(row);
    } else {
        check_protocol(row, "sml", check_transmission);
    }
}

CORPUS_TEST(every_sml_row_decodes_to_its_values, "sml.tsv", check_row)

static const struct unit_test tests[] = {
    {"every_sml_row_decodes_to_its_values", every_sml_row_decodes_to_its_values},
};
UNIT_MAIN("corpus_sml", tests)
