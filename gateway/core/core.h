/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's decisions: who, what, how much. One thread, one batch at a time.
 *
 *      gw_core_begin(now) -> gw_core_message()* gw_core_order_result()* gw_core_add_*()*
 *                         -> gw_core_commit() -> replies and order requests, valid until the next begin
 *
 *  Nothing may leave the gateway before gw_core_commit returned GW_OK. When it did not, memory
 *  holds what the store does not: gw_core_load brings it back, and nothing of the batch happened.
 *  Never: IO other than the store port, clock, heap, logging.
 */
#ifndef GATEWAY_CORE_CORE_H
#define GATEWAY_CORE_CORE_H

#include "gateway/core/limits.h"
#include "gateway/core/order.h"
#include "gateway/core/ports.h"
#include "gateway/core/tariff.h"
#include "gateway/core/verdict.h"
#include "meters/cose.h"
#include "meters/keys.h"
#include "meters/message.h"
#include "meters/name.h"

struct gw_core;

/** How money is taken; part of the configuration. */
struct gw_settle_rules {
    int64_t order_min_fen;    /**< An order is made when a household owes this much, > 0. */
    int64_t order_after_us;   /**< ... or when it has owed a fen or more for this long. */
    int64_t retry_refused_us; /**< After a refusal the household's next order waits this long. */
    int64_t clock_ahead_us;   /**< A reading this far in the future is doubtful. */
    int64_t late_window_us;   /**< A reading older than the newest by more than this is too late. */
    int64_t clock_years_us;   /**< Beyond this it is refused. */
};

struct gw_core_config {
    struct gw_limits limits;
    struct gw_settle_rules settle;
    char gateway_id
        [16]; /**< 1-12 of a-z 0-9: the first part of every idempotency key. NUL-terminated. */
};

/** Bytes of memory that a core of these limits needs; 0 when a limit is out of bounds. */
size_t gw_core_bytes(const struct gw_limits *limits);

/** Lay a core out in the caller's memory (gw_core_bytes, aligned to 64). The port is borrowed. */
MT_MUST_USE enum gw_status gw_core_init(struct gw_core **core, void *memory, size_t memory_bytes,
                                        const struct gw_core_config *config,
                                        const struct gw_store_port *store);

/** Give a tariff (at start, before gw_core_load; later by gw_core_load_tariff). Copied. */
MT_MUST_USE enum gw_status gw_core_put_tariff(struct gw_core *core, const struct gw_tariff *tariff);

/** Read all state from the store: chunks, then the blocks after them. Also after a failed commit.
 *  Writes one block that counts the start, so that downlink counters never repeat.
 *
 *  Returns: GW_OK, GW_IO, GW_FULL, GW_CORRUPT, GW_INVALID (the store needs larger limits or a tariff
 *           that was not put).
 */
MT_MUST_USE enum gw_status gw_core_load(struct gw_core *core, int64_t now_us);

/* ---- a batch -------------------------------------------------------------------------------- */

enum gw_transport {
    GW_VIA_MQTT = 0,
    GW_VIA_COAP = 1,
    GW_VIA_HTTP = 2,
    GW_VIA_WIRE = 3, /**< A meter that was polled on a line. */
    GW_TRANSPORTS = 4,
};

/** How the bytes are wrapped. */
enum gw_form {
    GW_FORM_COSE = 0,   /**< COSE_Encrypt0 around SenML-CBOR. */
    GW_FORM_SIGNED = 1, /**< COSE_Sign1: a day-end snapshot. */
    GW_FORM_CBOR = 2,   /**< SenML-CBOR, trusted as its carrier. */
    GW_FORM_JSON = 3,   /**< SenML JSON, trusted as its carrier. */
    GW_FORM_RAW = 4,    /**< A third-party meter's frame. */
    GW_FORMS = 5,
};

/** A message as it arrived. Pointers are borrowed for the call. */
struct gw_message {
    uint8_t transport; /**< enum gw_transport */
    uint8_t form;      /**< enum gw_form */
    const char *name;  /**< The meter named by the topic or path; name_len characters. */
    size_t name_len;
    const char
        *identity; /**< Who the transport proved (DTLS PSK identity); NULL over MQTT, where the
                               broker's ACL already tied topic and credentials together. */
    size_t identity_len;
    const char *protocol; /**< With GW_FORM_RAW: "dlt645", "cjt188", or NULL to recognise it. */
    size_t protocol_len;
    const uint8_t *bytes;
    size_t len;
    uint64_t reply; /**< The adapter's own handle, given back in the reply. */
};

