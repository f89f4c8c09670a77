/* SPDX-License-Identifier: GPL-3.0-or-later */
/** All that the core remembers, in arrays sized once from the limits. Private to gateway/core.
 *
 *  Only gw_apply_*() (apply.h) changes what is durable: live after a decision, and again when the
 *  blocks are read back. The arrays are saved in runs ("chunks") as raw images; GW_STATE_LAYOUT
 *  names their layout, and images of another layout are left aside: all blocks are read instead.
 */
#ifndef GATEWAY_CORE_STATE_H
#define GATEWAY_CORE_STATE_H

#include "gateway/core/block.h"
#include "gateway/core/core.h"
#include "gateway/core/heap.h"
#include "gateway/core/history.h"
#include "gateway/core/index.h"
#include "gateway/core/usage.h"
#include "meters/limits.h"

/** Raise it whenever a struct below changes its layout or meaning. */
#define GW_STATE_LAYOUT 5u

/** An unsigned number of 56 bits: a register, or microseconds since 1970. */
struct gw_u56 {
    uint64_t value : 56;
} __attribute__((packed));

/** A struct mt_reading: registers are at most MT_REGISTER_MAX, times at most GW_READING_US_MAX. */
struct gw_packed_reading {
    uint64_t time_us : 56;
    uint64_t total : 56;
    struct gw_u56 band[MT_BANDS];
    uint8_t band_mask;
    uint8_t flags;
} __attribute__((packed));

/** A struct gw_segment: gw_usage_add keeps its units within these fields (usage.h). */
struct gw_packed_segment {
    uint16_t month;
    uint8_t version : 7;
    uint8_t tou : 1;
    int64_t flat_units : 48;
    int64_t sharp_units : 40;
    int64_t peak_units : 40;
    int64_t valley_units : 40;
} __attribute__((packed));

/** Hot state of one meter. There is one for every meter of the limits, so each byte here is a megabyte
 *  of a million meters: fields are as wide as what they hold can be, and pack.h reads and writes those
 *  that do not look like the structs of everybody else. */
struct gw_meter {
    uint64_t counter_top;    /**< Highest message counter accepted; 0: none. */
    uint64_t counter_window; /**< Bit i: counter_top - i was accepted. */
    int64_t charged_ufen;    /**< Ever. */
    int64_t ladder_units;    /**< These two and the segments are its struct gw_usage. */
    int64_t posted_ufen[GW_TARIFF_PAYEES_MAX];
    uint32_t household;
    uint32_t next_in_household; /**< Slot or GW_NONE. */
    uint32_t next_seq; /**< All journal records below are durable, or were given up by the meter. */
    uint32_t refused;  /**< Authentic readings refused, ever. */
    uint32_t snapshot_day; /**< yyyymmdd of the newest signed snapshot; 0: none. */
    int32_t tou_from_day;  /**< These two, people, ladder_months and low_income are its terms. */
    int32_t ladder_months_year;
    union {
        struct {
            uint8_t up_key[MT_KEY_BYTES];
            uint8_t down_key[MT_KEY_BYTES];
        };
        uint8_t raw_key[GW_RAW_KEY_MAX]; /**< Of a meter that protects nothing by COSE. */
    };
    uint8_t transport_key[MT_KEY_BYTES];
    char name[MT_NAME_MAX];     /**< Zeros after name_len. */
    uint8_t name_len;           /**< 0: no meter is here. */
    uint8_t accept : 6;         /**< GW_ACCEPT_* */
    uint8_t raw_key_blocks : 2; /**< Bytes of raw_key in sixteens; 0: none. */
    uint8_t tariff;             /**< Index of its tariff. */
    uint8_t last_verdict;       /**< enum gw_verdict of the newest reading. */
    uint8_t people;
    uint8_t ladder_months;
    uint8_t medium : 3; /**< enum mt_medium, as the name says. */
    uint8_t has_sign_public : 1;
    uint8_t has_reading : 1;
    uint8_t low_income : 1;
    uint8_t segment_count : 2;
    struct {
        uint64_t last_block : 48; /**< Newest block with an entry of this meter. */
        uint64_t spec_block : 48; /**< The block with its METER entry: there is its Ed25519 key. */
        uint32_t spec_at : 24;    /**< Where in that block the entry starts. */
        uint64_t heard_s : 40;    /**< Seconds since 1970; 0: never. */
        uint64_t max_per_hour : 40;   /**< At most GW_METER_PER_HOUR_MAX. */
        uint64_t register_width : 56; /**< At most MT_REGISTER_MAX. */
    } __attribute__((packed));
    struct gw_packed_reading last; /**< Newest accepted reading. */
    struct gw_packed_segment segments[GW_USAGE_SEGMENTS];
};

