/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a factory would write into the meter: words "key=value" on the emulator's command line.
 *
 *      name=pHXE-000012345678   the meter
 *      key=FILE                 its root key, 32 hexadecimal digits; never on the command line itself
 *      gateway=10.0.2.2:5684    where the gateway answers; address= and router= are the meter's own
 *      nor=FILE                 the emulator's file behind the storage: FW_OK then waits for it
 *      interval=S spread=S retry=S report=N    as in struct fw_config, whole seconds
 *      clock=host               the host's clock stands for a battery-backed one
 */
#ifndef FIRMWARE_PORT_CORTEX_M_SETUP_H
#define FIRMWARE_PORT_CORTEX_M_SETUP_H

#include "firmware/core/meter.h"

#define FW_SETUP_PATH_MAX 160u
#define FW_SETUP_TEXT_MAX 600u

struct fw_setup {
    struct fw_config meter; /**< Identity, root key and times. */
    uint8_t address[4];
    uint8_t router[4];
    uint8_t gateway[4];
    uint16_t gateway_port;
    bool host_clock;
    char backing[FW_SETUP_PATH_MAX]; /**< Empty: none. */
};

/** Read it all.
 *
 *  Returns: NULL; otherwise the word that is wrong, or what is missing, for the log.
 */
MT_MUST_USE const char *fw_setup_read(struct fw_setup *setup);

#endif
