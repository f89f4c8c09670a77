/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The daemon's log: one line an event on stderr, for people and for grep.
 *
 *      2026-11-23T11:02:03.456Z warn commit_failed status=full text="no room on the disk"
 *
 *  Each event has a name; what happens very often is told a few times, then every ten seconds with a
 *  count of the lines left out, so an error that repeats a million times fills no disk. Any thread may
 *  log. Never: a key, a password, a token or a household's data.
 */
#ifndef GATEWAY_APP_LOG_H
#define GATEWAY_APP_LOG_H

#include "gateway/adapters/config.h"

/** Set the level; until then info. */
void gw_log_set_level(enum gw_log_level level);

/** Log one event. event: a name of letters and _; format: `name=value` pairs, as printf. Control
 *  characters are replaced. */
void gw_log(enum gw_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Time and room of one event's lines: the rule behind the limit, for its test. */
struct gw_log_limit {
    int64_t window_us; /**< When the current ten seconds began. */
    uint32_t told;     /**< Lines told in them. */
    uint64_t left_out; /**< Lines not told since the last one that was. */
};
#define GW_LOG_WINDOW_US 10000000ll
#define GW_LOG_BURST 5u

/** May a line be told now? Returns true and in *left_out how many were not since the last. */
bool gw_log_allow(struct gw_log_limit *limit, uint64_t *left_out, int64_t now_us);

#endif
