/* SPDX-License-Identifier: GPL-3.0-or-later */
/** SenML records (RFC 8428) between their encodings and their meaning. For this folder only.
 *
 *      bytes -> record (message_cbor.c, message_json.c) -> resolved record (senml.c)
 *            -> uplink message, receipt, command, snapshot (message_build.c, message_down.c)
 *
 *  A record keeps what its encoding said, untouched: base fields are resolved here and numbers are
 *  converted only by whoever uses them, so that a strange number in an ignored record harms nobody.
 */
#ifndef METERS_SENML_H
#define METERS_SENML_H

#include "meters/decimal.h"
#include "meters/json.h"
#include "meters/limits.h"
#include "meters/message.h"

/** How a number was written. */
enum mt_senml_kind {
    MT_SENML_DECIMAL,  /**< mantissa * 10^exponent */
    MT_SENML_BINARY,   /**< mantissa * 2^exponent: a float, the mantissa with all its bits. */
    MT_SENML_UNUSABLE, /**< Not finite, or more digits than are kept. */
};

struct mt_senml_number {
    uint8_t kind; /**< enum mt_senml_kind. */
    int32_t exponent;
    int64_t mantissa;
};

/** A piece of text; borrows from the message or from the decoder. */
struct mt_senml_text {
    const char *at;
    size_t len;
};

/** The labels of RFC 8428, table 4, that carry a meaning here; each is a bit of `present`. */
enum mt_senml_label {
    MT_SENML_BN = 0x001,
    MT_SENML_BT = 0x002,
    MT_SENML_BU = 0x004,
    MT_SENML_BV = 0x008,
    MT_SENML_BVER = 0x010,
    MT_SENML_N = 0x020,
    MT_SENML_U = 0x040,
    MT_SENML_V = 0x080,
    MT_SENML_T = 0x100,
    MT_SENML_OTHER_VALUE = 0x200, /**< vs, vb or vd: a value that is no register. */
    MT_SENML_S = 0x400,           /**< A sum over time; frames show it, messages leave it aside. */
    MT_SENML_BS = 0x800,
};

/** One record as it was written; a field is valid when its bit of `present` is set. */
struct mt_senml_record {
    uint32_t present;
    struct mt_senml_text bn, n, bu, u;
    struct mt_senml_number bt, bv, bver, v, t, s, bs;
};

/** Base fields, carried from record to record, and what time 0 means. */
struct mt_senml_base {
    struct mt_senml_text name, unit;
    bool has_value;
    struct mt_senml_number value;
    int64_t time_us;                /**< bt, as sent. */
    int64_t now_us;                 /**< Resolves relative times; 0: none known. */
    bool takes_paths;               /**< Names may begin with a slash, as in LwM2M. */
    char joined[MT_SENML_NAME_MAX]; /**< Base name and name of the current record. */
};

/** A record with its base fields applied. Borrows from the record and from the base. */
struct mt_senml_resolved {
    struct mt_senml_text prefix; /**< The name up to its last ':' or '/', that included. */
    struct mt_senml_text name;   /**< The rest: what is measured. */
    struct mt_senml_text unit;
    bool has_value;
    struct mt_senml_number value;
    bool has_base_value;
    struct mt_senml_number base_value;
    int64_t time_us; /**< As sent, base and own time added: relative below 2^28 s. */
};

/** Start of a pack. now_us as base_time_us of mt_message_decode_cbor(). */
void mt_senml_base_init(struct mt_senml_base *base, int64_t now_us);

/** Apply and update the base fields.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT for an empty name or forbidden characters in it; MT_BAD_RANGE for a
 *           time that cannot be; MT_UNSUPPORTED for a version above ours; MT_TOO_LARGE for a name
 *           over MT_SENML_NAME_MAX.
 */
MT_MUST_USE enum mt_status mt_senml_resolve(struct mt_senml_resolved *out,
                                            struct mt_senml_base *base,
                                            const struct mt_senml_record *record);

/** The absolute time of a resolved record (RFC 8428, 4.5.3).
 *
 *  Returns: MT_OK, or MT_BAD_RANGE (relative with no time known, or beyond the year 2200).
 */
MT_MUST_USE enum mt_status mt_senml_time_us(int64_t *out, const struct mt_senml_base *base,
                                            const struct mt_senml_resolved *record);

/** A value in whole 10^-scale, base value added.
 *
 *  A float counts when it names one such number: it is that number exactly, or it is the nearest
 *  float to that number and to no other.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT without a value; MT_BAD_RANGE when it is no whole number, below
 *           zero or above max.
 */
MT_MUST_USE enum mt_status mt_senml_value(int64_t *out, const struct mt_senml_resolved *record,
                                          int32_t scale, int64_t max);

