/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Chinese meters' frames and the examples of SenML. */
#include "meters/message.h"
#include "tests/vectors/corpus.h"

static void check_dlt645(const struct row *row)
{
    check_protocol(row, "dlt645", check_frame);
}

static void check_cjt188_frame(const struct row *row, const json_t *want,
                               const struct mt_frame *frame)
{
    static const struct {
        const char *label;
        const char *name;
    } quantities[] = {
        {"current", "volume"},
        {"settlement", "volume at settlement"},
        {"reverse", "reverse volume"},
        {"flow", "flow"},
        {"volume", "volume"},
        {"heat", "heat"},
        {"cold_or_settlement_heat", "heat at settlement"},
        {"power", "thermal power"},
        {"supply_C", "supply temperature"},
        {"return_C", "return temperature"},
        {"hours", "working time"},
    };
    check_frame(row, want, frame);
    for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
        const json_t *quantity = json_object_get(want, quantities[i].label);
        const struct mt_value *value = value_named(frame, quantities[i].name);
        if (quantity != NULL) {
            bool same = value != NULL && (json_is_object(quantity) ? same_quantity(quantity, value)
                                                                   : same_number(quantity, value));
            expect(same, row, quantities[i].label);
        }
    }
    const json_t *time = json_object_get(want, "time");
    if (time != NULL) {
        expect(json_is_null(time) ? !frame->has_time : same_time(json_string_value(time), frame),
               row, "the clock differs");
    }
}

static void check_cjt188(const struct row *row)
{
    check_protocol(row, "cjt188", check_cjt188_frame);
}

/* "dir" is the link's; a frame's kind is that of its service, which some tests in public mix up. */
static void check_dlt698_frame(const struct row *row, const json_t *want,
                               const struct mt_frame *frame)
{
    const json_t *apdu = json_object_get(want, "apdu");
    const json_t *inner = json_object_get(apdu, "inner");
    const char *oad = text_of(inner != NULL ? inner : apdu, "oad");
    const json_t *dar = json_object_get(apdu, "dar");
    expect(strcmp(text_of(want, "address"), frame->identity.number) == 0, row, "the address");
    if (strcmp(text_of(want, "dir"), "client") == 0) {
        expect(frame->kind == MT_FRAME_REQUEST, row, "a request");
    }
    if (oad != NULL) {
        expect((uint32_t)strtoul(oad, NULL, 16) == frame->data_id, row, "the object attribute");
    }
    if (dar != NULL) {
        expect((json_real_value(dar) > 0) == (frame->kind == MT_FRAME_ABNORMAL), row, "a refusal");
        expect((uint8_t)json_real_value(dar) == frame->error, row, "the reason of a refusal");
    }
    check_values(row, want, frame);
}

static void check_dlt698(const struct row *row)
{
    check_protocol(row, "dlt698", check_dlt698_frame);
}

static void check_cat1_frame(const struct row *row, const json_t *want,
                             const struct mt_frame *frame)
{
    expect(strcmp(text_of(want, "meter_id"), frame->identity.number) == 0, row, "the number");
    expect(same_time(text_of(want, "timestamp"), frame), row, "the clock");
    check_values(row, want, frame);
}

static void check_cat1(const struct row *row)
{
    check_protocol(row, "cat1", check_cat1_frame);
}

/* The protocol of a LoRaWAN row is what stands before the slash of its id, which says the maker. */
static void check_lorawan(const struct row *row)
{
    static struct mt_frame frame;
    char name[MT_PROTOCOL_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%.*s-lora", (int)strcspn(row->id, "/"), row->id);
    const struct mt_protocol *protocol = mt_protocol_find(name, strlen(name));
    struct mt_input input = input_of(row);
    size_t used;
    if (protocol == NULL) {
        printf("    not decoded: %s (its maker's records are M-Bus inside a frame of its own)\n",
               row->id);
        return;
    }
    const char *wish = text_of(row->expected, "expect");
    const char *number = text_of(row->expected, "meter_id");
    const char *total = text_of(row->expected, "total");
    enum mt_status status = mt_decode(&frame, &used, protocol, &input);
    if (wish != NULL) {
        expect(!is_told(status), row, "it must be refused");
        return;
    }
    expect(is_told(status), row, mt_status_text(status));
    expect(is_told(status) && (total != NULL) == frame.has_total, row, "a total, or none");
    if (number != NULL) {
        expect(strcmp(number, frame.identity.number) == 0, row, "the number");
    }
    if (total != NULL && status == MT_OK && frame.has_total) {
        int64_t want = 0;
        int64_t got = -1;
        bool energy = strcmp(text_of(row->expected, "unit"), "kWh") == 0;
        expect(mt_decimal_text_scaled(&want, total, strlen(total), energy ? 3 : 6) == MT_OK &&
                   mt_value_smallest(&got, &frame.total) == MT_OK && want == got,
               row, "the total differs");
    }
}

/* The examples of RFC 8428 hold no register of a bill: they are read to the end, and say so. */
static void check_senml(const struct row *row)
{
    static struct mt_message message;
    const char *format = text_of(row->expected, "format");
    const int64_t now_us = INT64_C(1700000000000000);
    bool json = strcmp(format, "application/senml+json") == 0;
    enum mt_status status =
        json
            ? mt_message_decode_json(&message, (const char *)row->bytes, row->len, MT_POWER, now_us)
            : mt_message_decode_cbor(&message, row->bytes, row->len, MT_POWER, now_us);
    expect(status == MT_NO_READING, row, mt_status_text(status));
}

CORPUS_TEST(every_dlt645_row_decodes_to_its_values, "dlt645.tsv", check_dlt645)
CORPUS_TEST(every_cjt188_row_decodes_to_its_values, "cjt188.tsv", check_cjt188)
CORPUS_TEST(every_dlt698_row_decodes_to_its_values, "dlt698.tsv", check_dlt698)
CORPUS_TEST(every_cat1_row_decodes_to_its_values, "cat1_water.tsv", check_cat1)
CORPUS_TEST(lorawan_rows_of_known_makers_decode, "lorawan.tsv", check_lorawan)
CORPUS_TEST(every_senml_row_is_read_to_its_end, "senml.tsv", check_senml)

static const struct unit_test tests[] = {
    {"every_dlt645_row_decodes_to_its_values", every_dlt645_row_decodes_to_its_values},
    {"every_cjt188_row_decodes_to_its_values", every_cjt188_row_decodes_to_its_values},
    {"every_dlt698_row_decodes_to_its_values", every_dlt698_row_decodes_to_its_values},
    {"every_cat1_row_decodes_to_its_values", every_cat1_row_decodes_to_its_values},
    {"lorawan_rows_of_known_makers_decode", lorawan_rows_of_known_makers_decode},
    {"every_senml_row_is_read_to_its_end", every_senml_row_is_read_to_its_end},
};
UNIT_MAIN("corpus_china", tests)
