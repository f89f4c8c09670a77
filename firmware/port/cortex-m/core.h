/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What every Cortex-M3 has: reset, time, sleep, and a watermark of the memory that was used. */
#ifndef FIRMWARE_PORT_CORTEX_M_CORE_H
#define FIRMWARE_PORT_CORTEX_M_CORE_H

#include <stddef.h>
#include <stdint.h>

/** Start the time; after fw_board_start. */
void fw_core_start(void);

/** Microseconds since fw_core_start. Never goes back. */
uint64_t fw_core_time_us(void);

/** Sleep until an interrupt, at most a hundredth of a second. */
void fw_core_sleep(void);

/** Bytes of stack that were in use at the worst moment since reset. */
uint32_t fw_core_stack_peak(void);

/** Bytes of heap that were ever taken from the system (newlib's sbrk). */
uint32_t fw_core_heap_peak(void);

/** The program. Never returns. */
_Noreturn void fw_main(void);

#endif
