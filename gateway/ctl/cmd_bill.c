/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay bill`. */
#include <string.h>

#include "gateway/ctl/client.h"

static int explain;

static const struct poptOption options[] = {
    {"explain", '\0', POPT_ARG_NONE, &explain, 0,
     "show each line: which version, band and block, quantity, price and amount", NULL},
    POPT_TABLEEND,
};

static void print_register(const char *what, const json_t *r, const char *unit)
{
    char time[32];
    if (json_is_object(r)) {
        printf("  %s %s %s at %s, in block %lld\n", what, gw_ctl_text(r, "total"), unit,
               gw_ctl_time(time, r, "time"), gw_ctl_int(r, "block"));
    }
}

static void print_lines(const json_t *meter)
{
    static const char *const titles[] = {"  FOR", "TO",       "VERSION", "BAND",
                                         "BLOCK", "QUANTITY", "X YUAN",  "YUAN"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 8);
    size_t i = 0;
    json_t *line = NULL;
    json_array_foreach(json_object_get(meter, "lines"), i, line)
    {
        char label[64];
        char block[24] = "-";
        if (json_is_integer(json_object_get(line, "block"))) {
            snprintf(block, sizeof(block), "%lld", gw_ctl_int(line, "block"));
        }
        snprintf(label, sizeof(label), "  %s", gw_ctl_text(line, "label"));
        gw_ctl_table_cell(table, label);
        gw_ctl_table_cell(table, gw_ctl_text(line, "payee"));
        gw_ctl_table_cell(table, gw_ctl_text(line, "version"));
        gw_ctl_table_cell(table, gw_ctl_text(line, "band"));
        gw_ctl_table_cell(table, block);
        gw_ctl_table_cell(table, gw_ctl_text(line, "quantity"));
        gw_ctl_table_cell(table, gw_ctl_text(line, "price_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(line, "amount_yuan"));
    }
    gw_ctl_table_end(table, "  nothing was used");
}

static void print_check(const json_t *meter)
{
    const json_t *check = json_object_get(meter, "check");
    if (!json_is_true(json_object_get(check, "holds"))) {
        printf("  ERROR: %s: bills %s yuan, ledger %s yuan\n", gw_ctl_text(check, "problem"),
               gw_ctl_text(check, "bills_yuan"), gw_ctl_text(check, "ledger_yuan"));
    } else if (explain != 0) {
        printf("  checked: its bills of all months sum to the ledger's %s yuan\n",
               gw_ctl_text(check, "ledger_yuan"));
    }
}

static void print_meter(const json_t *meter)
{
    const char *unit = gw_ctl_text(meter, "unit");
    printf("\n%s, %s by %s: %s %s, %s yuan\n", gw_ctl_text(meter, "meter"),
           gw_ctl_text(meter, "medium"), gw_ctl_text(meter, "tariff"),
           gw_ctl_text(meter, "consumption"), unit, gw_ctl_text(meter, "amount_yuan"));
    if (explain != 0) {
        print_register("from", json_object_get(meter, "opening"), unit);
        print_register("to  ", json_object_get(meter, "closing"), unit);
        print_lines(meter);
    }
    print_check(meter);
}

static void print_payees(const json_t *bill)
{
    static const char *const titles[] = {"PAYEE", "YUAN", "EXACTLY"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 3);
    size_t i = 0;
    json_t *payee = NULL;
    json_array_foreach(json_object_get(bill, "payees"), i, payee)
    {
        gw_ctl_table_cell(table, gw_ctl_text(payee, "payee"));
        gw_ctl_table_cell(table, gw_ctl_text(payee, "amount_yuan"));
        gw_ctl_table_cell(table, gw_ctl_text(payee, "exact_yuan"));
    }
    gw_ctl_table_cell(table, "together");
    gw_ctl_table_cell(table, gw_ctl_text(bill, "amount_yuan"));
    gw_ctl_table_cell(table, gw_ctl_text(bill, "exact_yuan"));
    gw_ctl_table_end(table, "");
}

static void print_orders(const json_t *bill)
{
    size_t i = 0;
    json_t *order = NULL;
    char time[32];
    printf("\nsettled in this month: %s yuan\n", gw_ctl_text(bill, "settled_yuan"));
    json_array_foreach(json_object_get(bill, "orders"), i, order)
    {
        printf("  %s %s of %s yuan, wallet %s: %s %s\n", gw_ctl_time(time, order, "time"),
               gw_ctl_text(order, "kind"), gw_ctl_text(order, "amount_yuan"),
               gw_ctl_text(order, "wallet"), gw_ctl_text(order, "state"),
               gw_ctl_text(order, "refusal"));
    }
    if (json_is_true(json_object_get(bill, "orders_cut"))) {
        printf("  ... `meterpay orders --household` shows all\n");
    }
}

static void print_bill(const json_t *bill)
{
    const json_t *account = json_object_get(bill, "account");
    char made[32];
    size_t i = 0;
    json_t *meter = NULL;
    printf("Bill of %s for %s, made %s%s\n\n", gw_ctl_text(bill, "household"),
           gw_ctl_text(bill, "month"), gw_ctl_time(made, bill, "made"),
           json_is_true(json_object_get(bill, "month_over")) ? "" : "; the month is not over");
    print_payees(bill);
    json_array_foreach(json_object_get(bill, "meters"), i, meter)
    {
        print_meter(meter);
    }
    if (explain != 0) {
        print_orders(bill);
        printf("\naccount, ever: %s yuan charged, %s taken, %s settled; %s not taken yet\n",
               gw_ctl_text(account, "charged_yuan"), gw_ctl_text(account, "taken_yuan"),
               gw_ctl_text(account, "settled_yuan"), gw_ctl_text(account, "carried_yuan"));
    }
}

int gw_cmd_bill(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "HOUSEHOLD MONTH [--explain]",
        .about =
            "A household's bill of a month such as 2026-11, computed again from the stored "
            "readings\n"
            "and held against the ledger. Amounts are rounded half up once, per payee; the exact\n"
            "ones stand beside. Exit status: 0; 1 when bill and ledger do not agree.\n",
        .rest_min = 2,
        .rest_max = 2,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *bill = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/households");
    gw_ctl_path_part(&path, args.rest[0]);
    gw_ctl_path_part(&path, "bill");
    gw_ctl_path_query(&path, "month", args.rest[1]);
    int result = gw_ctl_get(&bill, &args, &path);
    if (result != GW_CTL_OK) {
        return result;
    }
    if (args.json) {
        gw_ctl_print_json(bill);
    } else {
        print_bill(bill);
    }
    if (!json_is_true(json_object_get(bill, "holds"))) {
        result = gw_ctl_no("this bill and the ledger do not agree; report it.");
    }
    json_decref(bill);
    return result;
}
