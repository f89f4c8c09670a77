/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the commands of `meterpay` share: options, output and the ways to end.
 *
 *  A command is one file, cmd_<name>.c, with one function `int gw_cmd_<name>(int argc, const char
 *  **argv)`, and one line in main.c's table. argv[0] is the command's whole name ("meterpay meter add"),
 *  for messages. It parses with gw_ctl_parse, prints to stdout, and returns an exit status.
 *  Results go to stdout and nothing else does; complaints go to stderr.
 */
#ifndef GATEWAY_CTL_CTL_H
#define GATEWAY_CTL_CTL_H

#include <popt.h>
#include <stdbool.h>
#include <stddef.h>

#include "meters/check.h"

/** Exit statuses, the same for every command. */
enum gw_ctl_exit {
    GW_CTL_OK = 0, /**< Done. */
    GW_CTL_NO =
        1, /**< Understood, and the answer is no: refused, not found, a check that failed. */
    GW_CTL_USAGE = 2, /**< Not understood, or no daemon, file or right to ask. */
};

/** What gw_ctl_parse found. Strings live as long as the program. */
struct gw_ctl_args {
    bool json;         /**< --json was given. */
    const char *dir;   /**< --dir, else $METERPAY_DIR, else NULL. */
    const char **rest; /**< Arguments that are no options, in order. */
    int rest_count;
};

/** Parse the command's own options and the common ones (--json, --dir, --help).
 *
 *  --help prints the usage and ends the program with 0. A wrong option, or fewer or more other
 *  arguments than allowed, is complained about and ends the program with GW_CTL_USAGE.
 *
 *  Out: args.
 *  In:  own       the command's options, ended by POPT_TABLEEND; NULL: none.
 *       usage     what comes after the command's name: "METER [--limit N]".
 *       about     sentences for --help, each line ended by \n.
 *       rest_min, rest_max   how many other arguments it takes.
 */
struct gw_ctl_syntax {
    const struct poptOption *own;
    const char *usage;
    const char *about;
    int rest_min;
    int rest_max;
};
void gw_ctl_parse(struct gw_ctl_args *args, int argc, const char **argv,
                  const struct gw_ctl_syntax *syntax);

/** Print "meterpay: <sentence>" to stderr, as printf. Returns GW_CTL_NO. */
int gw_ctl_no(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The same for misuse. Returns GW_CTL_USAGE. */
int gw_ctl_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Was all of stdout written? A reader that went away (| head) has what it wanted, and is no failure.
 *  Anything else is complained about, once in the program's life.
 *
 *  Returns: status, or GW_CTL_USAGE after a failure.
 */
int gw_ctl_written(int status);

/* One for each command. */
int gw_cmd_alarms(int argc, const char **argv);
int gw_cmd_bill(int argc, const char **argv);
int gw_cmd_decode(int argc, const char **argv);
int gw_cmd_export(int argc, const char **argv);
int gw_cmd_household_add(int argc, const char **argv);
int gw_cmd_household_show(int argc, const char **argv);
int gw_cmd_init(int argc, const char **argv);
int gw_cmd_source_add(int argc, const char **argv);
int gw_cmd_source_list(int argc, const char **argv);
int gw_cmd_source_remove(int argc, const char **argv);
int gw_cmd_source_refusals(int argc, const char **argv);
int gw_cmd_hook_add(int argc, const char **argv);
int gw_cmd_hook_list(int argc, const char **argv);
int gw_cmd_hook_remove(int argc, const char **argv);
int gw_cmd_clock_accept(int argc, const char **argv);
int gw_cmd_ledger_check(int argc, const char **argv);
int gw_cmd_mapping_check(int argc, const char **argv);
int gw_cmd_meter_add(int argc, const char **argv);
int gw_cmd_meter_list(int argc, const char **argv);
int gw_cmd_meter_show(int argc, const char **argv);
int gw_cmd_orders(int argc, const char **argv);
int gw_cmd_poll_list(int argc, const char **argv);
int gw_cmd_poll_read(int argc, const char **argv);
int gw_cmd_poll_scan(int argc, const char **argv);
int gw_cmd_rate(int argc, const char **argv);
int gw_cmd_readings(int argc, const char **argv);
int gw_cmd_reconcile(int argc, const char **argv);
int gw_cmd_refusals(int argc, const char **argv);
int gw_cmd_status(int argc, const char **argv);
int gw_cmd_tariff_announce(int argc, const char **argv);
int gw_cmd_tariff_check(int argc, const char **argv);
int gw_cmd_tariff_list(int argc, const char **argv);
int gw_cmd_tariff_load(int argc, const char **argv);
int gw_cmd_token_check(int argc, const char **argv);
int gw_cmd_wallet_bind(int argc, const char **argv);
int gw_cmd_wallet_unbind(int argc, const char **argv);

#endif
