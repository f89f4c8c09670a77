/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log line; see say.h. */
#include "firmware/port/cortex-m/say.h"

#include "firmware/port/cortex-m/board.h"

void fw_say_text(const char *text)
{
    for (; *text != '\0'; text++) {
        fw_board_put((uint8_t)*text);
    }
}

void fw_say_end(void)
{
    fw_say_text("\r\n");
}
