/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log in flash; see the header for its layout. */
#include "firmware/core/log.h"

#include <string.h>

#include "meters/checksum.h"
#include "meters/cursor.h"
#include "meters/writer.h"

#define MAGIC 0x474c574du /* "MWLG" */
#define APPEND_TRIES 3u
#define GENERATION_MAX (UINT32_MAX / (FW_NV_SECTOR_BYTES_MAX / 16u)) /* positions fit 32 bits */

_Static_assert(FW_LOG_HEADER_BYTES % FW_NV_PROG_BYTES_MAX == 0, "slots start on a program unit");
_Static_assert(FW_LOG_HEADER_BYTES + FW_LOG_SLOT_BYTES_MAX <= FW_NV_SECTOR_BYTES_MIN,
               "the smallest sector holds a slot");

bool fw_hal_valid(const struct fw_hal *hal)
{
    MT_CHECK(hal != NULL);
    uint32_t prog = hal->nv_prog_bytes;
    bool power_of_two = prog != 0 && (prog & (prog - 1)) == 0;
    if (!power_of_two || prog > FW_NV_PROG_BYTES_MAX) {
        return false;
    }
    if (hal->nv_sector_bytes < FW_NV_SECTOR_BYTES_MIN ||
        hal->nv_sector_bytes > FW_NV_SECTOR_BYTES_MAX || hal->nv_sector_bytes % 64 != 0) {
        return false;
    }
    if (hal->nv_sector_count < FW_NV_SECTORS_MIN ||
        hal->nv_sector_count > UINT32_MAX / hal->nv_sector_bytes) {
        return false;
    }
    bool storage = hal->nv_read != NULL && hal->nv_prog != NULL && hal->nv_erase != NULL;
    bool valve = (hal->valve_set != NULL) == (hal->valve_get != NULL);
    return storage && valve && hal->link_send != NULL && hal->entropy != NULL;
}

static void log_check(const struct fw_log *log)
{
    MT_CHECK(log != NULL && log->hal != NULL);
    MT_CHECK(log->slots_per_sector > 0);
    MT_CHECK(log->oldest <= log->end);
    MT_CHECK(log->end - log->oldest <= log->slots_per_sector * log->place.sector_count);
}

static uint32_t sector_address(const struct fw_log *log, uint32_t generation)
{
    uint32_t sector = log->place.sector_first + generation % log->place.sector_count;
    return sector * log->hal->nv_sector_bytes;
}

static uint32_t slot_address(const struct fw_log *log, uint32_t position)
{
    uint32_t slot = position % log->slots_per_sector;
    return sector_address(log, position / log->slots_per_sector) + FW_LOG_HEADER_BYTES +
           slot * log->place.slot_bytes;
}

/* The position is part of the sum: a slot left over from an earlier round never fits. */
static uint32_t slot_crc(const uint8_t *payload, uint32_t len, uint32_t position)
{
    uint8_t at[4];
    struct mt_writer w = mt_writer_into(at, sizeof(at));
    mt_writer_le(&w, position, 4);
    uint32_t crc = mt_crc32c(0, at, sizeof(at));
    return mt_crc32c(crc, payload, len);
}

static void header_encode(uint8_t bytes[FW_LOG_HEADER_BYTES], const struct fw_log *log,
                          uint32_t generation)
{
    struct mt_writer w = mt_writer_into(bytes, FW_LOG_HEADER_BYTES);
    mt_writer_le(&w, MAGIC, 4);
    mt_writer_le(&w, generation, 4);
    mt_writer_le(&w, log->place.slot_bytes, 4);
    mt_writer_le(&w, mt_crc32c(0, bytes, 12), 4);
}

