/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames of wired M-Bus; see the header. */
#include "meters/mbus.h"

#include <string.h>

#include "meters/checksum.h"
#include "meters/frame_scan.h"
#include "meters/mbus_fixed.h"
#include "meters/mbus_record.h"
#include "meters/mbus_secure.h"

#define SHORT_START 0x10u
#define LONG_HEAD 4u /* 68 L L 68 */
#define LONG_MIN 3u  /* C A CI */
#define TAIL_BYTES 2u

#define C_FROM_MASTER 0x40u
#define C_FUNCTION 0x0Fu
#define RSP_UD 0x08u
#define SECURITY_MODE_MAX 15u

/* EN 13757-7, table 2. Below 20: the transport of DLMS, which is no M-Bus data. */
#define CI_TRANSPORT_MAX 0x1Fu
#define CI_COMMAND_SHORT 0x5Au
#define CI_COMMAND_LONG 0x5Bu
#define CI_ERROR_SHORT 0x6Eu
#define CI_ERROR_LONG 0x6Fu
#define CI_ERROR 0x70u
#define CI_ALARM 0x71u
#define CI_LONG 0x72u
#define CI_FIXED 0x73u
#define CI_ALARM_SHORT 0x74u
#define CI_ALARM_LONG 0x75u
#define CI_LONG_MSB 0x76u
#define CI_FIXED_MSB 0x77u
#define CI_NO_HEAD 0x78u
#define CI_SHORT 0x7Au

static enum mt_status probe(size_t *frame_len, const uint8_t *bytes, size_t len)
{
    bool fits = (len < 3 || bytes[1] == bytes[2]) && (len < 4 || bytes[3] == MT_FRAME_START) &&
                (len < 2 || bytes[1] >= LONG_MIN) && (len < 7 || bytes[6] > CI_TRANSPORT_MAX);
    if (!fits) {
        return MT_NOT_FOUND;
    }
    size_t whole = len < 2 ? SIZE_MAX : LONG_HEAD + bytes[1] + (size_t)TAIL_BYTES;
    return mt_frame_check(frame_len, bytes, len, whole, LONG_HEAD);
}

static bool is_master_control(uint8_t control)
{
    uint8_t function = control & 0xCF; /* bits 4 and 5 count frames */
    return function == 0x40 || function == 0x4A || function == 0x4B || function == 0x49;
}

/* The frames that are no long ones, where the bytes begin with them. */
static enum mt_status probe_short(size_t *frame_len, const uint8_t *bytes, size_t len)
{
    if (len >= 1 && bytes[0] == MT_MBUS_ACK) {
        bool fits = len == 1 || bytes[1] == MT_MBUS_ACK || bytes[1] == MT_FRAME_START ||
                    bytes[1] == SHORT_START;
        *frame_len = 1;
        return fits ? MT_OK : MT_NOT_FOUND;
    }
    if (len < 2 || bytes[0] != SHORT_START || !is_master_control(bytes[1])) {
        return MT_NOT_FOUND;
    }
    if (len < MT_MBUS_SHORT_BYTES) {
        return MT_NEED_MORE;
    }
    if (bytes[4] != MT_FRAME_END) {
        return MT_NOT_FOUND;
    }
    *frame_len = MT_MBUS_SHORT_BYTES;
    return mt_sum8(bytes + 1, 2) == bytes[3] ? MT_OK : MT_BAD_CHECKSUM;
}

/* As mt_frame_scan(), for all three kinds of frames. */
static enum mt_status locate(size_t *start, size_t *frame_len, const struct mt_input *input)
{
    MT_CHECK(start != NULL && frame_len != NULL && input != NULL);
    enum mt_status small = probe_short(frame_len, input->bytes, input->len);
    if (small == MT_OK) {
        *start = 0;
        return MT_OK;
    }
    enum mt_status status = mt_frame_scan(start, frame_len, input, probe);
    if (small == MT_NOT_FOUND || status == MT_OK ||
        (small != MT_NEED_MORE && status != MT_NOT_FOUND)) {
        return status;
    }
    *start = 0;
    *frame_len = small == MT_NEED_MORE ? 0 : input->len;
    return small;
}

enum mt_status mt_mbus_find(size_t *start, const struct mt_input *input)
{
    size_t frame_len;
    return locate(start, &frame_len, input);
}

