/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The meter protocols that are decoded here, by name.
 *
 *  A new protocol is one line in registry.c.
 */
#ifndef METERS_REGISTRY_H
#define METERS_REGISTRY_H

#include "meters/value.h"

#define MT_PROTOCOL_NAME_MAX 15u

/** Bytes to decode, borrowed for the call. */
struct mt_input {
    const uint8_t *bytes;
    size_t len;
    const uint8_t *key; /**< The meter's key where its protocol encrypts; else NULL. */
    size_t key_len;
};

/** One protocol. */
struct mt_protocol {
    const char *name;  /**< Lower case, as in topics: "dlt645". */
    const char *title; /**< For people: the standard. */
    /** Look for the first whole frame.
     *
     *  Returns: MT_OK; MT_NEED_MORE when the bytes end inside what may be a frame; MT_BAD_CHECKSUM
     *           or MT_NOT_FOUND when there is none.
     *  Out:     *start  where that frame, or what may be one, begins.
     */
    enum mt_status (*find)(size_t *start, const struct mt_input *input);
    /** Decode the first frame; see mt_decode(). */
    enum mt_status (*decode)(struct mt_frame *out, size_t *used, const struct mt_input *input);
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
 *           MT_TOO_LARGE, MT_NOT_AUTHENTIC: no value of it may be used.
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
