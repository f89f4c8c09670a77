/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay rate` without its options and its printing; see the header. */
#include "gateway/ctl/rate.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/core/civil.h"

const char *gw_rate_band_name(uint32_t band)
{
    static const char *const names[GW_BANDS] = {"sharp", "peak", "flat", "valley"};
    MT_CHECK(band < GW_BANDS);
    return names[band];
}

/** Why nothing was cut. */
static void explain_refusal(char why[GW_RATE_WHY_MAX], enum gw_usage_verdict verdict,
                            const struct gw_rate_request *request)
{
    char first[GW_DATE_TEXT_BYTES];
    const char *name = request->tariff->name;
    gw_date_format(first, gw_date_of_day(gw_local_day(request->tariff->versions[0].from_us)));
    switch (verdict) {
    case GW_USAGE_NO_TARIFF:
        (void)snprintf(why, GW_RATE_WHY_MAX,
                       "the first version of %s is in force from %s: the time asked for must not "
                       "begin before it, nor end after 2199",
                       name, first); /* fits */
        break;
    case GW_USAGE_TOO_LARGE:
        (void)snprintf(why, GW_RATE_WHY_MAX,
                       "at most %lld kWh or m3 over at most %u days can be rated at once",
                       GW_SEGMENT_QUANTITY_MAX, GW_USAGE_DAYS_MAX); /* fits */
        break;
    case GW_USAGE_DONE:
    case GW_USAGE_CLOSED:
        MT_CHECK(false);
    }
}

/** False, and why, when time of use is asked for where the tariff has none. */
static bool bands_possible(char why[GW_RATE_WHY_MAX], const struct gw_rate_request *request,
                           const struct gw_segment *segment)
{
    const struct gw_tariff_version *version = &request->tariff->versions[segment->version];
    uint32_t bands = gw_tariff_bands(version, version->season_of_month[segment->month % 12u]);
    uint32_t year = 1970u + segment->month / 12u;
    uint32_t month = segment->month % 12u + 1u;
    if ((request->tou || request->has_bands) && bands == 0) {
        (void)snprintf(why, GW_RATE_WHY_MAX, "%s has no time of use in %u-%02u",
                       request->tariff->name, year, month); /* fits */
        return false;
    }
    for (uint32_t band = 0; request->has_bands && band < GW_BANDS; band++) {
        if (request->band_units[band] != 0 && (bands >> band & 1u) == 0) {
            (void)snprintf(why, GW_RATE_WHY_MAX, "%s has no band '%s' in %u-%02u",
                           request->tariff->name, gw_rate_band_name(band), year, month); /* fits */
            return false;
        }
    }
    return true;
}

static void add_payees(struct gw_rate *rate, const struct gw_tariff *tariff,
                       const struct gw_segment *last)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX] = {0};
    for (uint32_t i = 0; i < rate->line_count; i++) {
        ufen[rate->lines[i].payee] += rate->lines[i].ufen;
    }
    rate->amount_fen = 0;
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        rate->payee_fen[payee] =
            gw_round_fen(ufen[payee], tariff->versions[last->version].round_fen);
        rate->amount_fen += rate->payee_fen[payee];
    }
}

static enum gw_status compute(struct gw_rate *rate, char why[GW_RATE_WHY_MAX],
                              const struct gw_rate_request *request, const struct gw_tariff *tariff)
{
    struct gw_terms terms = {
        .tou_from_day = request->tou || request->has_bands ? 0 : INT32_MAX,
        .people = request->people,
        .ladder_months = request->ladder_months,
        .low_income = request->low_income,
    };
    struct gw_interval interval = {
        .from_us = gw_local_day_start_us(request->from_day),
        .to_us = gw_local_day_start_us(request->to_day),
        .units = request->units,
        .has_bands = request->has_bands,
        .sign = 1,
    };
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        interval.band_units[band] = request->band_units[band];
    }
    struct gw_segment segments[GW_USAGE_CUT_MAX];
    uint32_t count;
    enum gw_usage_verdict verdict = gw_usage_cut(segments, &count, tariff, &terms, &interval);
    if (verdict != GW_USAGE_DONE) {
        explain_refusal(why, verdict, request);
        return GW_INVALID;
    }
    terms.ladder_months_year =
        gw_ladder_id(&tariff->versions[segments[0].version], segments[0].month);
    int64_t ladder_units = request->ladder_units;
    rate->line_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!bands_possible(why, request, &segments[i])) {
            return GW_INVALID;
        }
        if (i > 0) {
            ladder_units = gw_ladder_next(tariff, ladder_units, &segments[i - 1], &segments[i]);
        }
        uint32_t more =
            gw_tariff_explain(rate->lines + rate->line_count, GW_RATE_LINES_MAX - rate->line_count,
                              tariff, &terms, ladder_units, &segments[i]);
        MT_CHECK(more != UINT32_MAX);
        rate->line_count += more;
    }
    add_payees(rate, tariff, &segments[count - 1]);
    return GW_OK;
}

enum gw_status gw_rate_compute(struct gw_rate *rate, char why[GW_RATE_WHY_MAX],
                               const struct gw_rate_request *request)
{
    MT_CHECK(request->from_day < request->to_day);
    MT_CHECK(request->ladder_months >= 1 && request->ladder_months <= 12);
    struct gw_tariff *tariff = malloc(sizeof(*tariff));
    if (tariff == NULL) {
        (void)snprintf(why, GW_RATE_WHY_MAX, "out of memory"); /* fits */
        return GW_INVALID;
    }
    *tariff = *request->tariff;
    /* Quantities of bands that were given decide, whoever decides in the tariff otherwise. */
    for (uint32_t i = 0; request->has_bands && i < tariff->version_count; i++) {
        tariff->versions[i].bands_by_meter = true;
    }
    enum gw_status status = compute(rate, why, request, tariff);
    free(tariff);
    return status;
}
