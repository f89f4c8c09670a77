/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What DLMS messages travel in; see the header. */
#include "meters/dlms_link.h"

#include <string.h>

#include "meters/axdr.h"
#include "meters/checksum.h"
#include "meters/dlms.h"
#include "meters/hdlc.h"

#define LLC_BYTES 3u
#define WRAPPER_BYTES 8u
#define MBUS_START 0x68u
#define MBUS_END 0x16u
#define MBUS_HEAD 9u /* 68 L L 68 C A CI STSAP DTSAP */
#define MBUS_FINAL 0x10u
#define TITLE_BYTES 8u

static const uint8_t llc_response[LLC_BYTES] = {0xE6, 0xE7, 0x00};
static const uint8_t llc_request[LLC_BYTES] = {0xE6, 0xE6, 0x00};

/* One frame, whatever its kind. */
struct piece {
    const uint8_t *bytes; /* of the message */
    size_t len;
    size_t frame_len;
    bool has_more;
};

static bool is_message(uint8_t tag)
{
    return tag == MT_DLMS_NOTIFICATION || tag == MT_DLMS_GLO || tag == MT_DLMS_DED || tag == 0xDD ||
           tag == 0xDF || tag == 0xE0 || tag == 0xC2 || tag == 0xC4 || tag == 0xCC;
}

/* ---- each kind ------------------------------------------------------------------------------------ */

static enum mt_status probe_mbus(struct piece *piece, size_t segment, const uint8_t *bytes,
                                 size_t len)
{
    if (len < MBUS_HEAD) {
        bool possible = len < 4 || (bytes[3] == MBUS_START && bytes[1] == bytes[2]);
        return possible && bytes[0] == MBUS_START ? MT_NEED_MORE : MT_NOT_FOUND;
    }
    size_t inner = bytes[1];
    bool last = (bytes[6] & MBUS_FINAL) != 0;
    if (bytes[0] != MBUS_START || bytes[3] != MBUS_START || bytes[2] != inner || inner < 6 ||
        bytes[6] != (segment & 0xF) + (last ? MBUS_FINAL : 0)) {
        return MT_NOT_FOUND;
    }
    if (len > MBUS_HEAD && segment == 0 && !is_message(bytes[MBUS_HEAD])) {
        return MT_NOT_FOUND;
    }
    if (len < inner + 6) {
        return MT_NEED_MORE;
    }
    if (bytes[inner + 5] != MBUS_END) {
        return MT_NOT_FOUND;
    }
    piece->frame_len = inner + 6;
    if (mt_sum8(bytes + 4, inner) != bytes[inner + 4]) {
        return MT_BAD_CHECKSUM;
    }
    *piece = (struct piece){bytes + MBUS_HEAD, inner - 5, inner + 6, !last};
    return MT_OK;
}

static enum mt_status probe_hdlc(struct piece *piece, const uint8_t *bytes, size_t len)
{
    struct mt_hdlc frame;
    enum mt_status status = mt_hdlc_probe(&frame, bytes, len);
    if (status == MT_BAD_CHECKSUM) {
        piece->frame_len = ((bytes[1] & 7u) << 8 | bytes[2]) + 2u;
    }
    if (status == MT_OK) {
        *piece = (struct piece){frame.info, frame.info_len, frame.len, frame.has_more};
        /* A flag that ends this frame and begins the next belongs to the next. */
        bool shared = len > frame.len && (bytes[frame.len] & 0xF0u) == 0xA0u;
        piece->frame_len -= shared ? 1 : 0;
    }
    return status;
}

static enum mt_status probe_wrapper(struct piece *piece, const uint8_t *bytes, size_t len)
{
    static const uint8_t version[2] = {0x00, 0x01};
    if (memcmp(bytes, version, len < 2 ? len : 2) != 0) {
        return MT_NOT_FOUND;
    }
    if (len <= WRAPPER_BYTES) {
        return MT_NEED_MORE;
    }
    size_t inner = (size_t)bytes[6] << 8 | bytes[7];
    if (inner == 0 || inner > MT_DLMS_APDU_MAX || !is_message(bytes[WRAPPER_BYTES])) {
        return MT_NOT_FOUND;
    }
    if (len - WRAPPER_BYTES < inner) {
        return MT_NEED_MORE;
    }
    *piece = (struct piece){bytes + WRAPPER_BYTES, inner, WRAPPER_BYTES + inner, false};
    return MT_OK;
}

