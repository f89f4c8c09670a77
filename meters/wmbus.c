/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of wireless M-Bus; see the header. */
#include "meters/wmbus.h"

#include <string.h>

#include "meters/mbus_record.h"
#include "meters/mbus_secure.h"
#include "meters/wmbus_formats.h"
#include "meters/wmbus_layers.h"
#include "meters/wmbus_makers.h"

#define FILLER 0x2Fu
#define OWN_BLOCK 0x0Fu
#define OWN_BLOCK_MORE 0x1Fu

/* EN 13757-7, table 3. */
#define CI_LONG 0x72u
#define CI_SHORT 0x7Au
#define CI_NO_HEAD 0x78u
#define CI_COMPACT_LONG 0x73u
#define CI_COMPACT_SHORT 0x7Bu
#define CI_COMPACT 0x79u
#define CI_FORMAT 0x69u
#define CI_FORMAT_SHORT 0x6Au
#define CI_FORMAT_LONG 0x6Bu
#define CI_ERROR_FIRST 0x6Eu /* 6E short, 6F long, 70 without a head */
#define CI_ERROR_LAST 0x70u
#define CI_ALARM_FIRST 0x71u /* 71 without a head, 74 short, 75 long */
#define CI_ALARM_SHORT 0x74u
#define CI_ALARM_LONG 0x75u
#define CI_OWN_FIRST 0xA0u
#define CI_OWN_LAST 0xB7u

/* What is known of a frame on its way through the layers. */
struct decoding {
    const struct mt_input *input;
    struct mt_frame *frame;
    const struct mt_wmbus_layers *layers;
    struct mt_mbus_head head;
    uint8_t ci;
    bool is_billed;
};

enum mt_status mt_wmbus_find(size_t *start, const struct mt_input *input)
{
    MT_CHECK(start != NULL && input != NULL && (input->bytes != NULL || input->len == 0));
    struct mt_wmbus_span span;
    enum mt_status status = mt_wmbus_probe(&span, input->bytes, input->len);
    *start = status == MT_NOT_FOUND ? input->len : 0;
    return status;
}

static bool sends_values(uint8_t c)
{
    return c == 0x44 || c == 0x46 || (c & 0xCF) == 0x08; /* SND-NR, SND-IR, RSP-UD */
}

static bool is_request(uint8_t c)
{
    return c == 0x40 || c == 0x43 || c == 0x53 || c == 0x73 || c == 0x5A || c == 0x5B ||
           c == 0x7A || c == 0x7B;
}

/* EN 13757-4, table 24. */
static const char *control_text(uint8_t c)
{
    switch (c) {
    case 0x44:
        return "SND-NR: sent by itself, no reply expected";
    case 0x46:
        return "SND-IR: sent at installation";
    case 0x47:
        return "ACC-NR: no data";
    case 0x48:
        return "ACC-DMD: asks to be called";
    default: /* a number from the wire */
        return is_request(c) ? "a reader's request" : sends_values(c) ? "RSP-UD: a reply" : NULL;
    }
}

static const char *ci_text(uint8_t ci)
{
    if (ci >= CI_OWN_FIRST && ci <= CI_OWN_LAST) {
        return "a maker's own payload";
    }
    switch (ci) {
    case CI_LONG:
        return "records, long head";
    case CI_SHORT:
        return "records, short head";
    case CI_NO_HEAD:
        return "records, no head";
    case CI_COMPACT_LONG:
        return "compact frame, long head";
    case CI_COMPACT_SHORT:
        return "compact frame, short head";
    case CI_COMPACT:
        return "compact frame, no head";
    case CI_FORMAT:
    case CI_FORMAT_SHORT:
    case CI_FORMAT_LONG:
        return "format of compact frames";
    default: /* a number from the wire */
        return NULL;
    }
}

/* Which head stands behind a CI. */
enum head_kind { HEAD_NONE, HEAD_SHORT, HEAD_LONG };

