/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Unpredictable bytes. The emulated boards have no noise source: the host's stands for one. */
#ifndef FIRMWARE_PORT_CORTEX_M_NOISE_H
#define FIRMWARE_PORT_CORTEX_M_NOISE_H

#include "firmware/hal/hal.h"

/** Returns: FW_OK; FW_IO, bytes unspecified. */
enum fw_status fw_noise(void *bytes, size_t len);

#endif
