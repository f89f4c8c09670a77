/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telegrams and readouts in text: DSMR P1 and IEC 62056-21. */
#include "tests/vectors/corpus.h"

/* Rows whose bytes do not prove themselves: no reading may come of them, whatever they state. */
struct unproven {
    const char *id;
    enum mt_status status;
    const char *reason;
};

static const struct unproven unproven_p1[] = {
    {"athombv/dsmr-4.0-isk-1", MT_BAD_CHECKSUM, "made anonymous by hand: its CRC fails"},
    {"athombv/dsmr-4.2-xmx-1", MT_BAD_CHECKSUM, "made anonymous by hand: its CRC fails"},
    {"athombv/dsmr-5.0-ene-1", MT_BAD_CHECKSUM, "made anonymous by hand: its CRC fails"},
    {"athombv/dsmr-5.0-ene-2", MT_BAD_CHECKSUM, "made anonymous by hand: its CRC fails"},
    {"athombv/dsmr-5.0-est-units", MT_BAD_CHECKSUM, "made anonymous by hand: its CRC fails"},
    {"athombv/dsmr-luxembourgh-spec-example", MT_BAD_CHECKSUM, "its CRC fails"},
    {"athombv/emucs-p1-v2.1.1-spec-example-1", MT_BAD_CHECKSUM, "its CRC is 1234"},
    {"athombv/kamstrup-OMNIA-e-meter-three-phase", MT_BAD_CHECKSUM, "its CRC fails"},
    {"lvzon/p1-example-4.0/0", MT_BAD_CHECKSUM, "made anonymous by hand: its CRC fails"},
    {"esphome-libs/parser_test/0", MT_NEED_MORE, "version 4 without its CRC"},
    {"athombv/iskra-mt-382-no-crc", MT_NEED_MORE, "the end mark is cut off"},
    {"athombv/iskra-mt-382-no-crc-with-text-message", MT_NEED_MORE, "the end mark is cut off"},
};
static const struct unproven unproven_iec62056[] = {
    {"iec62056_21/vz_lg_e350_m27", MT_NEED_MORE,
     "begins with STX, and its ETX and BCC are cut off"},
    {"iec62056_21/pwitab_ident_els", MT_NEED_MORE, "an identification alone"},
};

static bool is_unproven(const struct row *row, enum mt_status status, const struct unproven *list,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].id, row->id) == 0) {
            printf("    %s: no reading, %s\n", row->id, list[i].reason);
            expect(status == list[i].status, row, mt_status_text(status));
            return true;
        }
    }
    return false;
}

/* "2018-03-06T12:30:56+01:00" */
static bool same_moment(const char *text, const struct mt_frame *frame)
{
    struct tm tm = {0};
    int east_h;
    int east_min;
    if (sscanf(text, "%d-%d-%dT%d:%d:%d+%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &east_h, &east_min) != 8) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t utc_s = (int64_t)timegm(&tm) - east_h * 3600 - east_min * 60;
    return frame->has_time && frame->has_zone && frame->time_us == utc_s * 1000000 &&
           frame->zone_minutes == east_h * 60 + east_min;
}

static void check_total(const struct row *row, const struct mt_frame *frame)
{
    const json_t *total = json_object_get(row->expected, "total");
    const json_t *number = json_object_get(total, "value");
    bool stated = number != NULL && !json_is_null(number);
    expect(stated == frame->has_total, row, "there is a total, or none");
    if (stated && frame->has_total) {
        struct mt_value shown = frame->total;
        if (strcmp(shown.unit, "Wh") == 0) { /* the rows state kWh */
            shown.unit = "kWh";
            shown.exponent = (int8_t)(shown.exponent - 3);
        }
        expect(same_quantity(total, &shown), row, "the total differs");
        expect(frame->has_reading, row, "a reading comes of it");
    }
}

static enum mt_status decode_as(struct mt_frame *frame, const struct row *row, const char *name)
{
    size_t used;
    struct mt_input input = input_of(row);
    return mt_decode(frame, &used, mt_protocol_find(name, strlen(name)), &input);
}

static void check_p1(const struct row *row)
{
    static struct mt_frame frame;
    enum mt_status status = decode_as(&frame, row, "p1");
    if (is_unproven(row, status, unproven_p1, sizeof(unproven_p1) / sizeof(unproven_p1[0]))) {
        return;
    }
    expect(status == MT_OK, row, mt_status_text(status));
    if (status != MT_OK) {
        return;
    }
    check_total(row, &frame);
    const char *time = text_of(row->expected, "timestamp");
    expect(time == NULL ? !frame.has_time : same_moment(time, &frame), row, "the clock differs");
    const char *id = text_of(row->expected, "meter_id");
    if (id != NULL && frame.identity.number[0] != '\0') {
        expect(strcmp(id, frame.identity.number) == 0, row, "the number differs");
    }
    expect(frame.identity.number[0] != '\0' || id == NULL || strlen(id) > MT_NUMBER_MAX ||
               strpbrk(id, "abcdefghijklmnopqrstuvwxyz") != NULL,
           row, "the number is missing");
    size_t used;
    struct mt_input input = input_of(row);
    expect(is_told(mt_decode(&frame, &used, NULL, &input)), row, "it must be recognised");
    bool either = strcmp(frame.protocol, "p1") == 0 || strcmp(frame.protocol, "iec62056") == 0;
    expect(either, row, "recognised as another protocol");
}

static void check_iec62056(const struct row *row)
{
    static struct mt_frame frame;
    enum mt_status status = decode_as(&frame, row, "iec62056");
    if (is_unproven(row, status, unproven_iec62056,
                    sizeof(unproven_iec62056) / sizeof(unproven_iec62056[0]))) {
        return;
    }
    expect(status == MT_OK || status == MT_NO_READING, row, mt_status_text(status));
    if (!is_told(status)) {
        return;
    }
    check_total(row, &frame);
    const char *id = text_of(row->expected, "id");
    const char *maker = text_of(json_object_get(row->expected, "ident"), "manufacturer");
    expect(id == NULL || strcmp(id, frame.identity.number) == 0, row, "the number differs");
    expect(maker == NULL || strcasecmp(maker, frame.identity.maker) == 0, row, "the maker differs");
    size_t used;
    struct mt_input input = input_of(row);
    expect(is_told(mt_decode(&frame, &used, NULL, &input)), row, "it must be recognised");
    expect(strcmp(frame.protocol, "iec62056") == 0, row, "recognised as another protocol");
}

CORPUS_TEST(every_p1_row_decodes_to_its_values, "dsmr_p1.tsv", check_p1)
CORPUS_TEST(every_iec62056_row_decodes_to_its_values, "iec62056_21.tsv", check_iec62056)

static const struct unit_test tests[] = {
    {"every_p1_row_decodes_to_its_values", every_p1_row_decodes_to_its_values},
    {"every_iec62056_row_decodes_to_its_values", every_iec62056_row_decodes_to_its_values},
};
UNIT_MAIN("corpus_text", tests)
