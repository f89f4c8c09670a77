/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Link frames of DL/T 698.45 (clause 7.1); see the header. */
#include "meters/dlt698.h"

#include <string.h>

#include "meters/bcd.h"
#include "meters/calendar.h"
#include "meters/checksum.h"
#include "meters/dlt698_apdu.h"
#include "meters/frame_scan.h"

#define PREAMBLE 0xFEu
#define PREAMBLE_MAX 4u
#define OFFSET 0x33u /* 7.1.3.2: added to the link's user data when they are scrambled */

#define LENGTH_BITS 0x3FFFu
#define LENGTH_KILO 0x4000u
#define LENGTH_RESERVED 0x8000u
#define C_FUNCTION 0x07u
#define C_RESERVED 0x10u
#define C_FROM_SERVER 0x80u
#define FUNCTION_LINK 1u
#define SA_LENGTH 0x0Fu
#define SA_EXTENDED 0x20u /* the first byte of the address is a logical address */

#define BEFORE_ADDRESS 5u /* 68 L L C and SA's flags */
#define AFTER_ADDRESS 3u  /* CA and HCS */
#define TAIL_BYTES 3u     /* FCS and 16 */
#define ENDS 2u           /* 68 and 16 are not counted in L */

/* The header of a piece: its number in bits 0-11, where it stands in bits 14-15. */
#define PIECE_HEAD_BYTES 2u
#define PIECE_NUMBER 0x0FFFu
enum piece { PIECE_FIRST = 0, PIECE_LAST = 1, PIECE_CONFIRM = 2, PIECE_MIDDLE = 3 };

#define GET_ONE 0x0501u
#define ONE_RESULT 0x8501u
#define RESULTS 0x8502u
#define OAD_FORWARD 0x00100200u
#define OAD_CLOCK 0x40000200u
#define RESOLUTION_WH 10

_Static_assert(2 * (BEFORE_ADDRESS + AFTER_ADDRESS) < MT_DLT698_LENGTH_MAX, "a head must fit");

/* Where the parts of a frame are. */
struct head {
    const uint8_t *first; /* 68H */
    size_t whole;         /* bytes of the frame */
    uint8_t control;
    uint8_t address_flags;
    const uint8_t *address;
    size_t address_len;
    const uint8_t *data; /* behind HCS */
    size_t data_len;
};

/* Read the head of what may be a frame. MT_BAD_CHECKSUM when only HCS is wrong. */
static enum mt_status read_head(struct head *head, const uint8_t *bytes, size_t len)
{
    if (len < BEFORE_ADDRESS) {
        return MT_NEED_MORE;
    }
    unsigned length = bytes[1] | (unsigned)bytes[2] << 8;
    size_t counted = (length & LENGTH_BITS) * ((length & LENGTH_KILO) != 0 ? (size_t)1024 : 1);
    uint8_t function = bytes[3] & C_FUNCTION;
    size_t address_len = (bytes[4] & SA_LENGTH) + 1u;
    size_t data_at = BEFORE_ADDRESS + address_len + AFTER_ADDRESS;
    bool possible = (length & LENGTH_RESERVED) == 0 && counted <= MT_DLT698_LENGTH_MAX &&
                    counted + ENDS >= data_at + TAIL_BYTES && (bytes[3] & C_RESERVED) == 0 &&
                    (function == FUNCTION_LINK || function == MT_DLT698_USER_DATA);
    if (!possible) {
        return MT_NOT_FOUND;
    }
    if (len < data_at) {
        return MT_NEED_MORE;
    }
    size_t hcs_at = data_at - 2;
    *head = (struct head){.first = bytes,
                          .whole = counted + ENDS,
                          .control = bytes[3],
                          .address_flags = bytes[4],
                          .address = bytes + BEFORE_ADDRESS,
                          .address_len = address_len,
                          .data = bytes + data_at,
                          .data_len = counted + ENDS - data_at - TAIL_BYTES};
    uint16_t hcs = (uint16_t)(bytes[hcs_at] | bytes[hcs_at + 1] << 8);
    return mt_crc16_x25(bytes + 1, hcs_at - 1) == hcs ? MT_OK : MT_BAD_CHECKSUM;
}

