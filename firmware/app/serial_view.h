/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a running meter shows on its serial port. */
#ifndef FIRMWARE_APP_SERIAL_VIEW_H
#define FIRMWARE_APP_SERIAL_VIEW_H

#include "firmware/core/meter.h"
#include "firmware/serial/serial.h"

/** The registers at this uptime, the clock when it is known. */
void fw_serial_view_of(struct fw_serial_view *view, const struct fw_meter *meter, int64_t now_us);

#endif
