/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The module's SPI NOR flash, Spansion S25FL128P (S25SL12801: 16 MiB, sectors of 64 KiB, pages of 256 bytes), on
 * the SPI controller of the SmartFusion2 (UG0331). */
#include <string.h>

#include "firmware/port/cortex-m/board.h"
#include "firmware/port/cortex-m/core.h"
#include "firmware/port/cortex-m/semihost.h"

#define SPI(offset) (*(volatile uint32_t *)(0x40001000u + (offset)))
#define SPI_CONTROL SPI(0x00)
#define SPI_DFSIZE SPI(0x04)
#define SPI_STATUS SPI(0x08)
#define SPI_RX SPI(0x10)
#define SPI_TX SPI(0x14)
#define CONTROL_ENABLE 1u
#define CONTROL_MASTER 2u
#define CONTROL_FRAMES_SHIFT 8u
#define CONTROL_HOLD_SELECT (1u << 26) /* the chip stays selected for all frames */
#define CONTROL_BIG_QUEUE (1u << 29)
#define STATUS_RX_EMPTY (1u << 6)

/* The chip's commands, S25FL128P data sheet, table "Instruction Set". */
#define WRITE_ENABLE 0x06u
#define READ_STATUS 0x05u
#define READ 0x03u
#define PAGE_PROGRAM 0x02u
#define SECTOR_ERASE 0xD8u
#define READ_IDENTITY 0x9Fu
#define STATUS_BUSY 1u
#define STATUS_WRITABLE 2u

#define SECTOR_BYTES 65536u
#define PAGE_BYTES 256u
/* The journal's part; the rest of the 256 sectors is for images. */
#define JOURNAL_SECTORS 16u
#define READ_CHUNK 1024u
#define BUSY_US_MAX 3000000u  /* the longest erase that the data sheet allows */
#define DRAIN_US_MAX 5000000u /* for a busy emulator; a real chip has no such file */
#define DRAIN_CHUNK 256u
#define NO_FILE (-1)

static const uint8_t identity[3] = {0x01, 0x20, 0x18};
static int backing_file = NO_FILE;

/* One selection of the chip: send head, then send `out` or receive `in` (one of them, or neither). */
struct transfer {
    uint8_t head[4];
    uint32_t head_len;
    const uint8_t *out;
    uint8_t *in;
    uint32_t len;
};

static uint8_t exchange(uint8_t byte)
{
    SPI_TX = byte;
    while (SPI_STATUS & STATUS_RX_EMPTY) {
    }
    return (uint8_t)SPI_RX;
}

static void run(const struct transfer *t)
{
    uint32_t frames = t->head_len + t->len;
    SPI_CONTROL = CONTROL_MASTER | CONTROL_HOLD_SELECT | CONTROL_BIG_QUEUE |
                  frames << CONTROL_FRAMES_SHIFT | CONTROL_ENABLE;
    for (uint32_t i = 0; i < t->head_len; i++) {
        (void)exchange(t->head[i]); /* the chip says nothing yet */
    }
    for (uint32_t i = 0; i < t->len; i++) {
        uint8_t got = exchange(t->out != NULL ? t->out[i] : 0);
        if (t->in != NULL) {
            t->in[i] = got;
        }
    }
}

static struct transfer command(uint8_t code)
{
    return (struct transfer){.head = {code}, .head_len = 1};
}

