/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `meterpay`: find the command, hand over. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/ctl/ctl.h"

struct command {
    const char *word;   /**< First word. */
    const char *second; /**< Second word, or NULL: a command of one word. */
    int (*run)(int argc, const char **argv);
    bool daemon; /**< Talks to a running meterpayd. */
    const char *about;
};

static const struct command commands[] = {
    {"init", NULL, gw_cmd_init, false,
     "make a gateway's directory: configuration, keys, broker files"},
    {"status", NULL, gw_cmd_status, true, "what the gateway is doing, and its alarms"},
    {"meter", "add", gw_cmd_meter_add, true, "register one meter, or many from a file"},
    {"meter", "list", gw_cmd_meter_list, true, "list meters"},
    {"meter", "show", gw_cmd_meter_show, true, "one meter: terms, last register, charge"},
    {"household", "add", gw_cmd_household_add, true, "register a household"},
    {"household", "show", gw_cmd_household_show, true, "one household: meters, wallets, balance"},
    {"wallet", "bind", gw_cmd_wallet_bind, true, "let a wallet pay for a household from now on"},
    {"wallet", "unbind", gw_cmd_wallet_unbind, true, "end that"},
    {"tariff", "check", gw_cmd_tariff_check, false, "check a tariff pack's file"},
    {"tariff", "list", gw_cmd_tariff_list, true, "list the tariffs in force"},
    {"tariff", "load", gw_cmd_tariff_load, true, "load a tariff pack, or newer versions of one"},
    {"tariff", "announce", gw_cmd_tariff_announce, true, "announce a critical-peak day"},
    {"readings", NULL, gw_cmd_readings, true, "a meter's readings, the newest first"},
    {"bill", NULL, gw_cmd_bill, true, "a household's bill of a month, each fen explained"},
    {"orders", NULL, gw_cmd_orders, true,
     "open orders to wallets, or a household's history of them"},
    {"refusals", NULL, gw_cmd_refusals, true, "the newest messages that were refused, and why"},
    {"source", "add", gw_cmd_source_add, true, "say which meter a foreign device is"},
    {"source", "list", gw_cmd_source_list, true, "foreign devices that are bound"},
    {"source", "remove", gw_cmd_source_remove, true, "unbind a meter's foreign device"},
    {"source", "refusals", gw_cmd_source_refusals, true, "foreign messages that gave no reading"},
    {"hook", "add", gw_cmd_hook_add, true, "let a platform push over HTTP"},
    {"hook", "list", gw_cmd_hook_list, true, "the platforms that may push"},
    {"hook", "remove", gw_cmd_hook_remove, true, "end that"},
    {"clock", "accept", gw_cmd_clock_accept, true, "believe the machine's clock after it jumped"},
    {"ledger", "check", gw_cmd_ledger_check, true, "check that the books agree"},
    {"reconcile", NULL, gw_cmd_reconcile, true,
     "days compared with the operator's books, order by order"},
    {"export", NULL, gw_cmd_export, true, "readings, postings or orders as CSV or JSON lines"},
    {"alarms", NULL, gw_cmd_alarms, true, "what needs a person's attention"},
    {"decode", NULL, gw_cmd_decode, false, "decode a meter's frame"},
    {"mapping", "check", gw_cmd_mapping_check, false,
     "check a mapping file, and what it reads out of a message"},
    {"poll", "list", gw_cmd_poll_list, true, "the meters on lines: schedule, last answer, silence"},
    {"poll", "read", gw_cmd_poll_read, false, "ask a meter on a line once, now"},
    {"poll", "scan", gw_cmd_poll_scan, false, "find the meters on a line"},
    {"rate", NULL, gw_cmd_rate, false, "what a consumption costs by a tariff"},
    {"token", "check", gw_cmd_token_check, false, "what an OpenPAYGO token would do at a meter"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *out)
{
    fprintf(out, "usage: meterpay COMMAND [ARGUMENTS] [--json] [--dir DIR]\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%s%s%s", commands[i].word,
                 commands[i].second != NULL ? " " : "",
                 commands[i].second != NULL ? commands[i].second : "");
        fprintf(out, "  %-17s %s%s\n", name, commands[i].about, commands[i].daemon ? "" : " *");
    }
    fprintf(
        out,
        "\n* needs no running meterpayd; the others find it by --dir DIR or $METERPAY_DIR.\n"
        "`meterpay help COMMAND` or `meterpay COMMAND --help` explains one.\n"
        "Exit status: 0 done; 1 refused, not found or a check that failed; 2 wrong usage, or the\n"
        "gateway cannot be reached.\n");
}