/* Returns true and *generation when the sector carries a header of this log that fits its place. */
static enum fw_status header_read(bool *found, uint32_t *generation, const struct fw_log *log,
                                  uint32_t index)
{
    uint8_t bytes[FW_LOG_HEADER_BYTES];
    uint8_t expected[FW_LOG_HEADER_BYTES];
    uint32_t address = (log->place.sector_first + index) * log->hal->nv_sector_bytes;
    enum fw_status st = log->hal->nv_read(log->hal->context, address, bytes, sizeof(bytes));
    if (st != FW_OK) {
        return st;
    }
    struct mt_cursor c = mt_cursor_over(bytes + 4, 4);
    uint32_t claimed = mt_cursor_le32(&c);
    header_encode(expected, log, claimed);
    *found = memcmp(bytes, expected, sizeof(bytes)) == 0 &&
             claimed % log->place.sector_count == index && claimed < GENERATION_MAX;
    *generation = claimed;
    return FW_OK;
}

static bool all_set(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* The slot after the last one that was ever touched since the sector's erase. */
static enum fw_status first_free_slot(uint32_t *slot, const struct fw_log *log, uint32_t generation)
{
    uint8_t bytes[FW_LOG_SLOT_BYTES_MAX];
    uint32_t at = log->slots_per_sector;
    while (at > 0) {
        uint32_t address = sector_address(log, generation) + FW_LOG_HEADER_BYTES +
                           (at - 1) * log->place.slot_bytes;
        enum fw_status st =
            log->hal->nv_read(log->hal->context, address, bytes, log->place.slot_bytes);
        if (st != FW_OK) {
            return st;
        }
        if (!all_set(bytes, log->place.slot_bytes)) {
            break;
        }
        at--;
    }
    *slot = at;
    return FW_OK;
}

/* Newest generation, and the oldest that lies within one round of it. */
static enum fw_status scan_headers(bool *any, uint32_t *newest, uint32_t *oldest,
                                   const struct fw_log *log)
{
    *any = false;
    *newest = 0;
    *oldest = UINT32_MAX;
    for (uint32_t i = 0; i < log->place.sector_count; i++) {
        bool found;
        uint32_t generation;
        enum fw_status st = header_read(&found, &generation, log, i);
        if (st != FW_OK) {
            return st;
        }
        if (!found) {
            continue;
        }
        *any = true;
        *newest = generation > *newest ? generation : *newest;
        *oldest = generation < *oldest ? generation : *oldest;
    }
    if (*any && *newest - *oldest >= log->place.sector_count) {
        *oldest = *newest - log->place.sector_count + 1;
    }
    return FW_OK;
}

enum fw_status fw_log_open(struct fw_log *log, const struct fw_hal *hal,
                           const struct fw_log_place *place)
{
    MT_CHECK(log != NULL && place != NULL);
    MT_CHECK(fw_hal_valid(hal));
    if (place->sector_count < 2 || place->sector_count > hal->nv_sector_count ||
        place->sector_first > hal->nv_sector_count - place->sector_count) {
        return FW_INVALID;
    }
    if (place->slot_bytes < 16 || place->slot_bytes > FW_LOG_SLOT_BYTES_MAX ||
        place->slot_bytes % FW_NV_PROG_BYTES_MAX != 0) {
        return FW_INVALID;
    }
    struct fw_log fresh = {
        .hal = hal,
        .place = *place,
        .slots_per_sector = (hal->nv_sector_bytes - FW_LOG_HEADER_BYTES) / place->slot_bytes,
    };
    bool any;
    uint32_t newest;
    uint32_t oldest;
    enum fw_status st = scan_headers(&any, &newest, &oldest, &fresh);
    if (st != FW_OK) {
        return st;
    }
    if (any) {
        uint32_t slot;
        st = first_free_slot(&slot, &fresh, newest);
        if (st != FW_OK) {
            return st;
        }
        fresh.oldest = oldest * fresh.slots_per_sector;
        fresh.end = newest * fresh.slots_per_sector + slot;
    }
    *log = fresh;
    log_check(log);
    return FW_OK;
}

uint32_t fw_log_payload_bytes(const struct fw_log *log)
{
    log_check(log);
    return log->place.slot_bytes - FW_LOG_CRC_BYTES;
}

uint32_t fw_log_capacity(const struct fw_log *log)
{
    log_check(log);
    return log->slots_per_sector * (log->place.sector_count - 1);
}

/* Erase the oldest sector and make it the newest. Done again after a cut: the erase comes first. */
static enum fw_status sector_start(struct fw_log *log)
{
    uint32_t generation = log->end / log->slots_per_sector;
    uint32_t sector = log->place.sector_first + generation % log->place.sector_count;
    uint8_t header[FW_LOG_HEADER_BYTES];
    if (generation + 1 > log->place.sector_count) {
        uint32_t kept = (generation + 1 - log->place.sector_count) * log->slots_per_sector;
        log->oldest = log->oldest > kept ? log->oldest : kept;
    }
    enum fw_status st = log->hal->nv_erase(log->hal->context, sector);
    if (st != FW_OK) {
        return st;
    }
    header_encode(header, log, generation);
    st = log->hal->nv_prog(log->hal->context, sector_address(log, generation), header,
                           sizeof(header));
    if (st != FW_OK) {
        return st;
    }
    /* A header that does not read back would hide every entry after it at the next start. */
    bool found;
    uint32_t read_back;
    st = header_read(&found, &read_back, log, generation % log->place.sector_count);
    if (st != FW_OK) {
        return st;
    }
    return found && read_back == generation ? FW_OK : FW_IO;
}

/* One try in the slot at end, which is used up whatever happens. */
static enum fw_status slot_write(struct fw_log *log, const uint8_t *payload)
{
    uint8_t slot[FW_LOG_SLOT_BYTES_MAX];
    uint8_t back[FW_LOG_SLOT_BYTES_MAX];
    uint32_t len = log->place.slot_bytes - FW_LOG_CRC_BYTES;
    uint32_t address = slot_address(log, log->end);
    memcpy(slot, payload, len);
    struct mt_writer w = mt_writer_into(slot + len, FW_LOG_CRC_BYTES);
    mt_writer_le(&w, slot_crc(payload, len, log->end), FW_LOG_CRC_BYTES);
    enum fw_status st = log->hal->nv_prog(log->hal->context, address, slot, log->place.slot_bytes);
    log->end++;
    if (st != FW_OK) {
        return st;
    }
    st = log->hal->nv_read(log->hal->context, address, back, log->place.slot_bytes);
    if (st != FW_OK) {
        return st;
    }
    return memcmp(slot, back, log->place.slot_bytes) == 0 ? FW_OK : FW_IO;
}

enum fw_status fw_log_append(struct fw_log *log, const uint8_t *payload)
{
    log_check(log);
    MT_CHECK(payload != NULL && payload[0] != 0xFF);
    for (uint32_t tries = 0; tries < APPEND_TRIES; tries++) {
        enum fw_status st = FW_OK;
        if (log->end % log->slots_per_sector == 0) {
            st = sector_start(log);
        }
        if (st == FW_OK) {
            st = slot_write(log, payload);
        }
        if (st == FW_OK) {
            log_check(log);
            return FW_OK;
        }
    }
    log_check(log);
    return FW_IO;
}

enum fw_status fw_log_read(uint8_t *payload, const struct fw_log *log, uint32_t position)
{
    log_check(log);
    MT_CHECK(payload != NULL);
    if (position < log->oldest || position >= log->end) {
        return FW_GONE;
    }
    uint8_t slot[FW_LOG_SLOT_BYTES_MAX];
    uint32_t len = log->place.slot_bytes - FW_LOG_CRC_BYTES;
    enum fw_status st = log->hal->nv_read(log->hal->context, slot_address(log, position), slot,
                                          log->place.slot_bytes);
    if (st != FW_OK) {
        return st;
    }
    struct mt_cursor c = mt_cursor_over(slot + len, FW_LOG_CRC_BYTES);
    if (mt_cursor_le32(&c) != slot_crc(slot, len, position)) {
        return FW_TORN;
    }
    memcpy(payload, slot, len);
    return FW_OK;
}
