/* SPDX-License-Identifier: GPL-3.0-or-later */
/** When the meter speaks: one message at a time, spread over time, repeated with growing pauses.
 *
 *                +--ANSWER_LAST-----------------------------+
 *                v                                          |
 *      QUIET --WORK--> SPREAD --TIMER--> (send) --------> SENT --TIMER--> (send again) SENT
 *                ^        ^  \--NOTHING--> QUIET            |
 *                |        +--ANSWER_MORE, GIVE_UP-----------+
 *
 *  The answer is the gateway's receipt, never the transport's. The next message leaves only after it,
 *  so what the gateway has is always a prefix of the journal, whatever gets lost or overtaken.
 */
#ifndef FIRMWARE_CORE_LINK_H
#define FIRMWARE_CORE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "meters/check.h"

enum fw_link_state {
    FW_LINK_QUIET = 0,  /**< Nothing to send; no timer runs. */
    FW_LINK_SPREAD = 1, /**< Something to send when the timer rings. */
    FW_LINK_SENT = 2,   /**< A message is out; the timer is its repetition. */
};

enum fw_link_event {
    FW_LINK_EV_WORK = 0,    /**< There is something to send. */
    FW_LINK_EV_NOTHING = 1, /**< The timer rang, and there is nothing to send any more. */
    FW_LINK_EV_TIMER = 2,
    FW_LINK_EV_ANSWER_MORE = 3, /**< The message that is out was answered; more is waiting. */
    FW_LINK_EV_ANSWER_LAST = 4, /**< It was answered, and nothing is waiting. */
    FW_LINK_EV_GIVE_UP = 5, /**< It is not repeated any more: build anew from what is waiting. */
};

/** What to do on the way to the next state. */
enum fw_link_action {
    FW_LINK_DO_NOTHING = 0,
    FW_LINK_DO_SPREAD = 1,   /**< Set the timer to a random moment within the spread. */
    FW_LINK_DO_SEND = 2,     /**< Build a message, send it, set the timer for its repetition. */
    FW_LINK_DO_REPEAT = 3,   /**< Send the same bytes again, set the timer to a longer pause. */
    FW_LINK_DO_CONTINUE = 4, /**< Set the timer so that the rest follows soon. */
};

struct fw_link_edge {
    enum fw_link_state next;
    enum fw_link_action action;
};

/** The edge of an event.
 *
 *  Returns: true with *edge; false for a pair that cannot happen, with *edge untouched.
 */
MT_MUST_USE bool fw_link_next(struct fw_link_edge *edge, enum fw_link_state state,
                              enum fw_link_event event);

/** The pause before a message is sent again: base, doubled for each attempt before, up to the longest,
 *  and then up to half of it more, by chance (RFC 7252, 4.2 does the same).
 *
 *  In: attempts   times that the message was sent, 1 or more
 *      base_us    > 0, not above longest_us
 *      chance     any value; equally likely ones give an even spread
 */
int64_t fw_link_pause_us(uint32_t attempts, int64_t base_us, int64_t longest_us, uint32_t chance);

#endif
