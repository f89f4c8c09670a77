/* SPDX-License-Identifier: GPL-3.0-or-later */
/** `meterpay-fleet`: which command. */
#include <stdio.h>
#include <string.h>

#include "sim/fleet.h"

static const struct {
    const char *name;
    int (*run)(const struct sim_options *options);
} commands[] = {
    {"run", sim_run},
    {"provision", sim_provision},
    {"replay", sim_replay},
};

int main(int argc, const char **argv)
{
    struct sim_options options;
    unsigned command = 0;
    /* The short form is `run` without the word. */
    for (unsigned i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            command = i;
            argv++;
            argc--;
            break;
        }
    }
    static char program[64];
    (void)snprintf(program, sizeof(program), "meterpay-fleet %s", commands[command].name);
    argv[0] = program;
    int status = sim_options_read(&options, argc, argv);
    return status == SIM_EXIT_DONE ? commands[command].run(&options) : status;
}
