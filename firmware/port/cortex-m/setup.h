/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a factory would write into the meter: words "key=value" on the emulator's command line, those of
 *  firmware/app/setup.h and besides
 *
 *      key=FILE         the root key, 32 hexadecimal digits; never on the command line itself
 *      address=A.B.C.D router=A.B.C.D    the meter's own network
 *      nor=FILE         the emulator's file behind the storage: FW_OK then waits for it
 *      clock=host       the host's clock stands for a battery-backed one
 */
#ifndef FIRMWARE_PORT_CORTEX_M_SETUP_H
#define FIRMWARE_PORT_CORTEX_M_SETUP_H

#include "firmware/app/setup.h"

#define FW_BOARD_PATH_MAX 160u
#define FW_BOARD_TEXT_MAX 600u

struct fw_board_setup {
    struct fw_setup meter;
    uint8_t address[4];
    uint8_t router[4];
    bool host_clock;
    char backing[FW_BOARD_PATH_MAX]; /**< Empty: none. */
};

/** Read it all.
 *
 *  Returns: NULL; otherwise the word that is wrong, or what is missing, for the log.
 */
MT_MUST_USE const char *fw_board_setup_read(struct fw_board_setup *setup);

#endif
