/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter protocols that are decoded here, by name.
 *
 *  A new protocol is one line in registry.c.
 */
#ifndef METERS_REGISTRY_H
#define METERS_REGISTRY_H

#include "meters/trace.h"
#include "meters/value.h"

#define MT_PROTOCOL_NAME_MAX 15u

struct mt_formats; /* meters/wmbus.h */

/** Bytes to decode, borrowed for the call. What a protocol has no use for is left aside. */
struct mt_input {
    const uint8_t *bytes;
    size_t len;
    /** The meter's key where its protocol encrypts; else NULL. AES-128: 16 bytes. DLMS: the
     *  encryption key, or that and the authentication key after it (32 bytes). */
    const uint8_t *key;
    size_t key_len;
    const char *path; /**< Of the resource that was sent (LwM2M: "/3424/0"), or NULL. */
    size_t path_len;
    struct mt_formats *formats; /**< What frames seen earlier left (wmbus.h); NULL: nothing. */
    struct mt_trace *trace;     /**< Told about every field; NULL: nobody listens. */
};

/** What a simulated meter sends. */
struct mt_sending {
    struct mt_identity identity;
    struct mt_reading reading; /**< total, bands and time as far as the protocol has them. */
    const uint8_t *key;        /**< As in struct mt_input; NULL: in the clear. */
    size_t key_len;
    uint32_t counter; /**< Frame or access number; a protocol with encryption never repeats it. */
};

/** One protocol. */
struct mt_protocol {
    const char *name;  /**< Lower case, as in topics: "dlt645". */
    const char *title; /**< For people: the standard. */
    /** Look for the first whole frame.
     *
     *  Returns: MT_OK; MT_NEED_MORE when the bytes end inside what may be a frame; MT_BAD_CHECKSUM
     *           when there is a broken one only; MT_NOT_FOUND.
     *  Out:     *start  where that frame, what may be one, or the broken one begins; else the end.
     */
    enum mt_status (*find)(size_t *start, const struct mt_input *input);
    /** Decode the first frame; see mt_decode(). */
    enum mt_status (*decode)(struct mt_frame *out, size_t *used, const struct mt_input *input);
    /** Build the frame that a meter would send: decode() of it gives the reading back, cut to the
     *  protocol's resolution. NULL where frames are only read.
     *
     *  Returns: MT_OK; MT_BAD_DIGIT or MT_UNSUPPORTED for an identity or medium that the protocol
     *           cannot carry; MT_BAD_RANGE for a register that it cannot show; MT_NO_KEY;
     *           MT_TOO_LARGE when out_max is short.
     *  Out:     out, *out_len; void unless MT_OK.
     */
    enum mt_status (*build)(uint8_t *out, size_t *out_len, size_t out_max,
                            const struct mt_sending *sending);
};

/** The protocol of a name (not NUL-terminated), or NULL. */
const struct mt_protocol *mt_protocol_find(const char *name, size_t name_len);

/** The protocol at an index, from 0; NULL past the last. */
const struct mt_protocol *mt_protocol_at(size_t index);

/** Decode the first frame in the bytes; noise before it is stepped over.
 *
 *  Returns: MT_OK;
 *           MT_NEED_MORE     the bytes end before the frame does: keep those from *used on;
 *           MT_NO_READING    well-formed, but a request, an error reply or an address: *out holds
 *                            kind, identity, data_id and error;
 *           MT_UNSUPPORTED   well-formed, but of a kind that is not decoded here: *out as above;
 *           MT_NOT_FOUND     no frame of the protocol (of any, when it is NULL);
 *           MT_BAD_CHECKSUM, MT_BAD_DIGIT, MT_BAD_LAYOUT, MT_BAD_UNIT, MT_BAD_RANGE,
 *           MT_TOO_LARGE, MT_NOT_AUTHENTIC, MT_NO_KEY: no value of it may be used.
 *  Out:     *out   filled on MT_OK, MT_NO_READING and MT_UNSUPPORTED, else untouched;
 *           *used  bytes that are done with: decode again from there for the next frame.
 *  In:      protocol  NULL to recognise it.
 */
MT_MUST_USE enum mt_status mt_decode(struct mt_frame *out, size_t *used,
                                     const struct mt_protocol *protocol,
                                     const struct mt_input *input);

/** One sentence about a status, for operators. */
const char *mt_status_text(enum mt_status status);

#endif
