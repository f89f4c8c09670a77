/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What differs between the boards: registers, behind a few functions. One folder implements them all.
 *
 *  Never: interrupts that do work. A handler only masks its line and so ends the sleep; everything is
 *  done in the main loop.
 */
#ifndef FIRMWARE_PORT_CORTEX_M_BOARD_H
#define FIRMWARE_PORT_CORTEX_M_BOARD_H

#include "firmware/hal/hal.h"

#define FW_BOARD_FRAME_BYTES_MAX 1536u /**< An Ethernet frame without its check sequence. */
#define FW_BOARD_MAC_BYTES 6u

extern const char fw_board_name[];
extern const uint32_t fw_board_hz;         /**< Ticks of the core's clock a second. */
extern const uint32_t fw_board_interrupts; /**< Lines that end the sleep, one bit each, 0 to 31. */

/** Clocks and the serial port; before everything else. */
void fw_board_start(void);

/** Send one byte on the serial port; waits for room. */
void fw_board_put(uint8_t byte);

/** Take one received byte. Returns: false when there is none. */
bool fw_board_get(uint8_t *byte);

/** The supervisor: the board starts anew when this is not called for some seconds. */
void fw_board_watchdog(void);

/** Start the storage and fill the nv_ fields of *hal, geometry and functions.
 *
 *  In:      backing  the emulator's file behind the storage, or NULL: the driver then waits until what
 *                    it wrote is in that file. A real chip says itself when it is done.
 *  Returns: FW_OK; FW_IO when no such chip answers.
 */
MT_MUST_USE enum fw_status fw_board_storage(struct fw_hal *hal, const char *backing);

/** Start the Ethernet controller. Returns: false when it does not answer. */
MT_MUST_USE bool fw_board_net_start(const uint8_t mac[FW_BOARD_MAC_BYTES]);

/** Where the next frame to send is built: FW_BOARD_FRAME_BYTES_MAX bytes, word aligned. */
uint8_t *fw_board_net_room(void);

/** Send what is in fw_board_net_room. In: len  14 to FW_BOARD_FRAME_BYTES_MAX */
void fw_board_net_send(size_t len);

/** The oldest frame that came, or NULL. It is the caller's until fw_board_net_release. */
uint8_t *fw_board_net_receive(size_t *len);
void fw_board_net_release(void);

#endif
