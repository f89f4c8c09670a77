/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Files of the broker's directory that are whole or not there; private to broker*.c. */
#ifndef GATEWAY_ADAPTERS_BROKER_FILE_H
#define GATEWAY_ADAPTERS_BROKER_FILE_H

#include <stdio.h>

#include "gateway/adapters/broker.h"

/** A file being written beside the one that it will replace. */
struct gw_broker_draft {
    FILE *file;
    char path[GW_BROKER_PATH_MAX + 32];
    char temporary[GW_BROKER_PATH_MAX + 40];
};

/** Begin; on failure errno says why. */
MT_MUST_USE bool gw_broker_draft_open(struct gw_broker_draft *draft, const char *dir,
                                      const char *name);
/** Make the draft the file, durable. On failure the old file stays, and errno says why. */
MT_MUST_USE bool gw_broker_draft_finish(struct gw_broker_draft *draft, const char *dir);
/** Throw it away. */
void gw_broker_draft_drop(struct gw_broker_draft *draft);

/** GW_IO, with the path and errno in why. */
enum gw_status gw_broker_io_failed(char why[GW_BROKER_WHY_BYTES], const char *path);

/** A line as mosquitto_passwd writes it: $7$iterations$salt$hash, PBKDF2 with HMAC-SHA-512. */
MT_MUST_USE bool gw_broker_password_line(FILE *out, const char *username, const char *password);

/** An absolute path without characters that would end a line of a configuration file. */
bool gw_broker_path_valid(const char *path);

#endif
