/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The log line on the serial port: words, no printf. */
#ifndef FIRMWARE_PORT_CORTEX_M_SAY_H
#define FIRMWARE_PORT_CORTEX_M_SAY_H

void fw_say_text(const char *text);

/** End the line. */
void fw_say_end(void);

#endif