static enum mt_status probe(size_t *frame_len, const uint8_t *bytes, size_t len)
{
    struct head head;
    enum mt_status status = read_head(&head, bytes, len);
    if (status != MT_OK && status != MT_BAD_CHECKSUM) {
        return status;
    }
    if (len < head.whole) { /* with a wrong HCS nothing says that there is a frame at all */
        return status == MT_OK ? MT_NEED_MORE : MT_NOT_FOUND;
    }
    if (bytes[head.whole - 1] != MT_FRAME_END) {
        return MT_NOT_FOUND;
    }
    const uint8_t *fcs = bytes + head.whole - TAIL_BYTES;
    if (status == MT_OK &&
        mt_crc16_x25(bytes + 1, (size_t)(fcs - bytes) - 1) != (uint16_t)(fcs[0] | fcs[1] << 8)) {
        status = MT_BAD_CHECKSUM;
    }
    *frame_len = head.whole;
    return status;
}

enum mt_status mt_dlt698_find(size_t *start, const struct mt_input *input)
{
    size_t frame_len;
    return mt_frame_scan(start, &frame_len, input, probe);
}

/* An APDU, in the frame or put together in `bytes`. */
struct apdu {
    const uint8_t *at;
    size_t len;
    bool is_copy;
    uint8_t bytes[MT_DLT698_APDU_MAX];
};

static enum mt_status append(struct apdu *apdu, const struct head *head, size_t skip)
{
    size_t len = head->data_len - skip;
    uint8_t offset = (head->control & MT_DLT698_SCRAMBLED) != 0 ? OFFSET : 0;
    if (len > MT_DLT698_APDU_MAX - apdu->len) {
        return MT_TOO_LARGE;
    }
    for (size_t i = 0; i < len; i++) {
        apdu->bytes[apdu->len++] = (uint8_t)(head->data[skip + i] - offset);
    }
    return MT_OK;
}

/* The header of a piece, or -1 when the frame is none. */
static int piece_head(const struct head *head)
{
    if ((head->control & MT_DLT698_SPLIT) == 0 || head->data_len < PIECE_HEAD_BYTES) {
        return -1;
    }
    uint8_t offset = (head->control & MT_DLT698_SCRAMBLED) != 0 ? OFFSET : 0;
    return (uint8_t)(head->data[0] - offset) | (uint8_t)(head->data[1] - offset) << 8;
}

static bool same_sender(const struct head *a, const struct head *b)
{
    return a->address_len == b->address_len && a->address_flags == b->address_flags &&
           memcmp(a->address, b->address, a->address_len) == 0 &&
           ((a->control ^ b->control) & C_FROM_SERVER) == 0;
}

/* Put the pieces together that stand in the same bytes; what confirms them in between is stepped over.
 * MT_NO_READING when they do not: a piece alone says nothing. */
static enum mt_status gather(struct apdu *apdu, size_t *used, const struct mt_input *input,
                             const struct head *first)
{
    int number = piece_head(first);
    size_t at = *used;
    size_t start;
    size_t frame_len;
    if (number < 0 || number >> 14 != PIECE_FIRST) {
        return number < 0 ? MT_BAD_LAYOUT : MT_NO_READING;
    }
    enum mt_status status = append(apdu, first, PIECE_HEAD_BYTES);
    while (status == MT_OK && at < input->len) { /* each turn takes a frame */
        const struct mt_input rest = {.bytes = input->bytes + at, .len = input->len - at};
        struct head head;
        status = mt_frame_scan(&start, &frame_len, &rest, probe);
        if (status != MT_OK || read_head(&head, rest.bytes + start, frame_len) != MT_OK) {
            return status == MT_NEED_MORE ? status : MT_NO_READING;
        }
        at += start + frame_len;
        int next = piece_head(&head);
        if (next >= 0 && next >> 14 == PIECE_CONFIRM) {
            continue;
        }
        if (next < 0 || !same_sender(first, &head) ||
            (((unsigned)next - (unsigned)number) & PIECE_NUMBER) != 1) {
            return MT_NO_READING;
        }
        number = next;
        status = append(apdu, &head, PIECE_HEAD_BYTES);
        if (status == MT_OK && next >> 14 == PIECE_LAST) {
            *used = at;
            return MT_OK;
        }
    }
    return status == MT_OK ? MT_NO_READING : status;
}

