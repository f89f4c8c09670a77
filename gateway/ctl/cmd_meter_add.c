/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay meter add`: one meter by options, or many from a file. */
#include <string.h>

#include "gateway/app/format.h"
#include "gateway/core/core.h"
#include "gateway/ctl/client.h"
#include "gateway/ctl/input.h"
#include "meters/name.h"

#define BATCH_ROWS 1000u
/* Columns of a TSV file that are texts even where they look like numbers. */
#define TEXT_COLUMNS "meter key sign_public raw_key household tariff accept tou_from ladder_start"

static const char about[] =
    "Registers a meter, by name: a letter (p power, w water, g gas), the maker's code, a dash and "
    "the\n"
    "number with its leading zeros, as in pHXE-000012345678. The household and the tariff must be\n"
    "there, or --add-household given. Every meter has a key of 16 bytes, from which it derives "
    "all\n"
    "others; it is read from a file, never from the command line.\n\n"
    "--from reads JSON lines, {\"meter\":...,\"key\":...}, or tab-separated values whose first "
    "line\n"
    "names the columns: meter, key, household, tariff, and where needed sign_public, raw_key, "
    "accept,\n"
    "max_per_hour_units and register_width_units (Wh or ml), tou_from, people, low_income,\n"
    "ladder_months, ladder_start. Households that are missing are added.\n"
    "Exit status: 0 all were added; 1 some were refused.\n";

static char *household;
static char *tariff;
static char *key_file;
static char *new_key;
static char *sign_public_file;
static char *raw_key_file;
static char *accept_forms;
static char *max_per_hour;
static char *register_width;
static char *tou_from;
static char *ladder_start;
static char *from;
static int people;
static int ladder_months;
static int low_income;
static int add_household;
static int skip_existing;

static const struct poptOption options[] = {
    {"household", '\0', POPT_ARG_STRING, &household, 0, "who pays", "ID"},
    {"tariff", '\0', POPT_ARG_STRING, &tariff, 0, "what it costs, as in `meterpay tariff list`",
     "NAME"},
    {"key-file", '\0', POPT_ARG_STRING, &key_file, 0, "the meter's key, 32 hex digits; - is stdin",
     "FILE"},
    {"new-key", '\0', POPT_ARG_STRING, &new_key, 0, "make a key and keep it in this new file",
     "FILE"},
    {"sign-public-file", '\0', POPT_ARG_STRING, &sign_public_file, 0,
     "its Ed25519 public key, 64 hex digits, for signed day-end snapshots", "FILE"},
    {"raw-key-file", '\0', POPT_ARG_STRING, &raw_key_file, 0,
     "key of its own protocol, 32 or 64 hex digits, with --accept carrier; - is stdin", "FILE"},
    {"accept", '\0', POPT_ARG_STRING, &accept_forms, 0,
     "cose (protected messages, the default), carrier (what its connection vouches for) or both",
     "FORM"},
    {"max-per-hour", '\0', POPT_ARG_STRING, &max_per_hour, 0,
     "most that it can measure in an hour [30 kWh, 5 m3 water, 10 m3 gas]", "KWH|M3"},
    {"register-width", '\0', POPT_ARG_STRING, &register_width, 0,
     "the register restarts at 0 before this [not known]", "KWH|M3"},
    {"tou-from", '\0', POPT_ARG_STRING, &tou_from, 0, "first day on time of use", "DATE"},
    {"people", '\0', POPT_ARG_INT, &people, 0, "people in the home", "N"},
    {"low-income", '\0', POPT_ARG_NONE, &low_income, 0, "the home has free units by its tariff",
     NULL},
    {"ladder-months", '\0', POPT_ARG_INT, &ladder_months, 0,
     "moved in: months that its first ladder year has", "N"},
    {"ladder-start", '\0', POPT_ARG_STRING, &ladder_start, 0,
     "... and the month in which that year began", "MONTH"},
    {"add-household", '\0', POPT_ARG_NONE, &add_household, 0, "add the household if it is missing",
     NULL},
    {"from", '\0', POPT_ARG_STRING, &from, 0, "register all meters of a file; - is stdin", "FILE"},
    {"skip-existing", '\0', POPT_ARG_NONE, &skip_existing, 0,
     "with --from: meters that are there are fine", NULL},
    POPT_TABLEEND,
};

/* ---- one ------------------------------------------------------------------------------------------------ */

static void put_text(json_t *row, const char *name, const char *value)
{
    if (value != NULL) {
        (void)json_object_set_new(row, name, json_string(value));
    }
}

static bool put_quantity(json_t *row, const char *name, const char *option, const char *value,
                         uint8_t medium)
{
    int64_t units = 0;
    uint32_t decimals = medium == MT_WATER || medium == MT_GAS ? 6 : 3;
    if (value == NULL) {
        return true;
    }
    if (!gw_ctl_decimal(&units, option, value, decimals)) {
        return false;
    }
    (void)json_object_set_new(row, name, json_integer(units));
    return true;
}

static bool put_keys(json_t *row)
{
    char key[2 * MT_KEY_BYTES + 1];
    char sign[2 * 32 + 1];
    bool fine = key_file != NULL ? gw_ctl_read_hex(key, MT_KEY_BYTES, key_file)
                                 : gw_ctl_new_key(key, new_key);
    if (fine) {
        put_text(row, "key", key);
    }
    explicit_bzero(key, sizeof(key));
    if (fine && sign_public_file != NULL) {
        fine = gw_ctl_read_hex(sign, 32, sign_public_file);
        put_text(row, "sign_public", fine ? sign : NULL);
    }
    if (fine && raw_key_file != NULL) {
        char raw[2 * GW_RAW_KEY_MAX + 1];
        fine = gw_ctl_read_key(raw, GW_RAW_KEY_MAX, raw_key_file);
        put_text(row, "raw_key", fine ? raw : NULL);
        explicit_bzero(raw, sizeof(raw));
    }
    return fine;
}

static bool make_row(json_t *row, const char *name)
{
    struct mt_identity identity;
    if (mt_name_parse(&identity, name, strlen(name)) != MT_OK) {
        (void)gw_ctl_misuse("'%s' is no meter's name; one looks like pHXE-000012345678.", name);
        return false;
    }
    put_text(row, "meter", name);
    put_text(row, "household", household);
    put_text(row, "tariff", tariff);
    put_text(row, "accept", accept_forms);
    put_text(row, "tou_from", tou_from);
    put_text(row, "ladder_start", ladder_start);
    (void)json_object_set_new(row, "people", json_integer(people));
    (void)json_object_set_new(row, "low_income", json_boolean(low_income));
    (void)json_object_set_new(row, "add_households", json_boolean(add_household));
    if (ladder_months != 0) {
        (void)json_object_set_new(row, "ladder_months", json_integer(ladder_months));
    }
    return put_quantity(row, "max_per_hour_units", "--max-per-hour", max_per_hour,
                        identity.medium) &&
           put_quantity(row, "register_width_units", "--register-width", register_width,
                        identity.medium) &&
           put_keys(row);
}

static int add_one(const struct gw_ctl_args *args)
{
    struct gw_ctl_path path;
    json_t *reply = NULL;
    if (args->rest_count != 1) {
        return gw_ctl_misuse("which meter? Give its name, or --from FILE.");
    }
    if (household == NULL || tariff == NULL) {
        return gw_ctl_misuse("give --household ID and --tariff NAME.");
    }
    if ((key_file == NULL) == (new_key == NULL)) {
        return gw_ctl_misuse(
            "give the meter's key: --key-file FILE, or --new-key FILE to make one.");
    }
    json_t *row = json_object();
    if (!make_row(row, args->rest[0])) {
        json_decref(row);
        return GW_CTL_USAGE;
    }
    gw_ctl_path_begin(&path, "/v1/meters");
    gw_ctl_path_query(&path, "wait", "broker");
    struct gw_ctl_request request = {.method = "POST", .path = &path, .json = row};
    int result = gw_ctl_ask(&reply, args, &request);
    json_decref(row);
    if (result == GW_CTL_OK && args->json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        bool later = strcmp(gw_ctl_text(reply, "broker"), "later") == 0;
        printf("added %s%s\n", args->rest[0],
               later ? "; the broker does not know it yet: see `meterpay status`" : "");
    }
    json_decref(reply);
    return result;
}

/* ---- many ----------------------------------------------------------------------------------------------- */

struct tally {
    long long added;
    long long there;
    long long refused;
    json_t *complaints; /* rows that were refused */
};

/* Count what became of a batch whose first row stood in line `lines[0]`. */
static void count(struct tally *tally, const json_t *reply, const unsigned *lines, const char *path)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(json_object_get(reply, "results"), i, row)
    {
        const char *verdict = gw_ctl_text(row, "verdict");
        if (strcmp(verdict, "done") == 0) {
            tally->added++;
        } else if (skip_existing && strcmp(verdict, "exists") == 0) {
            tally->there++;
        } else {
            tally->refused++;
            (void)gw_ctl_no("%s:%u: %s: %s", path, lines[i], gw_ctl_text(row, "meter"),
                            gw_ctl_text(row, "advice"));
            (void)json_object_set_new(row, "line", json_integer(lines[i]));
            (void)json_array_append(tally->complaints, row);
        }
    }
}

static int send_batch(struct tally *tally, const struct gw_ctl_args *args, json_t *meters,
                      const unsigned *lines)
{
    struct gw_ctl_path path;
    json_t *reply = NULL;
    if (json_array_size(meters) == 0) {
        return GW_CTL_OK;
    }
    gw_ctl_path_begin(&path, "/v1/meters");
    json_t *body = json_pack("{s:O, s:b}", "meters", meters, "add_households", 1);
    struct gw_ctl_request request = {.method = "POST", .path = &path, .json = body};
    int result = gw_ctl_ask(&reply, args, &request);
    json_decref(body);
    if (result == GW_CTL_OK) {
        count(tally, reply, lines, from);
        json_decref(reply);
    }
    (void)json_array_clear(meters);
    return result;
}

static int send_all(struct tally *tally, const struct gw_ctl_args *args, struct gw_ctl_rows *rows)
{
    static unsigned lines[BATCH_ROWS];
    json_t *meters = json_array();
    json_t *row = NULL;
    bool failed = false;
    int result = GW_CTL_OK;
    while (result == GW_CTL_OK && (row = gw_ctl_rows_next(rows, &failed, TEXT_COLUMNS)) != NULL) {
        lines[json_array_size(meters)] = rows->line;
        (void)json_array_append_new(meters, row);
        if (json_array_size(meters) == BATCH_ROWS) {
            result = send_batch(tally, args, meters, lines);
        }
    }
    if (result == GW_CTL_OK) {
        result = send_batch(tally, args, meters, lines);
    }
    json_decref(meters);
    return failed ? GW_CTL_USAGE : result;
}

static int add_many(const struct gw_ctl_args *args)
{
    static struct gw_ctl_rows rows; /* large */
    struct tally tally = {.complaints = json_array()};
    if (args->rest_count != 0 || household != NULL || key_file != NULL || new_key != NULL) {
        json_decref(tally.complaints);
        return gw_ctl_misuse("--from takes everything from the file.");
    }
    if (!gw_ctl_rows_open(&rows, from)) {
        json_decref(tally.complaints);
        return GW_CTL_USAGE;
    }
    int result = send_all(&tally, args, &rows);
    gw_ctl_rows_close(&rows);
    if (args->json) {
        json_t *summary = json_pack("{s:I, s:I, s:I, s:O}", "added", (json_int_t)tally.added,
                                    "existing", (json_int_t)tally.there, "refused",
                                    (json_int_t)tally.refused, "results", tally.complaints);
        gw_ctl_print_json(summary);
        json_decref(summary);
    } else {
        printf("added %lld", tally.added);
        if (skip_existing) {
            printf(", %lld were there", tally.there);
        }
        printf(", refused %lld\n", tally.refused);
    }
    json_decref(tally.complaints);
    return result == GW_CTL_OK && tally.refused > 0 ? GW_CTL_NO : result;
}

int gw_cmd_meter_add(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "METER --household ID --tariff NAME --key-file FILE | --from FILE",
        .about = about,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    gw_ctl_parse(&args, argc, argv, &syntax);
    return from != NULL ? add_many(&args) : add_one(&args);
}
