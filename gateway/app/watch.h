/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Once a second: room on the disk, the adapters' health, orders nobody knows about. */
#ifndef GATEWAY_APP_WATCH_H
#define GATEWAY_APP_WATCH_H

#include "gateway/app/app.h"

/** Read the store's disk's room into app->seen. */
void gw_app_look_at_disk(struct gw_app *app);

/** Stop intake while the clock is behind the store's newest block, and let it go on afterwards. The
 *  core's thread, after a load. */
void gw_app_look_at_clock(struct gw_app *app);

/** Look around and raise or clear alarms. The core's thread. */
void gw_app_watch(struct gw_app *app);

#endif