/** What goes back to the meter after the commit. */
struct gw_reply {
    uint64_t reply;
    uint8_t transport;
    uint8_t verdict; /**< enum gw_verdict */
    uint8_t name_len;
    char name[MT_NAME_MAX + 1]; /**< The meter, for the down topic. */
    uint8_t receipt_len;        /**< 0: no receipt (a refusal, or a carrier-trusted form). */
    uint8_t receipt[MT_RECEIPT_BYTES_MAX + MT_COSE_OVERHEAD_MAX]; /**< COSE, down key. */
};

/** Start a batch. now_us must not be before the last batch's. */
void gw_core_begin(struct gw_core *core, int64_t now_us);

/** Messages that one hint is good for: more would push each other out of the cache again. */
#define GW_HINT_MAX 16u

/** Have the memory on its way that these messages will need: meters lie at random, and each look at one
 *  waits for main memory otherwise. Nothing is decided by it, and none of them need come.
 *  In: at most GW_HINT_MAX; only their names are read. */
void gw_core_hint(const struct gw_core *core, const struct gw_message *messages, uint32_t count);

/** Take one message. At most GW_BATCH_MAX a batch. Its reply is ready after the commit. */
enum gw_verdict gw_core_message(struct gw_core *core, const struct gw_message *message);

/** Take an operator's answer. Unknown or final orders are left alone. */
void gw_core_order_result(struct gw_core *core, const struct gw_order_result *result);

/** Make the orders that are due and give the timers their turn; at most limit steps. Returns true when
 *  more is due at once. */
bool gw_core_tick(struct gw_core *core, uint32_t limit);

/** When the next order or timer is due; INT64_MAX for never. */
int64_t gw_core_next_us(const struct gw_core *core);

/** True when the batch has no room for another message or registry change: commit first. */
bool gw_core_full(const struct gw_core *core);

/** True when the open batch holds anything that must be committed or answered. */
bool gw_core_pending(const struct gw_core *core);

/** Write the batch as one block. Returns GW_OK, or GW_FULL / GW_IO: then nothing of it happened,
 *  replies and requests are void, and gw_core_load comes next. */
MT_MUST_USE enum gw_status gw_core_commit(struct gw_core *core);

/** Save every chunk of state that changed, so that the next start has no block to read back. For a
 *  clean stop, between batches. Returns GW_OK, GW_FULL, GW_IO; state is unchanged either way. */
MT_MUST_USE enum gw_status gw_core_save(struct gw_core *core);

/** Replies of the committed batch. Borrowed until the next begin. */
const struct gw_reply *gw_core_replies(const struct gw_core *core, uint32_t *count);

/** Order requests to send or ask. Borrowed until the next begin. */
const struct gw_order_request *gw_core_requests(const struct gw_core *core, uint32_t *count);

/** The operator adapter could not take the request (its queue is full): try it again later. */
void gw_core_request_failed(struct gw_core *core, uint64_t order_number);

/* ---- registry: part of a batch, durable with its commit ---------------------------------------- */

/** Why a registry change is refused. */
enum gw_registry_verdict {
    GW_REG_DONE = 0,
    GW_REG_EXISTS, /**< The name is taken. */
    GW_REG_NO_METER,
    GW_REG_NO_HOUSEHOLD,
    GW_REG_NO_TARIFF,
    GW_REG_NO_BINDING,
    GW_REG_MEDIUM,      /**< The tariff is for another medium. */
    GW_REG_BOUND,       /**< That wallet is bound to this household already. */
    GW_REG_FULL,        /**< A limit of the configuration is reached. */
    GW_REG_INVALID,     /**< A field is out of range or has forbidden characters. */
    GW_REG_PAYEES,      /**< More payees than one household may have. */
    GW_REG_RETROACTIVE, /**< A price in the past, or a day already begun, cannot be changed. */
};
const char *gw_registry_verdict_advice(enum gw_registry_verdict verdict);

