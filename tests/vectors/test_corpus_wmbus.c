/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of wireless M-Bus, as receivers wrote them down. */
#include <ctype.h>

#include "meters/wmbus.h"
#include "tests/vectors/corpus.h"

static struct mt_frame frame;
static struct mt_formats formats;
static unsigned exact_count;
static unsigned listed_count;

/* Rows whose stated total is not given, and why. */
static const struct {
    const char *id;
    enum mt_status status;
    const char *reason;
} listed[] = {
    {"qcaloric/HCA1/244", MT_BAD_LAYOUT, "its number was changed: the CRC at its end is no record"},
    {"qwaterv2/MyQWater/280", MT_BAD_LAYOUT, "its number was changed: so is this one's"},
    {"qwaterv2/MyQWater/281", MT_BAD_LAYOUT, "its number was changed: so is this one's"},
    {"DIF_64bit_integer_with_calc", MT_OK, "the row's binary fraction lost digits that were sent"},
};

static const char *reason_of(const struct row *row, enum mt_status status)
{
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++) {
        if (strstr(row->id, listed[i].id) != NULL && listed[i].status == status) {
            return listed[i].reason;
        }
    }
    return NULL;
}

/* A decimal in millionths of kWh, m3 or a unit; joules are converted as the rows were, to six
 * decimals. */
static __int128 millionths(const struct mt_value *value)
{
    __int128 number = (__int128)value->mantissa * 1000000;
    static const struct {
        const char *unit;
        int scale;
    } scales[] = {{"Wh", -3}, {"kWh", 0}, {"MWh", 3}, {"l", -3}, {"kJ", 0}, {"MJ", 3}, {"GJ", 6}};
    int scale = value->exponent;
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        scale += strcmp(value->unit, scales[i].unit) == 0 ? scales[i].scale : 0;
    }
    bool is_heat = strchr(value->unit, 'J') != NULL;
    for (; scale > 0; scale--) {
        number *= 10;
    }
    number *= is_heat ? 10 : 1;
    for (; scale < 0; scale++) {
        number /= 10;
    }
    return is_heat ? (number / 3600 + 5) / 10 : number;
}

/* As few digits as tell the number from every other. */
static void shortest(char text[64], double number)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, 64, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            return;
        }
    }
}

static bool same_total(const json_t *total, const struct mt_value *value)
{
    char text[64];
    struct mt_decimal want;
    struct mt_value as_value = {.unit = text_of(total, "unit")};
    const json_t *number = json_object_get(total, "value");
    if (json_is_string(number)) {
        snprintf(text, sizeof(text), "%s", json_string_value(number));
    } else {
        shortest(text, json_real_value(number));
    }
    if (value->absent || mt_decimal_parse(&want, text, strlen(text)) != MT_OK) {
        return false;
    }
    bool is_volume = strcmp(as_value.unit, "m3") == 0;
    if (is_volume != (strcmp(value->unit, "m3") == 0 || strcmp(value->unit, "l") == 0)) {
        return false;
    }
    as_value.mantissa = want.mantissa;
    as_value.exponent = (int8_t)want.exponent;
    __int128 difference = millionths(&as_value) - millionths(value);
    /* Thirds of a litre and joules: the rows have them rounded to the sixth decimal. */
    bool is_rounded = want.exponent == -6 || strchr(value->unit, 'J') != NULL;
    return difference == 0 || (is_rounded && difference >= -1 && difference <= 1);
}

static bool same_id(const char *id)
{
    const char *number = frame.identity.number;
    for (; *id != '\0' && *number != '\0'; id++, number++) {
        if (toupper((unsigned char)*id) != *number) {
            return false;
        }
    }
    return *id == *number;
}

