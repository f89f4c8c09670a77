/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A meter's board made of memory: for the simulator, the tests and the host's own meter program.
 *
 *  The storage behaves like NOR flash: erasing sets every bit of a sector, programming only clears bits.
 *  It lives in memory, or in a file that outlives the process (mapped and shared, so a killed process
 *  loses nothing; a crashed machine may, which is the host's business and not the meter's).
 *
 *  Power cuts on demand: after a chosen number of words the supply fails in the middle of the next one,
 *  some of its bits are changed and some are not, and nothing works until fw_host_power_on.
 */
#ifndef FIRMWARE_PORT_HOST_HOST_H
#define FIRMWARE_PORT_HOST_HOST_H

#include "firmware/hal/hal.h"

#define FW_HOST_WORD_BYTES 4u
#define FW_HOST_NEVER UINT64_MAX
#define FW_HOST_NOTE_BYTES 31u

/** What the board is connected to. Functions are called on the meter's thread, within its calls. */
struct fw_host_config {
    const char *path; /**< File of the storage; NULL: memory. Borrowed for the call. */
    uint32_t sector_count;
    uint32_t sector_bytes;
    uint64_t seed; /**< Of the board's entropy and of torn words: the same seed, the same run. */
    void *owner;   /**< Passed to the two functions below. */
    enum fw_status (*send)(void *owner, enum fw_frame frame, const uint8_t *bytes, size_t len);
    bool (*rtc)(void *owner, int64_t *time_us); /**< NULL: a board without a clock. */
};

/** The board. Public so that the caller can keep it anywhere; use the functions below. */
struct fw_host {
    struct fw_hal hal; /**< For fw_meter_init. */
    struct fw_host_config config;
    uint8_t *nv; /**< Owned: the storage, then one byte of valve position. */
    size_t nv_bytes;
    bool mapped; /**< nv is a mapped file. */
    uint64_t random;
    uint64_t words_written; /**< Words programmed, and sectors erased, so far. */
    uint64_t cut_at;        /**< Cut when words_written gets here; FW_HOST_NEVER: no cut. */
    bool dead;              /**< Cut happened: everything fails. */
    bool valve_stuck;       /**< The valve does not move. */
};

/** Make or open a board. A file of another size is refused.
 *
 *  Returns: FW_OK; FW_IO (the file; *why is a sentence's end such as "cannot be opened: ..."),
 *           FW_INVALID (geometry). *host is to be given to fw_host_deinit only after FW_OK.
 */
MT_MUST_USE enum fw_status fw_host_init(struct fw_host *host, const struct fw_host_config *config,
                                        const char **why);
void fw_host_deinit(struct fw_host *host);

/** Bytes of the owner's own, kept with the storage: FW_HOST_NOTE_BYTES, at first all 0xFF. Borrowed. */
uint8_t *fw_host_note(struct fw_host *host);

/** Cut the power within the word after `words` more; FW_HOST_NEVER takes a planned cut back. */
void fw_host_cut_after(struct fw_host *host, uint64_t words);

/** Power is back. What was in RAM is gone: start the meter anew with fw_meter_init. */
void fw_host_power_on(struct fw_host *host);

#endif