static enum head_kind head_of(uint8_t ci)
{
    switch (ci) {
    case CI_LONG:
    case CI_COMPACT_LONG:
    case CI_FORMAT_LONG:
    case 0x6F:
    case CI_ALARM_LONG:
        return HEAD_LONG;
    case CI_SHORT:
    case CI_COMPACT_SHORT:
    case CI_FORMAT_SHORT:
    case CI_ERROR_FIRST:
    case CI_ALARM_SHORT:
        return HEAD_SHORT;
    default: /* a number from the wire */
        return HEAD_NONE;
    }
}

static uint16_t maker_of(const struct mt_mbus_head *head)
{
    return (uint16_t)(head->maker[0] | head->maker[1] << 8);
}

static struct mt_wmbus_model model_of(const struct decoding *d)
{
    return (struct mt_wmbus_model){maker_of(&d->head), d->head.type};
}

static struct mt_wmbus_payload payload_of(const struct decoding *d, const uint8_t *bytes,
                                          size_t len)
{
    return (struct mt_wmbus_payload){.frame = d->layers->frame,
                                     .frame_len = d->layers->frame_len,
                                     .ci = d->ci,
                                     .maker = maker_of(&d->head),
                                     .version = d->head.version,
                                     .device = d->head.type,
                                     .bytes = bytes,
                                     .len = len};
}

static enum mt_status finish(struct decoding *d, struct mt_mbus_reader *reader)
{
    enum mt_status status = mt_mbus_finish(reader);
    if (status == MT_OK && !d->is_billed) {
        d->frame->has_reading = false;
        d->frame->reading = (struct mt_reading){0};
    }
    return status;
}

/* Some meters pad with FF FF. As a DIF and VIF those are reserved, so they may only be bytes of a
 * record that ends there: whether they are shows when the records before them are stepped over. */
static size_t padding_of(const uint8_t *bytes, size_t len)
{
    struct mt_cursor c = mt_cursor_over(bytes, len);
    if (len < 2 || bytes[len - 2] != 0xFF || bytes[len - 1] != 0xFF) {
        return 0;
    }
    while (mt_cursor_left(&c) > 2 && *c.at != OWN_BLOCK && *c.at != OWN_BLOCK_MORE) {
        struct mt_mbus_record record;
        const uint8_t *data;
        size_t data_len;
        uint8_t lvar;
        if (*c.at == FILLER) {
            (void)mt_cursor_u8(&c); /* stepped over */
        } else if (mt_mbus_record_head(&record, &c, NULL) != MT_OK ||
                   mt_mbus_record_data(&data, &data_len, &lvar, &c, &record) != MT_OK) {
            return 0;
        }
    }
    return mt_cursor_left(&c) == 2 ? 2 : 0;
}

/* Full records, in the clear: by the standard, by their maker's layout, or by both. */
static enum mt_status read_records(struct decoding *d, const uint8_t *bytes, size_t len)
{
    struct mt_mbus_reader reader;
    mt_mbus_reader_init(&reader, d->frame, d->input->trace);
    /* The two that encryption puts first; what a maker begins with may look like a third. */
    size_t fillers = len >= 2 && bytes[0] == FILLER && bytes[1] == FILLER ? 2 : 0;
    struct mt_wmbus_payload payload = payload_of(d, bytes + fillers, len - fillers);
    bool standard_too = true;
    enum mt_status status = mt_wmbus_maker_records(&reader, &standard_too, &payload);
    if (status != MT_OK && status != MT_NOT_FOUND) {
        return status;
    }
    if (standard_too) {
        size_t padding = padding_of(bytes, len);
        struct mt_cursor c = mt_cursor_over(bytes, len - padding);
        status = mt_mbus_records(&reader, &c, &c);
        if (padding > 0) {
            mt_trace_field(d->input->trace, bytes + len - padding, padding, "padding", NULL);
        }
    }
    return status == MT_OK ? finish(d, &reader) : status;
}

