/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Storage on the board's PSRAM, which the emulator keeps in a file: it behaves as NOR flash does, so that the
 * meter has the same rules on both boards. Programming clears bits, erasing sets those of a sector. */
#include "firmware/port/cortex-m/board.h"

#define PSRAM ((volatile uint8_t *)0x21000000u)
#define SECTOR_BYTES 4096u
#define JOURNAL_SECTORS 256u

static enum fw_status psram_read(void *context, uint32_t address, void *bytes, uint32_t len)
{
    (void)context;
    uint8_t *to = bytes;
    for (uint32_t i = 0; i < len; i++) {
        to[i] = PSRAM[address + i];
    }
    return FW_OK;
}

static enum fw_status psram_prog(void *context, uint32_t address, const void *bytes, uint32_t len)
{
    (void)context;
    const uint8_t *from = bytes;
    for (uint32_t i = 0; i < len; i++) {
        PSRAM[address + i] &= from[i];
    }
    return FW_OK;
}

static enum fw_status psram_erase(void *context, uint32_t sector)
{
    (void)context;
    if (sector >= JOURNAL_SECTORS) {
        return FW_IO;
    }
    for (uint32_t i = 0; i < SECTOR_BYTES; i++) {
        PSRAM[sector * SECTOR_BYTES + i] = 0xFF;
    }
    return FW_OK;
}

enum fw_status fw_board_storage(struct fw_hal *hal, const char *backing)
{
    (void)backing; /* mapped and shared: what is written is in the file */
    hal->nv_sector_count = JOURNAL_SECTORS;
    hal->nv_sector_bytes = SECTOR_BYTES;
    hal->nv_prog_bytes = 1;
    hal->nv_read = psram_read;
    hal->nv_prog = psram_prog;
    hal->nv_erase = psram_erase;
    return FW_OK;
}
