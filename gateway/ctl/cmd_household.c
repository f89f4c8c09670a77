/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay household add` and `meterpay household show`. */
#include <stdlib.h>
#include <string.h>

#include "gateway/ctl/client.h"
#include "gateway/ctl/input.h"

#define BATCH 1000u

static char *from;
static int skip_existing;

static const struct poptOption add_options[] = {
    {"from", '\0', POPT_ARG_STRING, &from, 0, "a file with one id a line; - is stdin", "FILE"},
    {"skip-existing", '\0', POPT_ARG_NONE, &skip_existing, 0, "households that are there are fine",
     NULL},
    POPT_TABLEEND,
};

struct tally {
    long long added, there, refused;
};

static int send_batch(struct tally *tally, const struct gw_ctl_args *args, json_t *ids)
{
    struct gw_ctl_path path;
    json_t *reply = NULL;
    json_t *row = NULL;
    size_t i = 0;
    if (json_array_size(ids) == 0) {
        return GW_CTL_OK;
    }
    gw_ctl_path_begin(&path, "/v1/households");
    json_t *body = json_pack("{s:O}", "households", ids);
    struct gw_ctl_request request = {.method = "POST", .path = &path, .json = body};
    int result = gw_ctl_ask(&reply, args, &request);
    json_decref(body);
    json_array_foreach(json_object_get(reply, "results"), i, row)
    {
        const char *verdict = gw_ctl_text(row, "verdict");
        if (strcmp(verdict, "done") == 0) {
            tally->added++;
        } else if (skip_existing && strcmp(verdict, "exists") == 0) {
            tally->there++;
        } else {
            tally->refused++;
            (void)gw_ctl_no("%s: %s", json_string_value(json_array_get(ids, i)),
                            gw_ctl_text(row, "advice"));
        }
    }
    json_decref(reply);
    (void)json_array_clear(ids);
    return result;
}

static int add_id(struct tally *tally, const struct gw_ctl_args *args, json_t *ids, const char *id)
{
    (void)json_array_append_new(ids, json_string(id));
    return json_array_size(ids) == BATCH ? send_batch(tally, args, ids) : GW_CTL_OK;
}

static int add_from_file(struct tally *tally, const struct gw_ctl_args *args, json_t *ids)
{
    size_t len = 0;
    char *text = gw_ctl_read_file(&len, from, GW_CTL_FILE_MAX);
    if (text == NULL) {
        return GW_CTL_USAGE;
    }
    int result = GW_CTL_OK;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\r\n", &rest); line != NULL && result == GW_CTL_OK;
         line = strtok_r(NULL, "\r\n", &rest)) {
        result = *line == '#' ? GW_CTL_OK : add_id(tally, args, ids, line);
    }
    free(text);
    return result;
}

int gw_cmd_household_add(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = add_options,
        .usage = "ID... | --from FILE",
        .about = "Registers households. An id has 1 to 24 of A-Z a-z 0-9 - _ .\n"
                 "Exit status: 0 all were added; 1 some were refused.\n",
        .rest_max = 10000,
    };
    struct gw_ctl_args args;
    struct tally tally = {0};
    gw_ctl_parse(&args, argc, argv, &syntax);
    if ((args.rest_count == 0) == (from == NULL)) {
        return gw_ctl_misuse("give households by id, or --from FILE.");
    }
    json_t *ids = json_array();
    int result = from != NULL ? add_from_file(&tally, &args, ids) : GW_CTL_OK;
    for (int i = 0; i < args.rest_count && result == GW_CTL_OK; i++) {
        result = add_id(&tally, &args, ids, args.rest[i]);
    }
    result = result == GW_CTL_OK ? send_batch(&tally, &args, ids) : result;
    json_decref(ids);
    if (args.json) {
        printf("{\"added\": %lld, \"existing\": %lld, \"refused\": %lld}\n", tally.added,
               tally.there, tally.refused);
    } else {
        printf("added %lld, refused %lld\n", tally.added, tally.refused);
    }
    return result == GW_CTL_OK && tally.refused > 0 ? GW_CTL_NO : result;
}

/* ---- show --------------------------------------------------------------------------------------------- */

static void print_meters(const json_t *household)
{
    static const char *const titles[] = {"METER", "MEDIUM", "TARIFF", "CHARGED YUAN", "HEARD"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 5);
    size_t i = 0;
    json_t *meter = NULL;
    char heard[32];
    json_array_foreach(json_object_get(household, "meters"), i, meter)
    {
        gw_ctl_table_cell(table, gw_ctl_text(meter, "meter"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "medium"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "tariff"));
        gw_ctl_table_cell(table, gw_ctl_text(meter, "charged_yuan"));
        gw_ctl_table_cell(table, gw_ctl_time(heard, meter, "heard"));
    }
    gw_ctl_table_end(table, "No meters.");
}

static void print_wallets(const json_t *household)
{
    static const char *const titles[] = {"WALLET", "MANDATE", "FROM", "TO", "TAKEN YUAN"};
    struct gw_ctl_table *table = gw_ctl_table_begin(titles, 5);
    size_t i = 0;
    json_t *wallet = NULL;
    char from_text[32];
    char to_text[32];
    json_array_foreach(json_object_get(household, "wallets"), i, wallet)
    {
        gw_ctl_table_cell(table, gw_ctl_text(wallet, "wallet"));
        gw_ctl_table_cell(table, gw_ctl_text(wallet, "mandate"));
        gw_ctl_table_cell(table, gw_ctl_time(from_text, wallet, "from"));
        gw_ctl_table_cell(table, gw_ctl_time(to_text, wallet, "to"));
        gw_ctl_table_cell(table, gw_ctl_text(wallet, "taken_yuan"));
    }
    gw_ctl_table_end(
        table, "No wallet is bound: what is charged waits. `meterpay wallet bind` binds one.");
}

static void print_household(const json_t *household)
{
    size_t i = 0;
    json_t *payee = NULL;
    printf("household %s: %s yuan charged, %s taken, %s settled, %s not taken yet\n",
           gw_ctl_text(household, "household"), gw_ctl_text(household, "charged_yuan"),
           gw_ctl_text(household, "taken_yuan"), gw_ctl_text(household, "settled_yuan"),
           gw_ctl_text(household, "carried_yuan"));
    json_array_foreach(json_object_get(household, "payees"), i, payee)
    {
        printf("  to %s: %s yuan charged, %s taken\n", gw_ctl_text(payee, "payee"),
               gw_ctl_text(payee, "charged_yuan"), gw_ctl_text(payee, "taken_yuan"));
    }
    if (json_is_integer(json_object_get(household, "open_order"))) {
        printf("  order %lld is open\n", gw_ctl_int(household, "open_order"));
    }
    putchar('\n');
    print_meters(household);
    putchar('\n');
    print_wallets(household);
}

int gw_cmd_household_show(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "ID",
        .about =
            "Shows a household: its balance by payee, meters and wallets. `taken` is what orders\n"
            "ask the wallets for, `settled` what the operator has done.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/households");
    gw_ctl_path_part(&path, args.rest[0]);
    int result = gw_ctl_get(&reply, &args, &path);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        print_household(reply);
    }
    json_decref(reply);
    return result;
}
