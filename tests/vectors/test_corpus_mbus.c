/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of wired M-Bus. The rows' numbers come from other decoders, which print six decimals: half
 * of the last is the tolerance, which is less than the smallest unit that is billed. */
#include <inttypes.h>
#include <math.h>

#include "tests/vectors/corpus.h"

#define SIX_DECIMALS 0.500001e-6L

static size_t totals_exact;
static size_t listed;

static void list(const struct row *row, const char *why)
{
    printf("    listed: %s: %s\n", row->id, why);
    listed++;
}

/* How much of the row's unit one of ours is; 0 when they do not go together. */
static long double factor(const char *ours, const char *theirs)
{
    static const struct {
        const char *ours;
        const char *theirs;
        long double factor;
    } rows[] = {
        {"kWh", "Wh", 1e3L},
        {"MWh", "Wh", 1e6L},
        {"Wh", "kWh", 1e-3L},
        {"MWh", "kWh", 1e3L},
        {"kJ", "J", 1e3L},
        {"GJ", "kWh", 1e6L / 3600},
        {"kJ", "kWh", 1 / 3600.0L},
        {"l", "m3", 1e-3L},
        {"m3", "m^3", 1},
        {"m3/h", "m^3/h", 1},
        {"l/min", "m^3/h", 0.06L},
        {"C",
         "\xC2\xB0"
         "C",
         1},
        {"min", "s", 60},
        {"h", "s", 3600},
        {"d", "s", 86400},
        {"kW", "W", 1e3L},
        {"nV", "V", 1e-9L},
        {"pA", "A", 1e-12L},
        {"%", "-", 1},
        {"kvarh", "FB02", 1},
        {"kvar", "FB14", 1e3L}, /* that row gives the code's own steps */
    };
    if (theirs[0] == '\0' || strcmp(theirs, "-") == 0 || strcmp(ours, theirs) == 0) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(ours, rows[i].ours) == 0 && strcmp(theirs, rows[i].theirs) == 0) {
            return rows[i].factor;
        }
    }
    return 0;
}

static bool same(const struct mt_value *value, const json_t *quantity)
{
    const char *unit = text_of(quantity, "unit");
    long double got = value->mantissa * powl(10, value->exponent) * factor(value->unit, unit);
    long double want = json_real_value(json_object_get(quantity, "value"));
    return !value->absent && factor(value->unit, unit) > 0 && fabsl(got - want) < SIX_DECIMALS;
}

static const char *without_zeros(const char *text)
{
    while (text[0] == '0' && text[1] != '\0') {
        text++;
    }
    return text;
}

static void check_identity(const struct row *row, const struct mt_frame *frame)
{
    const char *id = text_of(row->expected, "id");
    const char *maker = text_of(row->expected, "manufacturer");
    expect(strcmp(without_zeros(id), without_zeros(frame->identity.number)) == 0, row, "the id");
    if (maker != NULL && maker[0] != '@') { /* @@@ stands for no letters */
        expect(strcmp(maker, frame->identity.maker) == 0, row, "the maker");
    }
}

/* A heat meter is billed by its energy; the rows take whichever register comes first. */
static bool is_volume_of_heat(const struct mt_frame *frame, const json_t *total)
{
    if (frame->identity.medium != MT_HEAT || strcmp(text_of(total, "quantity"), "Volume") != 0) {
        return false;
    }
    for (uint32_t i = 0; i < frame->value_count; i++) {
        const struct mt_value *v = &frame->values[i];
        if (strcmp(v->name, "volume") == 0 && v->storage == 0 && v->subunit == 0 &&
            same(v, total)) {
            return true;
        }
    }
    return false;
}

static bool has_tariffs_only(const struct mt_frame *frame)
{
    bool found = false;
    for (uint32_t i = 0; i < frame->value_count; i++) {
        const struct mt_value *v = &frame->values[i];
        bool is_energy = strcmp(v->name, "energy") == 0 && v->function == MT_INSTANTANEOUS;
        if (is_energy && v->tariff == 0 && v->storage == 0) {
            return false;
        }
        found = found || is_energy;
    }
    return found;
}

static void check_total(const struct row *row, const struct mt_frame *frame)
{
    const json_t *total = json_object_get(row->expected, "total");
    if (!json_is_object(total)) {
        if (frame->has_total) {
            printf("    %s: states no total, has %" PRId64 "e%d %s\n", row->id,
                   frame->total.mantissa, frame->total.exponent, frame->total.unit);
        }
        return;
    }
    if (frame->has_total && same(&frame->total, total)) {
        totals_exact++;
        return;
    }
    if (is_volume_of_heat(frame, total)) {
        list(row,
             "a heat meter is billed by its energy; the volume of the row is among the values");
        return;
    }
    if (!frame->has_total && has_tariffs_only(frame)) {
        list(row, "it sends no total, and which of its tariffs make one is its maker's own");
        return;
    }
    expect(false, row, "the total differs");
}