/* How long a message is that nothing is around. */
static enum mt_status measure(struct mt_cursor *c)
{
    uint8_t tag = mt_cursor_u8(c);
    uint32_t len = 0;
    if (tag == MT_DLMS_GLO || tag == MT_DLMS_DED) {
        if (mt_cursor_u8(c) != TITLE_BYTES && !c->overrun) {
            return MT_NOT_FOUND;
        }
        (void)mt_cursor_take(c, TITLE_BYTES); /* an overrun shows in the cursor */
        enum mt_status status = mt_axdr_length(&len, c);
        (void)mt_cursor_take(c, status == MT_OK ? len : 0); /* the same */
        return c->overrun ? MT_NEED_MORE : status == MT_OK ? MT_OK : MT_NOT_FOUND;
    }
    (void)mt_cursor_take(c, 4); /* invoke id and priority */
    uint8_t date = mt_cursor_u8(c);
    date = date == MT_AXDR_OCTETS ? mt_cursor_u8(c) : date;
    if (tag != MT_DLMS_NOTIFICATION || (date != 0 && date != 12)) {
        return c->overrun && tag == MT_DLMS_NOTIFICATION ? MT_NEED_MORE : MT_NOT_FOUND;
    }
    (void)mt_cursor_take(c, date); /* an overrun shows in the next item */
    enum mt_status status = mt_axdr_skip(c);
    return status == MT_OK || status == MT_NEED_MORE ? status : MT_NOT_FOUND;
}

static enum mt_status probe_raw(struct piece *piece, const uint8_t *bytes, size_t len)
{
    size_t compared = len < LLC_BYTES ? len : LLC_BYTES;
    size_t llc = memcmp(bytes, llc_response, compared) == 0 ? compared : 0;
    struct mt_cursor c = mt_cursor_over(bytes + llc, len - llc);
    enum mt_status status = llc == len ? MT_NEED_MORE : measure(&c);
    /* What is longer than a message may be never ends. */
    if (status == MT_NEED_MORE && len > MT_DLMS_APDU_MAX) {
        return MT_NOT_FOUND;
    }
    *piece = (struct piece){bytes, (size_t)(c.at - bytes), (size_t)(c.at - bytes), false};
    return status;
}

/* ---- finding --------------------------------------------------------------------------------------- */

enum kind { KIND_WRAPPER, KIND_RAW, KIND_HDLC, KIND_MBUS };

static enum mt_status probe(struct piece *piece, enum kind kind, size_t segment,
                            const uint8_t *bytes, size_t len)
{
    switch (kind) {
    case KIND_WRAPPER:
        return probe_wrapper(piece, bytes, len);
    case KIND_RAW:
        return probe_raw(piece, bytes, len);
    case KIND_HDLC:
        return probe_hdlc(piece, bytes, len);
    case KIND_MBUS:
        return probe_mbus(piece, segment, bytes, len);
    }
    return MT_NOT_FOUND;
}

/* The first whole frame; else what may be one, else the first that is broken. *start is the input's end
 * when there is none of these. */
static enum mt_status locate(size_t *start, enum kind *kind, struct piece *piece,
                             const struct mt_input *input)
{
    MT_CHECK(start != NULL && input != NULL && (input->bytes != NULL || input->len == 0));
    size_t begun = input->len;
    size_t broken = input->len;
    size_t broken_end = 0; /* nothing begins inside of a broken frame but a whole one */
    for (size_t at = 0; at < input->len; at++) {
        enum kind from = at == 0 ? KIND_WRAPPER : KIND_HDLC;
        bool may = at == 0 || input->bytes[at] == MT_HDLC_FLAG || input->bytes[at] == MBUS_START;
        for (enum kind k = from; may && k <= KIND_MBUS; k++) {
            enum mt_status status = probe(piece, k, 0, input->bytes + at, input->len - at);
            if (status == MT_OK) {
                *start = at;
                *kind = k;
                return MT_OK;
            }
            if (status == MT_BAD_CHECKSUM) {
                broken = at < broken ? at : broken;
                broken_end =
                    at + piece->frame_len > broken_end ? at + piece->frame_len : broken_end;
            } else if (status == MT_NEED_MORE && begun == input->len && at >= broken_end) {
                begun = at;
            }
        }
    }
    bool may_go_on = begun < input->len;
    *start = may_go_on ? begun : broken;
    return may_go_on ? MT_NEED_MORE : broken < input->len ? MT_BAD_CHECKSUM : MT_NOT_FOUND;
}

enum mt_status mt_dlms_link_find(size_t *start, const struct mt_input *input)
{
    enum kind kind;
    struct piece piece;
    return locate(start, &kind, &piece, input);
}

/* ---- reading --------------------------------------------------------------------------------------- */

static size_t tail_len(enum kind kind, const struct piece *piece, const uint8_t *bytes)
{
    size_t head = (size_t)(piece->bytes - bytes);
    return piece->bytes == NULL || kind == KIND_RAW ? 0 : piece->frame_len - head - piece->len;
}

