/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ctl/explain.h"

#include <stdbool.h>
#include <string.h>

#include "gateway/ctl/decode.h"

#define ROW_BYTES 12u
#define FIELD_WIDTH 30
#define CHECK_BYTES 4u /* STX, ETX, a check */
#define TEXT_MIN 6u    /* shorter ones may as well be numbers */

/* The bytes that are being explained: the frame, or what was made from it. */
struct layer {
    const uint8_t *bytes;
    size_t len;
    size_t done; /* explained so far */
};

struct explainer {
    struct mt_trace trace; /* first: the decoder's pointer is this struct */
    FILE *out;
    struct layer frame, inner;
    bool inside;  /* fields lie in inner */
    bool as_text; /* the whole frame is text, but for a byte or two that check it */
};

static bool is_text_byte(uint8_t byte)
{
    return byte >= 0x20 && byte <= 0x7e;
}

static bool is_text(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_text_byte(at[i])) {
            return false;
        }
    }
    return len >= TEXT_MIN;
}

static bool is_readout(const uint8_t *bytes, size_t len)
{
    size_t foreign = 0;
    for (size_t i = 0; i < len; i++) {
        bool control = bytes[i] == '\r' || bytes[i] == '\n' || bytes[i] == '\t';
        foreign += !control && !is_text_byte(bytes[i]);
    }
    return foreign <= CHECK_BYTES;
}

static bool is_line_end(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != '\r' && at[i] != '\n') {
            return false;
        }
    }
    return true;
}

/* Protocols in text are read as text. */
static void print_text(const struct explainer *e, size_t offset, const uint8_t *at, size_t len,
                       const char *label, const char *meaning)
{
    fprintf(e->out, "%s%6zu  %-36.*s %s%s%s\n", e->inside ? "    " : "", offset, (int)len,
            (const char *)at, label, meaning != NULL ? ": " : "", meaning != NULL ? meaning : "");
}

static void print_rows(const struct explainer *e, size_t offset, const uint8_t *at, size_t len,
                       const char *label, const char *meaning)
{
    const char *indent = e->inside ? "    " : "";
    if (e->as_text && is_text(at, len)) {
        print_text(e, offset, at, len, label, meaning);
        return;
    }
    for (size_t row = 0; row == 0 || row < len; row += ROW_BYTES) {
        char hex[3 * ROW_BYTES + 1] = "";
        for (size_t i = row; i < len && i < row + ROW_BYTES; i++) {
            snprintf(hex + 3 * (i - row), 4, "%02X ", at[i]);
        }
        fprintf(e->out, "%s%6zu  %-36s ", indent, offset + row, hex);
        if (row == 0) {
            fprintf(e->out, meaning != NULL ? "%-*s %s" : "%.*s%s",
                    meaning != NULL ? FIELD_WIDTH : 200, label, meaning != NULL ? meaning : "");
        }
        fputc('\n', e->out);
    }
}

static struct layer *layer_of(struct explainer *e)
{
    return e->inside ? &e->inner : &e->frame;
}

static bool lies_in(const struct layer *layer, const uint8_t *at, size_t len)
{
    return at >= layer->bytes && at <= layer->bytes + layer->len &&
           len <= (size_t)(layer->bytes + layer->len - at);
}

static void print_rest(struct explainer *e, size_t to, const char *label)
{
    struct layer *layer = layer_of(e);
    if (layer->bytes != NULL && to > layer->done) {
        const uint8_t *at = layer->bytes + layer->done;
        bool ends = is_line_end(at, to - layer->done);
        print_rows(e, layer->done, at, to - layer->done, ends ? "line end" : label, NULL);
        layer->done = to;
    }
}

static void on_field(struct mt_trace *trace, const uint8_t *at, size_t len, const char *what,
                     const char *meaning)
{
    struct explainer *e = (struct explainer *)trace;
    struct layer *layer = layer_of(e);
    if (at == NULL || !lies_in(layer, at, len)) {
        return;
    }
    size_t offset = (size_t)(at - layer->bytes);
    print_rest(e, offset, "(not looked at)");
    print_rows(e, offset, at, len, what, meaning);
    layer->done = offset + len > layer->done ? offset + len : layer->done;
}

static void on_layer(struct mt_trace *trace, const uint8_t *bytes, size_t len, const char *what)
{
    struct explainer *e = (struct explainer *)trace;
    if (e->inside) {
        print_rest(e, e->inner.len, "(not looked at)");
    }
    e->inside = bytes != NULL;
    e->inner = (struct layer){.bytes = bytes, .len = len};
    if (bytes != NULL) {
        fprintf(e->out, "        -> %zu bytes: %s\n", len, what);
    }
}

static void on_fault(struct mt_trace *trace, const uint8_t *at, size_t len, const char *why)
{
    struct explainer *e = (struct explainer *)trace;
    struct layer *layer = layer_of(e);
    if (at == NULL || !lies_in(layer, at, len)) {
        fprintf(e->out, "        ! %s\n", why);
        return;
    }
    size_t offset = (size_t)(at - layer->bytes);
    print_rest(e, offset, "(not looked at)");
    print_rows(e, offset, at, len, "!", why);
    layer->done = offset + len > layer->done ? offset + len : layer->done;
}

enum mt_status gw_explain(FILE *out, size_t *used, const struct mt_protocol *protocol,
                          const struct mt_input *input)
{
    struct explainer e = {.trace = {.field = on_field, .layer = on_layer, .fault = on_fault},
                          .out = out,
                          .frame = {.bytes = input->bytes, .len = input->len},
                          .as_text = is_readout(input->bytes, input->len)};
    struct mt_input traced = *input;
    static struct mt_frame frame;
    traced.trace = &e.trace;
    *used = 0;
    enum mt_status status = mt_decode(&frame, used, protocol, &traced);
    if (e.inside) {
        on_layer(&e.trace, NULL, 0, "");
    }
    bool told = status == MT_OK || status == MT_NO_READING || status == MT_UNSUPPORTED;
    print_rest(&e, *used <= input->len ? *used : input->len, "(not looked at)");
    print_rest(&e, input->len, "(behind the frame)");
    fprintf(out, "        = %s: %s\n", told ? frame.protocol : gw_decode_error_name(status),
            mt_status_text(status));
    if (told && frame.has_total && !frame.total.absent) {
        char number[64];
        gw_decode_number(number, frame.total.mantissa, frame.total.exponent);
        fprintf(out, "        = %s%s%s: %s %s\n", frame.identity.maker,
                frame.identity.maker[0] != '\0' ? " " : "", frame.identity.number, number,
                frame.total.unit);
    }
    return status;
}
