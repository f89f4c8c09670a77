/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/core/history.h"

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

/* The last entry of the meter that starts before history->before, in the loaded block. */
static enum gw_status find_last(size_t *start, struct gw_history *history, struct gw_entry *entry)
{
    struct gw_block_reader reader;
    enum gw_status status = gw_block_open(&reader, history->buffer, history->loaded_len);
    bool found = false;
    while (status == GW_OK && reader.pos < history->before) {
        size_t at = reader.pos;
        status = gw_block_next(&reader, entry);
        if (status == GW_OK && is_of_meter(entry, history->meter)) {
            *start = at;
            found = true;
        }
    }
    if (status < 0) {
        return status;
    }
    return found ? GW_OK : GW_END;
}

/* Decode the entry at an offset that find_last() found. */
static enum gw_status decode_at(struct gw_history *history, size_t start, struct gw_entry *entry)
{
    struct gw_block_reader reader;
    enum gw_status status = gw_block_open(&reader, history->buffer, history->loaded_len);
    if (status != GW_OK) {
        return status;
    }
    reader.pos = start;
    return gw_block_next(&reader, entry);
}

enum gw_status gw_history_next(struct gw_history *history, struct gw_entry *entry)
{
    while (history->block != 0) {
        if (!history->loaded) {
            enum gw_status status =
                history->store->block_read(history->store->self, history->block, history->buffer,
                                           &history->loaded_len, history->buffer_bytes);
            if (status != GW_OK) {
                return status == GW_END ? GW_CORRUPT : status;
            }
            history->loaded = true;
            history->before = SIZE_MAX;
        }
        size_t start = 0;
        enum gw_status status = find_last(&start, history, entry);
        if (status == GW_OK) {
            status = decode_at(history, start, entry);
        }
        if (status < 0) {
            return status;
        }
        if (status == GW_END) {
            return GW_CORRUPT; /* The chain led here, and there is no entry of this meter. */
        }
        history->before = start;
        if (entry->previous_block != history->block) {
            if (entry->previous_block > history->block) {
                return GW_CORRUPT;
            }
            history->block = entry->kind == GW_ENTRY_METER ? 0 : entry->previous_block;
            history->loaded = false;
        }
        return GW_OK;
    }
    return GW_END;
}
