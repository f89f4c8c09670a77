/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay export`. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "gateway/ctl/client.h"

static char *format;
static char *meter;
static char *household;
static char *from;
static char *to;
static char *output;

static const struct poptOption options[] = {
    {"format", '\0', POPT_ARG_STRING, &format, 0, "csv (the default) or jsonl", "FORMAT"},
    {"meter", '\0', POPT_ARG_STRING, &meter, 0, "only one meter's", "METER"},
    {"household", '\0', POPT_ARG_STRING, &household, 0, "only one household's", "ID"},
    {"from", '\0', POPT_ARG_STRING, &from, 0, "only what was received from this day on", "DATE"},
    {"to", '\0', POPT_ARG_STRING, &to, 0, "... and before this day", "DATE"},
    {"output", 'o', POPT_ARG_STRING, &output, 0, "write to a new file of mode 0600", "FILE"},
    POPT_TABLEEND,
};

static FILE *open_output(void)
{
    if (output == NULL) {
        return stdout;
    }
    int fd = open(output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        (void)gw_ctl_misuse("%s: %s", output, strerror(errno));
        if (fd >= 0) {
            (void)close(fd); /* nothing was written */
        }
    }
    return file;
}

int gw_cmd_export(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "readings|postings|orders [--format csv|jsonl]",
        .about =
            "Writes what the store holds, in the order in which it was decided. readings: every\n"
            "reading with what became of it. postings: every movement of money, from the account\n"
            "`debit` to the account `credit`; what readings charged (owed:HOUSEHOLD to "
            "payee:CODE)\n"
            "and what orders settled (wallet:ID to owed:HOUSEHOLD). orders: each order made and\n"
            "ended. Amounts are exact: ufen are millionths of a fen. --json is --format jsonl.\n",
        .rest_min = 1,
        .rest_max = 1,
    };
    struct gw_ctl_args args;
    struct gw_ctl_path path;
    gw_ctl_parse(&args, argc, argv, &syntax);
    gw_ctl_path_begin(&path, "/v1/export");
    gw_ctl_path_part(&path, args.rest[0]);
    gw_ctl_path_query(&path, "format", format != NULL ? format : args.json ? "jsonl" : "csv");
    gw_ctl_path_query(&path, "meter", meter);
    gw_ctl_path_query(&path, "household", household);
    gw_ctl_path_query(&path, "from", from);
    gw_ctl_path_query(&path, "to", to);
    FILE *file = open_output();
    if (file == NULL) {
        return GW_CTL_USAGE;
    }
    args.json = false; /* complaints go to stderr only: stdout is the export */
    int result = gw_ctl_stream(file, &args, &path);
    if (file != stdout && fclose(file) != 0 && result == GW_CTL_OK) {
        result = gw_ctl_misuse("%s: %s", output, strerror(errno));
    }
    if (output != NULL && result != GW_CTL_OK) {
        (void)unlink(output); /* a part that looks whole is worse than none */
    }
    return result;
}
