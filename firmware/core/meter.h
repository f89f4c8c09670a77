/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter: registers, journal, reports, receipts, day-end proofs and the valve, on one board.
 *
 *      port: fw_meter_init -> { fw_meter_count, fw_meter_step, fw_meter_downlink }* at any time
 *
 *  The port hands in what was counted and what arrived, and calls fw_meter_step when fw_meter_next_us
 *  says so. Everything else happens through the HAL, from within these calls.
 *
 *  What holds over any number of power cuts:
 *  - A register never goes back behind a value that left the meter, and a record that was journalled is
 *    there until the gateway's receipt covers it (or the ring is full: see journal.h).
 *  - A message counter is never used for two different messages.
 *  - A command is saved before it is carried out, never carried out after its expiry, nor when it is
 *    played back; its proof is repeated until the gateway has it.
 *
 *  What was counted since the last record or fw_meter_power_fail is lost in a cut, unless the part
 *  that counts keeps its own total (a port then hands in the difference after the boot).
 *
 *  Never: heap, clock, stdio, waiting. Time is an argument: microseconds of uptime, which never goes
 *  back between two boots and starts anywhere.
 */
#ifndef FIRMWARE_CORE_METER_H
#define FIRMWARE_CORE_METER_H

#include "firmware/core/calendar.h"
#include "firmware/core/clock.h"
#include "firmware/core/journal.h"
#include "firmware/core/limits.h"
#include "firmware/core/link.h"
#include "firmware/core/window.h"
#include "firmware/hal/hal.h"
#include "meters/keys.h"

/** Who the meter is and how it behaves. fw_config_default fills all but identity and keys. */
struct fw_config {
    struct mt_identity identity; /**< Maker and number are not empty. */
    uint8_t root_key[MT_KEY_BYTES];
    bool has_sign;                             /**< The meter signs its day ends. */
    uint8_t sign_secret[MT_SIGN_SECRET_BYTES]; /**< Valid with has_sign. */
    struct fw_calendar calendar;
    uint32_t day_sectors;       /**< Sectors of the day log, 2 or more. */
    uint32_t message_bytes_max; /**< Plain bytes of one message, 256 to MT_MESSAGE_BYTES_MAX. */
    uint32_t report_count; /**< Records that start a report; a day end always does. 1 or more. */
    int64_t interval_us;   /**< Between records; divides a day, whole seconds. */
    int64_t grace_us;      /**< A record that is later than this is left out, 0 to interval_us. */
    int64_t spread_us;     /**< A report leaves at a random moment within this, 0 or more. */
    int64_t retry_us;      /**< First pause before a message is repeated, > 0. */
    int64_t retry_us_max;  /**< Longest pause, not under retry_us, at most 30 days. */
    int64_t round_us_max;  /**< Longest round trip whose receipt may set the clock, > 0. */
    int64_t trust_us;      /**< The clock is doubted when unconfirmed for so long, > 0. */
    bool confirm_open;     /**< Opening needs a hand on the spot (gas). */
};

/** Fill in what suits a meter of that medium: quarter-hours, 2,048-byte messages, a spread of 60 s,
 *  pauses from 30 s to 1 h, clock doubted after 10 days, no calendar; gas opens by hand only. */
void fw_config_default(struct fw_config *config, enum mt_medium medium);

/** Room for one message while it is built; about 8 kB. One serves all meters of a thread. */
struct fw_work {
    struct mt_message message;
    uint8_t plain[MT_MESSAGE_BYTES_MAX];
};

/** The message that is out, kept to be repeated byte by byte. */
struct fw_uplink {
    enum fw_frame frame;
    uint32_t seq_end; /**< A receipt of this or more answers it. */
    bool has_proof;   /**< It carries the proof of command proof_id. */
    uint32_t proof_id;
    int64_t day_us;     /**< FW_FRAME_SIGNED: the day end that it proves. */
    uint32_t attempts;  /**< Times that it was sent. */
    int64_t sent_up_us; /**< Uptime of the last of them. */
    size_t len;
    uint8_t bytes[FW_FRAME_BYTES_MAX];
};

/** What happened since boot; for the port's own diagnosis. */
struct fw_stats {
    uint32_t records;
    uint32_t sent; /**< Messages handed to the link, repetitions not counted. */
    uint32_t repeated;
    uint32_t answered;     /**< Messages that a receipt answered. */
    uint32_t snapshots;    /**< Day ends whose proof was answered. */
    uint32_t commands;     /**< Commands taken. */
    uint32_t down_refused; /**< Downlink messages that were refused, replays included. */
    uint32_t storage_errors;
    uint32_t link_errors;
    uint32_t clock_moves;
};

