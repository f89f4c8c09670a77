/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log line; see say.h. */
#include "firmware/port/cortex-m/say.h"

#include "firmware/port/cortex-m/board.h"

#define DIGITS_MAX 20u /* of 2^63 and a sign */

void fw_say_text(const char *text)
{
    for (; *text != '\0'; text++) {
        fw_board_put((uint8_t)*text);
    }
}

void fw_say_number(int64_t number)
{
    char digits[DIGITS_MAX + 1];
    char *at = digits + DIGITS_MAX;
    uint64_t rest = number < 0 ? 0u - (uint64_t)number : (uint64_t)number;
    *at = '\0';
    do {
        *--at = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest != 0);
    if (number < 0) {
        *--at = '-';
    }
    fw_say_text(at);
}

void fw_say_pair(const char *key, int64_t number)
{
    fw_say_text(" ");
    fw_say_text(key);
    fw_say_text("=");
    fw_say_number(number);
}

void fw_say_end(void)
{
    fw_say_text("\r\n");
}
