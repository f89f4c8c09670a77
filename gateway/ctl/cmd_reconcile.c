/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay reconcile`. */
#include <string.h>

#include "gateway/ctl/client.h"

static char *limit;
static char *note;
static int again;

static const struct poptOption options[] = {
    {"again", '\0', POPT_ARG_NONE, &again, 0, "compare the day again, soon", NULL},
    {"accept", '\0', POPT_ARG_STRING, &note, 0, "the day's differences are known and cleared up",
     "NOTE"},
    {"limit", 'n', POPT_ARG_STRING, &limit, 0, "how many days, 64 at most [31]", "N"},
    POPT_TABLEEND,
};

/* What differs: an order that is open here only waits for an answer. */
static long long differences(const json_t *result)
{
    const char *name = NULL;
    json_t *count = NULL;
    long long sum = 0;
    json_object_foreach(json_object_get(result, "orders"), name, count)
    {
        bool differs = strcmp(name, "equal") != 0 && strcmp(name, "open_here") != 0;
        sum += differs ? json_integer_value(count) : 0;
    }
    return sum;
}

static const char *word_of(const json_t *result)
{
    return json_is_object(json_object_get(result, "accepted")) ? "accepted"
                                                               : gw_ctl_text(result, "result");
}

static void print_days(const json_t *reply)
{
    static const char *const titles[] = {"DAY",   "RESULT",  "EQUAL", "DIFFER",  "DEBITS",
                                         "THERE", "REFUNDS", "THERE", "COMPARED"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 9);
    size_t i = 0;
    json_t *day = NULL;
    char compared[32];
    json_array_foreach(json_object_get(reply, "days"), i, day)
    {
        const json_t *here = json_object_get(day, "here");
        const json_t *there = json_object_get(day, "there");
        gw_ctl_table_cell(table, gw_ctl_text(day, "day"));
        gw_ctl_table_cell(table, word_of(day));
        gw_ctl_table_cell_int(table, gw_ctl_int(json_object_get(day, "orders"), "equal"));
        gw_ctl_table_cell_int(table, differences(day));
        gw_ctl_table_cell(table, gw_ctl_text(here, "debit_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(there, "debit_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(here, "refund_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(there, "refund_yuan"));
        gw_ctl_table_cell(table, gw_ctl_time(compared, day, "compared"));
    }
    gw_ctl_table_end(table, "No day is reconciled yet.");
    const char *problem = gw_ctl_text(json_object_get(reply, "reconcile"), "problem");
    if (*problem != '\0') {
        printf("last trouble: %s\n", problem);
    }
}

static void print_side(struct gw_ctl_table *table, const json_t *side)
{
    char time[32];
    gw_ctl_table_cell(table, gw_ctl_text(side, "kind"));
    gw_ctl_table_cell(table, gw_ctl_text(side, "amount_yuan"));
    gw_ctl_table_cell(table, gw_ctl_text(side, "state"));
    gw_ctl_table_cell(table, gw_ctl_time(time, side, "time"));
}

static void print_differences(const json_t *list)
{
    static const char *const titles[] = {"ORDER", "CLASS", "HOUSEHOLD", "HERE",  "YUAN", "STATE",
                                         "TIME",  "THERE", "YUAN",      "STATE", "TIME"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 11);
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach((json_t *)list, i, row)
    {
        if (json_is_integer(json_object_get(row, "order"))) {
            gw_ctl_table_cell_int(table, gw_ctl_int(row, "order"));
        } else {
            gw_ctl_table_cell(table, gw_ctl_text(row, "key"));
        }
        gw_ctl_table_cell(table, gw_ctl_text(row, "class"));
        gw_ctl_table_cell(table, gw_ctl_text(row, "household"));
        print_side(table, json_object_get(row, "here"));
        print_side(table, json_object_get(row, "there"));
    }
    gw_ctl_table_end(table, "");
}

static void print_day(const json_t *result)
{
    char time[32];
    const json_t *here = json_object_get(result, "here");
    const json_t *there = json_object_get(result, "there");
    const json_t *orders = json_object_get(result, "orders");
    const json_t *list = json_object_get(result, "differences");
    const json_t *accepted = json_object_get(result, "accepted");
    printf("%s: %s; %lld orders equal, %lld differ, %lld open here\n", gw_ctl_text(result, "day"),
           gw_ctl_text(result, "result"), gw_ctl_int(orders, "equal"), differences(result),
           gw_ctl_int(orders, "open_here"));
    printf("here       %lld debits, %s yuan; %lld refunds, %s yuan\n", gw_ctl_int(here, "debits"),
           gw_ctl_text(here, "debit_yuan"), gw_ctl_int(here, "refunds"),
           gw_ctl_text(here, "refund_yuan"));
    printf("operator   %lld debits, %s yuan; %lld refunds, %s yuan\n", gw_ctl_int(there, "debits"),
           gw_ctl_text(there, "debit_yuan"), gw_ctl_int(there, "refunds"),
           gw_ctl_text(there, "refund_yuan"));
    if (gw_ctl_int(result, "other_day") > 0) {
        printf("booked here on this day, moved there on another: %lld\n",
               gw_ctl_int(result, "other_day"));
    }
    if (gw_ctl_int(result, "times_off") > 0) {
        printf("moved there later than booked here, by their clock: %lld\n",
               gw_ctl_int(result, "times_off"));
    }
    if (json_is_object(accepted)) {
        printf("accepted   %s: %s\n", gw_ctl_time(time, accepted, "time"),
               gw_ctl_text(accepted, "note"));
    }
    if (json_array_size(list) > 0) {
        printf("\n");
        print_differences(list);
    }
}

/* Ask for another comparison, or accept the differences. */
static int change(json_t **reply, const struct gw_ctl_args *args, const struct gw_ctl_path *path)
{
    json_t *body =
        note != NULL ? json_pack("{s:s}", "accept", note) : json_pack("{s:b}", "again", 1);
    if (body == NULL) {
        return gw_ctl_misuse("the note must be text in UTF-8.");
    }
    struct gw_ctl_request request = {.method = "POST", .path = path, .json = body};
    int result = gw_ctl_ask(reply, args, &request);
    json_decref(body);
    return result;
}

static int show(const struct gw_ctl_args *args, const json_t *reply)
{
    bool whole = json_is_string(json_object_get(reply, "result"));
    bool equal = strcmp(word_of(reply), "equal") == 0 || strcmp(word_of(reply), "accepted") == 0;
    if (args->json) {
        gw_ctl_print_json(reply);
    } else if (args->rest_count == 0) {
        print_days(reply);
    } else if (whole) {
        print_day(reply);
    } else {
        printf("%s is being compared; `meterpay reconcile %s` shows the result in a moment\n",
               args->rest[0], args->rest[0]);
    }
    return whole && !equal ? GW_CTL_NO : GW_CTL_OK;
}

int gw_cmd_reconcile(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "[DAY [--again | --accept NOTE]]",
        .about =
            "Days reconciled with the operator's statements, or one day (2026-11-23) with every "
            "order that\n"
            "differs. A day is compared once it is over, from operator.reconcile_at on; days that "
            "were\n"
            "missed are made up for. Classes: only_here (done in our books, in no statement), "
            "only_there\n"
            "(money moved that our books do not know of), amount_differs, kind_differs, "
            "state_differs\n"
            "(refused here), details_differ (wallet or payees), open_here (being asked about: it "
            "is\n"
            "compared again by itself). Exit status of a day: 0 equal or accepted; 1 not.\n",
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    bool changes = again != 0 || note != NULL;
    if ((again != 0 && note != NULL) || (changes && args.rest_count == 0)) {
        return gw_ctl_misuse("give a day with either --again or --accept.");
    }
    gw_ctl_path_begin(&path, "/v1/reconciliations");
    if (args.rest_count > 0) {
        gw_ctl_path_part(&path, args.rest[0]);
    } else {
        gw_ctl_path_query(&path, "limit", limit);
    }
    int result = changes ? change(&reply, &args, &path) : gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK) {
        result = show(&args, reply);
    }
    json_decref(reply);
    return result;
}
