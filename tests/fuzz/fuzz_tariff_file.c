/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a tariff pack: it is refused with a sentence, or it is a tariff that rates without a
 * broken promise, whose explanation sums to its charge.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/core/civil.h"
#include "gateway/core/usage.h"

#define DAYS 400

static struct gw_tariff tariff;
static struct gw_charge_line lines[GW_CHARGE_LINES_PER_SEGMENT_MAX];

static void explain_is_charge(const struct gw_terms *terms, int64_t ladder_units,
                              const struct gw_segment *segment)
{
    int64_t ufen[GW_TARIFF_PAYEES_MAX];
    gw_tariff_charge(ufen, &tariff, terms, ladder_units, segment, 1);
    uint32_t count = gw_tariff_explain(lines, GW_CHARGE_LINES_PER_SEGMENT_MAX, &tariff, terms,
                                       ladder_units, segment);
    MT_CHECK(count <= GW_CHARGE_LINES_PER_SEGMENT_MAX);
    for (uint32_t i = 0; i < count; i++) {
        ufen[lines[i].payee] -= lines[i].ufen;
    }
    for (uint32_t payee = 0; payee < GW_TARIFF_PAYEES_MAX; payee++) {
        MT_CHECK(ufen[payee] == 0);
    }
}

static void rate(const struct gw_terms *terms)
{
    struct gw_usage usage = {0};
    int64_t at_us = tariff.versions[0].from_us;
    for (int i = 0; i < 5; i++) {
        struct gw_interval interval = {
            .from_us = at_us,
            .to_us = at_us + DAYS / 5 * GW_US_PER_DAY + 77777777,
            .units = 123456789,
            .band_units = {1000, 100000000, 0, 20000000},
            .has_bands = i % 2 == 0,
            .doubtful = i == 3,
            .sign = 1,
        };
        at_us = interval.to_us;
        enum gw_usage_verdict verdict = gw_usage_add(&usage, &tariff, terms, &interval);
        MT_CHECK(verdict == GW_USAGE_DONE || verdict == GW_USAGE_NO_TARIFF);
    }
    int64_t ladder_units = usage.ladder_units;
    for (uint32_t i = 0; i < usage.count; i++) {
        if (i > 0) {
            ladder_units =
                gw_ladder_next(&tariff, ladder_units, &usage.segments[i - 1], &usage.segments[i]);
        }
        explain_is_charge(terms, ladder_units, &usage.segments[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[GW_YAML_WHY_MAX];
    struct gw_yaml_source source = {.name = "fuzz", .text = (const char *)data, .len = size};
    if (gw_tariff_file_parse(&tariff, NULL, why, sizeof(why), &source) != GW_OK) {
        MT_CHECK(strlen(why) > 6 && strlen(why) < sizeof(why));
        return 0;
    }
    MT_CHECK(gw_tariff_check(&tariff, why, sizeof(why)) == GW_OK);
    struct gw_terms plain = {.tou_from_day = INT32_MAX, .ladder_months = 12};
    struct gw_terms special = {.tou_from_day = gw_local_day(tariff.versions[0].from_us) + 40,
                               .people = 7,
                               .ladder_months = 5,
                               .low_income = true};
    special.ladder_months_year =
        gw_ladder_id(&tariff.versions[0], gw_local_month(tariff.versions[0].from_us));
    rate(&plain);
    rate(&special);
    return 0;
}
