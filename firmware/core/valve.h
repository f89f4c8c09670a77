/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The life of a valve command, from the gateway's order to the meter's proof.
 *
 *      IDLE --COMMAND--> ARMED --MOVED-----------------> PROVING --PROVEN--> IDLE
 *                        |  ^  \--EXPIRED--------------> PROVING
 *                        |  |--STUCK (tried again until it expires)
 *                        \--HAND_NEEDED--> WAITING --MOVED, EXPIRED--> PROVING
 *
 *  A newer COMMAND takes over from any state; the same one again (REPEAT) only asks for its proof anew.
 *  Each change is saved before it has an effect, so after a power cut the command is carried out again
 *  (moving a valve to where it stands is harmless) and never forgotten. The proof tells where the
 *  valve's own sensor says it stands, whatever was ordered.
 */
#ifndef FIRMWARE_CORE_VALVE_H
#define FIRMWARE_CORE_VALVE_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/hal/hal.h"
#include "meters/check.h"

enum fw_valve_state {
    FW_VALVE_IDLE = 0,
    FW_VALVE_ARMED = 1,   /**< To be carried out. */
    FW_VALVE_WAITING = 2, /**< A gas valve opens only after a hand confirmed it on the spot. */
    FW_VALVE_PROVING = 3, /**< Done or expired; the gateway does not know yet. */
    FW_VALVE_STATES = 4,
};

enum fw_valve_event {
    FW_VALVE_EV_COMMAND = 0, /**< A command newer than the last. */
    FW_VALVE_EV_REPEAT = 1,  /**< The last command again. */
    FW_VALVE_EV_MOVED = 2,
    FW_VALVE_EV_STUCK = 3,
    FW_VALVE_EV_HAND_NEEDED = 4,
    FW_VALVE_EV_EXPIRED = 5,
    FW_VALVE_EV_PROVEN = 6, /**< The gateway has the proof. */
};

/** The newest command and how far it got. Part of the checkpoint. */
struct fw_valve_order {
    enum fw_valve_state state;
    bool has_id;        /**< A command was ever taken. */
    uint8_t position;   /**< enum fw_valve: where it is to go. */
    uint32_t id;        /**< The gateway's number of the command. */
    int64_t expires_us; /**< Not carried out after this. */
    uint64_t counter; /**< Downlink counter that brought it; an older command never replaces it. */
};

/** The state after an event.
 *
 *  Returns: true with *next; false for a pair that cannot happen, with *next untouched.
 */
MT_MUST_USE bool fw_valve_next(enum fw_valve_state *next, enum fw_valve_state state,
                               enum fw_valve_event event);

#endif