#define GW_ACCEPT_COSE 0x01u /**< And signed snapshots. */
#define GW_ACCEPT_CARRIER \
    0x02u /**< SenML CBOR/JSON and raw frames, trusted as the credentials that carried them. */

#define GW_RAW_KEY_MAX 32u /**< DLMS: encryption key and authentication key. */

struct gw_meter_spec {
    struct mt_identity identity;
    uint8_t root_key[MT_KEY_BYTES];
    bool has_sign_public;
    uint8_t sign_public[MT_SIGN_PUBLIC_BYTES];
    /** The key of its own protocol, where that encrypts: 0, 16 or 32 bytes (struct mt_input, key). Only
     *  for a meter that accepts GW_ACCEPT_CARRIER and nothing else. */
    uint8_t raw_key[GW_RAW_KEY_MAX];
    uint8_t raw_key_len;
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    char tariff[GW_TARIFF_NAME_MAX + 1];
    struct gw_terms terms;
    uint8_t accept;         /**< GW_ACCEPT_* */
    int64_t max_per_hour;   /**< Wh or ml that it can measure in an hour, > 0. */
    int64_t register_width; /**< The register restarts at 0 after this minus 1; 0: not known. */
};
enum gw_registry_verdict gw_core_add_meter(struct gw_core *core, const struct gw_meter_spec *spec);

/** A household id: 1-24 of A-Z a-z 0-9 - _ . */
enum gw_registry_verdict gw_core_add_household(struct gw_core *core, const char *id);

struct gw_bind_spec {
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    int64_t cap_single_fen; /**< The mandate's own caps, > 0; INT64_MAX: none. */
    int64_t cap_day_fen;
};
/** Bind a wallet: from now on it pays, after those bound before it. */
enum gw_registry_verdict gw_core_bind_wallet(struct gw_core *core, const struct gw_bind_spec *spec);
/** End a binding. Open orders of it are seen to their end. */
enum gw_registry_verdict gw_core_unbind_wallet(struct gw_core *core, const char *household,
                                               const char *wallet);

/** Load a tariff, or newer versions of one: what is in force already may not change.
 *  The text is kept as a document of the store; borrowed until the commit. */
enum gw_registry_verdict gw_core_load_tariff(struct gw_core *core, const struct gw_tariff *tariff,
                                             const char *text, size_t text_len);

/** Announce a critical-peak day (local day number) that has not begun yet. */
enum gw_registry_verdict gw_core_announce_day(struct gw_core *core, const char *tariff,
                                              int32_t day);

/* ---- looking, between batches ---------------------------------------------------------------- */

#define GW_NONE UINT32_MAX

struct gw_counters {
    uint64_t messages[GW_TRANSPORTS];
    uint64_t verdicts
        [GW_VERDICT_COUNT]; /**< Since the start; refusals that are durable are counted too. */
    uint64_t readings;      /**< Accepted readings, ever. */
    int64_t charged_ufen;   /**< Ever. */
    int64_t ordered_fen;    /**< In open orders now. */
    int64_t settled_fen;    /**< Debits done minus refunds done, ever. */
    uint64_t orders_done, orders_refused; /**< Ever. */
    uint32_t orders_open, orders_unsure;  /**< Now. */
    uint32_t meters, households, bindings, tariffs;
    uint64_t block;        /**< Number of the last block. */
    int64_t block_time_us; /**< Its time. */
    uint64_t starts;       /**< Times that this store was loaded. */
    uint32_t
        images_damaged; /**< Of the last load: their checksum differed, so all blocks were read. */
};
void gw_core_counters(struct gw_counters *out, const struct gw_core *core);

