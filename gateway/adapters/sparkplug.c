/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/sparkplug.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meters/senml.h"
#include "meters/writer.h"

/* ---- topics --------------------------------------------------------------------------------------------- */

static const char namespace_part[] = "spBv1.0/";
#define PARTS_MAX 4u /* behind the namespace: group, type, node, device */

struct part {
    const char *at;
    size_t len;
};

static bool append(char out[GW_MAPPING_DEVICE_MAX + 1], const struct part *part, bool first)
{
    size_t used = strlen(out);
    size_t lead = first ? 0 : 1;
    if (part->len == 0 || memchr(part->at, ':', part->len) != NULL ||
        part->len + lead > GW_MAPPING_DEVICE_MAX - used) {
        return false;
    }
    memcpy(out + used, ":", lead);
    memcpy(out + used + lead, part->at, part->len);
    out[used + lead + part->len] = '\0';
    return true;
}

static enum gw_sparkplug_type type_of(const struct part *part, bool of_device)
{
    static const char *const node_types[] = {"NBIRTH", "NDATA", "NDEATH"};
    static const char *const device_types[] = {"DBIRTH", "DDATA", "DDEATH"};
    const char *const *types = of_device ? device_types : node_types;
    for (unsigned i = 0; i < 3; i++) {
        if (strlen(types[i]) == part->len && memcmp(types[i], part->at, part->len) == 0) {
            return (enum gw_sparkplug_type)(i + (of_device ? GW_SPARKPLUG_DBIRTH : 0));
        }
    }
    return GW_SPARKPLUG_OTHER;
}

bool gw_sparkplug_topic(struct gw_sparkplug_topic *out, const char *topic, size_t len)
{
    struct part parts[PARTS_MAX];
    unsigned count = 0;
    size_t at = sizeof(namespace_part) - 1;
    if (len < at || memcmp(topic, namespace_part, at) != 0) {
        return false;
    }
    for (bool more = true; more;) {
        const char *slash = memchr(topic + at, '/', len - at);
        size_t end = slash != NULL ? (size_t)(slash - topic) : len;
        if (count == PARTS_MAX) {
            return false;
        }
        parts[count++] = (struct part){topic + at, end - at};
        more = slash != NULL;
        at = end + 1;
    }
    memset(out, 0, sizeof(*out));
    if (count < 3 || !append(out->node, &parts[0], true) || !append(out->node, &parts[2], false)) {
        return false;
    }
    out->type = type_of(&parts[1], count == PARTS_MAX);
    memcpy(out->device, out->node, sizeof(out->device));
    return count < PARTS_MAX || append(out->device, &parts[3], false);
}

bool gw_sparkplug_right(char topic[GW_MAPPING_TOPIC_MAX + 1], const char *device,
                        enum gw_sparkplug_right right)
{
    const char *node = strchr(device, ':');
    const char *own = node != NULL ? strchr(node + 1, ':') : NULL;
    if (node == NULL || strlen(device) > GW_MAPPING_DEVICE_MAX ||
        (own == NULL && right == GW_SPARKPLUG_OF_DEVICE)) {
        return false;
    }
    int group_len = (int)(node - device);
    int node_len = own != NULL ? (int)(own - node - 1) : (int)strlen(node + 1);
    bool with_device = right == GW_SPARKPLUG_OF_DEVICE;
    int len = snprintf(topic, GW_MAPPING_TOPIC_MAX + 1, "%s%.*s/%s/%.*s%s%s", namespace_part,
                       group_len, device, right == GW_SPARKPLUG_COMMAND ? "NCMD" : "+", node_len,
                       node + 1, with_device ? "/" : "", with_device ? own + 1 : "");
    return len > 0 && (size_t)len <= GW_MAPPING_TOPIC_MAX;
}

/* ---- protobuf (its "Encoding" page) ---------------------------------------------------------------------- */

#define VARINT_BYTES_MAX 10u
#define WIRE_VARINT 0u
#define WIRE_64 1u
#define WIRE_BYTES 2u
#define WIRE_32 5u

#define PAYLOAD_TIME 1u
#define PAYLOAD_METRIC 2u
#define PAYLOAD_SEQ 3u
#define METRIC_NAME 1u
#define METRIC_ALIAS 2u
#define METRIC_TIME 3u
#define METRIC_DATATYPE 4u
#define METRIC_IS_NULL 7u
#define METRIC_INT 10u
#define METRIC_LONG 11u
#define METRIC_FLOAT 12u
#define METRIC_DOUBLE 13u
#define METRIC_BOOLEAN 14u
#define METRIC_TEXT 15u

#define INT64_TYPE 4u
#define BOOLEAN_TYPE 11u
#define DATETIME_TYPE 13u

/* A field: its number, and what stands in it. */
struct field {
    uint32_t number;
    uint32_t wire;
    uint64_t value;       /* of varints and fixed widths */
    struct mt_cursor sub; /* of bytes */
};

