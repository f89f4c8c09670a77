/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay meter list` and `meterpay meter show`. */
#include <stdlib.h>
#include <string.h>

#include "gateway/ctl/client.h"

#define PAGE "500"

static char *of_household;

static const struct poptOption list_options[] = {
    {"household", '\0', POPT_ARG_STRING, &of_household, 0, "only those of a household", "ID"},
    POPT_TABLEEND,
};

/* Append a page's rows to `all`. Returns where to go on as text, to be freed, or NULL at the end. */
static char *take_page(json_t *all, const json_t *reply)
{
    const json_t *next = json_object_get(reply, "next");
    char *text = NULL;
    (void)json_array_extend(all, json_object_get(reply, "meters"));
    if (json_is_integer(next)) {
        text = malloc(24);
        MT_CHECK(text != NULL);
        snprintf(text, 24, "%lld", (long long)json_integer_value(next));
    }
    return text;
}

static int get_all(json_t *all, const struct gw_ctl_args *args)
{
    char *after = NULL;
    int result = GW_CTL_OK;
    do {
        struct gw_ctl_path path;
        json_t *reply = NULL;
        gw_ctl_path_begin(&path, "/v1/meters");
        gw_ctl_path_query(&path, "limit", PAGE);
        gw_ctl_path_query(&path, "household", of_household);
        gw_ctl_path_query(&path, "after", after);
        free(after);
        after = NULL;
        result = gw_ctl_get(&reply, args, &path);
        if (result == GW_CTL_OK) {
            after = take_page(all, reply);
            json_decref(reply);
        }
    } while (after != NULL);
    return result;
}

static void print_list(const json_t *all)
{
    static const char *const titles[] = {"METER", "HOUSEHOLD",    "TARIFF", "REGISTER",
                                         "UNIT",  "CHARGED YUAN", "HEARD"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 7);
    size_t i = 0;
    json_t *meter = NULL;
    char heard[32];
    json_array_foreach((json_t *)all, i, meter)
    {
        gw_ctl_table_cell(table, gw_ctl_text(meter, "meter"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "household"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "tariff"));
        gw_ctl_table_cell(table, gw_ctl_text(json_object_get(meter, "last"), "total"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "unit"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "charged_yuan"));
        gw_ctl_table_cell(table, gw_ctl_time(heard, meter, "heard"));
    }
    gw_ctl_table_end(table, "No meters. `meterpay meter add` registers one.");
}

int gw_cmd_meter_list(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = list_options,
        .usage = "[--household ID]",
        .about = "Lists meters with their newest register. With --json all terms are in it, for\n"
                 "computing bills a second time.\n",
    };
    struct gw_ctl_args args;
    gw_ctl_parse(&args, argc, argv, &syntax);
    json_t *all = json_array();
    int result = get_all(all, &args);
    if (result == GW_CTL_OK && args.json) {
        json_t *object = json_pack("{s:O}", "meters", all);
        gw_ctl_print_json(object);
        json_decref(object);
    } else if (result == GW_CTL_OK) {
        print_list(all);
    }
    json_decref(all);
    return result;
}

static void print_meter(const json_t *meter)
{
    char text[32];
    const json_t *last = json_object_get(meter, "last");
    const json_t *terms = json_object_get(meter, "terms");
    printf("meter      %s, %s\n", gw_ctl_text(meter, "meter"), gw_ctl_text(meter, "medium"));
    printf("household  %s\n", gw_ctl_text(meter, "household"));
    printf("tariff     %s; time of use from: %s; people: %lld%s\n", gw_ctl_text(meter, "tariff"),
           gw_ctl_text(terms, "tou_from"), gw_ctl_int(terms, "people"),
           json_is_true(json_object_get(terms, "low_income")) ? "; low income" : "");
    if (json_is_object(last)) {
        printf("register   %s %s at %s\n", gw_ctl_text(last, "total"), gw_ctl_text(meter, "unit"),
               gw_ctl_time(text, last, "time"));
    } else {
        printf("register   no reading yet\n");
    }
    printf("heard      %s\n", gw_ctl_time(text, meter, "heard"));
    printf("charged    %s yuan since it was registered\n", gw_ctl_text(meter, "charged_yuan"));
    printf("refused    %lld of its readings\n", gw_ctl_int(meter, "refused"));
}

int gw_cmd_meter_show(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "METER",
        .about = "Shows a meter: its household, tariff and terms, newest register and charge.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/meters");
    gw_ctl_path_part(&path, args.rest[0]);
    int result = gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        print_meter(reply);
    }
    json_decref(reply);
    return result;
}