/** A float's bits (IEEE 754) as a number, exactly: 16, 32 or 64 of them. */
void mt_senml_float(struct mt_senml_number *out, uint64_t bits, uint32_t width);

/** A number as a decimal of at most six decimals: the shortest that a float is the nearest float to;
 *  where there is none, and for decimals that are finer, rounded to the sixth, half away from zero.
 *
 *  Returns: MT_OK; MT_BAD_RANGE when it is not finite or exceeds 64 bits. Outputs are untouched then.
 *  Out:     *mantissa * 10^*exponent, the exponent -6 to 6.
 */
MT_MUST_USE enum mt_status mt_senml_decimal(int64_t *mantissa, int8_t *exponent,
                                            const struct mt_senml_number *number);

/** The register's value in Wh or ml.
 *
 *  Returns: as mt_senml_value(), and MT_BAD_UNIT for a unit that this medium does not have.
 */
MT_MUST_USE enum mt_status mt_senml_register(int64_t *out, const struct mt_senml_resolved *record,
                                             enum mt_medium medium);

/** True when day is a date, yyyymmdd, between 1970 and 2200. */
bool mt_snapshot_day_valid(uint32_t day);
/** Name of the total register of a medium, or NULL: C.D.E of OBIS. */
const char *mt_senml_total_name(enum mt_medium medium);
/** Unit that our own meters use for a medium: "Wh" or "l". */
const char *mt_senml_unit(enum mt_medium medium);

/** True when the text is this word. */
static inline bool mt_senml_is(const struct mt_senml_text *text, const char *word, size_t word_len)
{
    return text->len == word_len && __builtin_memcmp(text->at, word, word_len) == 0;
}
/** The same for a literal. */
#define MT_SENML_IS(text, literal) mt_senml_is((text), (literal), sizeof(literal) - 1)

/** An uplink message that is being gathered from its records. */
struct mt_senml_builder {
    struct mt_message *out;
    struct mt_senml_base base;
    enum mt_medium medium;
    uint8_t proof_seen; /**< Bit 0 the id, bit 1 the state. */
    bool prefix_known;
    size_t prefix_len; /**< Of the first register's name; all registers must share it. */
    char prefix[MT_SENML_NAME_MAX];
    uint8_t has[MT_MESSAGE_READINGS_MAX]; /**< What each reading got so far; valid below count. */
};

/** Start to gather into *out. */
void mt_senml_builder_init(struct mt_senml_builder *b, struct mt_message *out,
                           enum mt_medium medium, int64_t now_us);
/** Take one record. Returns as mt_message_decode_cbor(). */
MT_MUST_USE enum mt_status mt_senml_builder_take(struct mt_senml_builder *b,
                                                 const struct mt_senml_record *record);
/** After the last record: is it a whole message? */
MT_MUST_USE enum mt_status mt_senml_builder_finish(struct mt_senml_builder *b);

struct mt_cursor;
/** The records of a SenML-CBOR pack, one after the other. */
struct mt_senml_cbor {
    struct mt_cursor *cursor;
    uint64_t left; /**< Records to come; UINT64_MAX until the break. */
};
/** Read the pack's head. Returns MT_OK or MT_BAD_LAYOUT. The cursor is borrowed. */
MT_MUST_USE enum mt_status mt_senml_cbor_open(struct mt_senml_cbor *pack, struct mt_cursor *cursor);
/** Read the next record.
 *
 *  Returns: MT_OK; MT_NO_READING after the last one, with nothing left behind it; MT_BAD_LAYOUT,
 *           MT_UNSUPPORTED (a label that must be understood), MT_TOO_LARGE.
 */
MT_MUST_USE enum mt_status mt_senml_cbor_next(struct mt_senml_record *record,
                                              struct mt_senml_cbor *pack);

#define MT_SENML_TEXTS 4u /**< Labels whose value is a text that is kept. */

/** The records of a SenML JSON pack, one after the other. */
struct mt_senml_json {
    struct mt_json json;
    bool first;
    /** For texts with escapes. Base fields outlive their record, so each label has its own. */
    char buffer[MT_SENML_TEXTS][MT_SENML_NAME_MAX];
};
/** Read the pack's beginning. Returns MT_OK or MT_BAD_LAYOUT. The text is borrowed, not empty. */
MT_MUST_USE enum mt_status mt_senml_json_open(struct mt_senml_json *pack, const char *text,
                                              size_t len);
/** Read the next record. Returns as mt_senml_cbor_next(). */
MT_MUST_USE enum mt_status mt_senml_json_next(struct mt_senml_record *record,
                                              struct mt_senml_json *pack);

#endif
