/* SPDX-License-Identifier: GPL-3.0-or-later */
/** One meter asked on a line: bytes out, bytes in, and what they came to. No IO and no clock.
 *
 *      begin --> ask --sent--> [waits] --hear: the awaited step--> ask ...
 *                 ^               |-----hear: its register--------> ANSWER
 *                 |               |-----hear: its refusal---------> REFUSED
 *                 '--tries left---'-----timeout, no try left------> SILENT
 *
 *  Steps: M-Bus by primary address is reset, then asked; by number it is selected, then asked, and has
 *  up to eight telegrams to come to its register while it says that more follow (DIF 1F), and one more
 *  where it does not, for meters that forget to; a register that is void ends the search. All others
 *  are asked at once.
 *
 *  What is on the line besides the answer is stepped over: preambles, noise, the echo of the question,
 *  answers of other meters (counted, never taken), halves of frames. Modbus is not spoken here.
 */
#ifndef GATEWAY_ADAPTERS_POLL_TALK_H
#define GATEWAY_ADAPTERS_POLL_TALK_H

#include "gateway/adapters/poll_plan.h"
#include "meters/registry.h"

#define GW_TALK_ASK_MAX 64u     /**< Bytes of the longest question. */
#define GW_TALK_HEARD_MAX 1024u /**< Bytes that are kept of what is heard after one question. */
#define GW_TALK_FRAME_MAX 272u  /**< Bytes of the longest answer, preamble included. */
#define GW_TALK_TELEGRAMS_MAX 8u
#define GW_TALK_TELEGRAMS_UNSAID 2u /**< Where no telegram says that more follow. */

enum gw_talk_said {
    GW_TALK_MORE,   /**< Go on listening, until the time is up. */
    GW_TALK_ASK,    /**< Send what gw_talk_ask() gives. */
    GW_TALK_ANSWER, /**< The meter's register is in frame, its bytes in gw_talk_answer(). */
    GW_TALK_REFUSED, /**< The meter answered, and not with a register: frame.error where it said why. */
    GW_TALK_SILENT, /**< Nothing of it was heard, in all tries. */
};

/** A conversation. About 6 kB; one for each line. Fields are for reading. */
struct gw_talk {
    uint8_t protocol;            /**< enum gw_poll_protocol. */
    uint8_t address;             /**< M-Bus primary. */
    bool anybody;                /**< A search: whoever answers is taken. */
    struct mt_identity identity; /**< Who must answer; its number may hold wildcards in a search. */
    uint8_t step;
    uint8_t tries, tried; /**< Questions in all, and asked so far. */
    uint8_t telegrams;
    bool fcb;
    bool echo_gone;
    uint32_t heard_count;   /**< Bytes heard in this conversation. */
    uint32_t foreign_count; /**< Answers of other meters. */
    uint32_t damaged_count; /**< Frames with a wrong checksum, or bytes that were none. */
    size_t asked_len, heard_len, answer_at, answer_len;
    uint8_t asked[GW_TALK_ASK_MAX];
    uint8_t heard[GW_TALK_HEARD_MAX];
    struct mt_frame frame;
};

/** Begin a conversation with a meter. tries: 1 to 10. */
void gw_talk_begin(struct gw_talk *talk, const struct gw_poll_target *target, uint8_t tries);

/** Begin a probe: one question to all whose numbers fit.
 *
 *  In: number   the protocol's wildcards in it: A in both DL/T 645 and CJ/T 188, F in M-Bus.
 *      address  M-Bus by primary address: which one.
 */
void gw_talk_probe(struct gw_talk *talk, uint8_t protocol, const char *number, uint8_t address);

/** The question of the present step. What was heard before it is forgotten.
 *
 *  Returns: bytes, borrowed until the next call; *len of them.
 */
const uint8_t *gw_talk_ask(struct gw_talk *talk, size_t *len);

/** Take bytes from the line. */
enum gw_talk_said gw_talk_hear(struct gw_talk *talk, const uint8_t *bytes, size_t len);

/** The time for an answer is up. A frame that stands behind noise which looked like the beginning of
 *  one is found now. Returns GW_TALK_ASK or the end of the conversation. */
enum gw_talk_said gw_talk_timeout(struct gw_talk *talk);

/** The bytes of the answer, after GW_TALK_ANSWER; borrowed until the next question. */
const uint8_t *gw_talk_answer(const struct gw_talk *talk, size_t *len);

/** Build the daily broadcast of the time (DL/T 645-2007, 7.5: C = 08H, local time). Meters correct
 *  themselves by it by at most five minutes, once a day; none answers.
 *
 *  Returns: its length; 0 for a time outside of 2000 to 2099.
 */
size_t gw_talk_sync(uint8_t out[GW_TALK_ASK_MAX], int64_t now_us);

#endif
