/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The emulator's side door (Arm's semihosting): arguments, files and the exit status.
 *
 *  It stands for what a factory writes into a meter and for the noise source that the emulated boards
 *  lack. On a board without a debugger the first call traps: an image for the field has none.
 */
#ifndef FIRMWARE_PORT_CORTEX_M_SEMIHOST_H
#define FIRMWARE_PORT_CORTEX_M_SEMIHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The command line, ended by 0. Returns: false when it is longer than max - 1. */
bool fw_semihost_arguments(char *text, size_t max);

/** Open a file to read, or to read and change in place. Returns: a handle; negative: no. */
int fw_semihost_open(const char *path, bool change);
void fw_semihost_close(int handle);

/** Read exactly len bytes at the file's position. Returns: false when there are fewer. */
bool fw_semihost_read(int handle, void *bytes, size_t len);

/** Read at most len bytes. Returns: how many. */
size_t fw_semihost_read_some(int handle, void *bytes, size_t len);
bool fw_semihost_seek(int handle, uint32_t offset);

/** The host's clock: seconds since 1970 UTC. */
uint32_t fw_semihost_time_s(void);

/** End the emulator with that exit status. */
_Noreturn void fw_semihost_exit(int status);

#endif