static const char *control_text(uint8_t control)
{
    if ((control & C_FROM_MASTER) == 0) {
        return (control & C_FUNCTION) == RSP_UD ? "the meter answers" : "from the meter, no data";
    }
    switch (control & C_FUNCTION) {
    case 0x0:
        return "reset of the link";
    case 0x3:
        return "the master sends data";
    case 0xA:
        return "the master asks for alarms";
    case 0xB:
        return "the master asks for data";
    default: /* a number from the wire */
        return "from the master";
    }
}

static const char *address_text(uint8_t address)
{
    switch (address) {
    case 0:
        return "not configured";
    case MT_MBUS_ADDRESS_SELECTED:
        return "whoever was selected";
    case MT_MBUS_ADDRESS_TEST:
        return "everybody, with an answer";
    case MT_MBUS_ADDRESS_BROADCAST:
        return "everybody, without an answer";
    default: /* a number from the wire */
        return NULL;
    }
}

static const char *ci_text(uint8_t ci)
{
    static const struct {
        uint8_t ci;
        const char *text;
    } rows[] = {
        {0x50, "reset of the application"},
        {0x51, "data for the meter"},
        {0x52, "selection"},
        {CI_COMMAND_SHORT, "data, short head"},
        {CI_COMMAND_LONG, "data, long head"},
        {CI_ERROR_SHORT, "error of the application, short head"},
        {CI_ERROR_LONG, "error of the application, long head"},
        {CI_ERROR, "error of the application"},
        {CI_ALARM, "alarm"},
        {CI_LONG, "variable data, long head"},
        {CI_FIXED, "fixed data"},
        {CI_ALARM_SHORT, "alarm, short head"},
        {CI_ALARM_LONG, "alarm, long head"},
        {CI_LONG_MSB, "variable data, long head, high byte first"},
        {CI_FIXED_MSB, "fixed data, high byte first"},
        {CI_NO_HEAD, "variable data, no head"},
        {CI_SHORT, "variable data, short head"},
        {MT_MBUS_CI_AFL, "authentication layer"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].ci == ci) {
            return rows[i].text;
        }
    }
    return "not known here";
}

/* What a frame is decoded with. */
struct work {
    struct mt_frame *frame;
    const struct mt_input *input;
    struct mt_trace *trace;
    struct mt_cursor c; /* behind the CI, to the checksum */
    const uint8_t *ci_at;
    struct mt_mbus_head head;
    struct mt_mbus_afl afl;
    bool has_afl;
};

static void take_head(struct work *w, bool is_long, bool msb_first)
{
    if (is_long) {
        mt_mbus_head_long(&w->head, &w->c, msb_first, w->trace);
    } else {
        mt_mbus_head_short(&w->head, &w->c, w->trace);
    }
    mt_mbus_head_identity(&w->frame->identity, &w->head);
    w->frame->flags |= mt_mbus_status_flags(w->head.status);
}

static enum mt_status cut_head(struct work *w)
{
    mt_trace_fault(w->trace, w->c.end, 0, "the frame ends inside its head");
    return MT_BAD_LAYOUT;
}

/* Before there were security modes the field was a signature that makers filled as they pleased;
 * modes above 15 were never given out. */
static bool is_in_clear(const struct mt_mbus_head *head)
{
    uint8_t mode = mt_mbus_head_mode(head);
    return mode == MT_MBUS_CLEAR || mode > SECURITY_MODE_MAX;
}

static enum mt_status decode_variable(struct work *w, bool msb_first)
{
    if (w->c.overrun) {
        return cut_head(w);
    }
    uint8_t plain[MT_MBUS_PLAIN_MAX];
    size_t plain_len;
    const struct mt_mbus_sealed sealed = {.head = &w->head,
                                          .afl = w->has_afl ? &w->afl : NULL,
                                          .message = w->ci_at,
                                          .message_len = (size_t)(w->c.end - w->ci_at),
                                          .bytes = w->c.at,
                                          .len = mt_cursor_left(&w->c),
                                          .key = w->input->key,
                                          .key_len = w->input->key_len};
    bool is_clear = is_in_clear(&w->head);
    if (!is_clear) {
        enum mt_status status = mt_mbus_open(plain, &plain_len, &sealed, w->trace);
        if (status != MT_OK) {
            return status;
        }
        w->frame->with_key = true;
        w->frame->has_counter = w->has_afl && w->afl.has_counter;
        if (w->frame->has_counter) {
            struct mt_cursor counter = mt_cursor_over(w->afl.counter, sizeof(w->afl.counter));
            w->frame->counter = mt_cursor_le32(&counter);
        }
    }
    struct mt_cursor records = is_clear ? w->c : mt_cursor_over(plain, plain_len);
    struct mt_mbus_reader reader;
    mt_mbus_reader_init(&reader, w->frame, w->trace);
    reader.msb_first = msb_first;
    enum mt_status status = mt_mbus_records(&reader, &records, &records);
    if (!is_clear) {
        mt_trace_layer(w->trace, NULL, 0, NULL);
    }
    return status == MT_OK ? mt_mbus_finish(&reader) : status;
}

