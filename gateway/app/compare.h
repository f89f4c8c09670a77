/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One day's comparison with the operator, from the statement to the result. For reconcile.c's thread,
 *  which sleeps in here while the operator's thread brings the rows.
 */
#ifndef GATEWAY_APP_COMPARE_H
#define GATEWAY_APP_COMPARE_H

#include <jansson.h>

#include "gateway/app/app.h"

struct gw_compare;

/** NULL: no memory. app->links must be open. */
struct gw_compare *gw_compare_new(struct gw_app *app);
/** After the links are closed: their thread may have been filling it. NULL is allowed. */
void gw_compare_free(struct gw_compare *compare);

/** Compare a day that is over.
 *
 *  Returns: its result (result.h), the caller's; NULL with a sentence in why: it cannot be compared
 *           now, ask again later, or gw_compare_stop was called.
 */
json_t *gw_compare_day(struct gw_compare *compare, char why[GW_APP_WHY_BYTES], int32_t day);
/** Make gw_compare_day return soon, now and ever after. Any thread. */
void gw_compare_stop(struct gw_compare *compare);

/** The local day of the store's first block. Returns false when the store cannot be read now. */
MT_MUST_USE bool gw_compare_first_day(int32_t *day, struct gw_compare *compare);

/** The calling thread gives way to the others: the core comes first. */
void gw_compare_be_nice(void);

#endif
