/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The poller: meters on RS-485 and M-Bus lines, asked in turn, their answers handed to the core.
 *
 *  One thread a line, which sleeps until the next of its meters is due (a heap by due time). At the
 *  start every meter is asked once; then each at its period, the meters of a line spread over it. A
 *  meter that does not answer in all its tries is silent: shown as such, asked once at its period.
 *
 *  An answer goes to the core as the frame that came (GW_FORM_RAW) under the name of the meter that was
 *  asked, and the core decodes it and compares the number again. Modbus has no frame that names a meter
 *  or says what it holds, so what its registers come to is encoded as SenML CBOR.
 *
 *  Nothing here is durable: a reading that is lost on its way to the core is asked for again, and a
 *  register that comes twice costs nothing twice.
 *
 *  Threads: open, close, reply and the inbox belong to the core's thread; views may be asked by any.
 *  Never: decides about a reading, shuts a valve, writes a register.
 */
#ifndef GATEWAY_ADAPTERS_POLL_H
#define GATEWAY_ADAPTERS_POLL_H

#include "gateway/adapters/clock.h"
#include "gateway/adapters/inbox.h"
#include "gateway/adapters/poll_line.h"

/** What the poller needs. Pointers are borrowed for its life; dir for the call. */
struct gw_poll_config {
    const char *dir; /**< Of lines.yaml, register maps and locks. */
    struct gw_clock *clock;
    struct gw_bell *filled; /**< The core's. */
};

/** One meter as it is polled. Times by the clock; 0: never. */
struct gw_poll_view {
    char name[MT_NAME_MAX + 1];
    char line[GW_LINE_NAME_MAX + 1];
    uint8_t protocol; /**< enum gw_poll_protocol */
    bool silent;
    int64_t every_us, asked_us, answered_us, next_us;
    uint64_t answers, failures;  /**< failures: no answer, or a refusal. */
    uint64_t foreign;            /**< Answers of other meters that were heard. */
    uint64_t damaged;            /**< Frames or bytes that could not be read. */
    int verdict;                 /**< enum gw_verdict of the last answer; -1: none yet. */
    char why[GW_LINE_WHY_BYTES]; /**< Of the last failure; empty after an answer. */
};

/** One line. */
struct gw_poll_line_view {
    char name[GW_LINE_NAME_MAX + 1];
    bool open;
    uint32_t meters, silent;
    char why[GW_LINE_WHY_BYTES];
};

struct gw_poll;

/** Read lines.yaml and start a thread for each line; the lines are opened in the background.
 *
 *  Returns: GW_OK, with *poll NULL when there is no lines.yaml; GW_INVALID (the file is wrong), GW_IO,
 *           GW_FULL, with a sentence in why (GW_YAML_WHY_MAX bytes).
 */
MT_MUST_USE enum gw_status gw_poll_open(struct gw_poll **poll, char *why,
                                        const struct gw_poll_config *config);

/** End the threads. NULL is allowed. */
void gw_poll_close(struct gw_poll *poll);

/** Answers for the core. */
struct gw_ring *gw_poll_inbox(struct gw_poll *poll);

/** What the core said of an answer. */
void gw_poll_reply(struct gw_poll *poll, const struct gw_reply *reply);

/** The meter or the line at an index, from 0. Returns false past the last. */
MT_MUST_USE bool gw_poll_view(struct gw_poll_view *view, struct gw_poll *poll, uint32_t index);
MT_MUST_USE bool gw_poll_line_view(struct gw_poll_line_view *view, struct gw_poll *poll,
                                   uint32_t index);

#endif
