/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lwIP asks about the compiler; it wants this very name. */
#ifndef FIRMWARE_PORT_CORTEX_M_ARCH_CC_H
#define FIRMWARE_PORT_CORTEX_M_ARCH_CC_H

#include <stdint.h>

uint32_t fw_net_random(void);

#define LWIP_NO_CTYPE_H 1
#define LWIP_RAND() fw_net_random()
#define LWIP_PLATFORM_DIAG(message)
/* A broken promise stops the board, and the watchdog starts it anew; the text would cost flash. */
#define LWIP_PLATFORM_ASSERT(message) __builtin_trap()

#endif
