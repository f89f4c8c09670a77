/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Entries of blocks, as read back: for late readings, bills, exports and checks.
 *
 *  Every entry of a meter points to the block that holds the one before it, so a meter's history is
 *  walked in as many block reads as it has entries, whatever the others wrote. Readers may use a
 *  store handle and memory of their own, beside the running core.
 */
#ifndef GATEWAY_CORE_HISTORY_H
#define GATEWAY_CORE_HISTORY_H

#include "gateway/core/core.h"
#include "meters/message.h"

enum gw_entry_kind {
    GW_ENTRY_READINGS = 1,
    GW_ENTRY_SNAPSHOT = 2,
    GW_ENTRY_ORDER_NEW = 3,
    GW_ENTRY_ORDER_END = 4,
    GW_ENTRY_HOUSEHOLD = 5,
    GW_ENTRY_METER = 6,
    GW_ENTRY_BIND = 7,
    GW_ENTRY_UNBIND = 8,
    GW_ENTRY_TARIFF = 9,
    GW_ENTRY_CRITICAL_DAY = 10,
    GW_ENTRY_START = 11,
};

/** A counter or sequence number that was left out of an entry. */
#define GW_COUNTER_IMPLIED UINT64_MAX
#define GW_SEQ_IMPLIED (UINT32_MAX - 1u)

/** One reading as it stands in a block. */
struct gw_entry_reading {
    struct mt_reading reading;
    uint8_t verdict; /**< enum gw_verdict: accepted ones count, refused ones are only kept. */
};

/** One decoded entry; the part that its kind names is valid. About 7 kB. */
struct gw_entry {
    enum gw_entry_kind kind;
    uint64_t block;
    int64_t block_time_us;
    uint32_t at; /**< Where it starts in the block's bytes. */
    uint64_t
        previous_block; /**< Of the same meter, or of the same household's orders; 0: the first. */
    uint32_t meter;     /**< Slot; READINGS, SNAPSHOT, METER. */
    uint32_t household; /**< Slot; ORDER_NEW, ORDER_END, BIND, HOUSEHOLD, METER. */
    uint32_t
        link; /**< METER: the household's meter before it; BIND: its binding before it; GW_NONE. */
    /* READINGS */
    uint64_t
        counter; /**< Message counter, or GW_COUNTER_IMPLIED: the next one (COSE), none (others). */
    uint8_t transport, form;
    uint32_t
        seq_first; /**< Journal number of the first reading; GW_NONE: none; GW_SEQ_IMPLIED: the next
                                  one (COSE), none (others). */
    uint32_t reading_count;
    uint32_t payee_count; /**< Postings of this entry: those of the meter's tariff, in its order. */
    int64_t posted_ufen[GW_TARIFF_PAYEES_MAX]; /**< Difference posted by this entry, per payee. */
    struct gw_entry_reading readings[MT_MESSAGE_READINGS_MAX];
    /* SNAPSHOT */
    struct mt_snapshot snapshot;
    uint8_t signature[MT_SIGNATURE_BYTES];
    /* METER, HOUSEHOLD, BIND, TARIFF, CRITICAL_DAY */
    struct gw_meter_spec meter_spec; /**< With the root key: wipe it when done. */
    char household_id[GW_HOUSEHOLD_ID_MAX + 1];
    struct gw_bind_spec bind;
    uint32_t tariff; /**< Index. */
    char tariff_name[GW_TARIFF_NAME_MAX + 1];
    int32_t critical_day;
    uint32_t tariff_payee_count;
    char tariff_payees[GW_TARIFF_PAYEES_MAX][GW_PAYEE_CODE_MAX + 1];
    /* orders and bindings */
    uint64_t order;
    uint32_t binding;
    enum gw_order_kind order_kind;
    enum gw_order_state order_state;
    enum gw_refusal refusal;
    int64_t amount_fen;
    uint32_t part_count;
    uint8_t part_payee[GW_ORDER_PAYEES_MAX]; /**< Gateway-wide payee index. */
    int64_t part_fen[GW_ORDER_PAYEES_MAX];
    char operator_ref[GW_OPERATOR_REF_MAX + 1];
};

/** A reader over one block's bytes. */
struct gw_block_reader {
    const uint8_t *bytes;
    size_t len, pos;
    uint64_t number;
    int64_t time_us;
    uint32_t count; /**< Entries read so far, the last one with them. */
    uint32_t left;  /**< Entries not read yet. */
    size_t last;    /**< Where the last entry read starts. */
};

/** Open a block. Returns GW_OK or GW_CORRUPT. */
MT_MUST_USE enum gw_status gw_block_open(struct gw_block_reader *reader, const uint8_t *bytes,
                                         size_t len);
/** The next entry. Returns GW_OK, GW_END, GW_CORRUPT. */
MT_MUST_USE enum gw_status gw_block_next(struct gw_block_reader *reader, struct gw_entry *entry);

/** Places of a meter's entries that are kept while its block is loaded; a block with more of them is
 *  looked through again. */
#define GW_HISTORY_STARTS 64u

/** A walk back over one meter's entries. */
struct gw_history {
    const struct gw_store_port *store; /**< Borrowed. */
    uint8_t *buffer;                   /**< The caller's, GW_BLOCK_BYTES_MAX. */
    size_t buffer_bytes;
    uint32_t meter;
    uint64_t block;                     /**< Next block to read; 0: the end. */
    struct gw_block_reader reader;      /**< At the start of the loaded block. */
    uint32_t starts[GW_HISTORY_STARTS]; /**< The meter's newest entries that are still to come. */
    uint32_t start_count;
    size_t before; /**< Only entries that start before this offset are still to come. */
    bool loaded;
    uint64_t work_bytes; /**< What the walk has cost: bytes looked through, and 4 kB a read. */
};

/** Start at a meter's newest block (gw_meter_view.last_block). */
void gw_history_begin(struct gw_history *history, const struct gw_store_port *store,
                      uint8_t *buffer, size_t buffer_bytes, uint32_t meter, uint64_t last_block);
/** The next older entry of this meter (READINGS, SNAPSHOT or METER). Returns GW_OK, GW_END, GW_IO, GW_CORRUPT. */
MT_MUST_USE enum gw_status gw_history_next(struct gw_history *history, struct gw_entry *entry);

#endif