static enum mt_status decode_fixed(struct work *w, bool msb_first)
{
    struct mt_mbus_reader reader;
    mt_mbus_reader_init(&reader, w->frame, w->trace);
    reader.msb_first = msb_first;
    enum mt_status status = mt_mbus_fixed(&reader, &w->c);
    return status == MT_OK ? mt_mbus_finish(&reader) : status;
}

/* EN 13757-3, 8.2 and 8.3: a byte that tells what went wrong; an error may come without one. */
static enum mt_status decode_abnormal(struct work *w, bool is_alarm)
{
    static const char *const errors[] = {"unspecified",
                                         "the CI is not known",
                                         "the buffer was too small, and was cut",
                                         "too many records",
                                         "the end came inside a record",
                                         "more than 10 DIFEs",
                                         "more than 10 VIFEs",
                                         "reserved",
                                         "too busy to answer",
                                         "too many readouts"};
    if (w->c.overrun || (is_alarm && mt_cursor_left(&w->c) == 0)) {
        return cut_head(w);
    }
    w->frame->kind = MT_FRAME_ABNORMAL;
    if (mt_cursor_left(&w->c) > 0) {
        const uint8_t *at = w->c.at;
        uint8_t code = mt_cursor_u8(&w->c);
        bool is_known = !is_alarm && code < sizeof(errors) / sizeof(errors[0]);
        w->frame->error = code;
        mt_trace_field(w->trace, at, 1, is_alarm ? "alarm" : "error",
                       is_known ? errors[code] : NULL);
    }
    if (mt_cursor_left(&w->c) > 0) {
        mt_trace_field(w->trace, w->c.at, mt_cursor_left(&w->c), "data", NULL);
    }
    return MT_NO_READING;
}

static enum mt_status decode_ci(struct work *w, uint8_t ci)
{
    switch (ci) {
    case CI_LONG:
    case CI_LONG_MSB:
    case CI_COMMAND_LONG:
        take_head(w, true, ci == CI_LONG_MSB);
        return decode_variable(w, ci == CI_LONG_MSB);
    case CI_SHORT:
    case CI_COMMAND_SHORT:
        take_head(w, false, false);
        return decode_variable(w, false);
    case CI_NO_HEAD:
        return decode_variable(w, false);
    case CI_FIXED:
    case CI_FIXED_MSB:
        return decode_fixed(w, ci == CI_FIXED_MSB);
    case CI_ERROR_SHORT:
    case CI_ALARM_SHORT:
        take_head(w, false, false);
        return decode_abnormal(w, ci == CI_ALARM_SHORT);
    case CI_ERROR_LONG:
    case CI_ALARM_LONG:
        take_head(w, true, false);
        return decode_abnormal(w, ci == CI_ALARM_LONG);
    case CI_ERROR:
    case CI_ALARM:
        return decode_abnormal(w, ci == CI_ALARM);
    default: /* a number from the wire */
        mt_trace_fault(w->trace, w->ci_at, 1, "data of this kind are not decoded here");
        return MT_UNSUPPORTED;
    }
}

static uint8_t take_ci(struct work *w)
{
    w->ci_at = w->c.at;
    uint8_t ci = mt_cursor_u8(&w->c);
    if (!w->c.overrun) {
        mt_trace_field(w->trace, w->ci_at, 1, "CI", ci_text(ci));
        w->frame->data_id = ci;
    }
    return ci;
}

/* A command of the master and a push of a meter look the same (OMS Volume 2: CI 5A, 5B): only what
 * a meter's key has encrypted is taken for its own. */
