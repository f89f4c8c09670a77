/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay clock accept`. */
#include "gateway/ctl/client.h"

int gw_cmd_clock_accept(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .usage = "",
        .about = "Makes the gateway believe this machine's clock after it jumped by more than five "
                 "minutes.\n"
                 "Until then the gateway counts on by the steady clock (alarm clock_stepped). Look "
                 "at\n"
                 "`date` first: what is decided from now on bears this time for ever.\n",
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    json_t *reply = NULL;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/clock/accept");
    const struct gw_ctl_request request = {.method = "POST", .path = &path};
    int result = gw_ctl_ask(&reply, &args, &request);
    if (result != GW_CTL_OK) {
        return result;
    }
    char before[32];
    char now[32];
    if (args.json) {
        gw_ctl_print_json(reply);
    } else if (gw_ctl_int(reply, "step_us") == 0) {
        printf("the clock did not jump: it is %s\n", gw_ctl_time(now, reply, "time"));
    } else {
        printf("the gateway's time was %s and is %s\n", gw_ctl_time(before, reply, "before"),
               gw_ctl_time(now, reply, "time"));
    }
    json_decref(reply);
    return GW_CTL_OK;
}
