/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A reconciled day as JSON, and the files that keep it. docs/openapi.yaml, Reconciliation. */
#ifndef GATEWAY_APP_RESULT_H
#define GATEWAY_APP_RESULT_H

#include <jansson.h>

#include "gateway/app/directory.h"
#include "gateway/app/match.h"

#define GW_RESULT_PATH_MAX 600u

/** The result of a finished comparison. NULL: no memory. */
json_t *gw_result_json(const struct gw_match *match, int32_t day, int64_t now_us,
                       struct gw_directory *directory);

/** Write it whole, durable, mode 0600; the older file stays until then. Returns GW_OK, GW_FULL, GW_IO. */
MT_MUST_USE enum gw_status gw_result_write(const char *dir, int32_t day, const json_t *result);
/** Read it. NULL: there is none, or it is no result. */
json_t *gw_result_read(const char *dir, int32_t day);

/** What lists and alarms need of it. */
struct gw_result_summary {
    int32_t day;
    int64_t compared_us;
    uint64_t verdicts[GW_MATCH_VERDICTS];
    bool accepted;
};
/** Returns false when it is no result. */
MT_MUST_USE bool gw_result_summary(struct gw_result_summary *summary, const json_t *result);
/** Differences of any kind; orders that are only open here are none: they are being asked about. */
uint64_t gw_result_differences(const struct gw_result_summary *summary);

/** The newest days that have a file, at most max of them, ascending. Returns GW_OK or GW_IO. */
MT_MUST_USE enum gw_status gw_result_days(int32_t *days, uint32_t *count, uint32_t max,
                                          const char *dir);

#endif
