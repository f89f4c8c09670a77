/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board of memory. */
#include "firmware/port/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXTRA_BYTES (1u + FW_HOST_NOTE_BYTES) /* after the storage: valve, note */

/* SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to spread reports and tear words. */
static uint64_t next_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* One more word is about to change. True when the power goes within it. */
static bool cut_now(struct fw_host *host)
{
    if (host->words_written == host->cut_at) {
        host->dead = true;
        return true;
    }
    host->words_written++;
    return false;
}

static enum fw_status nv_read(void *context, uint32_t address, void *bytes, uint32_t len)
{
    struct fw_host *host = context;
    MT_CHECK(len <= host->nv_bytes && address <= host->nv_bytes - len);
    if (host->dead) {
        return FW_IO;
    }
    memcpy(bytes, host->nv + address, len);
    return FW_OK;
}

static enum fw_status nv_prog(void *context, uint32_t address, const void *bytes, uint32_t len)
{
    struct fw_host *host = context;
    const uint8_t *from = bytes;
    MT_CHECK(len <= host->nv_bytes && address <= host->nv_bytes - len);
    MT_CHECK(address % FW_HOST_WORD_BYTES == 0 && len % FW_HOST_WORD_BYTES == 0);
    MT_CHECK(address / host->config.sector_bytes ==
             (address + len - 1) / host->config.sector_bytes);
    for (uint32_t at = 0; at < len; at += FW_HOST_WORD_BYTES) {
        if (host->dead) {
            return FW_IO;
        }
        bool torn = cut_now(host);
        uint64_t chance = torn ? next_random(&host->random) : 0;
        for (uint32_t i = 0; i < FW_HOST_WORD_BYTES; i++) {
            uint8_t keep = (uint8_t)(chance >> 8 * i); /* bits that did not make it */
            host->nv[address + at + i] &= (uint8_t)(from[at + i] | keep);
        }
        if (torn) {
            return FW_IO;
        }
    }
    return FW_OK;
}

static enum fw_status nv_erase(void *context, uint32_t sector)
{
    struct fw_host *host = context;
    MT_CHECK(sector < host->config.sector_count);
    if (host->dead) {
        return FW_IO;
    }
    uint8_t *first = host->nv + (size_t)sector * host->config.sector_bytes;
    if (!cut_now(host)) {
        memset(first, 0xFF, host->config.sector_bytes);
        return FW_OK;
    }
    /* A cut leaves some bits set and some as they were, all over the sector. */
    for (uint32_t i = 0; i < host->config.sector_bytes; i++) {
        first[i] |= (uint8_t)next_random(&host->random);
    }
    return FW_IO;
}

static enum fw_status link_send(void *context, enum fw_frame frame, const uint8_t *bytes,
                                size_t len)
{
    struct fw_host *host = context;
    return host->dead ? FW_IO : host->config.send(host->config.owner, frame, bytes, len);
}

static enum fw_status entropy(void *context, void *bytes, uint32_t len)
{
    struct fw_host *host = context;
    uint8_t *to = bytes;
    for (uint32_t i = 0; i < len; i++) {
        to[i] = (uint8_t)next_random(&host->random);
    }
    return FW_OK;
}

static enum fw_status rtc_read(void *context, int64_t *time_us)
{
    struct fw_host *host = context;
    return host->config.rtc(host->config.owner, time_us) ? FW_OK : FW_IO;
}

static uint8_t *valve_place(struct fw_host *host)
{
    return host->nv + host->nv_bytes;
}

static enum fw_status valve_set(void *context, enum fw_valve position)
{
    struct fw_host *host = context;
    if (host->dead || host->valve_stuck) {
        return FW_IO;
    }
    *valve_place(host) = (uint8_t)position;
    return FW_OK;
}

static enum fw_valve valve_get(void *context)
{
    struct fw_host *host = context;
    uint8_t position = *valve_place(host);
    return position <= FW_VALVE_THROTTLE ? (enum fw_valve)position : FW_VALVE_OPEN;
}

static enum fw_status map_file(struct fw_host *host, const char *path, const char **why)
{
    size_t bytes = host->nv_bytes + EXTRA_BYTES;
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        *why = strerror(errno);
        goto undo;
    }
    if (st.st_size != 0 && (uint64_t)st.st_size != bytes) {
        *why = "it is the storage of another kind of meter, or cut short; move it away";
        goto undo;
    }
    bool fresh = st.st_size == 0;
    if (fresh && posix_fallocate(fd, 0, (off_t)bytes) != 0) {
        *why = "there is no room for it on the disk";
        goto undo;
    }
    host->nv = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (host->nv == MAP_FAILED) {
        *why = strerror(errno);
        goto undo;
    }
    (void)close(fd); /* the mapping stays */
    host->mapped = true;
    if (fresh) {
        memset(host->nv, 0xFF, bytes);
    }
    return FW_OK;
undo:
    if (fd >= 0) {
        (void)close(fd); /* nothing was written through it */
    }
    host->nv = NULL;
    return FW_IO;
}

static void wire(struct fw_host *host)
{
    host->hal = (struct fw_hal){
        .context = host,
        .nv_sector_count = host->config.sector_count,
        .nv_sector_bytes = host->config.sector_bytes,
        .nv_prog_bytes = FW_HOST_WORD_BYTES,
        .nv_read = nv_read,
        .nv_prog = nv_prog,
        .nv_erase = nv_erase,
        .link_send = link_send,
        .entropy = entropy,
        .rtc_read = host->config.rtc != NULL ? rtc_read : NULL,
        .valve_set = valve_set,
        .valve_get = valve_get,
    };
}

enum fw_status fw_host_init(struct fw_host *host, const struct fw_host_config *config,
                            const char **why)
{
    MT_CHECK(host != NULL && config != NULL && why != NULL && config->send != NULL);
    *host = (struct fw_host){
        .config = *config,
        .random = config->seed,
        .cut_at = FW_HOST_NEVER,
        .nv_bytes = (size_t)config->sector_count * config->sector_bytes,
    };
    wire(host);
    if (!fw_hal_valid(&host->hal)) {
        *why = "its geometry is out of range";
        return FW_INVALID;
    }
    if (config->path != NULL) {
        return map_file(host, config->path, why);
    }
    host->nv = malloc(host->nv_bytes + EXTRA_BYTES);
    if (host->nv == NULL) {
        *why = "there is no memory for it";
        return FW_IO;
    }
    memset(host->nv, 0xFF, host->nv_bytes + EXTRA_BYTES);
    return FW_OK;
}

void fw_host_deinit(struct fw_host *host)
{
    MT_CHECK(host != NULL && host->nv != NULL);
    if (host->mapped) {
        (void)munmap(host->nv, host->nv_bytes + EXTRA_BYTES); /* fails only for a wrong address */
    } else {
        free(host->nv);
    }
    host->nv = NULL;
}

uint8_t *fw_host_note(struct fw_host *host)
{
    MT_CHECK(host != NULL && host->nv != NULL);
    return valve_place(host) + 1;
}

void fw_host_cut_after(struct fw_host *host, uint64_t words)
{
    host->cut_at = words == FW_HOST_NEVER ? FW_HOST_NEVER : host->words_written + words;
}

void fw_host_power_on(struct fw_host *host)
{
    host->dead = false;
    host->cut_at = FW_HOST_NEVER;
}
