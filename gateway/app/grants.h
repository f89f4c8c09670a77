/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What foreign devices may at the broker, from the bindings: its ACL and passwords. */
#ifndef GATEWAY_APP_GRANTS_H
#define GATEWAY_APP_GRANTS_H

#include "gateway/adapters/broker.h"
#include "gateway/app/app.h"

/** Write the broker's files anew and tell it. Any thread, one after the other.
 *
 *  Returns: GW_OK, also when the configuration names no broker directory; else as gw_broker_grants, with
 *           a sentence in why.
 *  In:      user, password  a new password for a user, or NULL for both.
 */
MT_MUST_USE enum gw_status gw_grants_write(struct gw_app *app, char why[GW_BROKER_WHY_BYTES],
                                           const char *user, const char *password);

#endif