static enum mt_status find_apdu(struct apdu *apdu, size_t *used, const struct mt_input *input,
                                const struct head *head)
{
    apdu->len = 0;
    apdu->at = apdu->bytes;
    apdu->is_copy = true;
    if ((head->control & MT_DLT698_SPLIT) != 0) {
        return gather(apdu, used, input, head);
    }
    if ((head->control & MT_DLT698_SCRAMBLED) != 0) {
        return append(apdu, head, 0);
    }
    apdu->at = head->data;
    apdu->len = head->data_len;
    apdu->is_copy = false;
    return MT_OK;
}

static void set_identity(struct mt_frame *frame, const struct head *head)
{
    size_t skip = (head->address_flags & SA_EXTENDED) != 0 && head->address_len > 1 ? 1 : 0;
    size_t len = head->address_len - skip;
    if (2 * len <= MT_NUMBER_MAX) {
        mt_bcd_address_text(frame->identity.number, head->address + skip, len);
    }
}

static void trace_head(struct mt_trace *trace, const struct head *head)
{
    static const char *const kinds[] = {"of one meter", "with wildcards", "of a group",
                                        "of everybody"};
    const uint8_t *p = head->first;
    bool from_server = (head->control & C_FROM_SERVER) != 0;
    mt_trace_field(trace, p, 1, "start", NULL);
    mt_trace_field(trace, p + 1, 2, "length", "bytes between start and end");
    mt_trace_field(trace, p + 3, 1, "control", from_server ? "from the meter" : "from the client");
    mt_trace_field(trace, p + 4, 1, "kind and length of the address", kinds[p[4] >> 6]);
    mt_trace_field(trace, head->address, head->address_len, "address", "the lowest digits first");
    mt_trace_field(trace, head->address + head->address_len, 1, "client address", NULL);
    mt_trace_field(trace, head->data - 2, 2, "check of the header (HCS)", "right");
}

static void trace_tail(struct mt_trace *trace, const struct head *head)
{
    mt_trace_field(trace, head->data + head->data_len, 2, "check of the frame (FCS)", "right");
    mt_trace_field(trace, head->data + head->data_len + 2, 1, "end", NULL);
}

/* Read the APDU of a frame that is whole. */
static enum mt_status decode_frame(struct mt_frame *frame, size_t *used,
                                   const struct mt_input *input, const struct head *head)
{
    struct apdu apdu;
    enum mt_status status = find_apdu(&apdu, used, input, head);
    frame->kind = (head->control & C_FROM_SERVER) != 0 ? MT_FRAME_REPLY : MT_FRAME_REQUEST;
    if (apdu.is_copy) {
        mt_trace_field(input->trace, head->data, head->data_len, "user data",
                       status == MT_OK ? "scrambled, or a piece of a split APDU"
                                       : "a piece of a split APDU: the others are not here");
    }
    if (status != MT_OK) {
        return status;
    }
    if (apdu.is_copy) {
        mt_trace_layer(input->trace, apdu.at, apdu.len, "unscrambled and put together");
    }
    struct mt_dlt698_reader reader = {.frame = frame,
                                      .at = mt_cursor_over(apdu.at, apdu.len),
                                      .trace = input->trace};
    status = mt_dlt698_read_apdu(&reader);
    if (apdu.is_copy) {
        mt_trace_layer(input->trace, NULL, 0, NULL);
    }
    return status;
}