static enum mt_status read_compact(struct decoding *d, const uint8_t *bytes, size_t len)
{
    uint8_t records[MT_WMBUS_RECORDS_MAX];
    size_t records_len;
    while (len > 0 && bytes[0] == FILLER) {
        bytes++;
        len--;
    }
    struct mt_input part = {.bytes = bytes, .len = len, .trace = d->input->trace};
    struct mt_wmbus_model model = model_of(d);
    enum mt_status status =
        mt_wmbus_expand(records, &records_len, d->input->formats, &model, &part);
    if (status != MT_OK) {
        return status;
    }
    mt_trace_layer(d->input->trace, records, records_len, "the full frame, put together");
    status = read_records(d, records, records_len);
    mt_trace_layer(d->input->trace, NULL, 0, NULL);
    return status;
}

static enum mt_status read_application(struct decoding *d, const uint8_t *bytes, size_t len)
{
    struct mt_wmbus_model model = model_of(d);
    enum mt_status status;
    switch (d->ci) {
    case CI_COMPACT:
    case CI_COMPACT_SHORT:
    case CI_COMPACT_LONG:
        return read_compact(d, bytes, len);
    case CI_FORMAT:
    case CI_FORMAT_SHORT:
    case CI_FORMAT_LONG:
        while (len > 0 && bytes[0] == FILLER) {
            bytes++;
            len--;
        }
        return mt_wmbus_learn_format(d->input->formats, &model, bytes, len, d->input->trace);
    default: /* the other CIs with records */
        status = read_records(d, bytes, len);
        if (status == MT_OK) {
            mt_wmbus_learn(d->input->formats, &model, bytes, len);
        }
        return status;
    }
}

/* Diehl delivers meters with one key for all; who has set another gives it. */
static bool has_delivered_key(const struct mt_mbus_head *head)
{
    static const char *const makers[] = {"DME", "EWT", "HYD", "SAP", "SPL"};
    char maker[MT_MAKER_MAX + 1];
    mt_mbus_maker_text(maker, maker_of(head));
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        if (strcmp(maker, makers[i]) == 0) {
            return mt_mbus_head_mode(head) == MT_MBUS_MODE_5;
        }
    }
    return false;
}

/* Decipher what stands behind a head. */
static enum mt_status open_bytes(uint8_t *plain, size_t *plain_len, const struct decoding *d,
                                 const uint8_t *bytes, size_t len)
{
    static const uint8_t delivered[16] = {0x51, 0x72, 0x89, 0x10, 0xE6, 0x6D, 0x83, 0xF8,
                                          0x51, 0x72, 0x89, 0x10, 0xE6, 0x6D, 0x83, 0xF8};
    struct mt_mbus_sealed sealed = {.head = &d->head,
                                    .afl = d->layers->has_afl ? &d->layers->afl : NULL,
                                    .message = d->layers->message,
                                    .message_len = d->layers->message_len,
                                    .bytes = bytes,
                                    .len = len,
                                    .key = d->input->key,
                                    .key_len = d->input->key_len,
                                    .must_mac = d->layers->is_assembled};
    bool is_clear = mt_mbus_head_mode(&d->head) == MT_MBUS_CLEAR && !sealed.must_mac;
    if (!is_clear && !sealed.must_mac && sealed.key == NULL && len >= 2 && bytes[0] == FILLER &&
        bytes[1] == FILLER) {
        /* Deciphered by the receiver already, which leaves the head as it was. */
        mt_trace_field(d->input->trace, bytes, 2, "check", "deciphered before it came here");
        memcpy(plain, bytes, len);
        *plain_len = len;
        return MT_OK;
    }
    if (!is_clear && !sealed.must_mac && sealed.key == NULL && has_delivered_key(&d->head)) {
        sealed.key = delivered;
        sealed.key_len = sizeof(delivered);
        if (mt_mbus_open(plain, plain_len, &sealed, NULL) != MT_OK) {
            sealed.key = NULL; /* the owner has set his own */
            sealed.key_len = 0;
        }
    }
    enum mt_status status = mt_mbus_open(plain, plain_len, &sealed, d->input->trace);
    if (status == MT_OK && !is_clear && sealed.key != NULL && sealed.key == d->input->key) {
        d->frame->with_key = true;
    }
    return status;
}

