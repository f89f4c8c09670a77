/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/poll_scan.h"

#include <string.h>

void gw_scan_begin(struct gw_scan *scan, uint8_t protocol)
{
    bool is_mbus = protocol == GW_POLL_MBUS_SECONDARY;
    bool is_cjt188 = protocol == GW_POLL_CJT188;
    MT_CHECK(is_mbus || is_cjt188 || protocol == GW_POLL_DLT645 || protocol == GW_POLL_DLT645_1997);
    memset(scan, 0, sizeof(*scan));
    scan->protocol = protocol;
    scan->digits = is_mbus ? 8 : is_cjt188 ? 14 : 12;
    scan->part = is_mbus ? 1 : 2;
    scan->levels = is_mbus ? 8 : is_cjt188 ? 0 : 6;
}

bool gw_scan_next(struct gw_scan *scan, char number[MT_NUMBER_MAX + 1])
{
    bool is_mbus = scan->protocol == GW_POLL_MBUS_SECONDARY;
    if (scan->done) {
        return false;
    }
    memset(number, is_mbus ? 'F' : 'A', scan->digits);
    number[scan->digits] = '\0';
    for (uint32_t i = 0; i < scan->depth; i++) {
        if (is_mbus) {
            number[i] = (char)('0' + scan->fixed[i]);
        } else {
            number[scan->digits - 2u * i - 2u] = (char)('0' + scan->fixed[i] / 10u);
            number[scan->digits - 2u * i - 1u] = (char)('0' + scan->fixed[i] % 10u);
        }
    }
    scan->probe_count++;
    return true;
}

void gw_scan_heard(struct gw_scan *scan, enum gw_scan_heard what)
{
    uint8_t values = scan->part == 1 ? 10 : 100;
    if (what == GW_SCAN_COLLISION && scan->depth < scan->levels) {
        scan->fixed[scan->depth++] = 0;
        return;
    }
    scan->unresolved_count += what == GW_SCAN_COLLISION ? 1 : 0;
    while (scan->depth > 0 && ++scan->fixed[scan->depth - 1u] == values) {
        scan->depth--;
    }
    scan->done = scan->depth == 0;
}