/** One meter. All fields belong to core; a port may read `now`, `journal` and `stats`. */
struct fw_meter {
    struct fw_config config;
    const struct fw_hal *hal; /**< Borrowed. */
    struct fw_work *work;     /**< Borrowed. */
    uint8_t up_key[MT_KEY_BYTES];
    uint8_t down_key[MT_KEY_BYTES];
    struct fw_log checkpoints;
    struct fw_journal journal;
    struct fw_checkpoint now; /**< What the next checkpoint will say. */
    struct fw_clock clock;
    struct fw_window window;
    uint32_t counter;     /**< Next message counter; below now.counter_reserved or equal. */
    int64_t record_up_us; /**< Uptime of the next record; INT64_MAX while the time is not known. */
    enum fw_link_state link;
    int64_t link_up_us;      /**< Uptime at which the link's timer rings; valid unless QUIET. */
    int64_t snapshot_up_us;  /**< No snapshot leaves before this uptime. */
    uint32_t snapshot_tries; /**< Of the oldest one that is not delivered. */
    bool hold;            /**< The next message waits a full pause: late answers may still come. */
    int64_t valve_up_us;  /**< Uptime of the next try; valid while ARMED. */
    uint8_t flags;        /**< MT_FLAG_TAMPER, MT_FLAG_LOW_BATTERY as the port set them. */
    struct fw_uplink out; /**< Valid while the link is SENT. */
    struct fw_stats stats;
};

/** Start, or start again after a power cut: read back what the storage holds and count the boot.
 *
 *  In:      config copied; hal and work borrowed until the meter is given up; now_us of uptime
 *  Returns: FW_OK; FW_INVALID (configuration or geometry); FW_IO (the storage does not answer, or takes
 *           no checkpoint: without one no message may leave). *meter is unspecified unless FW_OK.
 */
MT_MUST_USE enum fw_status fw_meter_init(struct fw_meter *meter, const struct fw_config *config,
                                         const struct fw_hal *hal, struct fw_work *work,
                                         int64_t now_us);

/** Add what was counted until now to the total and to the band in force just before now.
 *  In: units  Wh or ml, 0 or more; past INT64_MAX the register stays where it is */
void fw_meter_count(struct fw_meter *meter, int64_t units, int64_t now_us);

/** Set the port's own events for the records to come: MT_FLAG_TAMPER, MT_FLAG_LOW_BATTERY. */
void fw_meter_flag(struct fw_meter *meter, uint8_t flags);

/** Do all that is due: valve, record, report. */
void fw_meter_step(struct fw_meter *meter, int64_t now_us);

/** Uptime at which fw_meter_step is to be called next; may be in the past. */
int64_t fw_meter_next_us(const struct fw_meter *meter);

/** What became of a downlink message. */
enum fw_down_verdict {
    FW_DOWN_RECEIPT = 0,
    FW_DOWN_COMMAND = 1, /**< A new command, or one repeated. */
    FW_DOWN_MALFORMED = 2,
    FW_DOWN_NOT_AUTHENTIC = 3,
    FW_DOWN_REPLAYED = 4,
    FW_DOWN_EXPIRED = 5,  /**< A command after its time, or while the time is not known. */
    FW_DOWN_OUTDATED = 6, /**< A command older than the newest one. */
    FW_DOWN_NO_VALVE = 7, /**< A command for a valve that this meter does not have. */
    FW_DOWN_STORAGE = 8,  /**< It could not be saved, so it was not taken; it may come again. */
};

/** Take a message from the gateway. The bytes are borrowed for the call. */
enum fw_down_verdict fw_meter_downlink(struct fw_meter *meter, const uint8_t *bytes, size_t len,
                                       int64_t now_us);

/** The transport has (again) a connection: what is out is repeated within a moment. */
void fw_meter_link_up(struct fw_meter *meter, int64_t now_us);

/** A hand on the spot confirms that the valve may open. */
void fw_meter_confirm(struct fw_meter *meter, int64_t now_us);

/** The supply is failing: save the registers while there is charge left. Returns FW_OK or FW_IO. */
MT_MUST_USE enum fw_status fw_meter_power_fail(struct fw_meter *meter);

/** The meter's time at an uptime: microseconds since 1970 UTC. False while it is not known. */
bool fw_meter_time(int64_t *time_us, const struct fw_meter *meter, int64_t now_us);

#endif
