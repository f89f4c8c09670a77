/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Pushes of platforms, from the web hooks (adapters/webhook.h) through the mappings into the core. */
#ifndef GATEWAY_APP_PUSHES_H
#define GATEWAY_APP_PUSHES_H

#include <jansson.h>

#include "gateway/adapters/webhook.h"
#include "gateway/app/app.h"

/** Read hooks.csv, and listen if the configuration says so; after the links.
 *
 *  Returns: GW_OK; GW_INVALID, GW_IO, GW_BUSY, GW_FULL with a sentence in why.
 *  Out:     app->hooks; app->webhook, NULL when it is not enabled.
 */
MT_MUST_USE enum gw_status gw_pushes_open(struct gw_app *app, char why[GW_APP_WHY_BYTES]);
/** Stop listening and forget the secrets. After gw_calls_close, which releases what waits. */
void gw_pushes_close(struct gw_app *app);

/** The listener's counters, put into `into`. Any thread. */
void gw_pushes_status(struct gw_app *app, json_t *into);

#endif