static uint64_t read_varint(struct mt_cursor *c)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint8_t byte = mt_cursor_u8(c);
        value |= (uint64_t)(byte & 0x7Fu) << (7 * i);
        if ((byte & 0x80u) == 0) {
            c->overrun = c->overrun || (i == VARINT_BYTES_MAX - 1 && byte > 1);
            return value;
        }
    }
    c->overrun = true; /* longer than 64 bits */
    return 0;
}

/* Returns: false at the end, and when the bytes are no field; c->overrun tells them apart. */
static bool read_field(struct field *field, struct mt_cursor *c)
{
    if (mt_cursor_left(c) == 0 || c->overrun) {
        return false;
    }
    uint64_t key = read_varint(c);
    *field = (struct field){.number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7u)};
    if (key >> 32 != 0 || field->number == 0) {
        c->overrun = true;
        return false;
    }
    switch (field->wire) {
    case WIRE_VARINT:
        field->value = read_varint(c);
        break;
    case WIRE_64:
        field->value = mt_cursor_le(c, 8);
        break;
    case WIRE_32:
        field->value = mt_cursor_le(c, 4);
        break;
    case WIRE_BYTES: {
        uint64_t len = read_varint(c);
        c->overrun = c->overrun || len > mt_cursor_left(c);
        if (!c->overrun) {
            field->sub = mt_cursor_over(c->at, (size_t)len);
            (void)mt_cursor_take(c, (size_t)len); /* it is there */
        }
        break;
    }
    default: /* groups, which no Sparkplug message has */
        c->overrun = true;
        break;
    }
    return !c->overrun;
}

static void set_value(struct gw_sparkplug_metric *metric, enum gw_sparkplug_kind kind,
                      const struct field *field)
{
    metric->kind = kind;
    metric->bits = field->value;
    metric->text = (const char *)field->sub.at;
    metric->text_len = field->wire == WIRE_BYTES ? mt_cursor_left(&field->sub) : 0;
}

/* Number and wire type of a field as one, for a switch. */
#define FIELD(number, wire) ((number) << 3 | (wire))

static void take_metric_field(struct gw_sparkplug_metric *metric, bool *is_null,
                              const struct field *field)
{
    switch (FIELD(field->number, field->wire)) {
    case FIELD(METRIC_NAME, WIRE_BYTES):
        metric->name = (const char *)field->sub.at;
        metric->name_len = mt_cursor_left(&field->sub);
        break;
    case FIELD(METRIC_ALIAS, WIRE_VARINT):
        metric->has_alias = true;
        metric->alias = field->value;
        break;
    case FIELD(METRIC_TIME, WIRE_VARINT):
        metric->has_time = true;
        metric->time_ms = field->value;
        break;
    case FIELD(METRIC_DATATYPE, WIRE_VARINT):
        metric->datatype = (uint32_t)field->value;
        break;
    case FIELD(METRIC_IS_NULL, WIRE_VARINT):
        *is_null = field->value != 0;
        break;
    case FIELD(METRIC_INT, WIRE_VARINT):
        set_value(metric, GW_SPARKPLUG_INT, field);
        break;
    case FIELD(METRIC_LONG, WIRE_VARINT):
        set_value(metric, GW_SPARKPLUG_LONG, field);
        break;
    case FIELD(METRIC_FLOAT, WIRE_32):
        set_value(metric, GW_SPARKPLUG_FLOAT, field);
        break;
    case FIELD(METRIC_DOUBLE, WIRE_64):
        set_value(metric, GW_SPARKPLUG_DOUBLE, field);
        break;
    case FIELD(METRIC_TEXT, WIRE_BYTES):
        set_value(metric, GW_SPARKPLUG_TEXT, field);
        break;
    default: /* properties, data sets and the like */
        break;
    }
}

/* Returns false when the bytes are no metric. */
static bool read_metric(struct gw_sparkplug_metric *metric, struct mt_cursor *c)
{
    struct field field;
    bool is_null = false;
    memset(metric, 0, sizeof(*metric));
    while (read_field(&field, c)) {
        take_metric_field(metric, &is_null, &field);
    }
    if (is_null) {
        metric->kind = GW_SPARKPLUG_NOTHING;
    }
    return !c->overrun;
}

bool gw_sparkplug_open(struct gw_sparkplug_payload *payload, const uint8_t *bytes, size_t len)
{
    struct gw_sparkplug_metric metric;
    struct field field;
    struct mt_cursor c = mt_cursor_over(bytes, len);
    memset(payload, 0, sizeof(*payload));
    payload->rest = c;
    bool good = true;
    while (good && read_field(&field, &c)) {
        switch (FIELD(field.number, field.wire)) {
        case FIELD(PAYLOAD_TIME, WIRE_VARINT):
            payload->has_time = true;
            payload->time_ms = field.value;
            break;
        case FIELD(PAYLOAD_SEQ, WIRE_VARINT):
            payload->has_seq = true;
            payload->seq = field.value;
            good = field.value <= UINT8_MAX;
            break;
        case FIELD(PAYLOAD_METRIC, WIRE_BYTES):
            good = read_metric(&metric, &field.sub);
            break;
        default:
            break;
        }
    }
    return good && !c.overrun;
}

