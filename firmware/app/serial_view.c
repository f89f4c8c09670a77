/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "firmware/app/serial_view.h"

#include <string.h>

void fw_serial_view_of(struct fw_serial_view *view, const struct fw_meter *meter, int64_t now_us)
{
    const struct fw_hal *hal = meter->hal;
    int64_t time_us = 0;
    memset(view, 0, sizeof(*view));
    view->now.total = meter->now.total;
    view->now.band_mask = fw_calendar_mask(&meter->config.calendar);
    memcpy(view->now.band, meter->now.band, sizeof(view->now.band));
    view->now.flags = meter->flags;
    if (hal->valve_get != NULL && hal->valve_get(hal->context) == FW_VALVE_SHUT) {
        view->now.flags |= MT_FLAG_VALVE_SHUT;
    }
    if (fw_meter_time(&time_us, meter, now_us)) {
        view->now.time_us = time_us;
    }
}