static const struct command *find(int argc, const char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (argc < 1 || strcmp(commands[i].word, argv[0]) != 0) {
            continue;
        }
        if (commands[i].second == NULL || (argc > 1 && strcmp(commands[i].second, argv[1]) == 0)) {
            return &commands[i];
        }
    }
    return NULL;
}

static int unknown_command(const char *word)
{
    fprintf(stderr, "meterpay: there is no command '%s'", word);
    const char *lead = "; did you mean";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strncmp(commands[i].word, word, 3) == 0) {
            fprintf(stderr, "%s '%s%s%s'", lead, commands[i].word,
                    commands[i].second != NULL ? " " : "",
                    commands[i].second != NULL ? commands[i].second : "");
            lead = ",";
        }
    }
    fprintf(stderr, ". `meterpay help` lists all.\n");
    return GW_CTL_USAGE;
}

static int run(const struct command *command, int argc, const char **argv)
{
    char name[64];
    int words = command->second != NULL ? 2 : 1;
    snprintf(name, sizeof(name), "meterpay %s%s%s", command->word, words == 2 ? " " : "",
             words == 2 ? command->second : "");
    argv[words - 1] = name;
    int status = command->run(argc - words + 1, argv + words - 1);
    return gw_ctl_written(status);
}

static int help(int argc, const char **argv)
{
    if (argc == 0) {
        print_usage(stdout);
        return GW_CTL_OK;
    }
    const struct command *command = find(argc, argv);
    if (command == NULL) {
        return unknown_command(argv[0]);
    }
    const char *ask[4] = {command->word, "--help", NULL, NULL};
    if (command->second != NULL) {
        ask[1] = command->second;
        ask[2] = "--help";
    }
    return run(command, command->second != NULL ? 3 : 2, ask);
}

static int dispatch(const char **words, int count)
{
    if (strcmp(words[0], "help") == 0 || strcmp(words[0], "--help") == 0 ||
        strcmp(words[0], "-h") == 0) {
        return help(count - 1, words + 1);
    }
    if (strcmp(words[0], "--version") == 0) {
        printf("meterpay %s\n", METERPAY_VERSION);
        return GW_CTL_OK;
    }
    const struct command *command = find(count, words);
    return command != NULL ? run(command, count, words) : unknown_command(words[0]);
}

/* Options of every command may also stand before it: they are moved behind. words has room for as many
 * more. Returns the first word that is no option. */
static const char **move_options(const char **words, int count)
{
    int moved = 0;
    while (moved < count && words[moved][0] == '-') {
        bool with_value = strcmp(words[moved], "--dir") == 0 || strcmp(words[moved], "-d") == 0;
        if (!with_value && strcmp(words[moved], "--json") != 0 &&
            strncmp(words[moved], "--dir=", 6) != 0) {
            break;
        }
        moved += with_value && moved + 1 < count ? 2 : 1;
    }
    for (int i = 0; i < moved && moved < count; i++) {
        words[count + i] = words[i];
    }
    return moved < count ? words + moved : words;
}

int main(int argc, char **argv)
{
    /* A reader that goes away (| head) is an error of write(), handled by gw_ctl_written(). */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_usage(stderr);
        return GW_CTL_USAGE;
    }
    const char **room = calloc(2 * (size_t)argc, sizeof(*room));
    MT_CHECK(room != NULL);
    int count = argc - 1;
    memcpy(room, argv + 1, (size_t)count * sizeof(*room));
    const char **words = move_options(room, count);
    int result = dispatch(words, count);
    free(room);
    return result;
}
