/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Keeps the broker's file of meters' keys up to date, on a thread of its own.
 *
 *  A new meter is known to the core and to CoAP at once, and to the broker some milliseconds later; a
 *  burst of new meters is gathered, since the file is written whole.
 */
#ifndef GATEWAY_APP_KEYS_H
#define GATEWAY_APP_KEYS_H

#include "gateway/app/app.h"

/** Start the thread. Returns GW_OK, or GW_FULL (no memory or thread). *keys stays NULL when the
 *  configuration names no broker directory. */
MT_MUST_USE enum gw_status gw_keys_open(struct gw_keys **keys, struct gw_app *app);

/** Stop it; calls must have been closed before. NULL is allowed. */
void gw_keys_close(struct gw_keys *keys);

/** Meters were added: write the file soon. Any thread. NULL is allowed. */
void gw_keys_changed(struct gw_keys *keys);

/** Wait, ms at most, until the broker was told of all changes so far. Returns false when it was not.
 *  Any thread but the core's; true for NULL. */
MT_MUST_USE bool gw_keys_wait(struct gw_keys *keys, int64_t ms);

#endif
