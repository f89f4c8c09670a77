/* SPDX-License-Identifier: GPL-3.0-or-later */
/* HDLC frames; see the header. */
#include "meters/hdlc.h"

#include "meters/checksum.h"
#include "meters/writer.h"

#define FORMAT_TYPE 0xA0u
#define FORMAT_MASK 0xF0u
#define SEGMENTATION 0x08u
#define ADDRESS_BYTES_MAX 4u
#define CHECK_BYTES 2u
#define SHORTEST 7u /* format, two addresses, control, FCS */

static bool is_check_right(const uint8_t *bytes, size_t len)
{
    return mt_crc16_x25(bytes, len) == (uint16_t)(bytes[len] | bytes[len + 1] << 8);
}

/* Step over an address. Returns where it ends; 0 when it does not within its four bytes. */
static size_t address_end(const uint8_t *bytes, size_t at)
{
    for (size_t i = 0; i < ADDRESS_BYTES_MAX; i++) {
        if ((bytes[at + i] & 1u) != 0) {
            return at + i + 1;
        }
    }
    return 0;
}

enum mt_status mt_hdlc_probe(struct mt_hdlc *frame, const uint8_t *bytes, size_t len)
{
    MT_CHECK(frame != NULL && bytes != NULL && len > 0);
    if (bytes[0] != MT_HDLC_FLAG || (len > 1 && (bytes[1] & FORMAT_MASK) != FORMAT_TYPE)) {
        return MT_NOT_FOUND;
    }
    if (len < 3) {
        return MT_NEED_MORE;
    }
    size_t inner = (bytes[1] & 7u) << 8 | bytes[2];
    if (inner < SHORTEST) {
        return MT_NOT_FOUND;
    }
    if (len < inner + 2) {
        return MT_NEED_MORE;
    }
    if (bytes[inner + 1] != MT_HDLC_FLAG) {
        return MT_NOT_FOUND;
    }
    size_t fcs = inner - 1; /* where it stands; the flag before the frame counts too */
    if (!is_check_right(bytes + 1, fcs - 1)) {
        return MT_BAD_CHECKSUM;
    }
    /* The shortest frame has as many bytes behind an address as one address may have. */
    size_t at = address_end(bytes, 3);
    at = at != 0 && at + ADDRESS_BYTES_MAX <= inner + 2 ? address_end(bytes, at) : 0;
    if (at == 0 || at + 1 > fcs) {
        return MT_NOT_FOUND;
    }
    *frame = (struct mt_hdlc){.len = inner + 2,
                              .has_more = (bytes[1] & SEGMENTATION) != 0,
                              .head_len = (uint8_t)(at + 1),
                              .control = bytes[at]};
    at++;
    if (at < fcs) {
        if (fcs - at < CHECK_BYTES || !is_check_right(bytes + 1, at - 1)) {
            return MT_BAD_CHECKSUM;
        }
        frame->info = bytes + at + CHECK_BYTES;
        frame->info_len = fcs - at - CHECK_BYTES;
    }
    return MT_OK;
}

void mt_hdlc_tell_head(struct mt_trace *trace, const struct mt_hdlc *frame, const uint8_t *bytes)
{
    MT_CHECK(frame != NULL && bytes != NULL);
    size_t head = frame->head_len;
    mt_trace_field(trace, bytes, 1, "flag", NULL);
    mt_trace_field(trace, bytes + 1, 2, "format and length",
                   frame->has_more ? "a segment, more to come" : "the last or only segment");
    mt_trace_field(trace, bytes + 3, head - 4, "destination and source", NULL);
    mt_trace_field(trace, bytes + head - 1, 1, "control", NULL);
    if (frame->info != NULL) {
        mt_trace_field(trace, bytes + head, 2, "HCS", "right");
    }
}

size_t mt_hdlc_wrap(uint8_t *out, size_t info_len)
{
    MT_CHECK(out != NULL && info_len > 0 && info_len <= 2047 - 10);
    /* Client 1 by one byte, the meter by two, unnumbered information. */
    size_t inner = MT_HDLC_HEAD - 1 + info_len + CHECK_BYTES;
    struct mt_writer w = mt_writer_into(out, MT_HDLC_HEAD);
    mt_writer_u8(&w, MT_HDLC_FLAG);
    mt_writer_be(&w, FORMAT_TYPE << 8 | inner, 2);
    mt_writer_be(&w, 0x030021, 3);
    mt_writer_u8(&w, 0x13);
    mt_writer_le(&w, mt_crc16_x25(out + 1, 6), 2);
    w = mt_writer_into(out + MT_HDLC_HEAD + info_len, MT_HDLC_TAIL);
    mt_writer_le(&w, mt_crc16_x25(out + 1, inner - CHECK_BYTES), 2);
    mt_writer_u8(&w, MT_HDLC_FLAG);
    return inner + 2;
}
