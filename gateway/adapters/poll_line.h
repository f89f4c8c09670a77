/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A line to meters: a serial device or a TCP connection to what stands at its other end.
 *
 *  One thread uses a line. The daemon and the command line share one by turns: who holds the lock file
 *  DIR/line-<name>.lock talks, and what came in before a question is thrown away.
 *  Never: decides what to ask.
 */
#ifndef GATEWAY_ADAPTERS_POLL_LINE_H
#define GATEWAY_ADAPTERS_POLL_LINE_H

#include "gateway/adapters/poll_talk.h"

#define GW_LINE_WHY_BYTES 200u

struct gw_line {
    const struct gw_line_plan *plan; /**< Borrowed. */
    int fd;                          /**< -1: not open. */
    int lock_fd;                     /**< -1: nobody else uses this line. */
    int wake_fd;                     /**< Readable: give up at once; -1: none. Borrowed. */
    char why[GW_LINE_WHY_BYTES];     /**< What failed last, a sentence. */
};

/** Open the device or connect, within three seconds.
 *
 *  Returns: GW_OK; GW_IO with a sentence in line->why.
 *  In:      dir  where the lock file is; NULL: none is used.
 */
MT_MUST_USE enum gw_status gw_line_open(struct gw_line *line, const struct gw_line_plan *plan,
                                        const char *dir, int wake_fd);

/** Close it. Fine when it is not open. */
void gw_line_close(struct gw_line *line);

/** Wait for the line's turn, up to ten seconds. Returns GW_OK, GW_BUSY, or GW_END when woken. */
MT_MUST_USE enum gw_status gw_line_take(struct gw_line *line);
/** Give the turn back. */
void gw_line_give(struct gw_line *line);

/** Send bytes that nobody answers, and wait until they are out. Returns GW_OK, GW_IO or GW_END. */
MT_MUST_USE enum gw_status gw_line_send(struct gw_line *line, const uint8_t *bytes, size_t len);

/** Carry a conversation on to its end.
 *
 *  Returns: GW_OK with *said one of GW_TALK_ANSWER, _REFUSED and _SILENT; GW_IO: the line failed (a
 *           sentence in line->why); GW_END: woken.
 */
MT_MUST_USE enum gw_status gw_line_talk(struct gw_line *line, enum gw_talk_said *said,
                                        struct gw_talk *talk);

/** Ask a Modbus meter for the registers of its map.
 *
 *  Returns: as gw_line_talk(); with GW_TALK_REFUSED and _SILENT there is a sentence in line->why.
 *  Out:     *reading  on GW_TALK_ANSWER; its time is 0.
 */
MT_MUST_USE enum gw_status gw_line_modbus(struct gw_line *line, enum gw_talk_said *said,
                                          struct mt_reading *reading, uint8_t address,
                                          const struct gw_modbus_map *map, uint8_t tries);

#endif
