/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay rate`: what a consumption costs by a tariff. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/core/civil.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/rate.h"
#include "meters/decimal.h"

static const char about[] =
    "Prints what the quantity costs and how it comes about, each part with its price.\n"
    "PACK is a file, or a shipped name: zhejiang-power, guangdong-power-tou, qingdao-gas,\n"
    "guangzhou-gas, beijing-water, zhanjiang-power and more. Dates are local days; --to is the\n"
    "day after the last one. The quantity is spread evenly over the time:\n"
    "  --kwh 2760                       of a home without time of use, or with it by --tou\n"
    "  --kwh peak=1500,valley=1260      of a home whose bands are known\n"
    "  --m3 348.5                       water or gas\n"
    "Example: meterpay rate --tariff qingdao-gas --from 2024-01-01 --to 2025-01-01 --m3 348.5\n";

/** The options as they were typed; NULL: not given. */
struct options {
    char *tariff;
    char *from;
    char *to;
    char *kwh;
    char *m3;
    char *used;
    int people;
    int ladder_months;
    int low_income;
    int tou;
};

/** A decimal without zeros at its end: 2760, 348.5. */
static void plain_decimal(char text[MT_DECIMAL_TEXT_MAX], int64_t mantissa, int exponent)
{
    while (exponent < 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        exponent++;
    }
    (void)mt_decimal_format(text, mantissa, exponent); /* the length is not needed */
}

static int quantity_scale(const struct gw_tariff *tariff)
{
    return tariff->unit_divisor == 1000 ? 3 : 6;
}

static const char *quantity_unit(const struct gw_tariff *tariff)
{
    return tariff->unit_divisor == 1000 ? "kWh" : "m3";
}

/** A quantity of len characters in kWh or m3. Returns GW_CTL_OK, or complains. */
static int read_quantity(int64_t *units, const char *text, size_t len,
                         const struct gw_tariff *tariff)
{
    int shown = len > 40 ? 40 : (int)len;
    enum mt_status status = mt_decimal_text_scaled(units, text, len, quantity_scale(tariff));
    if (status == MT_BAD_DIGIT) {
        return gw_ctl_misuse("'%.*s' is no quantity in %s, such as 2760 or 348.5", shown, text,
                             quantity_unit(tariff));
    }
    if (status != MT_OK) {
        return gw_ctl_misuse("%.*s %s is more than can be rated, or has more than %d decimals",
                             shown, text, quantity_unit(tariff), quantity_scale(tariff));
    }
    if (*units < 0) {
        return gw_ctl_misuse("%.*s %s is negative: a consumption is 0 or more", shown, text,
                             quantity_unit(tariff));
    }
    return GW_CTL_OK;
}

/** Which band a word of len characters names; GW_BANDS: none. */
static uint32_t band_of_word(const char *word, size_t len)
{
    uint32_t band = 0;
    while (band < GW_BANDS && (strlen(gw_rate_band_name(band)) != len ||
                               memcmp(gw_rate_band_name(band), word, len) != 0)) {
        band++;
    }
    return band;
}

/** "peak=1500,valley=1260". */
static int read_bands(struct gw_rate_request *request, const char *text)
{
    uint32_t seen = 0;
    request->has_bands = true;
    for (const char *part = text; part != NULL;) {
        const char *comma = strchr(part, ',');
        size_t len = comma != NULL ? (size_t)(comma - part) : strlen(part);
        const char *equals = memchr(part, '=', len);
        size_t word_len = equals != NULL ? (size_t)(equals - part) : len;
        uint32_t band = band_of_word(part, word_len);
        if (equals == NULL || band == GW_BANDS) {
            return gw_ctl_misuse("'%.*s' in --kwh is not band=quantity with a band of sharp, peak, "
                                 "flat, valley",
                                 len > 40 ? 40 : (int)len, part);
        }
        if ((seen >> band & 1u) != 0) {
            return gw_ctl_misuse("the band '%s' is there twice", gw_rate_band_name(band));
        }
        seen |= 1u << band;
        int status = read_quantity(&request->band_units[band], equals + 1, len - word_len - 1,
                                   request->tariff);
        if (status != GW_CTL_OK) {
            return status;
        }
        if (__builtin_add_overflow(request->units, request->band_units[band], &request->units)) {
            return gw_ctl_misuse("the quantities of --kwh are more than can be rated");
        }
        part = comma != NULL ? comma + 1 : NULL;
    }
    return GW_CTL_OK;
}

static int read_consumption(struct gw_rate_request *request, const struct options *options)
{
    bool is_kwh = request->tariff->unit_divisor == 1000;
    const char *text = is_kwh ? options->kwh : options->m3;
    if ((options->kwh != NULL) == (options->m3 != NULL)) {
        return gw_ctl_misuse("give the quantity, either --kwh or --m3");
    }
    if (text == NULL) {
        return gw_ctl_misuse("%s counts in %s: give --%s", request->tariff->name,
                             quantity_unit(request->tariff), is_kwh ? "kwh" : "m3");
    }
    if (strchr(text, '=') != NULL) {
        return read_bands(request, text);
    }
    return read_quantity(&request->units, text, strlen(text), request->tariff);
}

static int read_day(int32_t *day, const char *option, const char *text)
{
    struct gw_date date;
    if (text == NULL) {
        return gw_ctl_misuse("%s is missing: a local day, such as 2024-01-01", option);
    }
    if (!gw_date_parse(&date, text, strlen(text))) {
        return gw_ctl_misuse("%s %.40s: no day of 1970 to 2199 written as 2024-01-01", option,
                             text);
    }
    *day = gw_day_of_date(date);
    return GW_CTL_OK;
}

static int read_days(struct gw_rate_request *request, const struct options *options)
{
    int status = read_day(&request->from_day, "--from", options->from);
    if (status == GW_CTL_OK) {
        status = read_day(&request->to_day, "--to", options->to);
    }
    if (status == GW_CTL_OK && request->from_day >= request->to_day) {
        return gw_ctl_misuse("--to %s is not after --from %s; it is the day after the last one",
                             options->to, options->from);
    }
    return status;
}

static int read_request(struct gw_rate_request *request, const struct options *options)
{
    if (options->people < 0 || options->people > 255) {
        return gw_ctl_misuse("--people must be 0 to 255");
    }
    if (options->ladder_months < 1 || options->ladder_months > 12) {
        return gw_ctl_misuse("--ladder-months must be 1 to 12");
    }
    request->people = (uint8_t)options->people;
    request->ladder_months = (uint8_t)options->ladder_months;
    request->low_income = options->low_income != 0;
    request->tou = options->tou != 0;
    int status = read_days(request, options);
    if (status == GW_CTL_OK) {
        status = read_consumption(request, options);
    }
    if (status == GW_CTL_OK && options->used != NULL) {
        status = read_quantity(&request->ladder_units, options->used, strlen(options->used),
                               request->tariff);
    }
    int64_t limit = GW_SEGMENT_QUANTITY_MAX * request->tariff->unit_divisor;
    if (status == GW_CTL_OK && request->ladder_units > limit) {
        return gw_ctl_misuse("--used is more than can be rated");
    }
    return status;
}

/** A line's place in the tariff, in words. */
static void line_place(char text[32], const struct gw_charge_line *line)
{
    if (line->block != GW_LINE_NONE) {
        (void)snprintf(text, 32, "block %u on top", line->block + 1u); /* fits */
    } else if (line->price_ufen == 0) {
        (void)snprintf(text, 32, "%s, free", gw_rate_band_name(line->band)); /* fits */
    } else {
        (void)snprintf(text, 32, "%s", line->tou != 0 ? gw_rate_band_name(line->band) : "each");
    }
}

static json_t *line_json(const struct gw_charge_line *line, const struct gw_tariff *tariff)
{
    const struct gw_tariff_version *version = &tariff->versions[line->version];
    char quantity[MT_DECIMAL_TEXT_MAX];
    char price[MT_DECIMAL_TEXT_MAX];
    char amount[MT_DECIMAL_TEXT_MAX];
    char month[16];
    plain_decimal(quantity, line->units, -quantity_scale(tariff));
    plain_decimal(price, line->price_ufen, -8);
    plain_decimal(amount, line->ufen, -6);
    (void)snprintf(month, sizeof(month), "%u-%02u", 1970u + line->month / 12u,
                   line->month % 12u + 1u); /* fits */
    json_t *json = json_pack("{s:s, s:s}", "payee", tariff->payees[line->payee], "label",
                             version->components[line->component].label);
    /* A failed step leaves NULL or an incomplete object; json_dumpf of the whole tells. */
    if (line->block != GW_LINE_NONE) {
        (void)json_object_set_new(json, "block", json_integer(line->block + 1));
    } else {
        (void)json_object_set_new(json, "band", json_string(gw_rate_band_name(line->band)));
    }
    json_t *rest = json_pack("{s:s, s:s, s:s, s:s, s:s}", "quantity", quantity, "price", price,
                             "amount", amount, "version", version->id, "month", month);
    (void)json_object_update(json, rest);
    json_decref(rest);
    return json;
}

static json_t *rate_json(const struct gw_rate *rate, const struct gw_rate_request *request,
                         const struct gw_tariff_note *note)
{
    const struct gw_tariff *tariff = request->tariff;
    char quantity[MT_DECIMAL_TEXT_MAX];
    plain_decimal(quantity, request->units, -quantity_scale(tariff));
    json_t *payees = json_array();
    for (uint32_t i = 0; i < tariff->payee_count; i++) {
        (void)json_array_append_new(payees,
                                    json_pack("{s:s, s:I}", "payee", tariff->payees[i],
                                              "amount_fen", (json_int_t)rate->payee_fen[i]));
    }
    json_t *lines = json_array();
    for (uint32_t i = 0; i < rate->line_count; i++) {
        (void)json_array_append_new(lines, line_json(&rate->lines[i], tariff));
    }
    return json_pack("{s:I, s:s, s:b, s:s, s:s, s:o, s:o}", "amount_fen",
                     (json_int_t)rate->amount_fen, "tariff", tariff->name, "example",
                     (int)note->is_example, "quantity", quantity, "unit", quantity_unit(tariff),
                     "payees", payees, "lines", lines);
}

static int print_json(const struct gw_rate *rate, const struct gw_rate_request *request,
                      const struct gw_tariff_note *note)
{
    json_t *json = rate_json(rate, request, note);
    if (json == NULL) {
        return gw_ctl_misuse("there is no memory for the result.");
    }
    (void)json_dumpf(json, stdout, JSON_COMPACT); /* main asks stdout whether it was written */
    json_decref(json);
    printf("\n");
    return GW_CTL_OK;
}

static bool same_row(const struct gw_charge_line *a, const struct gw_charge_line *b)
{
    return a->version == b->version && a->component == b->component && a->band == b->band &&
           a->block == b->block && a->tou == b->tou && a->price_ufen == b->price_ufen;
}

/** Add up lines that differ by their month only, in place. Returns how many are left. */
static uint32_t merge_months(struct gw_charge_line *lines, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < kept && !same_row(&lines[at], &lines[i])) {
            at++;
        }
        if (at == kept) {
            lines[kept++] = lines[i];
        } else {
            lines[at].units += lines[i].units;
            lines[at].ufen += lines[i].ufen;
        }
    }
    return kept;
}

/** Order of rows: by component, version, bands before blocks, what is free first. */
static int compare_rows(const void *left, const void *right)
{
    const struct gw_charge_line *a = left;
    const struct gw_charge_line *b = right;
    int64_t differences[] = {
        (int64_t)a->component - b->component,
        (int64_t)a->version - b->version,
        (int64_t)(a->block != GW_LINE_NONE) - (b->block != GW_LINE_NONE),
        (int64_t)a->block - b->block,
        (int64_t)a->tou - b->tou,
        (int64_t)a->band - b->band,
        a->price_ufen - b->price_ufen,
    };
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++) {
        if (differences[i] != 0) {
            return differences[i] < 0 ? -1 : 1;
        }
    }
    return 0;
}

static void print_text(struct gw_rate *rate, const struct gw_rate_request *request,
                       const struct options *options, const struct gw_tariff_note *note)
{
    const struct gw_tariff *tariff = request->tariff;
    char quantity[MT_DECIMAL_TEXT_MAX];
    char price[MT_DECIMAL_TEXT_MAX];
    char amount[MT_DECIMAL_TEXT_MAX];
    plain_decimal(quantity, request->units, -quantity_scale(tariff));
    (void)mt_decimal_format(amount, rate->amount_fen, -2); /* the length is not needed */
    printf("%" PRId64 " fen (%s yuan) for %s %s by %s, %s to before %s\n", rate->amount_fen, amount,
           quantity, quantity_unit(tariff), tariff->name, options->from, options->to);
    if (note->is_example) {
        printf("The figures of this tariff are an example.\n");
    }
    printf("%-16s %-20s %-16s %12s %12s %16s\n", "payee", "part", "at", quantity_unit(tariff),
           "yuan each", "fen");
    uint32_t count = merge_months(rate->lines, rate->line_count);
    qsort(rate->lines, count, sizeof(rate->lines[0]), compare_rows);
    for (uint32_t i = 0; i < count; i++) {
        const struct gw_charge_line *line = &rate->lines[i];
        char place[32];
        line_place(place, line);
        plain_decimal(quantity, line->units, -quantity_scale(tariff));
        plain_decimal(price, line->price_ufen, -8);
        plain_decimal(amount, line->ufen, -6);
        printf("%-16s %-20s %-16s %12s %12s %16s\n", tariff->payees[line->payee],
               tariff->versions[line->version].components[line->component].label, place, quantity,
               price, amount);
    }
    for (uint32_t i = 0; tariff->payee_count > 1 && i < tariff->payee_count; i++) {
        printf("%-16s %-20s %-16s %12s %12s %16" PRId64 "\n", tariff->payees[i], "to pay", "", "",
               "", rate->payee_fen[i]);
    }
}

/** Load the pack, rate and print; the buffers are the caller's. */
static int rate_and_print(struct gw_tariff *tariff, struct gw_rate *rate,
                          const struct options *options, bool as_json)
{
    char path[GW_TARIFF_PATH_MAX];
    char why[GW_YAML_WHY_MAX];
    struct gw_tariff_note note;
    if (gw_tariff_file_find(path, why, sizeof(why), options->tariff) != GW_OK ||
        gw_tariff_file_load(tariff, &note, why, sizeof(why), path) != GW_OK) {
        return gw_ctl_misuse("%s", why);
    }
    struct gw_rate_request request = {.tariff = tariff};
    int status = read_request(&request, options);
    if (status != GW_CTL_OK) {
        return status;
    }
    char refusal[GW_RATE_WHY_MAX];
    if (gw_rate_compute(rate, refusal, &request) != GW_OK) {
        return gw_ctl_no("%s", refusal);
    }
    if (as_json) {
        return print_json(rate, &request, &note);
    }
    print_text(rate, &request, options, &note);
    return GW_CTL_OK;
}

int gw_cmd_rate(int argc, const char **argv)
{
    static struct options options = {.ladder_months = 12};
    static const struct poptOption own[] = {
        {"tariff", 't', POPT_ARG_STRING, &options.tariff, 0,
         "tariff pack: a file or a shipped name", "PACK"},
        {"from", '\0', POPT_ARG_STRING, &options.from, 0, "first day", "DATE"},
        {"to", '\0', POPT_ARG_STRING, &options.to, 0, "day after the last one", "DATE"},
        {"kwh", '\0', POPT_ARG_STRING, &options.kwh, 0, "energy, or band=energy,band=energy",
         "KWH"},
        {"m3", '\0', POPT_ARG_STRING, &options.m3, 0, "volume", "M3"},
        {"used", '\0', POPT_ARG_STRING, &options.used, 0,
         "what the ladder year or month counts already at --from", "QUANTITY"},
        {"people", '\0', POPT_ARG_INT, &options.people, 0, "people in the home", "N"},
        {"ladder-months", '\0', POPT_ARG_INT, &options.ladder_months, 0,
         "months that the first ladder year counts for (moved in)", "N"},
        {"low-income", '\0', POPT_ARG_NONE, &options.low_income, 0,
         "the home has the free quantity", NULL},
        {"tou", '\0', POPT_ARG_NONE, &options.tou, 0, "the home is on time of use", NULL},
        POPT_TABLEEND,
    };
    static const struct gw_ctl_syntax syntax = {
        .own = own,
        .usage = "--tariff PACK --from DATE --to DATE --kwh KWH | --m3 M3",
        .about = about,
    };
    struct gw_ctl_args args;
    gw_ctl_parse(&args, argc, argv, &syntax);
    if (options.tariff == NULL) {
        return gw_ctl_misuse("--tariff is missing: a file or a shipped name");
    }
    struct gw_tariff *tariff = malloc(sizeof(*tariff));
    struct gw_rate *rate = malloc(sizeof(*rate));
    int status = tariff != NULL && rate != NULL ? rate_and_print(tariff, rate, &options, args.json)
                                                : gw_ctl_misuse("out of memory");
    free(rate);
    free(tariff);
    return status;
}
