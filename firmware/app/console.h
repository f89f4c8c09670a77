/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a test, or a hand with a cable, says to the meter; one line in, one line out.
 *
 *      pulse N        N units went through since the last one
 *      total N        the counting part's own total, which outlives the power: the difference counts
 *      status?        answers with a line "status ..."
 *      power fails    the supply warns: registers are saved
 *      confirm        a hand on the spot lets the valve open
 *      exit           answers with a line "end ..."; the port then stops
 *
 *  What it does not understand is answered with "refused". By itself it says "acknowledged ..." when the
 *  gateway's receipt covered more.
 */
#ifndef FIRMWARE_APP_CONSOLE_H
#define FIRMWARE_APP_CONSOLE_H

#include "firmware/app/app.h"

#define FW_CONSOLE_LINE_MAX 64u  /**< Of what comes in, its end included. */
#define FW_CONSOLE_TEXT_MAX 320u /**< Of what goes out. */

/** A line under construction; what does not fit is left out. */
struct fw_text {
    char text[FW_CONSOLE_TEXT_MAX];
    size_t len;
};
void fw_text_put(struct fw_text *text, const char *words);
/** " key=number". */
void fw_text_pair(struct fw_text *text, const char *key, int64_t number);

struct fw_console {
    struct fw_app *app;                                  /**< Borrowed. */
    void *context;                                       /**< Passed to the two below. */
    void (*say)(void *context, const char *line);        /**< Without an end of line. */
    void (*more)(void *context, struct fw_text *status); /**< The port's own pairs; NULL: none. */
    uint32_t said_acked; /**< Acknowledged up to here, as was said last. */
    size_t len;
    char line[FW_CONSOLE_LINE_MAX];
};

/** Start, and say "started ...". In: the other fields of *console are filled. */
void fw_console_init(struct fw_console *console);

/** Take one byte that came in; a line ends with '\n'. Returns: false when the port is to stop. */
MT_MUST_USE bool fw_console_take(struct fw_console *console, uint8_t byte, int64_t now_us);

/** Say what changed since the last call. */
void fw_console_news(struct fw_console *console, int64_t now_us);

#endif