_Static_assert(sizeof(struct gw_meter) == 320, "five lines of the cache, and no padding");
_Static_assert(GW_USAGE_SEGMENTS == 3, "segment_count has two bits, and any two bits are a count");
_Static_assert(MT_MEDIUM_OTHER < 8, "medium has three bits");
_Static_assert(GW_BLOCK_BYTES_MAX <= 1u << 24, "spec_at has 24 bits");

struct gw_household {
    char id[GW_HOUSEHOLD_ID_MAX + 1];
    uint8_t payee_count;
    uint8_t payees[GW_ORDER_PAYEES_MAX]; /**< Gateway-wide payee indices. */
    uint32_t meter_first;
    uint32_t binding_newest;
    uint32_t order_slot;                       /**< Its one open order, or GW_NONE. */
    int64_t charged_ufen[GW_ORDER_PAYEES_MAX]; /**< Ever. */
    int64_t taken_fen[GW_ORDER_PAYEES_MAX];    /**< Ordered and not refused, ever. */
    int64_t settled_fen;                       /**< Done: debits less refunds. */
    int64_t due_us; /**< When its next order is due; 0: nothing owed, or an order is open. */
    uint64_t order_last_block; /**< Newest block with an order entry of it; 0: none. */
};

struct gw_binding {
    uint32_t household;
    uint32_t older; /**< The household's binding before this one, or GW_NONE. */
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    int64_t cap_single_fen;
    int64_t cap_day_fen;
    int64_t from_us;
    int64_t to_us;     /**< INT64_MAX while bound. */
    int64_t taken_fen; /**< Done, ever: debits less refunds. */
    int64_t day_fen;   /**< Ordered and not refused on local day `day`. */
    int32_t day;
    int64_t paused_until_us; /**< After a refusal: not tried before. */
};

struct gw_order {
    uint64_t number; /**< 0: a free slot. */
    uint32_t household;
    uint32_t binding;
    uint8_t kind, state, refusal;
    uint8_t part_count;
    uint8_t part_payee[GW_ORDER_PAYEES_MAX];
    int64_t part_fen[GW_ORDER_PAYEES_MAX]; /**< Of the amount's sign by kind: always >= 0. */
    int64_t amount_fen;
    int64_t made_us, changed_us, next_try_us;
    uint32_t attempts;
};

/** Totals and tables of the whole gateway. */
struct gw_head {
    uint32_t meter_count, household_count, binding_count, payee_count;
    uint64_t order_next; /**< Number of the next order. */
    uint64_t readings, entries, starts;
    uint64_t down_epoch; /**< Upper part of the nonces to meters: another for every start. */
    uint64_t orders_done, orders_refused;
    int64_t payee_charged_ufen[GW_PAYEES_MAX];
    int64_t payee_settled_fen[GW_PAYEES_MAX];
    int64_t ordered_fen; /**< In open orders: debits less refunds. */
    int64_t settled_fen;
    int64_t newest_us; /**< Time of the newest accepted reading of any meter: what it was rated by
                            stays as it is. */
    uint32_t critical_count[GW_TARIFFS_MAX];
    uint8_t tariff_count;
    char tariff_names[GW_TARIFFS_MAX][GW_TARIFF_NAME_MAX + 1];
    char payees[GW_PAYEES_MAX][GW_PAYEE_CODE_MAX + 1];
    int32_t critical_days[GW_TARIFFS_MAX][GW_TARIFF_CRITICAL_DAYS_MAX];
};

enum gw_array {
    GW_ARRAY_HEAD,
    GW_ARRAY_METERS,
    GW_ARRAY_HOUSEHOLDS,
    GW_ARRAY_BINDINGS,
    GW_ARRAY_ORDERS,
    GW_ARRAYS
};

/** The store's name of an array's images: they are of this layout only. */
static inline uint32_t gw_chunk_kind(enum gw_array array)
{
    return (uint32_t)array | GW_STATE_LAYOUT << 8;
}

/** CRC-32C of an image: of what it is called, of its block, and of its bytes. */
uint32_t gw_chunk_crc(const struct gw_chunk *chunk);

#define GW_CHUNK_ITEMS 64u
#define GW_CHUNKS_MAX 256u /**< Chunks saved in one transaction. */

/** One array, cut into chunks. */
struct gw_span_of_state {
    uint8_t *items;
    uint32_t item_bytes;
    uint32_t item_count;  /**< The limit. */
    uint32_t chunk_first; /**< Number of its first chunk among all chunks. */
    uint32_t chunk_count;
};

/** What is known of each chunk. */
struct gw_chunk_note {
    uint64_t saved_block; /**< The image in the store holds all blocks up to this; 0: no image. */
    uint64_t dirty_block; /**< First block whose entries the image lacks; 0: clean. */
};