bool gw_sparkplug_next(struct gw_sparkplug_metric *metric, struct gw_sparkplug_payload *payload)
{
    struct field field;
    while (read_field(&field, &payload->rest)) {
        if (FIELD(field.number, field.wire) == FIELD(PAYLOAD_METRIC, WIRE_BYTES)) {
            return read_metric(metric, &field.sub);
        }
    }
    return false;
}

/* ---- values ---------------------------------------------------------------------------------------------- */

static bool float_text(char text[GW_SPARKPLUG_VALUE_BYTES], uint64_t bits, uint32_t width)
{
    struct mt_senml_number number;
    int64_t mantissa = 0;
    int8_t exponent = 0;
    mt_senml_float(&number, bits, width);
    if (mt_senml_decimal(&mantissa, &exponent, &number) != MT_OK) {
        return false;
    }
    int len = snprintf(text, GW_SPARKPLUG_VALUE_BYTES, "%" PRId64 "e%d", mantissa, exponent);
    return len > 0 && (size_t)len < GW_SPARKPLUG_VALUE_BYTES;
}

static bool plain_text(char text[GW_SPARKPLUG_VALUE_BYTES], const char *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("0123456789+-.eE", from[i]) == NULL || from[i] == '\0') {
            return false;
        }
    }
    if (len == 0 || len >= GW_SPARKPLUG_VALUE_BYTES) {
        return false;
    }
    memcpy(text, from, len);
    text[len] = '\0';
    return true;
}

bool gw_sparkplug_value(char text[GW_SPARKPLUG_VALUE_BYTES],
                        const struct gw_sparkplug_metric *metric, uint32_t datatype)
{
    uint32_t type = metric->datatype != 0 ? metric->datatype : datatype;
    bool is_signed = type >= 1 && type <= INT64_TYPE;
    if (type == BOOLEAN_TYPE || type == DATETIME_TYPE) {
        return false;
    }
    switch (metric->kind) {
    case GW_SPARKPLUG_INT:
        if (metric->bits > UINT32_MAX && !is_signed) {
            return false;
        }
        /* Negative ones come as 32 bits, or sign-extended. */
        (void)snprintf(text, GW_SPARKPLUG_VALUE_BYTES, "%" PRId64,
                       is_signed ? (int64_t)(int32_t)(uint32_t)metric->bits
                                 : (int64_t)metric->bits);
        return true;
    case GW_SPARKPLUG_LONG:
        if (is_signed) {
            (void)snprintf(text, GW_SPARKPLUG_VALUE_BYTES, "%" PRId64, (int64_t)metric->bits);
        } else {
            (void)snprintf(text, GW_SPARKPLUG_VALUE_BYTES, "%" PRIu64, metric->bits);
        }
        return true;
    case GW_SPARKPLUG_FLOAT:
        return float_text(text, metric->bits, 32);
    case GW_SPARKPLUG_DOUBLE:
        return float_text(text, metric->bits, 64);
    case GW_SPARKPLUG_TEXT:
        return plain_text(text, metric->text, metric->text_len);
    default:
        return false;
    }
}

/* ---- the command ----------------------------------------------------------------------------------------- */

static void put_varint(struct mt_writer *w, uint64_t value)
{
    while (value >= 0x80u) {
        mt_writer_u8(w, (uint8_t)(value | 0x80u));
        value >>= 7;
    }
    mt_writer_u8(w, (uint8_t)value);
}

static void put_number(struct mt_writer *w, uint32_t number, uint64_t value)
{
    put_varint(w, FIELD(number, WIRE_VARINT));
    put_varint(w, value);
}

size_t gw_sparkplug_rebirth(uint8_t bytes[GW_SPARKPLUG_REBIRTH_BYTES], int64_t time_us)
{
    static const char name[] = "Node Control/Rebirth";
    uint8_t inner[GW_SPARKPLUG_REBIRTH_BYTES];
    uint64_t time_ms = time_us > 0 ? (uint64_t)time_us / 1000 : 0;
    struct mt_writer metric = mt_writer_into(inner, sizeof(inner));
    put_varint(&metric, FIELD(METRIC_NAME, WIRE_BYTES));
    put_varint(&metric, sizeof(name) - 1);
    mt_writer_bytes(&metric, (const uint8_t *)name, sizeof(name) - 1);
    put_number(&metric, METRIC_TIME, time_ms);
    put_number(&metric, METRIC_DATATYPE, BOOLEAN_TYPE);
    put_number(&metric, METRIC_BOOLEAN, 1);
    struct mt_writer w = mt_writer_into(bytes, GW_SPARKPLUG_REBIRTH_BYTES);
    put_number(&w, PAYLOAD_TIME, time_ms);
    put_varint(&w, FIELD(PAYLOAD_METRIC, WIRE_BYTES));
    put_varint(&w, mt_writer_len(&metric));
    mt_writer_bytes(&w, inner, mt_writer_len(&metric));
    MT_CHECK(!metric.overflow && !w.overflow); /* 52 bytes with the longest time */
    return mt_writer_len(&w);
}
