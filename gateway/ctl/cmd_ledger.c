/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay ledger check`. */
#include "gateway/ctl/client.h"

int gw_cmd_ledger_check(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Checks that the books agree: debits equal credits, what was taken from each "
                 "household is\n"
                 "what it was charged in whole fen, no order without its household. Exit status: 0 "
                 "they\n"
                 "agree; 1 they do not.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/ledger/check");
    int result = gw_ctl_get(&reply, &args, &path);
    if (result != GW_CTL_OK) {
        return result;
    }
    bool holds = json_is_true(json_object_get(reply, "holds"));
    if (args.json) {
        gw_ctl_print_json(reply);
    } else {
        printf("%s: %lld accounts, debits %s yuan, credits %s yuan\n",
               holds ? "the books agree" : "THE BOOKS DO NOT AGREE", gw_ctl_int(reply, "accounts"),
               gw_ctl_text(reply, "debits_yuan"), gw_ctl_text(reply, "credits_yuan"));
    }
    if (!holds) {
        result = gw_ctl_no("%lld invariants are broken, the first: %s", gw_ctl_int(reply, "broken"),
                           gw_ctl_text(reply, "first"));
    }
    json_decref(reply);
    return result;
}
