/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LwM2M's encodings; see the header. */
#include "meters/lwm2m.h"

#include <string.h>

#include "meters/lwm2m_objects.h"
#include "meters/writer.h"

/* How the bytes are to be read. */
enum encoding { TLV, JSON, TEXT };

static bool path_of(struct mt_lwm2m_path *path, const struct mt_input *input)
{
    return input->path != NULL && mt_lwm2m_path(path, input->path, input->path_len);
}

/* A whole message of TLV: everything in its place. */
static enum mt_status scan_tlv(const struct mt_lwm2m_path *path, const struct mt_input *input)
{
    struct mt_lwm2m_tlv r;
    struct mt_lwm2m_item item;
    enum mt_status status = MT_OK;
    size_t count = 0;
    mt_lwm2m_tlv_open(&r, input->bytes, input->len, path, NULL);
    while (status == MT_OK) {
        status = mt_lwm2m_tlv_next(&item, &r);
        count += status == MT_OK;
    }
    if (status == MT_NO_READING) {
        return count > 0 ? MT_OK : MT_NOT_FOUND;
    }
    return status;
}

/* Plain text, clause 6.4.1: one value of one resource. */
static bool is_text(struct mt_decimal *number, const struct mt_lwm2m_path *path,
                    const struct mt_input *input)
{
    return path->at[2] != MT_LWM2M_ABSENT &&
           mt_decimal_parse(number, (const char *)input->bytes, input->len) == MT_OK;
}

static enum mt_status recognise(enum encoding *encoding, struct mt_lwm2m_path *path,
                                const struct mt_input *input)
{
    struct mt_lwm2m_json json;
    struct mt_decimal number;
    if (input->len == 0) {
        return MT_NOT_FOUND;
    }
    *encoding = JSON;
    enum mt_status status =
        mt_lwm2m_json_open(&json, input->bytes, input->len, input->path, input->path_len);
    if (status != MT_NOT_FOUND) {
        return status;
    }
    if (!path_of(path, input)) {
        return MT_NOT_FOUND;
    }
    *encoding = TEXT;
    if (is_text(&number, path, input)) {
        return MT_OK;
    }
    *encoding = TLV;
    return scan_tlv(path, input);
}

enum mt_status mt_lwm2m_find(size_t *start, const struct mt_input *input)
{
    MT_CHECK(start != NULL && input != NULL);
    enum encoding encoding = TLV;
    struct mt_lwm2m_path path;
    enum mt_status status = recognise(&encoding, &path, input);
    /* JSON that is of LwM2M is so with an error in it too, and that is what is to be said of it. */
    bool is_broken = status != MT_NEED_MORE && status != MT_NOT_FOUND && encoding == JSON;
    status = is_broken ? MT_OK : status;
    *start = status == MT_OK || status == MT_NEED_MORE ? 0 : input->len;
    return status == MT_OK || status == MT_NEED_MORE ? status : MT_NOT_FOUND;
}

/* Take one resource, and tell of it. */
static enum mt_status take(struct mt_lwm2m_gather *g, const struct mt_lwm2m_item *item,
                           struct mt_trace *trace)
{
    enum mt_status status = mt_lwm2m_take(g, item);
    mt_trace_field(trace, item->shown, item->shown_len, "value", g->meaning);
    if (status != MT_OK) {
        mt_trace_fault(trace, item->shown, item->shown_len,
                       "not of the type or the range of its resource, or a second time");
    }
    return status;
}

static enum mt_status read_tlv(struct mt_lwm2m_gather *g, const struct mt_lwm2m_path *path,
                               const struct mt_input *input)
{
    struct mt_lwm2m_tlv r;
    struct mt_lwm2m_item item;
    enum mt_status status = MT_OK;
    mt_lwm2m_tlv_open(&r, input->bytes, input->len, path, input->trace);
    while (status == MT_OK) {
        status = mt_lwm2m_tlv_next(&item, &r);
        status = status == MT_OK ? take(g, &item, input->trace) : status;
    }
    return status;
}

static void tell(const struct mt_input *input, const uint8_t *from, const uint8_t *to,
                 const char *what)
{
    mt_trace_field(input->trace, from, (size_t)(to - from), what, NULL);
}