static void tell_head(struct mt_trace *trace, enum kind kind, const struct piece *piece,
                      const uint8_t *bytes)
{
    struct mt_hdlc frame;
    if (trace == NULL) {
        return;
    }
    if (kind == KIND_HDLC && mt_hdlc_probe(&frame, bytes, piece->frame_len + 1) == MT_OK) {
        mt_hdlc_tell_head(trace, &frame, bytes);
    } else if (kind == KIND_WRAPPER) {
        mt_trace_field(trace, bytes, 2, "wrapper", "version 1");
        mt_trace_field(trace, bytes + 2, 4, "source and destination port", NULL);
        mt_trace_field(trace, bytes + 6, 2, "length", NULL);
    } else if (kind == KIND_MBUS) {
        mt_trace_field(trace, bytes, 4, "M-Bus frame", "its length twice");
        mt_trace_field(trace, bytes + 4, 2, "control and address", NULL);
        mt_trace_field(trace, bytes + 6, 1, "segment", piece->has_more ? "more to come" : "last");
        mt_trace_field(trace, bytes + 7, 2, "source and destination", NULL);
    }
}

/* A frame whose content is read when all of them are there. */
static void tell_segment(struct mt_trace *trace, enum kind kind, const struct piece *piece,
                         const uint8_t *bytes)
{
    tell_head(trace, kind, piece, bytes);
    if (piece->len > 0) {
        mt_trace_field(trace, piece->bytes, piece->len, "part of the message", NULL);
        mt_trace_field(trace, piece->bytes + piece->len, tail_len(kind, piece, bytes),
                       "checksum and end", "right");
    }
}

/* Join the segments of a message. The first is *piece, at `start`. */
static enum mt_status join(struct mt_dlms_apdu *out, size_t *used, uint8_t *room, enum kind kind,
                           const struct piece *first, const struct mt_input *input)
{
    size_t at = *used + first->frame_len;
    tell_segment(input->trace, kind, first, input->bytes + *used);
    size_t len = 0;
    struct piece piece = *first;
    for (size_t segment = 1;; segment++) {
        if (piece.len > MT_DLMS_APDU_MAX - len) {
            *used = at;
            return MT_TOO_LARGE;
        }
        if (piece.len > 0) {
            memcpy(room + len, piece.bytes, piece.len);
        }
        len += piece.len;
        if (!piece.has_more) {
            break;
        }
        if (at == input->len) {
            return MT_NEED_MORE;
        }
        enum mt_status status = probe(&piece, kind, segment, input->bytes + at, input->len - at);
        if (status == MT_NEED_MORE) {
            return MT_NEED_MORE;
        }
        if (status != MT_OK) {
            *used = at;
            mt_trace_fault(input->trace, input->bytes + at, 1,
                           "the next segment of the message should stand here");
            return status == MT_NOT_FOUND ? MT_BAD_LAYOUT : status;
        }
        tell_segment(input->trace, kind, &piece, input->bytes + at);
        at += piece.frame_len;
    }
    *used = at;
    *out = (struct mt_dlms_apdu){.bytes = room, .len = len};
    mt_trace_layer(input->trace, room, len, "the segments joined");
    return MT_OK;
}

/* Take the LLC header off. */
static enum mt_status strip(struct mt_dlms_apdu *out, enum kind kind, struct mt_trace *trace)
{
    if (out->len == 0) {
        return MT_NO_READING; /* a link command: it only connects */
    }
    bool response = out->len > LLC_BYTES && memcmp(out->bytes, llc_response, LLC_BYTES) == 0;
    out->is_request = out->len >= LLC_BYTES && memcmp(out->bytes, llc_request, LLC_BYTES) == 0;
    if (out->is_request || (!response && kind == KIND_HDLC)) {
        return out->is_request ? MT_NO_READING : MT_UNSUPPORTED;
    }
    if (response) {
        mt_trace_field(trace, out->bytes, LLC_BYTES, "LLC", "from the meter");
        out->bytes += LLC_BYTES;
        out->len -= LLC_BYTES;
    }
    return MT_OK;
}

enum mt_status mt_dlms_link_read(struct mt_dlms_apdu *out, size_t *used,
                                 uint8_t room[MT_DLMS_APDU_MAX], const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL && room != NULL);
    enum kind kind = KIND_RAW;
    struct piece piece = {0};
    enum mt_status status = locate(used, &kind, &piece, input);
    if (status != MT_OK) {
        if (status == MT_BAD_CHECKSUM) {
            mt_trace_fault(input->trace, input->bytes + *used, input->len - *used,
                           "the checksum of the frame differs");
            *used = input->len;
        }
        return status;
    }
    if (piece.has_more) {
        status = join(out, used, room, kind, &piece, input);
        return status == MT_OK ? strip(out, kind, input->trace) : status;
    }
    tell_head(input->trace, kind, &piece, input->bytes + *used);
    size_t tail = tail_len(kind, &piece, input->bytes + *used);
    *used += piece.frame_len;
    *out = (struct mt_dlms_apdu){.bytes = piece.bytes,
                                 .len = piece.len,
                                 .tail = tail > 0 ? piece.bytes + piece.len : NULL,
                                 .tail_len = tail};
    return strip(out, kind, input->trace);
}
