/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arm's semihosting, "Semihosting for AArch32 and AArch64" 2.0: BKPT 0xAB with the operation in r0 and a
 * block of words in r1; see semihost.h. */
#include "firmware/port/cortex-m/semihost.h"

#include <string.h>

enum operation {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0A,
    SYS_TIME = 0x11,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
};

#define OPEN_RB 1u
#define OPEN_RB_PLUS 3u
#define APPLICATION_EXIT 0x20026u

static int call(enum operation operation, const void *block)
{
    register int r0 __asm__("r0") = (int)operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

bool fw_semihost_arguments(char *text, size_t max)
{
    uint32_t block[2] = {(uint32_t)text, max};
    return call(SYS_GET_CMDLINE, block) == 0;
}

int fw_semihost_open(const char *path, bool change)
{
    uint32_t block[3] = {(uint32_t)path, change ? OPEN_RB_PLUS : OPEN_RB, strlen(path)};
    return call(SYS_OPEN, block);
}

void fw_semihost_close(int handle)
{
    uint32_t block[1] = {(uint32_t)handle};
    (void)call(SYS_CLOSE, block); /* nothing was written through it */
}

size_t fw_semihost_read_some(int handle, void *bytes, size_t len)
{
    uint32_t block[3] = {(uint32_t)handle, (uint32_t)bytes, len};
    int left = call(SYS_READ, block); /* what is NOT read; negative: an error */
    return left < 0 || (size_t)left > len ? 0 : len - (size_t)left;
}

bool fw_semihost_read(int handle, void *bytes, size_t len)
{
    return fw_semihost_read_some(handle, bytes, len) == len;
}

bool fw_semihost_seek(int handle, uint32_t offset)
{
    uint32_t block[2] = {(uint32_t)handle, offset};
    return call(SYS_SEEK, block) == 0;
}

uint32_t fw_semihost_time_s(void)
{
    return (uint32_t)call(SYS_TIME, NULL);
}

_Noreturn void fw_semihost_exit(int status)
{
    uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    for (;;) {
        (void)call(SYS_EXIT_EXTENDED, block); /* it does not return */
    }
}
