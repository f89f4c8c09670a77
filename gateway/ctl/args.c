/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/ctl/ctl.h"

int gw_ctl_no(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("meterpay: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return GW_CTL_NO;
}

int gw_ctl_misuse(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("meterpay: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return GW_CTL_USAGE;
}

/* popt's context owns the strings that commands go on using, so it lives as long as the program. */
static poptContext parsed;

static void complain(const char *command, const char *what, const char *why)
{
    fprintf(stderr, "%s: %s%s%s\n", command, what, *why != '\0' ? ": " : "", why);
    fprintf(stderr, "Try '%s --help'.\n", command);
    exit(GW_CTL_USAGE);
}

void gw_ctl_parse(struct gw_ctl_args *args, int argc, const char **argv,
                  const struct gw_ctl_syntax *syntax)
{
    static const struct poptOption none[] = {POPT_TABLEEND};
    static int json;
    static int help;
    static char *dir;
    struct poptOption common[] = {
        {"json", '\0', POPT_ARG_NONE, &json, 0, "print JSON instead of text", NULL},
        {"dir", 'd', POPT_ARG_STRING, &dir, 0, "the gateway's directory (else $METERPAY_DIR)",
         "DIR"},
        {"help", 'h', POPT_ARG_NONE, &help, 0, "print this help", NULL},
        POPT_TABLEEND,
    };
    const struct poptOption table[] = {
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, (void *)(syntax->own != NULL ? syntax->own : none), 0,
         NULL, NULL},
        {NULL, '\0', POPT_ARG_INCLUDE_TABLE, common, 0, "Of every command:", NULL},
        POPT_TABLEEND,
    };
    json = 0;
    help = 0;
    dir = NULL;
    parsed = poptGetContext(argv[0], argc, argv, table, 0);
    poptSetOtherOptionHelp(parsed, syntax->usage);
    int code = poptGetNextOpt(parsed);
    if (help != 0) {
        poptPrintHelp(parsed, stdout, 0);
        printf("\n%s", syntax->about);
        exit(GW_CTL_OK);
    }
    if (code < -1) {
        complain(argv[0], poptBadOption(parsed, POPT_BADOPTION_NOALIAS), poptStrerror(code));
    }
    args->json = json != 0;
    args->dir = dir != NULL ? dir : getenv("METERPAY_DIR");
    args->rest = poptGetArgs(parsed);
    args->rest_count = 0;
    while (args->rest != NULL && args->rest[args->rest_count] != NULL) {
        args->rest_count++;
    }
    if (args->rest_count < syntax->rest_min) {
        complain(argv[0], "an argument is missing, it takes", syntax->usage);
    }
    if (args->rest_count > syntax->rest_max) {
        complain(argv[0], "unexpected argument", args->rest[syntax->rest_max]);
    }
}
