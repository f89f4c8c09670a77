/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay readings` and `meterpay refusals`. */
#include "gateway/ctl/client.h"

static char *limit;
static char *before;

static const struct poptOption readings_options[] = {
    {"limit", 'n', POPT_ARG_STRING, &limit, 0, "how many, about [96]", "N"},
    {"before", '\0', POPT_ARG_STRING, &before, 0, "go on from where the last answer ended",
     "BLOCK"},
    POPT_TABLEEND,
};

static void print_readings(const json_t *reply)
{
    static const char *const titles[] = {"TIME", "TOTAL", "UNIT", "VERDICT", "OVER", "AS", "BLOCK"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 7);
    size_t i = 0;
    json_t *reading = NULL;
    char time[32];
    json_array_foreach(json_object_get(reply, "readings"), i, reading)
    {
        gw_ctl_table_cell(table, gw_ctl_time(time, reading, "time"));
        gw_ctl_table_cell(table, gw_ctl_text(reading, "total"));
        gw_ctl_table_cell(table, gw_ctl_text(reply, "unit"));
        gw_ctl_table_cell(table, gw_ctl_text(reading, "verdict"));
        gw_ctl_table_cell(table, gw_ctl_text(reading, "transport"));
        gw_ctl_table_cell(table, gw_ctl_text(reading, "form"));
        gw_ctl_table_cell_int(table, gw_ctl_int(reading, "block"));
    }
    gw_ctl_table_end(table, "No readings.");
    if (json_is_integer(json_object_get(reply, "next"))) {
        printf("Older ones: --before %lld\n", gw_ctl_int(reply, "next"));
    }
}

int gw_cmd_readings(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = readings_options,
        .usage = "METER [--limit N]",
        .about = "A meter's readings, the newest first, with what became of each: those refused "
                 "are kept\n"
                 "and shown, too. `meterpay export readings` writes all of them.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/meters");
    gw_ctl_path_part(&path, args.rest[0]);
    gw_ctl_path_part(&path, "readings");
    gw_ctl_path_query(&path, "limit", limit);
    gw_ctl_path_query(&path, "before", before);
    int result = gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        print_readings(reply);
    }
    json_decref(reply);
    return result;
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static const struct poptOption refusals_options[] = {
    {"limit", 'n', POPT_ARG_STRING, &limit, 0, "how many [100]", "N"},
    POPT_TABLEEND,
};

static void print_refusals(const json_t *reply)
{
    static const char *const titles[] = {"TIME", "METER", "OVER", "BYTES", "VERDICT", "ADVICE"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 6);
    size_t i = 0;
    json_t *refusal = NULL;
    char time[32];
    json_array_foreach(json_object_get(reply, "refusals"), i, refusal)
    {
        gw_ctl_table_cell(table, gw_ctl_time(time, refusal, "time"));
        gw_ctl_table_cell(table, gw_ctl_text(refusal, "meter"));
        gw_ctl_table_cell(table, gw_ctl_text(refusal, "transport"));
        gw_ctl_table_cell_int(table, gw_ctl_int(refusal, "bytes"));
        gw_ctl_table_cell(table, gw_ctl_text(refusal, "verdict"));
        gw_ctl_table_cell(table, gw_ctl_text(refusal, "advice"));
    }
    gw_ctl_table_end(table, "No message was refused since the start.");
}

int gw_cmd_refusals(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = refusals_options,
        .usage = "[--limit N]",
        .about = "The newest messages that were refused since the start, and why. The meter's name "
                 "is the\n"
                 "one that was claimed.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/refusals");
    gw_ctl_path_query(&path, "limit", limit);
    int result = gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        print_refusals(reply);
    }
    json_decref(reply);
    return result;
}
