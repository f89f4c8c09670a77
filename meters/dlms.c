/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pushed DLMS messages; see the header. */
#include "meters/dlms.h"

#include <string.h>

#include "meters/cursor.h"
#include "meters/dlms_glo.h"
#include "meters/dlms_link.h"
#include "meters/dlms_list.h"
#include "meters/dlms_object.h"
#include "meters/p1.h"

enum mt_status mt_dlms_find(size_t *start, const struct mt_input *input)
{
    return mt_dlms_link_find(start, input);
}

/* data-notification (IEC 62056-5-3, 7.3.16): tag, invoke id and priority, date-time, body. */
static enum mt_status read_notification(struct mt_frame *frame, struct mt_cursor *c,
                                        struct mt_trace *trace)
{
    const uint8_t *from = c->at;
    (void)mt_cursor_u8(c);    /* the tag was looked at */
    (void)mt_cursor_be(c, 4); /* the invoke id counts messages, but starts anew as it likes */
    if (c->overrun) {
        return MT_NEED_MORE;
    }
    mt_trace_field(trace, from, 1, "message", "data-notification");
    mt_trace_field(trace, from + 1, 4, "invoke id and priority", NULL);
    return mt_dlms_list_read(frame, c, trace);
}

/* Any message in the clear. */
static enum mt_status read_plain(struct mt_frame *frame, struct mt_cursor *c,
                                 struct mt_trace *trace)
{
    uint8_t tag = mt_cursor_peek(c);
    if (c->overrun) {
        return MT_NEED_MORE;
    }
    if (tag != MT_DLMS_NOTIFICATION) {
        mt_trace_fault(trace, c->at, 1, "a message that is not decoded here");
        return MT_UNSUPPORTED;
    }
    return read_notification(frame, c, trace);
}

/* A P1 telegram inside of a ciphered message (Luxembourg). */
static enum mt_status read_telegram(struct mt_frame *frame, const uint8_t *bytes, size_t len,
                                    struct mt_trace *trace)
{
    struct mt_input inner = {.bytes = bytes, .len = len, .trace = trace};
    size_t used;
    enum mt_status status = mt_p1_decode(frame, &used, &inner);
    frame->protocol = "dlms";
    return status;
}

/* The system title, when the message itself does not name its meter. */
static void set_title(struct mt_frame *frame, const uint8_t *title)
{
    static const char digits[] = "0123456789ABCDEF";
    struct mt_identity *identity = &frame->identity;
    if (identity->number[0] != '\0') {
        return;
    }
    for (size_t i = 0; i < MT_DLMS_TITLE_BYTES; i++) {
        identity->number[2 * i] = digits[title[i] >> 4];
        identity->number[2 * i + 1] = digits[title[i] & 15];
    }
    identity->number[2 * (size_t)MT_DLMS_TITLE_BYTES] = '\0';
    bool letters = true;
    for (size_t i = 0; i < MT_MAKER_MAX; i++) {
        letters = letters && title[i] >= 'A' && title[i] <= 'Z';
    }
    if (letters) {
        memcpy(identity->maker, title, MT_MAKER_MAX);
    }
}

/* Apart from its caller, so that its room is not taken from a meter's stack for plain messages. */
__attribute__((noinline)) static enum mt_status read_sealed(struct mt_frame *frame,
                                                            struct mt_cursor *c,
                                                            const struct mt_input *input)
{
    uint8_t plain[MT_DLMS_APDU_MAX];
    struct mt_dlms_sealed sealed;
    enum mt_status status = mt_dlms_sealed_read(&sealed, c, input->trace);
    if (status == MT_OK) {
        status = mt_dlms_open(plain, &sealed, input);
    }
    if (status != MT_OK) {
        return status;
    }
    mt_trace_layer(input->trace, plain, sealed.len, "decrypted");
    struct mt_cursor inner = mt_cursor_over(plain, sealed.len);
    if (sealed.len > 0 && plain[0] == '/') {
        status = read_telegram(frame, plain, sealed.len, input->trace);
    } else {
        status = read_plain(frame, &inner, input->trace);
        bool is_whole =
            mt_cursor_left(&inner) == 0 || !mt_status_is_told(status) || status != MT_OK;
        status = is_whole && status != MT_NEED_MORE ? status : MT_BAD_LAYOUT;
    }
    mt_trace_layer(input->trace, NULL, 0, NULL);
    /* Without a tag, a wrong key shows in nothing but a broken content. */
    bool unproven = sealed.tag == NULL && (sealed.control & MT_DLMS_ENCRYPTED) != 0;
    if (unproven && status != MT_OK) {
        mt_trace_fault(input->trace, sealed.text, sealed.len,
                       "what it decrypts to makes no sense: the key is another");
        return MT_NOT_AUTHENTIC;
    }
    if (mt_status_is_told(status)) {
        frame->has_counter = true;
        frame->counter = sealed.counter;
        frame->with_key = sealed.tag != NULL || (sealed.control & MT_DLMS_ENCRYPTED) != 0;
        set_title(frame, sealed.title);
    }
    return status;
}

static enum mt_status read_message(struct mt_frame *frame, struct mt_cursor *c,
                                   const struct mt_input *input)
{
    uint8_t tag = mt_cursor_peek(c);
    if (tag == MT_DLMS_GLO || tag == MT_DLMS_DED) {
        return read_sealed(frame, c, input);
    }
    return read_plain(frame, c, input->trace);
}

/* Read one message with all its segments; apart from its caller for the same reason. */
__attribute__((noinline)) static enum mt_status read_frames(struct mt_frame *frame, size_t *used,
                                                            const struct mt_input *input)
{
    uint8_t room[MT_DLMS_APDU_MAX];
    struct mt_dlms_apdu apdu = {0};
    enum mt_status status = mt_dlms_link_read(&apdu, used, room, input);
    if (status == MT_OK) {
        struct mt_cursor c = mt_cursor_over(apdu.bytes, apdu.len);
        status = read_message(frame, &c, input);
        /* A frame that ends inside of its message, or goes on behind it, is broken. */
        if (status == MT_NEED_MORE || (status == MT_OK && mt_cursor_left(&c) > 0)) {
            mt_trace_fault(input->trace, c.at, mt_cursor_left(&c),
                           "the frame and its message differ in length");
            status = MT_BAD_LAYOUT;
        }
        if (mt_status_is_told(status) && apdu.tail != NULL) {
            mt_trace_field(input->trace, apdu.tail, apdu.tail_len, "checksum and end", "right");
        }
    }
    mt_trace_layer(input->trace, NULL, 0, NULL); /* segments were joined in what ends here */
    frame->kind = apdu.is_request ? MT_FRAME_REQUEST : frame->kind;
    return status;
}

enum mt_status mt_dlms_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    struct mt_frame frame;
    mt_dlms_begin(&frame, "dlms");
    frame.identity.medium = MT_POWER;
    enum mt_status status = read_frames(&frame, used, input);
    if (mt_status_is_told(status)) {
        frame.value_count = status == MT_OK ? frame.value_count : 0;
        mt_dlms_copy(out, &frame);
    }
    return status;
}
