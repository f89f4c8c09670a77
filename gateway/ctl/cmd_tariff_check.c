/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay tariff check`: whether a tariff pack would be taken, and what it says. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "gateway/adapters/tariff_file.h"
#include "gateway/core/civil.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/rate.h"

static const char about[] =
    "Reads a tariff pack as the gateway would, and prints what it understood, or the line that is\n"
    "wrong. PACK is a file or a shipped name. The format is described in docs/tariffs.md.\n"
    "Exit status: 0 the pack is good, 1 it is not.\n";

static const char *ladder_name(const struct gw_tariff_version *version)
{
    static const char *const names[] = {"none", "month", "year"};
    return names[version->ladder];
}

/** The bands of all seasons: bit i is band i. */
static uint32_t version_bands(const struct gw_tariff_version *version)
{
    uint32_t bands = 0;
    for (uint32_t season = 0; season < version->season_count; season++) {
        bands |= gw_tariff_bands(version, season);
    }
    return bands;
}

static json_t *version_json(const struct gw_tariff_version *version)
{
    char from[GW_DATE_TEXT_BYTES];
    gw_date_format(from, gw_date_of_day(gw_local_day(version->from_us)));
    json_t *bands = json_array();
    uint32_t bits = version_bands(version);
    for (uint32_t band = 0; band < GW_BANDS; band++) {
        if ((bits >> band & 1u) != 0) {
            (void)json_array_append_new(bands, json_string(gw_rate_band_name(band)));
        }
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "id", version->id, "from", from,
                     "ladder", ladder_name(version), "blocks", (int)version->block_count, "seasons",
                     (int)version->season_count, "components", (int)version->component_count,
                     "bands", bands);
}

static json_t *good_json(const struct gw_tariff *tariff, const struct gw_tariff_note *note)
{
    static const char *const media[] = {"power", "water", "gas", "heat"};
    json_t *payees = json_array();
    for (uint32_t i = 0; i < tariff->payee_count; i++) {
        (void)json_array_append_new(payees, json_string(tariff->payees[i]));
    }
    json_t *versions = json_array();
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        (void)json_array_append_new(versions, version_json(&tariff->versions[i]));
    }
    return json_pack("{s:b, s:s, s:s, s:b, s:s, s:i, s:o, s:o}", "good", 1, "name", tariff->name,
                     "medium", media[tariff->medium], "example", (int)note->is_example, "note",
                     note->text, "critical_days", (int)tariff->critical_day_count, "payees", payees,
                     "versions", versions);
}

static void print_text(const struct gw_tariff *tariff, const struct gw_tariff_note *note,
                       const char *path)
{
    printf("%s: good: %s%s\n", path, tariff->name,
           note->is_example ? ", an example: its figures are not confirmed" : "");
    if (note->text[0] != '\0') {
        printf("  %s\n", note->text);
    }
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct gw_tariff_version *version = &tariff->versions[i];
        char from[GW_DATE_TEXT_BYTES];
        gw_date_format(from, gw_date_of_day(gw_local_day(version->from_us)));
        printf("  from %s  %s: ladder %s, blocks %u, seasons %u, components %u, %s\n", from,
               version->id, ladder_name(version), version->block_count, version->season_count,
               version->component_count,
               version_bands(version) != 0 ? "time of use" : "no time of use");
    }
}

/** Print and drop a JSON object. */
static int print_json(json_t *json, int status)
{
    if (json == NULL) {
        return gw_ctl_misuse("there is no memory for the result.");
    }
    (void)json_dumpf(json, stdout, JSON_COMPACT); /* main asks stdout whether it was written */
    json_decref(json);
    printf("\n");
    return status;
}

static int refused(const char *why, bool as_json)
{
    return as_json ? print_json(json_pack("{s:b, s:s}", "good", 0, "error", why), GW_CTL_NO)
                   : gw_ctl_no("%s", why);
}

static int check_pack(struct gw_tariff *tariff, const char *pack, bool as_json)
{
    char path[GW_TARIFF_PATH_MAX];
    char why[GW_YAML_WHY_MAX];
    struct gw_tariff_note note;
    if (gw_tariff_file_find(path, why, sizeof(why), pack) != GW_OK) {
        return refused(why, as_json);
    }
    if (gw_tariff_file_load(tariff, &note, why, sizeof(why), path) != GW_OK) {
        return refused(why, as_json);
    }
    if (as_json) {
        return print_json(good_json(tariff, &note), GW_CTL_OK);
    }
    print_text(tariff, &note, path);
    return GW_CTL_OK;
}

int gw_cmd_tariff_check(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = NULL,
        .usage = "PACK",
        .about = about,
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    gw_ctl_parse(&args, argc, argv, &syntax);
    struct gw_tariff *tariff = malloc(sizeof(*tariff));
    if (tariff == NULL) {
        return gw_ctl_misuse("out of memory");
    }
    int status = check_pack(tariff, args.rest[0], args.json);
    free(tariff);
    return status;
}