static bool is_push(const struct work *w, uint8_t ci)
{
    struct mt_mbus_head head = {0};
    struct mt_cursor c = w->c;
    if (ci == CI_COMMAND_LONG) {
        mt_mbus_head_long(&head, &c, false, NULL);
    }
    return !c.overrun && !is_in_clear(&head);
}

static enum mt_status read_afl(struct work *w)
{
    const uint8_t *at = w->c.at;
    enum mt_status status = mt_mbus_afl_read(&w->afl, &w->c, w->trace);
    if (status == MT_OK && (w->afl.has_more || w->afl.fragment > 1)) {
        mt_trace_fault(w->trace, at, (size_t)(w->c.at - at),
                       "a message in fragments is put together in wireless M-Bus only");
        status = MT_UNSUPPORTED;
    }
    return status;
}

static enum mt_status decode_long(struct work *w, const uint8_t *bytes, size_t frame_len)
{
    uint8_t control = bytes[LONG_HEAD];
    mt_trace_field(w->trace, bytes, 1, "start", NULL);
    mt_trace_field(w->trace, bytes + 1, 2, "length, twice", NULL);
    mt_trace_field(w->trace, bytes + 3, 1, "start", NULL);
    mt_trace_field(w->trace, bytes + 4, 1, "control", control_text(control));
    mt_trace_field(w->trace, bytes + 5, 1, "address", address_text(bytes[5]));
    w->c = mt_cursor_over(bytes + 6, frame_len - 6 - TAIL_BYTES);
    uint8_t ci = take_ci(w);
    enum mt_status status;
    if ((control & C_FROM_MASTER) != 0 && !is_push(w, ci)) {
        w->frame->kind = MT_FRAME_REQUEST;
        if (mt_cursor_left(&w->c) > 0) {
            mt_trace_field(w->trace, w->c.at, mt_cursor_left(&w->c), "data", NULL);
        }
        status = MT_NO_READING;
    } else if ((control & (C_FROM_MASTER | C_FUNCTION)) != RSP_UD && !is_push(w, ci)) {
        status = MT_NO_READING;
    } else {
        status = MT_OK;
        if (ci == MT_MBUS_CI_AFL) {
            w->has_afl = true;
            status = read_afl(w);
            ci = status == MT_OK ? take_ci(w) : ci;
        }
        status = status == MT_OK ? decode_ci(w, ci) : status;
    }
    mt_trace_field(w->trace, bytes + frame_len - 2, 1, "checksum", "sum of control to data");
    mt_trace_field(w->trace, bytes + frame_len - 1, 1, "end", NULL);
    return status;
}

static enum mt_status decode_short(struct work *w, const uint8_t *bytes, size_t frame_len)
{
    if (frame_len == 1) {
        mt_trace_field(w->trace, bytes, 1, "acknowledgement", NULL);
        return MT_NO_READING;
    }
    w->frame->kind = MT_FRAME_REQUEST;
    mt_trace_field(w->trace, bytes, 1, "start", NULL);
    mt_trace_field(w->trace, bytes + 1, 1, "control", control_text(bytes[1]));
    mt_trace_field(w->trace, bytes + 2, 1, "address", address_text(bytes[2]));
    mt_trace_field(w->trace, bytes + 3, 1, "checksum", "sum of control and address");
    mt_trace_field(w->trace, bytes + 4, 1, "end", NULL);
    return MT_NO_READING;
}

enum mt_status mt_mbus_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    size_t start;
    size_t frame_len = 0;
    enum mt_status status = locate(&start, &frame_len, input);
    mt_frame_trace_before(input, start, status);
    *used = start + frame_len;
    if (status != MT_OK) {
        return status;
    }
    /* The values are most of a frame: only those that were read are touched. */
    struct mt_frame frame;
    memset(&frame, 0, offsetof(struct mt_frame, values));
    frame.protocol = "mbus";
    frame.identity.medium = MT_MEDIUM_OTHER;
    struct work work = {.frame = &frame, .input = input, .trace = input->trace};
    const uint8_t *bytes = input->bytes + start;
    status = bytes[0] == MT_FRAME_START ? decode_long(&work, bytes, frame_len)
                                        : decode_short(&work, bytes, frame_len);
    if (mt_status_is_told(status)) {
        frame.value_count = status == MT_OK ? frame.value_count : 0;
        memcpy(out, &frame,
               offsetof(struct mt_frame, values) + frame.value_count * sizeof(frame.values[0]));
    }
    return status;
}