/* Everything behind ELL and AFL. */
static enum mt_status read_message(struct decoding *d)
{
    struct mt_trace *trace = d->input->trace;
    struct mt_cursor c = mt_cursor_over(d->layers->message, d->layers->message_len);
    const uint8_t *at = c.at;
    d->ci = mt_cursor_u8(&c);
    d->frame->data_id = d->ci;
    mt_trace_field(trace, at, 1, "CI", ci_text(d->ci));
    uint8_t plain[MT_MBUS_PLAIN_MAX];
    size_t plain_len;
    if (d->ci >= CI_OWN_FIRST && d->ci <= CI_OWN_LAST) {
        if (d->layers->is_assembled) {
            mt_trace_fault(trace, at, 1, "a maker's own payload in fragments is not decoded here");
            return MT_UNSUPPORTED;
        }
        struct mt_mbus_reader reader;
        struct mt_wmbus_payload payload = payload_of(d, c.at, mt_cursor_left(&c));
        mt_mbus_reader_init(&reader, d->frame, trace);
        mt_mbus_head_identity(&d->frame->identity, &d->head);
        enum mt_status status = mt_wmbus_maker_payload(&reader, &d->is_billed, &payload, d->input);
        return status == MT_OK ? finish(d, &reader) : status;
    }
    if (head_of(d->ci) == HEAD_LONG) {
        mt_mbus_head_long(&d->head, &c, false, trace);
    } else if (head_of(d->ci) == HEAD_SHORT) {
        mt_mbus_head_short(&d->head, &c, trace);
    }
    if (c.overrun) {
        mt_trace_fault(trace, at, d->layers->message_len, "the frame ends inside its head");
        return MT_BAD_LAYOUT;
    }
    mt_mbus_head_identity(&d->frame->identity, &d->head);
    d->frame->flags = mt_mbus_status_flags(d->head.status);
    if (d->ci >= CI_ERROR_FIRST && d->ci <= CI_ERROR_LAST) {
        d->frame->kind = MT_FRAME_ABNORMAL;
        d->frame->error = mt_cursor_left(&c) > 0 ? *c.at : 0;
        return MT_NO_READING;
    }
    if (d->ci == CI_ALARM_FIRST || d->ci == CI_ALARM_SHORT || d->ci == CI_ALARM_LONG) {
        return MT_NO_READING;
    }
    if (ci_text(d->ci) == NULL) {
        mt_trace_fault(trace, at, 1, "an application that is not decoded here");
        return MT_UNSUPPORTED;
    }
    size_t len = mt_cursor_left(&c);
    enum mt_status status = open_bytes(plain, &plain_len, d, c.at, len);
    status = status == MT_OK ? read_application(d, plain, plain_len) : status;
    mt_trace_layer(trace, NULL, 0, NULL); /* what was told lies in bytes that end here */
    return status;
}

/* L, C and the address of the link, then the layers above. */
static enum mt_status read_frame(struct mt_frame *frame, const uint8_t *bytes, size_t len,
                                 const struct mt_input *input)
{
    uint8_t plain[MT_WMBUS_STRIPPED_MAX];
    struct mt_wmbus_layers layers;
    struct decoding d = {.input = input, .frame = frame, .layers = &layers, .is_billed = true};
    mt_trace_field(input->trace, bytes, 1, "L: bytes that follow", NULL);
    mt_trace_field(input->trace, bytes + 1, 1, "C", control_text(bytes[1]));
    struct mt_cursor link = mt_cursor_over(bytes + 2, MT_WMBUS_HEAD_BYTES - 2);
    mt_mbus_head_link(&d.head, &link, input->trace);
    mt_mbus_head_identity(&frame->identity, &d.head);
    frame->kind = is_request(bytes[1]) ? MT_FRAME_REQUEST : MT_FRAME_REPLY;
    if (!sends_values(bytes[1])) {
        return MT_NO_READING;
    }
    enum mt_status status = mt_wmbus_layers(&layers, plain, bytes, len, input);
    if (status != MT_OK) {
        frame->fragment = status == MT_NO_READING ? layers.afl.fragment : 0;
        mt_trace_layer(input->trace, NULL, 0, NULL);
        return status;
    }
    frame->has_counter = layers.has_session || (layers.has_afl && layers.afl.has_counter);
    frame->counter = layers.session;
    frame->with_key = layers.has_session && input->key != NULL;
    if (layers.has_afl && layers.afl.has_counter) {
        struct mt_cursor counter = mt_cursor_over(layers.afl.counter, 4);
        frame->counter = mt_cursor_le32(&counter);
    }
    d.head.access = layers.ell_access; /* until a head has its own */
    status = read_message(&d);
    /* What is refused was the last fragment of its message: it is not read in another way. */
    frame->fragment = layers.is_assembled && !mt_status_is_told(status) ? layers.afl.fragment : 0;
    mt_trace_layer(input->trace, NULL, 0, NULL);
    return status;
}