/* "2025-02-02 14:09[:30]", as precise as it is. */
static bool same_clock(const char *text)
{
    struct tm tm = {0};
    char separator;
    int fields = sscanf(text, "%d-%d-%d%c%d:%d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
                        &separator, &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int64_t want_s = (int64_t)timegm(&tm) - 8 * 3600;
    int64_t got_s = frame.time_us / 1000000;
    return frame.has_time && (fields == 7 ? got_s == want_s : got_s / 60 == want_s / 60);
}

static enum mt_status decode(const struct row *row, const struct mt_protocol *protocol)
{
    struct mt_input input = input_of(row);
    size_t used;
    input.formats = &formats;
    return mt_decode(&frame, &used, protocol, &input);
}

static void check_total(const struct row *row, const json_t *total)
{
    if (frame.has_total && same_total(total, &frame.total)) {
        exact_count++;
        return;
    }
    /* The rows of some heat meters state the volume: here it is a value beside the energy. */
    for (uint32_t i = 0; i < frame.value_count && frame.identity.medium == MT_HEAT; i++) {
        const struct mt_value *value = &frame.values[i];
        if (value->storage == 0 && value->tariff == 0 && value->function == MT_INSTANTANEOUS &&
            same_total(total, value)) {
            printf("    %s: a heat meter's volume; its total here is the energy\n", row->id);
            listed_count++;
            return;
        }
    }
    const char *reason = reason_of(row, MT_OK);
    if (reason != NULL) {
        printf("    %s: %s\n", row->id, reason);
        listed_count++;
        return;
    }
    expect(false, row, frame.has_total ? "the total differs" : "there is no total");
}

static void check_row(const struct row *row)
{
    enum mt_status status = decode(row, NULL);
    const char *wish = text_of(row->expected, "expect");
    if (wish != NULL && strcmp(wish, "reject") == 0) {
        expect(!is_told(status), row, "it must be refused");
        return;
    }
    const json_t *total = json_object_get(row->expected, "total");
    const char *reason = reason_of(row, status);
    if (status != MT_OK && reason != NULL) {
        printf("    %s: %s\n", row->id, reason);
        listed_count += json_is_object(total) ? 1 : 0;
        return;
    }
    if (status == MT_UNSUPPORTED && !json_is_object(total)) {
        return;
    }
    expect(status == MT_OK, row, mt_status_text(status));
    if (status != MT_OK) {
        return;
    }
    expect(strcmp(frame.protocol, "wmbus") == 0, row, "recognised as another protocol");
    const char *id = text_of(row->expected, "id");
    const char *maker = text_of(row->expected, "manufacturer");
    const char *clock = text_of(row->expected, "timestamp");
    expect(id == NULL || same_id(id), row, "the number differs");
    expect(maker == NULL || strcmp(maker, frame.identity.maker) == 0, row, "the maker differs");
    if (clock != NULL && !frame.has_time && (frame.flags & MT_FLAG_CLOCK_DOUBT) != 0) {
        printf("    %s: the meter marks its clock as invalid\n", row->id);
    } else if (clock != NULL && strlen(clock) > 10) {
        expect(same_clock(clock), row, "the clock differs");
    }
    if (json_is_object(total)) {
        check_total(row, total);
    }
}

static void every_row_decodes(const char *file)
{
    exact_count = 0;
    listed_count = 0;
    memset(&formats, 0, sizeof(formats));
    if (each_row(file, check_row) == 0) {
        UNIT_SKIP("SKIPPED: no such rows in the corpora");
    }
    printf("    %s: %u totals exact, %u listed\n", file, exact_count, listed_count);
}

static void every_captured_row_decodes_to_its_total(void)
{
    every_row_decodes("wmbus.tsv");
}

static void every_example_of_the_standards_decodes_to_its_total(void)
{
    every_row_decodes("wmbus_oms.tsv");
}

static void check_compact(const struct row *row)
{
    const char *full = text_of(row->expected, "needs_format_from");
    if (full == NULL) {
        return;
    }
    static struct row learnt;
    memset(&formats, 0, sizeof(formats));
    expect(decode(row, NULL) == MT_UNSUPPORTED, row, "its format is not known yet");
    learnt.len = unhex(learnt.bytes, sizeof(learnt.bytes), full);
    expect(decode(&learnt, NULL) == MT_OK, row, "the full frame");
    uint32_t values = frame.value_count;
    expect(decode(row, NULL) == MT_OK, row, "its format was learnt");
    expect(frame.value_count == values && frame.has_total, row, "it has the full frame's values");
}

CORPUS_TEST(a_compact_row_waits_for_its_format, "wmbus_oms.tsv", check_compact)

static const struct unit_test tests[] = {
    {"every_captured_row_decodes_to_its_total", every_captured_row_decodes_to_its_total},
    {"every_example_of_the_standards_decodes_to_its_total",
     every_example_of_the_standards_decodes_to_its_total},
    {"a_compact_row_waits_for_its_format", a_compact_row_waits_for_its_format},
};
UNIT_MAIN("corpus_wmbus", tests)
