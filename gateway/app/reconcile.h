/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Once a day: the operator's books and ours, order by order.
 *
 *  A thread of its own fetches the operator's statement of a day that is over, walks our blocks from
 *  that day's first one on through a store handle of its own, and compares (match.h). The core's
 *  thread is asked for its open orders only, a few hundred between two batches. Cost: the day's rows of
 *  the statement in memory, one pass over the blocks of the day until every row is found, and one
 *  search for the first of them (the logarithm of all blocks).
 *
 *  The result of a day is a file, reconcile/2026-11-23.json beside the store, and not a document of the store: no
 *  decision about money ever reads it, and it can be made again at any time from what both sides keep.
 *  Days that were missed are made up for, oldest first. What cannot be fetched is fetched again, with
 *  back-off. An order that is open here while its money moved there is never decided by this: the core
 *  asks the operator by its key, and the day is compared again until the order is closed.
 */
#ifndef GATEWAY_APP_RECONCILE_H
#define GATEWAY_APP_RECONCILE_H

#include <jansson.h>

#include "gateway/app/app.h"

#define GW_RECONCILE_NOTE_MAX 200u /**< Characters of the note on an accepted difference. */
#define GW_RECONCILE_DAYS_MAX 64u  /**< The newest results, which lists and alarms are about. */
/** Days before the first result that are made up for, and how far other days are searched. */
#define GW_RECONCILE_BACK_DAYS 400
#define GW_RECONCILE_OTHER_DAYS 31

struct gw_recon;

/** Read what there is, and start the thread if an operator is enabled. app->links must be open.
 *
 *  Returns: GW_OK; GW_FULL (no memory or thread), GW_IO (the directory cannot be made or read); with a
 *           sentence in why.
 */
MT_MUST_USE enum gw_status gw_recon_open(struct gw_recon **recon, char why[GW_APP_WHY_BYTES],
                                         struct gw_app *app);
/** End the thread: before the links are closed and after the calls are. NULL is allowed. */
void gw_recon_stop(struct gw_recon *recon);
/** Free: after the links are closed, whose threads may have been filling it. NULL is allowed. */
void gw_recon_close(struct gw_recon *recon);

/* Any thread. */

/** Compare a day again, soon.
 *
 *  Returns: GW_OK; GW_INVALID: the day is not over yet, or before 1970; GW_BUSY: no operator is enabled.
 */
MT_MUST_USE enum gw_status gw_recon_again(struct gw_recon *recon, int32_t day);
/** Note that a day's differences are known and cleared up: they raise no alarm any more. Of a day that is
 *  not compared, because its operator has no statement of it: that it never will be.
 *
 *  Returns: GW_OK; GW_END: that day is not due yet; GW_INVALID: it has no difference; GW_FULL, GW_IO.
 *  In:      note  1 to GW_RECONCILE_NOTE_MAX bytes of UTF-8.
 */
MT_MUST_USE enum gw_status gw_recon_accept(struct gw_recon *recon, int32_t day, const char *note);
/** A day's result as it stands in its file. The caller's; NULL: there is none. */
json_t *gw_recon_day(struct gw_recon *recon, int32_t day);
/** The newest days first, limit at most, without their differences. The caller's. */
json_t *gw_recon_days(struct gw_recon *recon, uint32_t limit);
/** What the thread does and when it goes on; for status. The caller's. */
json_t *gw_recon_status(struct gw_recon *recon);

#endif
