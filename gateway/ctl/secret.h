/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A password that a command sends to the daemon: made by us into a new file, or read from one. It is
 *  never on the command line, nor on the screen.
 */
#ifndef GATEWAY_CTL_SECRET_H
#define GATEWAY_CTL_SECRET_H

#include "gateway/ctl/client.h"

/** Where it is; one of them, or neither. */
struct gw_ctl_secret {
    const char *member;   /**< Of the request's body. */
    const char *new_file; /**< Make 16 random bytes, as hex, into this file (mode 0600). */
    const char *file;     /**< Its first line. */
};

/** Put it into the body. Returns GW_CTL_OK, or GW_CTL_USAGE with a complaint. */
int gw_ctl_secret_put(json_t *body, const struct gw_ctl_secret *secret);

/** The daemon did not take it: a file that was made is removed. */
void gw_ctl_secret_undo(const struct gw_ctl_secret *secret);

#endif
