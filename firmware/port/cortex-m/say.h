/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The log line on the serial port: words and whole numbers, no printf. */
#ifndef FIRMWARE_PORT_CORTEX_M_SAY_H
#define FIRMWARE_PORT_CORTEX_M_SAY_H

#include <stdint.h>

void fw_say_text(const char *text);
void fw_say_number(int64_t number);

/** " key=number". */
void fw_say_pair(const char *key, int64_t number);

/** End the line. */
void fw_say_end(void);

#endif