/* "2012-07-10T15:25:00Z" or "2012-07-10 15:25" is what the meter's clock shows. */
static void check_time(const struct row *row, const struct mt_frame *frame)
{
    char text[32];
    const char *stated = text_of(row->expected, "timestamp");
    if (stated == NULL) {
        return;
    }
    snprintf(text, sizeof(text), "%.10sT%.5s:00", stated, stated + 11);
    if (!frame->has_time && atoi(text) >= 2000) {
        expect((frame->flags & MT_FLAG_CLOCK_DOUBT) != 0, row,
               "a clock that is not read is doubted");
        list(row, "the meter marks its clock as invalid, or it is no date");
        return;
    }
    if (atoi(text) < 2000) {
        expect(!frame->has_time, row, "a time before 2000 is none");
        return;
    }
    expect(same_time(text, frame), row, "the clock differs");
}

static bool is_number_of(const json_t *record, const char *name, unsigned value)
{
    const json_t *number = json_object_get(record, name);
    return (number == NULL ? 0 : (unsigned)json_real_value(number)) == value;
}

/* The records that hold numbers, in their order. */
static void check_records(const struct row *row, const struct mt_frame *frame)
{
    static const char *const functions[] = {"inst", "max", "min", "err"};
    uint32_t at = 0;
    size_t i;
    const json_t *record;
    json_array_foreach(json_object_get(row->expected, "records"), i, record)
    {
        const char *function = text_of(record, "fn");
        bool is_own = function != NULL && (function[0] == 'm' && function[1] != 'a' &&
                                           function[1] != 'i'); /* "mfr", "more" */
        bool is_header = is_own || (function != NULL && strcmp(function, "Actual value") == 0);
        if (!json_is_real(json_object_get(record, "value")) || is_header) {
            continue;
        }
        const char *quantity = text_of(record, "quantity");
        if (quantity != NULL && strcmp(quantity, "DateTime") == 0) {
            continue;
        }
        if (at == frame->value_count) {
            expect(false, row, "a value is missing");
            return;
        }
        const struct mt_value *value = &frame->values[at++];
        bool known = function == NULL || strcmp(function, functions[value->function]) == 0;
        bool fits = known && is_number_of(record, "storage", value->storage) &&
                    is_number_of(record, "tariff", value->tariff) &&
                    is_number_of(record, "device", value->subunit);
        bool is_failed = value->absent && value->function == MT_IN_ERROR;
        if (!fits || (!is_failed && !same(value, record))) {
            char text[160];
            snprintf(text, sizeof(text), "value %u %s: %" PRId64 "e%d %s differs", at - 1,
                     value->name, value->mantissa, value->exponent, value->unit);
            expect(false, row, text);
        }
    }
}

/* Rows that must not give a value; what is no such row is left to the caller. */
static bool check_refusal(const struct row *row, enum mt_status status)
{
    const char *wish = text_of(row->expected, "expect");
    if (wish == NULL) {
        return false;
    }
    if (strcmp(wish, "reject") == 0) {
        expect(!is_told(status), row, "it must be refused");
    } else {
        expect(status != MT_OK, row, "it must give no value");
    }
    return true;
}

static void check_row(const struct row *row)
{
    static struct mt_frame frame;
    struct mt_input input = input_of(row);
    size_t used = 0;
    enum mt_status recognised = mt_decode(&frame, &used, NULL, &input);
    enum mt_status status = mt_decode(&frame, &used, mt_protocol_find("mbus", 4), &input);
    if (check_refusal(row, status)) {
        expect(recognised != MT_OK, row, "recognised it must give no value either");
        return;
    }
    expect(recognised == status, row, "it must be recognised");
    if (json_object_get(row->expected, "app_error") != NULL) {
        expect(status == MT_NO_READING && frame.kind == MT_FRAME_ABNORMAL, row, "an error");
        return;
    }
    expect(status == MT_OK, row, mt_status_text(status));
    if (status != MT_OK) {
        return;
    }
    expect(strcmp(frame.protocol, "mbus") == 0, row, "recognised as another protocol");
    check_identity(row, &frame);
    check_total(row, &frame);
    check_time(row, &frame);
    check_records(row, &frame);
}

static void check_file(const char *file)
{
    totals_exact = 0;
    listed = 0;
    if (each_row(file, check_row) == 0) {
        UNIT_SKIP("SKIPPED: no rows in the corpora's M-Bus files");
    }
    printf("    %s: %zu totals exact, %zu rows listed\n", file, totals_exact, listed);
}

static void every_row_of_libmbus_decodes_to_its_values(void)
{
    check_file("mbus.tsv");
}

static void every_encrypted_row_decodes_to_its_values(void)
{
    check_file("mbus_oms.tsv");
}

static void every_row_of_wmbusmeters_decodes_to_its_total(void)
{
    check_file("mbus_wmbusmeters.tsv");
}

static const struct unit_test tests[] = {
    {"every_row_of_libmbus_decodes_to_its_values", every_row_of_libmbus_decodes_to_its_values},
    {"every_encrypted_row_decodes_to_its_values", every_encrypted_row_decodes_to_its_values},
    {"every_row_of_wmbusmeters_decodes_to_its_total",
     every_row_of_wmbusmeters_decodes_to_its_total},
};
UNIT_MAIN("corpus_mbus", tests)
