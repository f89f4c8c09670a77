/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The search for numbers on a line: which wildcards to probe next, by what the last probe heard.
 *
 *  A number is a tree. A probe with wildcards is answered by nobody (the branch is done), by one meter
 *  (found), or by several at once, whose bits collide: then the branch is split by one more part of the
 *  number. DL/T 645 fixes two digits at a time from the low end (7.2: the high ones may be AAH); M-Bus
 *  one digit at a time from the high end (EN 13757-3, 10). CJ/T 188 knows no wildcard but the whole
 *  address, so meters that collide there cannot be told apart.
 *
 *  A meter that is found may have drowned others out. So a branch with one found is split too when
 *  anything else was heard in it.
 *
 *      gw_scan_begin(&scan, GW_POLL_DLT645);
 *      while (gw_scan_next(&scan, number)) { probe number; gw_scan_heard(&scan, what); }
 */
#ifndef GATEWAY_ADAPTERS_POLL_SCAN_H
#define GATEWAY_ADAPTERS_POLL_SCAN_H

#include "gateway/adapters/poll_plan.h"

#define GW_SCAN_DEPTH_MAX 8u

enum gw_scan_heard { GW_SCAN_NOBODY, GW_SCAN_ONE, GW_SCAN_COLLISION };

struct gw_scan {
    uint8_t protocol;
    uint8_t digits; /**< Of a number. */
    uint8_t part;   /**< Digits that a split fixes: 1 or 2. */
    uint8_t levels; /**< Splits until all digits are fixed; 0: it cannot be split. */
    uint8_t depth;  /**< Parts that the present probe fixes. */
    bool done;
    uint32_t probe_count;
    uint32_t unresolved_count;        /**< Collisions that could not be split any more. */
    uint8_t fixed[GW_SCAN_DEPTH_MAX]; /**< Values of the parts, the first that was fixed first. */
};

/** In: protocol  one of dlt645, dlt645-1997, cjt188 and mbus-secondary. */
void gw_scan_begin(struct gw_scan *scan, uint8_t protocol);

/** The next number to probe, with wildcards. Returns false at the end. */
bool gw_scan_next(struct gw_scan *scan, char number[MT_NUMBER_MAX + 1]);

/** What the probe came to. */
void gw_scan_heard(struct gw_scan *scan, enum gw_scan_heard what);

#endif
