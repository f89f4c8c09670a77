/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Resources of LwM2M, one after the other, out of TLV or JSON. For this folder only. */
#ifndef METERS_LWM2M_READ_H
#define METERS_LWM2M_READ_H

#include "meters/cursor.h"
#include "meters/json.h"
#include "meters/senml.h"
#include "meters/trace.h"

#define MT_LWM2M_PATH_LEVELS 4u /**< Object, instance, resource, resource instance. */
#define MT_LWM2M_ABSENT (-1)

/** "/3424/0/1". */
struct mt_lwm2m_path {
    int32_t at[MT_LWM2M_PATH_LEVELS]; /**< 0 to 65535, or MT_LWM2M_ABSENT from some level on. */
};

/** Read a path; the first and the last slash may be missing. Returns false when it is none. */
MT_MUST_USE bool mt_lwm2m_path(struct mt_lwm2m_path *path, const char *text, size_t len);

enum mt_lwm2m_form {
    MT_LWM2M_RAW,    /**< The bytes of a TLV: the object says what they are. */
    MT_LWM2M_NUMBER, /**< Read already. */
    MT_LWM2M_TRUTH,  /**< number is 0 or 1. */
    MT_LWM2M_TEXT,
};

/** One resource, or one instance of it. Bytes are borrowed. */
struct mt_lwm2m_item {
    struct mt_lwm2m_path path;
    enum mt_lwm2m_form form;
    const uint8_t *bytes;
    size_t len;
    const uint8_t *shown; /**< What a listener is told of: the value, or the element of JSON. */
    size_t shown_len;
    struct mt_senml_number number;
    bool has_time;
    int64_t time_us; /**< With has_time: since 1970. */
};

/** TLV, clause 6.4.3. Zero but for what _open() sets. */
struct mt_lwm2m_tlv {
    const uint8_t *at;
    const uint8_t *end[3]; /**< Of the message, an object instance, a multiple resource. */
    uint8_t level[3];      /**< Which part of the path ended there is. */
    uint8_t depth;
    struct mt_lwm2m_path base;
    struct mt_lwm2m_path path;
    struct mt_trace *trace;
};

void mt_lwm2m_tlv_open(struct mt_lwm2m_tlv *r, const uint8_t *bytes, size_t len,
                       const struct mt_lwm2m_path *base, struct mt_trace *trace);
/** Returns: MT_OK; MT_NO_READING after the last; MT_NEED_MORE when the bytes end inside of one;
 *           MT_BAD_LAYOUT. */
MT_MUST_USE enum mt_status mt_lwm2m_tlv_next(struct mt_lwm2m_item *item, struct mt_lwm2m_tlv *r);

/** JSON of version 1.0, clause 6.4.4. */
struct mt_lwm2m_json {
    struct mt_json elements;
    bool first, has_time;
    struct mt_json_text name; /**< "bn", or the path of the request. */
    int64_t time_us;          /**< "bt". */
    char buffer[MT_SENML_NAME_MAX];
};

/** Look through the message. Returns MT_OK; MT_NEED_MORE when it begins as one and ends too early;
 *  MT_NOT_FOUND; MT_BAD_LAYOUT, MT_BAD_RANGE. The bytes and the path are borrowed. */
MT_MUST_USE enum mt_status mt_lwm2m_json_open(struct mt_lwm2m_json *r, const uint8_t *bytes,
                                              size_t len, const char *path, size_t path_len);
/** Returns as mt_lwm2m_tlv_next(), never MT_NEED_MORE. */
MT_MUST_USE enum mt_status mt_lwm2m_json_next(struct mt_lwm2m_item *item, struct mt_lwm2m_json *r);

#endif
