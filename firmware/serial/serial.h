/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter's serial port: it answers collectors that speak DL/T 645 (power) or CJ/T 188 (water, gas).
 *
 *      port: fw_serial_init -> { fw_serial_take }* with the bytes as they come
 *
 *  Only reading is answered: registers, bands, the last settlement, clock and address. What would change
 *  the meter (control, clock, prices) comes from the gateway, signed; here it is refused, or left without
 *  an answer where the standard has none. A line is shared, so what is addressed to others is passed over.
 *
 *  Answered of DL/T 645-2007 (function 11H, 13H) and -1997 (01H):
 *
 *      00010000 0001nn00 0001FF00   forward active energy: total, band nn (1 to 4), all of them
 *      00000000 ... 0000FF00        the same: nothing is exported
 *      00010001 ... 0001FF01        the same at the last settlement, when there was one
 *      04000101 04000102            date with the day of the week, time of day
 *      04000401                     address
 *      9010 901n 901F               -1997: total, band n, all of them
 *
 *  of CJ/T 188 (01H, 03H): 901F current data, 810A address; the identifier's bytes in either order.
 *
 *  Registers have eight digits of 0.01 kWh or 0.01 m3 and begin anew after the last.
 *
 *  Never: heap, clock, waiting; it knows what struct fw_serial_view says and nothing else.
 */
#ifndef FIRMWARE_SERIAL_SERIAL_H
#define FIRMWARE_SERIAL_SERIAL_H

#include "meters/check.h"
#include "meters/reading.h"

#define FW_SERIAL_REPLY_MAX 272u /**< Bytes of any answer. */
#define FW_SERIAL_ASK_MAX \
    64u /**< Bytes of a question that is looked at; all that are answered are shorter. */
#define FW_SERIAL_GAP_US 500000 /**< Bytes further apart belong to different questions. */

/** What the meter says of itself; volumes in ml, energies in Wh. */
struct fw_serial_view {
    struct mt_reading now; /**< total, bands, flags; time_us is the meter's clock, 0: not set. */
    bool has_settlement;   /**< A settlement day has passed. */
    struct mt_reading settlement; /**< The registers then. */
};

/** A port. */
struct fw_serial {
    uint8_t medium;  /**< enum mt_medium */
    char number[15]; /**< The address: 12 digits for power, else 14. */
    int64_t last_us; /**< Uptime of the newest byte. */
    size_t len;
    uint8_t bytes[FW_SERIAL_ASK_MAX]; /**< Of a question that is not whole yet. */
};

/** Start.
 *
 *  Returns: true; false, and no port, when the meter's number cannot be an address: it holds letters, or
 *           more than 12 (power) or 14 digits; or for a medium that neither protocol has.
 */
MT_MUST_USE bool fw_serial_init(struct fw_serial *serial, const struct mt_identity *identity);

/** Take bytes from the line. Returns the bytes of the answer to be sent, 0: none. The newest question is
 *  answered, and with it older bytes are forgotten.
 *
 *  In:  now_us  uptime
 *  Out: reply   FW_SERIAL_REPLY_MAX bytes of room
 */
size_t fw_serial_take(struct fw_serial *serial, uint8_t *reply, const uint8_t *bytes, size_t len,
                      const struct fw_serial_view *view, int64_t now_us);

#endif