static struct transfer command_at(uint8_t code, uint32_t address)
{
    return (struct transfer){.head = {code, (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                                      (uint8_t)address},
                             .head_len = 4};
}

static uint8_t read_status(void)
{
    uint8_t status = 0;
    struct transfer t = command(READ_STATUS);
    t.in = &status;
    t.len = 1;
    run(&t);
    return status;
}

static enum fw_status write_enable(void)
{
    struct transfer t = command(WRITE_ENABLE);
    run(&t);
    return read_status() & STATUS_WRITABLE ? FW_OK : FW_IO;
}

static enum fw_status wait_ready(void)
{
    uint64_t start_us = fw_core_time_us();
    while (read_status() & STATUS_BUSY) {
        if (fw_core_time_us() - start_us > BUSY_US_MAX) {
            return FW_IO;
        }
        fw_board_watchdog();
    }
    return FW_OK;
}

/* True when the emulator's file holds these bytes; bytes NULL stands for erased ones. */
static bool backing_holds(uint32_t address, const uint8_t *bytes, uint32_t len)
{
    uint8_t seen[DRAIN_CHUNK];
    if (!fw_semihost_seek(backing_file, address)) {
        return false;
    }
    for (uint32_t done = 0; done < len;) {
        uint32_t n = len - done < sizeof(seen) ? len - done : (uint32_t)sizeof(seen);
        if (!fw_semihost_read(backing_file, seen, n)) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            if (seen[i] != (bytes != NULL ? bytes[done + i] : 0xFFu)) {
                return false;
            }
        }
        done += n;
    }
    return true;
}

/* The emulator answers "done" before its file has the bytes, as a chip behind a write cache would. */
static enum fw_status drain(uint32_t address, const uint8_t *bytes, uint32_t len)
{
    if (backing_file == NO_FILE) {
        return FW_OK;
    }
    uint64_t start_us = fw_core_time_us();
    while (!backing_holds(address, bytes, len)) {
        if (fw_core_time_us() - start_us > DRAIN_US_MAX) {
            return FW_IO;
        }
        fw_board_watchdog();
    }
    return FW_OK;
}

static enum fw_status nor_read(void *context, uint32_t address, void *bytes, uint32_t len)
{
    (void)context;
    uint8_t *to = bytes;
    while (len > 0) {
        uint32_t n = len < READ_CHUNK ? len : READ_CHUNK;
        struct transfer t = command_at(READ, address);
        t.in = to;
        t.len = n;
        run(&t);
        address += n;
        to += n;
        len -= n;
    }
    return FW_OK;
}

static enum fw_status nor_prog(void *context, uint32_t address, const void *bytes, uint32_t len)
{
    (void)context;
    const uint8_t *from = bytes;
    while (len > 0) {
        uint32_t room = PAGE_BYTES - address % PAGE_BYTES;
        uint32_t n = len < room ? len : room;
        if (write_enable() != FW_OK) {
            return FW_IO;
        }
        struct transfer t = command_at(PAGE_PROGRAM, address);
        t.out = from;
        t.len = n;
        run(&t);
        if (wait_ready() != FW_OK || drain(address, from, n) != FW_OK) {
            return FW_IO;
        }
        address += n;
        from += n;
        len -= n;
    }
    return FW_OK;
}

static enum fw_status nor_erase(void *context, uint32_t sector)
{
    (void)context;
    if (sector >= JOURNAL_SECTORS || write_enable() != FW_OK) {
        return FW_IO;
    }
    struct transfer t = command_at(SECTOR_ERASE, sector * SECTOR_BYTES);
    run(&t);
    if (wait_ready() != FW_OK) {
        return FW_IO;
    }
    return drain(sector * SECTOR_BYTES, NULL, SECTOR_BYTES);
}

enum fw_status fw_board_storage(struct fw_hal *hal, const char *backing)
{
    SPI_CONTROL = CONTROL_MASTER | CONTROL_BIG_QUEUE;
    SPI_DFSIZE = 8;
    uint8_t seen[sizeof(identity)];
    struct transfer t = command(READ_IDENTITY);
    t.in = seen;
    t.len = sizeof(seen);
    run(&t);
    if (memcmp(seen, identity, sizeof(identity)) != 0) {
        return FW_IO;
    }
    if (backing != NULL) {
        backing_file = fw_semihost_open(backing, false);
        if (backing_file < 0) {
            return FW_IO;
        }
    }
    hal->nv_sector_count = JOURNAL_SECTORS;
    hal->nv_sector_bytes = SECTOR_BYTES;
    hal->nv_prog_bytes = 1;
    hal->nv_read = nor_read;
    hal->nv_prog = nor_prog;
    hal->nv_erase = nor_erase;
    return FW_OK;
}
