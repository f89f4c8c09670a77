/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay orders`. */
#include "gateway/ctl/client.h"

static char *limit;
static char *before;
static char *household;

static const struct poptOption options[] = {
    {"household", '\0', POPT_ARG_STRING, &household, 0, "the history of one household", "ID"},
    {"limit", 'n', POPT_ARG_STRING, &limit, 0, "how many, about [100]", "N"},
    {"before", '\0', POPT_ARG_STRING, &before, 0, "with --household: go on from there", "BLOCK"},
    POPT_TABLEEND,
};

static void print_open(const json_t *reply)
{
    static const char *const titles[] = {"ORDER", "HOUSEHOLD", "WALLET", "KIND",
                                         "YUAN",  "STATE",     "MADE",   "TRIES"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 8);
    size_t i = 0;
    json_t *order = NULL;
    char made[32];
    json_array_foreach(json_object_get(reply, "orders"), i, order)
    {
        gw_ctl_table_cell_int(table, gw_ctl_int(order, "order"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "household"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "wallet"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "kind"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "amount_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "state"));
        gw_ctl_table_cell(table, gw_ctl_time(made, order, "made"));
        gw_ctl_table_cell_int(table, gw_ctl_int(order, "attempts"));
    }
    gw_ctl_table_end(table, "No open orders.");
    long long shown = (long long)json_array_size(json_object_get(reply, "orders"));
    if (gw_ctl_int(reply, "open") > shown) {
        printf("%lld more are open; --limit shows more.\n", gw_ctl_int(reply, "open") - shown);
    }
}

static void print_history(const json_t *reply)
{
    static const char *const titles[] = {"TIME", "ORDER", "EVENT",   "KIND",
                                         "YUAN", "STATE", "REFUSAL", "WALLET"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 8);
    size_t i = 0;
    json_t *order = NULL;
    char time[32];
    json_array_foreach(json_object_get(reply, "orders"), i, order)
    {
        gw_ctl_table_cell(table, gw_ctl_time(time, order, "time"));
        gw_ctl_table_cell_int(table, gw_ctl_int(order, "order"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "event"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "kind"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "amount_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "state"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "refusal"));
        gw_ctl_table_cell(table, gw_ctl_text(order, "wallet"));
    }
    gw_ctl_table_end(table, "No orders.");
    if (json_is_integer(json_object_get(reply, "next"))) {
        printf("Older ones: --before %lld\n", gw_ctl_int(reply, "next"));
    }
}

int gw_cmd_orders(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "[--household ID]",
        .about = "Orders to wallets: those that are open, or all of one household, the newest "
                 "first. An\n"
                 "order is queued, sent, then done or refused; unsure and asked mean that the "
                 "answer was\n"
                 "lost and the operator is asked by the order's key; nothing is sent twice.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    if (household != NULL) {
        gw_ctl_path_begin(&path, "/v1/households");
        gw_ctl_path_part(&path, household);
        gw_ctl_path_part(&path, "orders");
        gw_ctl_path_query(&path, "before", before);
    } else {
        gw_ctl_path_begin(&path, "/v1/orders");
    }
    gw_ctl_path_query(&path, "limit", limit);
    int result = gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK && household != NULL) {
        print_history(reply);
    } else if (result == GW_CTL_OK) {
        print_open(reply);
    }
    json_decref(reply);
    return result;
}