struct gw_meter_view {
    uint32_t slot;
    struct mt_identity identity;
    char household[GW_HOUSEHOLD_ID_MAX + 1];
    char tariff[GW_TARIFF_NAME_MAX + 1];
    struct gw_terms terms;
    uint8_t accept;
    int64_t max_per_hour;
    int64_t register_width;
    bool has_reading;
    struct mt_reading last; /**< With has_reading. */
    uint64_t last_block;    /**< Newest block with an entry of this meter; 0: none. */
    int64_t heard_us;       /**< When its last authentic message came, to the second; 0: never. */
    uint32_t next_seq;
    int64_t charged_ufen; /**< Ever. */
    uint32_t refused;     /**< Authentic but refused, ever. */
};
/** Returns the slot of a meter, or GW_NONE. O(1). */
uint32_t gw_core_find_meter(const struct gw_core *core, const char *name, size_t name_len);
/** Returns false past the last meter. */
bool gw_core_meter(struct gw_meter_view *out, const struct gw_core *core, uint32_t slot);
/** A meter's transport key, for the broker's and DTLS's key files. Returns false past the last. */
bool gw_core_meter_psk(uint8_t psk[MT_KEY_BYTES], const struct gw_core *core, uint32_t slot);

struct gw_household_view {
    uint32_t slot;
    char id[GW_HOUSEHOLD_ID_MAX + 1];
    uint32_t meter_first; /**< Slot, or GW_NONE; then gw_core_next_meter. */
    uint32_t payee_count;
    struct {
        char payee[GW_PAYEE_CODE_MAX + 1];
        int64_t charged_ufen; /**< Ever. */
        int64_t taken_fen;    /**< Ordered or settled, ever. */
    } payees[GW_ORDER_PAYEES_MAX];
    int64_t charged_ufen, taken_fen;
    int64_t settled_fen;
    uint64_t open_order; /**< 0: none. */
    uint64_t
        order_last_block; /**< Newest block with an order entry of it; 0: none. Each entry points to
                                    the block of the one before. */
    int64_t next_order_us;   /**< 0: nothing due. */
    uint32_t binding_newest; /**< Slot of the newest binding, or GW_NONE. */
};
uint32_t gw_core_find_household(const struct gw_core *core, const char *id, size_t id_len);
bool gw_core_household(struct gw_household_view *out, const struct gw_core *core, uint32_t slot);
/** The next meter of the same household, or GW_NONE. */
uint32_t gw_core_next_meter(const struct gw_core *core, uint32_t slot);

struct gw_binding_view {
    uint32_t household;
    char wallet[GW_WALLET_ID_MAX + 1];
    char mandate[GW_MANDATE_ID_MAX + 1];
    int64_t cap_single_fen, cap_day_fen;
    int64_t from_us, to_us; /**< to_us INT64_MAX while bound. */
    int64_t taken_fen;      /**< Done by this binding, ever. */
    uint32_t older;         /**< The household's binding before this one, or GW_NONE. */
};
bool gw_core_binding(struct gw_binding_view *out, const struct gw_core *core, uint32_t slot);

struct gw_order_view {
    uint64_t number;
    uint32_t household, binding;
    enum gw_order_kind kind;
    enum gw_order_state state;
    enum gw_refusal refusal;
    int64_t amount_fen;
    int64_t made_us, changed_us, next_try_us;
    uint32_t attempts;
};
/** The next open order from *cursor on, which starts at 0 and is moved past it. False past the last. */
bool gw_core_open_order(struct gw_order_view *out, const struct gw_core *core, uint32_t *cursor);

struct gw_refusal_view {
    int64_t time_us;
    uint8_t verdict;
    uint8_t transport;
    char name[MT_NAME_MAX + 1]; /**< As claimed, cut, unprintable characters replaced. */
    uint32_t bytes;
};
/** The newest refusals first. False past the last kept. */
bool gw_core_refusal(struct gw_refusal_view *out, const struct gw_core *core, uint32_t index);

const struct gw_tariff *gw_core_tariff(const struct gw_core *core, uint32_t index);
/** Code of a payee by its gateway-wide index; NULL past the last. */
const char *gw_core_payee(const struct gw_core *core, uint32_t index);

/** What ledger check found. */
struct gw_ledger_report {
    uint64_t accounts, entries;
    int64_t debits_ufen, credits_ufen;
    uint64_t broken; /**< Invariants that do not hold; 0 is the only good answer. */
    char first[160]; /**< The first one, in words. */
};
/** Check the books in memory: debits equal credits, taken = floor(charged) less what is not due yet, no
 *  order without its household. Walks every account: not for each message. */
void gw_core_ledger_check(struct gw_ledger_report *out, const struct gw_core *core);

#endif
