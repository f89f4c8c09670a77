/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay wallet bind` and `meterpay wallet unbind`. */
#include <stdint.h>
#include <string.h>

#include "gateway/ctl/client.h"
#include "gateway/ctl/input.h"

static char *mandate;
static char *cap_single;
static char *cap_day;
static char *from;
static int skip_existing;

static const struct poptOption options[] = {
    {"mandate", '\0', POPT_ARG_STRING, &mandate, 0, "the operator's permission to debit it", "ID"},
    {"cap-single", '\0', POPT_ARG_STRING, &cap_single, 0, "most that one order may take [no cap]",
     "YUAN"},
    {"cap-day", '\0', POPT_ARG_STRING, &cap_day, 0, "most that a day's orders may take [no cap]",
     "YUAN"},
    {"from", '\0', POPT_ARG_STRING, &from, 0,
     "bind all of a file of JSON lines or tab-separated values with the columns household, wallet, "
     "mandate, cap_single_fen, cap_day_fen; - is stdin",
     "FILE"},
    {"skip-existing", '\0', POPT_ARG_NONE, &skip_existing, 0,
     "wallets that are bound already are fine", NULL},
    POPT_TABLEEND,
};

struct tally {
    long long bound, there, refused;
};

/* Bind by a row that still names its household. Complaints are counted and told with `where`. */
static int bind_row(struct tally *tally, const struct gw_ctl_args *args, json_t *row,
                    const char *where)
{
    struct gw_ctl_path path;
    json_t *reply = NULL;
    const char *household = json_string_value(json_object_get(row, "household"));
    if (household == NULL) {
        tally->refused++;
        return gw_ctl_no("%s: household is missing.", where);
    }
    gw_ctl_path_begin(&path, "/v1/households");
    gw_ctl_path_part(&path, household);
    gw_ctl_path_part(&path, "wallets");
    (void)json_object_del(row, "household");
    struct gw_ctl_request request = {.method = "POST", .path = &path, .json = row, .quiet = true};
    int result = gw_ctl_ask(&reply, args, &request);
    bool there = result == GW_CTL_NO && skip_existing &&
                 strcmp(gw_ctl_text(reply, "error"), "bound_already") == 0;
    if (result == GW_CTL_OK) {
        tally->bound++;
    } else if (there) {
        tally->there++;
    } else if (result == GW_CTL_NO) {
        tally->refused++;
        (void)gw_ctl_no("%s: %s", where, gw_ctl_text(reply, "reason"));
    }
    json_decref(reply);
    return result == GW_CTL_USAGE ? result : GW_CTL_OK;
}

static bool put_cap(json_t *row, const char *name, const char *option, const char *value)
{
    int64_t fen = 0;
    if (value != NULL) {
        if (!gw_ctl_decimal(&fen, option, value, 2)) {
            return false;
        }
        (void)json_object_set_new(row, name, json_integer(fen));
    }
    return true;
}

static int bind_one(struct tally *tally, const struct gw_ctl_args *args)
{
    if (args->rest_count != 2 || mandate == NULL) {
        return gw_ctl_misuse("give HOUSEHOLD WALLET --mandate ID, or --from FILE.");
    }
    json_t *row = json_pack("{s:s, s:s, s:s}", "household", args->rest[0], "wallet", args->rest[1],
                            "mandate", mandate);
    if (row == NULL) {
        return gw_ctl_misuse("an argument is not UTF-8.");
    }
    int result = GW_CTL_USAGE;
    if (put_cap(row, "cap_single_fen", "--cap-single", cap_single) &&
        put_cap(row, "cap_day_fen", "--cap-day", cap_day)) {
        result = bind_row(tally, args, row, args->rest[1]);
    }
    json_decref(row);
    return result;
}

static int bind_many(struct tally *tally, const struct gw_ctl_args *args)
{
    static struct gw_ctl_rows rows; /* large */
    json_t *row = NULL;
    bool failed = false;
    int result = GW_CTL_OK;
    if (args->rest_count != 0 || mandate != NULL) {
        return gw_ctl_misuse("--from takes everything from the file.");
    }
    if (!gw_ctl_rows_open(&rows, from)) {
        return GW_CTL_USAGE;
    }
    while (result == GW_CTL_OK &&
           (row = gw_ctl_rows_next(&rows, &failed, "household wallet mandate")) != NULL) {
        char where[160];
        snprintf(where, sizeof(where), "%.120s:%u", from, rows.line);
        result = bind_row(tally, args, row, where);
        json_decref(row);
    }
    gw_ctl_rows_close(&rows);
    return failed ? GW_CTL_USAGE : result;
}

int gw_cmd_wallet_bind(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "HOUSEHOLD WALLET --mandate ID | --from FILE",
        .about = "Binds a wallet: from now on it pays for the household, after those bound before "
                 "it. The\n"
                 "mandate is the permission that its owner gave at the operator; caps of ours may "
                 "be lower\n"
                 "than its own. Exit status: 0 bound; 1 refused.\n",
        .rest_max = 2,
    };
    struct gw_ctl_args args;
    struct tally tally = {0};
    gw_ctl_parse(&args, argc, argv, &syntax);
    int result = from != NULL ? bind_many(&tally, &args) : bind_one(&tally, &args);
    if (args.json) {
        printf("{\"bound\": %lld, \"existing\": %lld, \"refused\": %lld}\n", tally.bound,
               tally.there, tally.refused);
    } else if (from != NULL || tally.bound > 0) {
        printf("bound %lld, refused %lld\n", tally.bound, tally.refused);
    }
    return result == GW_CTL_OK && tally.refused > 0 ? GW_CTL_NO : result;
}

int gw_cmd_wallet_unbind(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "HOUSEHOLD WALLET",
        .about = "Ends a binding: the wallet is not asked for anything new. An open order of it is "
                 "seen to\n"
                 "its end.\n",
        .rest_min = 2,
        .rest_max = 2,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/households");
    gw_ctl_path_part(&path, args.rest[0]);
    gw_ctl_path_part(&path, "wallets");
    gw_ctl_path_part(&path, args.rest[1]);
    struct gw_ctl_request request = {.method = "DELETE", .path = &path};
    int result = gw_ctl_ask(&reply, &args, &request);
    if (result == GW_CTL_OK && args.json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        printf("%s no longer pays for %s\n", args.rest[1], args.rest[0]);
    }
    json_decref(reply);
    return result;
}