static enum mt_status read_json(struct mt_lwm2m_gather *g, const struct mt_input *input)
{
    struct mt_lwm2m_json r;
    struct mt_lwm2m_item item;
    enum mt_status status =
        mt_lwm2m_json_open(&r, input->bytes, input->len, input->path, input->path_len);
    if (status == MT_OK) {
        tell(input, input->bytes, (const uint8_t *)r.elements.at + 1, "base"); /* up to "[" */
    }
    while (status == MT_OK) {
        status = mt_lwm2m_json_next(&item, &r);
        if (status == MT_OK) {
            status = take(g, &item, input->trace);
        } else if (status != MT_NO_READING) {
            mt_trace_fault(input->trace, input->bytes, input->len, "an element is malformed");
        }
    }
    if (status == MT_NO_READING) {
        tell(input, (const uint8_t *)r.elements.at, input->bytes + input->len, "end");
    }
    return status;
}

static enum mt_status read_text(struct mt_lwm2m_gather *g, const struct mt_lwm2m_path *path,
                                const struct mt_input *input)
{
    struct mt_decimal number;
    struct mt_lwm2m_item item = {
        .path = *path, .form = MT_LWM2M_NUMBER, .shown = input->bytes, .shown_len = input->len};
    bool whole = is_text(&number, path, input); /* it was recognised as such */
    MT_CHECK(whole);
    item.number = (struct mt_senml_number){MT_SENML_DECIMAL, number.exponent, number.mantissa};
    enum mt_status status = take(g, &item, input->trace);
    return status == MT_OK ? MT_NO_READING : status;
}

enum mt_status mt_lwm2m_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL && input != NULL);
    enum encoding encoding = TLV;
    struct mt_lwm2m_path path;
    enum mt_status status = recognise(&encoding, &path, input);
    *used = status == MT_NEED_MORE ? 0 : input->len;
    if (status != MT_OK) {
        const char *why = status == MT_NEED_MORE ? "the message is cut off"
                          : encoding == JSON && status != MT_NOT_FOUND
                              ? "JSON of LwM2M, and something in it is malformed"
                          : input->path == NULL ? "no JSON of LwM2M; for TLV and text give the path"
                                                : "neither TLV nor JSON nor a number";
        mt_trace_fault(input->trace, input->bytes, input->len, why);
        return status;
    }
    struct mt_frame frame;
    struct mt_lwm2m_gather gather;
    mt_lwm2m_gather_init(&gather, &frame);
    frame.protocol = "lwm2m";
    status = encoding == JSON   ? read_json(&gather, input)
             : encoding == TEXT ? read_text(&gather, &path, input)
                                : read_tlv(&gather, &path, input);
    if (status != MT_NO_READING) {
        return status; /* the readers end so when everything was taken */
    }
    status = mt_lwm2m_finish(&gather);
    if (mt_status_is_told(status)) {
        *out = frame;
    }
    return status;
}

/* ---- building ------------------------------------------------------------------------------- */

static void write(struct mt_writer *w, const char *text)
{
    mt_writer_bytes(w, text, strlen(text));
}

static void write_number(struct mt_writer *w, int64_t mantissa, int exponent)
{
    char text[MT_DECIMAL_TEXT_MAX];
    mt_writer_bytes(w, text, mt_decimal_format(text, mantissa, exponent));
}

enum mt_status mt_lwm2m_build(uint8_t *out, size_t *out_len, size_t out_max,
                              const struct mt_sending *sending)
{
    static const struct {
        const char *head;
        int exponent;
    } media[] = {{"{\"bn\":\"/3421/0/\",\"e\":[{\"n\":\"25\",\"v\":", 0},
                 {"{\"bn\":\"/3424/0/\",\"e\":[{\"n\":\"1\",\"v\":", -6},
                 {"{\"bn\":\"/3423/0/\",\"e\":[{\"n\":\"1\",\"v\":", -6},
                 {"{\"bn\":\"/10257/0/\",\"e\":[{\"n\":\"5805\",\"v\":", 0}};
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    const struct mt_reading *reading = &sending->reading;
    if (sending->identity.medium > MT_HEAT) {
        return MT_UNSUPPORTED;
    }
    if (reading->total < 0 || reading->total > MT_REGISTER_MAX || reading->time_us < 0 ||
        reading->time_us % 1000000 != 0 || reading->time_us > MT_TIME_S_MAX * 1000000) {
        return MT_BAD_RANGE;
    }
    struct mt_writer w = mt_writer_into(out, out_max);
    write(&w, media[sending->identity.medium].head);
    write_number(&w, reading->total, media[sending->identity.medium].exponent);
    if (reading->time_us != 0) {
        write(&w, sending->identity.medium == MT_HEAT ? "},{\"n\":\"5506\",\"v\":"
                                                      : "},{\"n\":\"5518\",\"v\":");
        write_number(&w, reading->time_us / 1000000, 0);
    }
    write(&w, "}]}");
    *out_len = mt_writer_len(&w);
    return w.overflow ? MT_TOO_LARGE : MT_OK;
}