enum mt_status mt_dlt698_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    const uint8_t *bytes = NULL;
    size_t frame_len;
    enum mt_status status = mt_frame_first(&bytes, &frame_len, used, input, probe);
    if (status != MT_OK) {
        return status;
    }
    struct head head;
    status = read_head(&head, bytes, frame_len);
    MT_CHECK(status == MT_OK); /* the scan has read it already */
    trace_head(input->trace, &head);
    struct mt_frame frame = {.protocol = "dlt698", .identity = {.medium = MT_POWER}};
    set_identity(&frame, &head);
    status = decode_frame(&frame, used, input, &head);
    if (status == MT_NEED_MORE) {
        *used = (size_t)(bytes - input->bytes); /* pieces are still to come: keep the first too */
        return status;
    }
    trace_tail(input->trace, &head);
    if (mt_status_is_told(status)) {
        frame.value_count = status == MT_OK ? frame.value_count : 0;
        frame.has_total = frame.has_total && status == MT_OK;
        *out = frame;
    }
    return status;
}

/* Digits to address bytes, the lowest first. Returns how many, or 0. */
static size_t parse_number(uint8_t address[MT_DLT698_ADDRESS_MAX], const char *number)
{
    MT_CHECK(number != NULL);
    size_t digits = strnlen(number, (size_t)2 * MT_DLT698_ADDRESS_MAX + 1);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > MT_DLT698_ADDRESS_MAX) {
        return 0;
    }
    size_t len = digits / 2;
    for (size_t i = 0; i < len; i++) {
        const char pair[3] = {number[2 * i], number[2 * i + 1], '\0'};
        if (mt_bcd_address_parse(&address[len - 1 - i], 1, pair) != MT_OK) {
            return 0;
        }
    }
    return len;
}

