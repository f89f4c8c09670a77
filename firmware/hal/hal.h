/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Everything that a meter needs from the board it runs on, in one struct.
 *
 *  The rules in firmware/core never touch a pin, a socket or a clock: they call these functions,
 *  and are given the time as an argument. A port fills the struct once, before fw_meter_init, and
 *  keeps it unchanged for as long as the meter runs.
 *
 *  Rules for every port:
 *  - Calls come from one thread, never from an interrupt, and never nest.
 *  - A function returns within the time its comment allows; nothing here may wait for the network.
 *  - FW_OK means done. Anything else means not done; core never assumes half of it.
 */
#ifndef FIRMWARE_HAL_HAL_H
#define FIRMWARE_HAL_HAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/check.h"

/** How a call ended. */
enum fw_status {
    FW_OK = 0,
    FW_IO = -1,      /**< The board could not do it (storage, link, valve). It may work later. */
    FW_TORN = -2,    /**< An entry that a power cut left half written; it never counted. */
    FW_GONE = -3,    /**< No entry there: not written yet, or its place was used again. */
    FW_INVALID = -4, /**< The caller's configuration cannot work. */
};

/** What the link carries; a port maps it to a topic or to a content format. */
enum fw_frame {
    FW_FRAME_UP = 0,     /**< COSE_Encrypt0: MQTT `.../up`, CoAP content format 16. */
    FW_FRAME_SIGNED = 1, /**< COSE_Sign1: MQTT `.../signed`, CoAP content format 18. */
};

/** Where a valve or relay stands; the numbers are those of the downlink command. */
enum fw_valve {
    FW_VALVE_SHUT = 0,
    FW_VALVE_OPEN = 1,
    FW_VALVE_THROTTLE = 2,
};

/** The board. */
struct fw_hal {
    void *context; /**< The port's own; passed to every function, never looked at. */

    /* ---- non-volatile storage: NOR flash, or anything that behaves like it ------------------- */

    uint32_t nv_sector_count; /**< Sectors, FW_NV_SECTORS_MIN or more. */
    uint32_t nv_sector_bytes; /**< Bytes that one erase clears: 512 to 65,536, a multiple of 64. */
    uint32_t
        nv_prog_bytes; /**< Smallest unit to program: 1, 2, 4, 8 or 16. Addresses and lengths of
                                   nv_prog are multiples of it. */

    /** Read len bytes at address.
     *  Returns: FW_OK, or FW_IO with bytes unspecified. */
    enum fw_status (*nv_read)(void *context, uint32_t address, void *bytes, uint32_t len);

    /** Program len bytes at address; never crosses a sector. Bits only go from 1 to 0: core
     *  programs a place at most once between two erases. FW_OK means that the bytes survive a power
     *  cut from now on (a port with a write cache drains it first). A cut in the middle may leave
     *  any part of the bits changed.
     *  Returns: FW_OK or FW_IO. May take as long as the flash does, some milliseconds. */
    enum fw_status (*nv_prog)(void *context, uint32_t address, const void *bytes, uint32_t len);

    /** Set every bit of a sector, 0 to nv_sector_count - 1. A cut in the middle may leave any mixture
     *  of old and set bits.
     *  Returns: FW_OK or FW_IO. */
    enum fw_status (*nv_erase)(void *context, uint32_t sector);

    /* ---- link --------------------------------------------------------------------------------- */

    /** Send one message. The bytes are borrowed for the call.
     *  Returns: FW_OK when the link took it, which promises nothing: only the gateway's receipt
     *           does. FW_IO when there is no link now; core tries again after its back-off. */
    enum fw_status (*link_send)(void *context, enum fw_frame frame, const uint8_t *bytes,
                                size_t len);

    /* ---- the rest ----------------------------------------------------------------------------- */

    /** Fill bytes with unpredictable ones. Used to spread reports over time, not for keys.
     *  Returns: FW_OK, or FW_IO: core then goes on without spreading. */
    enum fw_status (*entropy)(void *context, void *bytes, uint32_t len);

    /** Read the battery-backed clock: microseconds since 1970 UTC. NULL when the board has none.
     *  Returns: FW_OK with *time_us set, or FW_IO when the clock lost its time. */
    enum fw_status (*rtc_read)(void *context, int64_t *time_us);

    /** Set that clock. NULL when the board has none. */
    enum fw_status (*rtc_write)(void *context, int64_t time_us);

    /** Move the valve, water or gas, or switch the relay of a power meter. NULL when there is none.
     *  Returns: FW_OK when it got there; FW_IO when it did not, or cannot stand there at all. */
    enum fw_status (*valve_set)(void *context, enum fw_valve position);

    /** Where the valve stands, from its own sensor. NULL exactly when valve_set is. */
    enum fw_valve (*valve_get)(void *context);
};

#define FW_NV_SECTORS_MIN 6u /**< Two for checkpoints, two for days, two for the profile. */
#define FW_NV_SECTOR_BYTES_MIN 512u
#define FW_NV_SECTOR_BYTES_MAX 65536u
#define FW_NV_PROG_BYTES_MAX 16u

/** True when the struct is complete and its geometry can work. */
bool fw_hal_valid(const struct fw_hal *hal);

#endif