struct gw_core {
    struct gw_core_config config;
    const struct gw_store_port *store;
    size_t memory_bytes;

    struct gw_head *head;
    struct gw_meter *meters;
    struct gw_household *households;
    struct gw_binding *bindings;
    struct gw_order *orders;

    struct gw_span_of_state arrays[GW_ARRAYS];
    struct gw_chunk_note *notes;
    uint32_t *dirty_queue; /**< Ring of dirty chunks, oldest first. */
    uint32_t chunk_total, dirty_head, dirty_count;
    uint64_t save_credit_bytes;

    struct gw_index meter_index;
    struct gw_index household_index;
    struct gw_heap due;        /**< Households by due_us. */
    struct gw_heap timers;     /**< Open orders by next_try_us. */
    struct gw_tariff *tariffs; /**< As they were put, in any order, with the announced days. */
    uint32_t tariff_put_count;
    /** What the open batch changed of tariffs, for a commit that fails: bit i, tariffs[i] before it. */
    uint32_t tariffs_changed;
    struct gw_tariff *tariffs_before;
    uint32_t tariff_put_before;
    struct gw_tariff *tariff_scratch;  /**< Too large for the stack. */
    uint8_t tariff_at[GW_TARIFFS_MAX]; /**< By tariff index: place in tariffs, or 0xff. */
    uint8_t tariff_payee[GW_TARIFFS_MAX][GW_TARIFF_PAYEES_MAX]; /**< Gateway-wide payee indices. */

    /* The batch. */
    bool replaying; /**< Blocks are being read back. */
    const struct gw_block_reader
        *replay; /**< The block being read back: entries before pos are applied. */
    bool broken; /**< A commit failed: only gw_core_load helps. */
    int64_t now_us;
    uint64_t number; /**< Of the block being written. */
    int64_t block_time_us;
    struct gw_block_writer writer;
    const char *document_name, *document_text;
    size_t document_len;
    struct gw_reply *replies;
    uint32_t reply_count;
    struct gw_order_request *requests;
    uint32_t request_count;
    uint64_t last_number;    /**< Of the last committed block. */
    uint32_t images_damaged; /**< Of the last load. */
    int64_t last_time_us;
    uint64_t down_counter; /**< Within this start. */
    uint64_t number_hint;  /**< No order number from order_next up to this has a free slot. */
    uint64_t walked_bytes; /**< What looking for brackets has cost this batch. */

    /* Scratch of one message. */
    struct mt_message *message;
    struct mt_formats *formats; /**< Of compact frames; learnt anew after a start. */
    struct gw_entry *entry;
    struct gw_entry *past;   /**< Entries of the walk behind a late reading. */
    struct gw_chunk *chunks; /**< GW_CHUNKS_MAX, of one commit. */
    uint8_t *block_buffer;   /**< The open block. */
    uint8_t *past_buffer;    /**< A block of the walk. */
    uint8_t *plain;

    /* Counters since the start: what is refused without trace is not durable. */
    uint64_t messages[GW_TRANSPORTS];
    uint64_t verdicts[GW_VERDICT_COUNT];
    struct gw_refusal_view *refusals;
    uint64_t refusal_count;
    uint32_t orders_open, orders_unsure;
};

/** The tariff of an index, as it was put; it is known after gw_core_load. */
const struct gw_tariff *gw_tariff_of(const struct gw_core *core, uint32_t tariff);

/** Where an open order stands: by its number alone, so that it is found again under other limits.
 *  Numbers whose slot is not below orders_open_max are never given. */
static inline uint32_t gw_order_slot(uint64_t number)
{
    return (uint32_t)(number % GW_ORDERS_OPEN_MAX);
}

/** True when a meter of this specification may have its raw key, or has none. */
bool gw_raw_key_fits(const struct gw_meter_spec *spec);

/** Household index of a payee, adding it if there is room; UINT32_MAX otherwise. */
uint32_t gw_household_payee(struct gw_household *household, uint8_t payee);

/** What a household owes beyond what was taken, in whole fen (floor; below zero: credit). */
int64_t gw_household_owed_fen(const struct gw_household *household);

/** The open batch changes tariffs[at]: keep what it was. */
void gw_tariff_keep(struct gw_core *core, uint32_t at);
/** Tariffs are again what the last committed block left. */
void gw_tariffs_restore(struct gw_core *core);

/** Mark the chunk of an item as changed by the block now being written or read. */
void gw_touch(struct gw_core *core, enum gw_array array, uint32_t item);

/** True when the item's image lacks the block now being read back: its entries must be applied. */
bool gw_lacks(const struct gw_core *core, enum gw_array array, uint32_t item);

#endif