/* The frame of a span, without its CRCs. */
static enum mt_status read_span(struct mt_frame *frame, const struct mt_wmbus_span *span,
                                const struct mt_input *input)
{
    uint8_t stripped[MT_WMBUS_STRIPPED_MAX];
    const uint8_t *bytes = input->bytes;
    if (span->shape != MT_WMBUS_STRIPPED) {
        mt_wmbus_trace_crcs(input->trace, bytes, span);
        mt_wmbus_strip(stripped, bytes, span);
        bytes = stripped;
        mt_trace_layer(input->trace, bytes, span->len, "without its CRCs");
    }
    *frame = (struct mt_frame){.protocol = "wmbus"};
    enum mt_status status = read_frame(frame, bytes, span->len, input);
    mt_trace_layer(input->trace, NULL, 0, NULL);
    return status;
}

/* The frame of a span; or, when that is none, the frame that a chance made look like it: one frame
 * without CRCs in 65536 ends in two bytes that look like one. */
static enum mt_status read_either(struct mt_frame *frame, const struct mt_wmbus_span *span,
                                  const struct mt_input *input)
{
    enum mt_status status = read_span(frame, span, input);
    if (status == MT_OK || frame->fragment > 0 || span->shape != MT_WMBUS_FORMAT_B) {
        return status; /* what a fragment says is taken in once */
    }
    struct mt_wmbus_span stripped = {MT_WMBUS_STRIPPED, span->wire_len, span->wire_len, MT_OK};
    enum mt_status other = read_span(frame, &stripped, input);
    if (other == MT_OK || (mt_status_is_told(other) && !mt_status_is_told(status))) {
        return other;
    }
    struct mt_input untraced = *input; /* its first reading was traced */
    untraced.trace = NULL;
    return mt_status_is_told(status) ? read_span(frame, span, &untraced) : status;
}

enum mt_status mt_wmbus_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL && input != NULL);
    MT_CHECK(input->bytes != NULL || input->len == 0);
    struct mt_wmbus_span span;
    enum mt_status status = mt_wmbus_probe(&span, input->bytes, input->len);
    *used = status == MT_NEED_MORE                         ? 0
            : status == MT_OK || status == MT_BAD_CHECKSUM ? span.wire_len
                                                           : input->len;
    if (status != MT_OK) {
        if (status == MT_BAD_CHECKSUM) {
            mt_trace_fault(input->trace, input->bytes, span.wire_len,
                           "a CRC of the link layer differs");
        }
        return status;
    }
    struct mt_frame frame;
    status = read_either(&frame, &span, input);
    bool is_read = status == MT_OK || (status == MT_NO_READING && frame.fragment > 0);
    if (!is_read && span.otherwise != MT_OK) {
        *used = span.otherwise == MT_NEED_MORE ? 0 : input->len;
        return span.otherwise;
    }
    if (mt_status_is_told(status)) {
        if (status != MT_OK) {
            frame.value_count = 0;
            frame.has_total = false;
            frame.has_reading = false;
        }
        *out = frame;
    }
    return status;
}
