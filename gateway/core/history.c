/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/history.h"

#include <string.h>

void gw_history_begin(struct gw_history *history, const struct gw_store_port *store,
                      uint8_t *buffer, size_t buffer_bytes, uint32_t meter, uint64_t last_block)
{
    *history = (struct gw_history){
        .store = store,
        .buffer = buffer,
        .buffer_bytes = buffer_bytes,
        .meter = meter,
        .block = last_block,
        .before = SIZE_MAX,
    };
}

static bool is_of_meter(const struct gw_entry *entry, uint32_t meter)
{
    return entry->meter == meter &&
           (entry->kind == GW_ENTRY_READINGS || entry->kind == GW_ENTRY_SNAPSHOT ||
            entry->kind == GW_ENTRY_METER);
}

/* Fill starts with the meter's last entries before history->before in the loaded block. */
static enum gw_status find_starts(struct gw_history *history, struct gw_entry *entry)
{
    struct gw_block_reader reader = history->reader;
    uint32_t found = 0;
    enum gw_status status = GW_OK;
    while (status == GW_OK && reader.pos < history->before) {
        size_t at = reader.pos;
        status = gw_block_next(&reader, entry);
        if (status == GW_OK && is_of_meter(entry, history->meter)) {
            history->starts[found++ % GW_HISTORY_STARTS] = (uint32_t)at;
        }
    }
    history->work_bytes += reader.pos;
    if (status < 0) {
        return status;
    }
    if (found > GW_HISTORY_STARTS) {
        /* The ring into order, oldest first. */
        uint32_t turned[GW_HISTORY_STARTS];
        for (uint32_t i = 0; i < GW_HISTORY_STARTS; i++) {
            turned[i] = history->starts[(found + i) % GW_HISTORY_STARTS];
        }
        memcpy(history->starts, turned, sizeof(turned));
        found = GW_HISTORY_STARTS;
    }
    history->start_count = found;
    return GW_OK;
}

static enum gw_status load_block(struct gw_history *history)
{
    size_t len = 0;
    enum gw_status status =
        history->store->block_read(history->store->self, history->block, history->buffer, &len,
                                   history->buffer_bytes);
    if (status == GW_OK) {
        status = gw_block_open(&history->reader, history->buffer, len);
    }
    if (status != GW_OK) {
        return status == GW_END ? GW_CORRUPT : status;
    }
    if (history->reader.number != history->block) {
        return GW_CORRUPT;
    }
    history->work_bytes += GW_BLOCK_READ_BYTES;
    history->loaded = true;
    history->before = SIZE_MAX;
    history->start_count = 0;
    return GW_OK;
}

/* Read the newest entry that is still to come in the loaded block. */
static enum gw_status read_newest(struct gw_history *history, struct gw_entry *entry)
{
    if (history->start_count == 0) {
        enum gw_status status = find_starts(history, entry);
        if (status != GW_OK) {
            return status;
        }
    }
    if (history->start_count == 0) {
        return GW_CORRUPT; /* The chain led here, and there is no entry of this meter. */
    }
    struct gw_block_reader reader = history->reader;
    reader.pos = history->starts[--history->start_count];
    history->before = reader.pos;
    return gw_block_next(&reader, entry);
}

enum gw_status gw_history_next(struct gw_history *history, struct gw_entry *entry)
{
    if (history->block == 0) {
        return GW_END;
    }
    enum gw_status status = history->loaded ? GW_OK : load_block(history);
    if (status == GW_OK) {
        status = read_newest(history, entry);
    }
    if (status != GW_OK) {
        return status;
    }
    uint64_t previous = entry->kind == GW_ENTRY_METER ? 0 : entry->previous_block;
    if (previous > history->block) {
        return GW_CORRUPT;
    }
    history->loaded = previous == history->block;
    history->block = previous;
    return GW_OK;
}