enum mt_status mt_dlt698_build(uint8_t *out, size_t *out_len, size_t out_max,
                               const struct mt_dlt698_frame *frame)
{
    MT_CHECK(out != NULL && out_len != NULL && frame != NULL);
    MT_CHECK(frame->preamble_count <= PREAMBLE_MAX && frame->apdu_len <= MT_DLT698_APDU_MAX);
    MT_CHECK(frame->apdu != NULL || frame->apdu_len == 0);
    uint8_t address[MT_DLT698_ADDRESS_MAX];
    size_t address_len = parse_number(address, frame->number);
    if (address_len == 0) {
        return MT_BAD_DIGIT;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    for (uint8_t i = 0; i < frame->preamble_count; i++) {
        mt_writer_u8(&w, PREAMBLE);
    }
    size_t start = mt_writer_len(&w);
    size_t whole = BEFORE_ADDRESS + address_len + AFTER_ADDRESS + frame->apdu_len + TAIL_BYTES;
    if (w.overflow || whole > out_max - start) {
        return MT_TOO_LARGE;
    }
    mt_writer_u8(&w, MT_FRAME_START);
    mt_writer_le(&w, whole - ENDS, 2);
    mt_writer_u8(&w, frame->control);
    mt_writer_u8(&w, (uint8_t)((frame->address_flags & ~SA_LENGTH) | (address_len - 1)));
    mt_writer_bytes(&w, address, address_len);
    mt_writer_u8(&w, frame->client);
    mt_writer_le(&w, mt_crc16_x25(out + start + 1, mt_writer_len(&w) - start - 1), 2);
    uint8_t offset = (frame->control & MT_DLT698_SCRAMBLED) != 0 ? OFFSET : 0;
    for (size_t i = 0; i < frame->apdu_len; i++) {
        mt_writer_u8(&w, (uint8_t)(frame->apdu[i] + offset));
    }
    mt_writer_le(&w, mt_crc16_x25(out + start + 1, mt_writer_len(&w) - start - 1), 2);
    mt_writer_u8(&w, MT_FRAME_END);
    MT_CHECK(!w.overflow && mt_writer_len(&w) == start + whole);
    *out_len = mt_writer_len(&w);
    return MT_OK;
}

enum mt_status mt_dlt698_build_read(uint8_t *out, size_t *out_len, size_t out_max,
                                    const struct mt_dlt698_query *query)
{
    MT_CHECK(query != NULL && query->piid <= 63);
    uint8_t apdu[16];
    struct mt_writer w = mt_writer_into(apdu, sizeof(apdu));
    mt_writer_be(&w, GET_ONE, 2);
    mt_writer_u8(&w, query->piid);
    mt_writer_be(&w, query->oad, 4);
    mt_writer_u8(&w, 0); /* no time tag */
    const struct mt_dlt698_frame frame = {.number = query->number,
                                          .control = MT_DLT698_FROM_CLIENT | MT_DLT698_USER_DATA,
                                          .client = query->client,
                                          .apdu = apdu,
                                          .apdu_len = mt_writer_len(&w)};
    return mt_dlt698_build(out, out_len, out_max, &frame);
}

/* A register as double-long-unsigned in 0.01 kWh, or NULL for a tariff that there is not. */
static enum mt_status write_register(struct mt_writer *w, int64_t wh, bool is_present)
{
    int64_t steps = wh / RESOLUTION_WH;
    if (!is_present) {
        mt_writer_u8(w, MT_DLT698_NULL);
        return MT_OK;
    }
    if (wh < 0 || steps >= UINT32_MAX) {
        return MT_BAD_RANGE;
    }
    mt_writer_u8(w, MT_DLT698_DOUBLE_LONG_UNSIGNED);
    mt_writer_be(w, (uint64_t)steps, 4);
    return MT_OK;
}

static enum mt_status write_registers(struct mt_writer *w, const struct mt_reading *reading)
{
    size_t bands = MT_BANDS;
    while (bands > 0 && (reading->band_mask & 1u << (bands - 1)) == 0) {
        bands--;
    }
    mt_writer_be(w, OAD_FORWARD, 4);
    mt_writer_u8(w, 1); /* data follow */
    mt_writer_u8(w, MT_DLT698_ARRAY);
    mt_writer_u8(w, (uint8_t)(1 + bands));
    enum mt_status status = write_register(w, reading->total, true);
    for (size_t i = 0; i < bands && status == MT_OK; i++) {
        status = write_register(w, reading->band[i], (reading->band_mask & 1u << i) != 0);
    }
    return status;
}

static enum mt_status write_clock(struct mt_writer *w, int64_t time_us)
{
    struct mt_calendar local;
    enum mt_status status = mt_calendar_from_us(&local, time_us);
    if (status != MT_OK) {
        return status;
    }
    mt_writer_be(w, OAD_CLOCK, 4);
    mt_writer_u8(w, 1);
    mt_writer_u8(w, MT_DLT698_DATE_TIME_S);
    mt_writer_be(w, (uint64_t)local.year, 2);
    const int32_t parts[] = {local.month, local.day, local.hour, local.minute, local.second};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        mt_writer_u8(w, (uint8_t)parts[i]);
    }
    return MT_OK;
}

enum mt_status mt_dlt698_build_sending(uint8_t *out, size_t *out_len, size_t out_max,
                                       const struct mt_sending *sending)
{
    MT_CHECK(sending != NULL);
    const struct mt_reading *reading = &sending->reading;
    uint8_t apdu[96];
    struct mt_writer w = mt_writer_into(apdu, sizeof(apdu));
    bool has_time = reading->time_us != 0;
    if (sending->identity.medium != MT_POWER) {
        return MT_UNSUPPORTED;
    }
    mt_writer_be(&w, has_time ? RESULTS : ONE_RESULT, 2);
    mt_writer_u8(&w, (uint8_t)(sending->counter & 0x3F)); /* PIID */
    if (has_time) {
        mt_writer_u8(&w, 2);
    }
    enum mt_status status = write_registers(&w, reading);
    if (status == MT_OK && has_time) {
        status = write_clock(&w, reading->time_us);
    }
    if (status != MT_OK) {
        return status;
    }
    mt_writer_be(&w, 0, 2); /* nothing follows, no time tag */
    MT_CHECK(!w.overflow);
    const struct mt_dlt698_frame frame = {.number = sending->identity.number,
                                          .control = MT_DLT698_FROM_METER | MT_DLT698_USER_DATA,
                                          .apdu = apdu,
                                          .apdu_len = mt_writer_len(&w)};
    return mt_dlt698_build(out, out_len, out_max, &frame);
}
