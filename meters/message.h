/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What meter and gateway say to each other inside COSE: SenML (RFC 8428) in CBOR.
 *
 *  Uplink, a batch of journal records:
 *      record 1      {n: "seq", v: N}            sequence number of the first reading
 *      then          readings in journal order; all records of one time form one reading
 *  Register names (n, after bn is prepended) are OBIS C.D.E groups:
 *      power  1.8.0 total, 1.8.1 .. 1.8.4 bands, unit "Wh" (or "kWh", RFC 8798)
 *      water  1.0.0 total, gas 3.0.0 total, unit "l" or "m3"
 *      "flags" v = MT_FLAG_* bits, no unit, optional
 *  Values are CBOR integers or decimal fractions (tag 4, RFC 8949 3.4.4), never floats on our own
 *  meters; ml are [-3, n] of "l". A float that names an exact number of the smallest unit is
 *  accepted from third-party SenML, any other is MT_BAD_RANGE. The same rules read SenML JSON (110).
 *  A reading's sequence number is that of the first plus its index. A meter sends its next message
 *  only when the receipt for the last has come; so a first number beyond the receipt's says that the
 *  records between were given up by the meter (a full journal). Plain third-party SenML has no "seq".
 *
 *  Downlink receipt: {n: "ack", v: next_seq} {n: "time", v: gateway time in seconds}:
 *  all records with a sequence number below next_seq are durable.
 *  Downlink command: {n: "valve", v: 0 shut | 1 open | 2 throttle}, {n: "expires", v: seconds},
 *  {n: "id", v: command id}; the proof comes up as {n: "done", v: id} {n: "state", v: 0|1|2}.
 *
 *  Day-end snapshot (payload of COSE_Sign1): {n: "day", v: yyyymmdd local} {n: <total>, u, v}
 *  {n: "seq", v: last sequence number}, bt = meter's time.
 */
#ifndef METERS_MESSAGE_H
#define METERS_MESSAGE_H

#include "meters/check.h"
#include "meters/reading.h"

#define MT_MESSAGE_READINGS_MAX 100u /**< A day of quarter-hours and some. */
#define MT_MESSAGE_BYTES_MAX 2048u   /**< Plain bytes of one uplink message, at most. */
#define MT_RECEIPT_BYTES_MAX 64u

/** Decoded uplink. About 7 kB: the caller keeps one, not one a message. */
struct mt_message {
    bool has_seq;
    uint32_t seq_first;
    uint32_t count; /**< Readings, 0 when only events are carried. */
    struct mt_reading readings[MT_MESSAGE_READINGS_MAX];
    bool has_proof; /**< A command's proof of execution. */
    uint32_t proof_id;
    uint8_t proof_state;
};

/** Decode SenML-CBOR. base_time_us resolves relative times (RFC 8428, 4.5.3); 0 = none known,
 *  relative times are MT_BAD_RANGE then.
 *
 *  Returns: MT_OK or MT_BAD_LAYOUT, MT_BAD_UNIT, MT_BAD_RANGE, MT_TOO_LARGE, MT_UNSUPPORTED (an
 *           unknown label ending in "_"), MT_NO_READING. *out is unspecified unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_message_decode_cbor(struct mt_message *out, const uint8_t *bytes,
                                                  size_t len, enum mt_medium medium,
                                                  int64_t base_time_us);

/** The same for SenML JSON (RFC 8428, 5). Numbers are read digit by digit. */
MT_MUST_USE enum mt_status mt_message_decode_json(struct mt_message *out, const char *text,
                                                  size_t len, enum mt_medium medium,
                                                  int64_t base_time_us);

/** Encode an uplink message. A reading's time_us of 0 (no clock) reaches the receiver as "now".
 *
 *  Returns: MT_OK; MT_TOO_LARGE (over out_max or MT_MESSAGE_BYTES_MAX); MT_NO_READING (nothing to
 *           say); MT_BAD_RANGE (a time after 0 and before 2^28 s or after 2199, which SenML reads
 *           as another, or a total below 0 or over 10^15); MT_UNSUPPORTED (MT_MEDIUM_OTHER).
 *  Out:     out, *out_len. What was written to out is void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_message_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                             const struct mt_message *message,
                                             enum mt_medium medium);

/** What the gateway confirms. */
struct mt_receipt {
    uint32_t next_seq;
    int64_t time_us; /**< Gateway's time, whole seconds. */
};
/** Encode a receipt; MT_RECEIPT_BYTES_MAX always suffice. Returns MT_OK or MT_TOO_LARGE. */
MT_MUST_USE enum mt_status mt_receipt_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                             const struct mt_receipt *receipt);

/** An order to the meter's valve or relay. */
struct mt_command {
    uint32_t id;
    uint8_t valve;      /**< 0 shut, 1 open, 2 throttle. */
    int64_t expires_us; /**< Not carried out after this. */
};
/** Encode a command; MT_RECEIPT_BYTES_MAX always suffice. expires_us is cut to whole seconds.
 *  Returns MT_OK or MT_TOO_LARGE. */
MT_MUST_USE enum mt_status mt_command_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                             const struct mt_command *command);

/** Downlink: a receipt or a command. */
struct mt_downlink {
    bool is_command;
    struct mt_receipt receipt;
    struct mt_command command;
};
/** Decode a downlink message, after it was opened.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT (not exactly one receipt or one command), MT_BAD_RANGE,
 *           MT_TOO_LARGE, MT_UNSUPPORTED. *out is untouched unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_downlink_decode(struct mt_downlink *out, const uint8_t *bytes,
                                              size_t len);

/** The register at the end of a local day. */
struct mt_snapshot {
    uint32_t day; /**< yyyymmdd, local. */
    int64_t time_us;
    int64_t total; /**< Wh or ml. */
    uint32_t seq;  /**< Last journal record before it. */
};
/** Encode a snapshot. Returns as mt_message_encode(), and MT_BAD_RANGE for a date that is none or a
 *  time_us of 0. */
MT_MUST_USE enum mt_status mt_snapshot_encode(uint8_t *out, size_t *out_len, size_t out_max,
                                              const struct mt_snapshot *snapshot,
                                              enum mt_medium medium);
/** Decode a snapshot. Returns as mt_message_decode_cbor(); *out is untouched unless MT_OK. */
MT_MUST_USE enum mt_status mt_snapshot_decode(struct mt_snapshot *out, const uint8_t *bytes,
                                              size_t len, enum mt_medium medium);

#endif
