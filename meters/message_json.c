/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SenML records in JSON (RFC 8428, 5); see message.h and senml.h. */
#include "meters/json.h"
#include "meters/senml.h"

#include <string.h>

struct label {
    const char *name;
    uint32_t bit;
    size_t offset; /* of the field in struct mt_senml_record */
    uint8_t text;  /* 1 to MT_SENML_TEXTS: its buffer; 0: a number */
};

#define FIELD(name) offsetof(struct mt_senml_record, name)
static const struct label labels[] = {
    {"n", MT_SENML_N, FIELD(n), 1},          {"u", MT_SENML_U, FIELD(u), 2},
    {"v", MT_SENML_V, FIELD(v), 0},          {"t", MT_SENML_T, FIELD(t), 0},
    {"bn", MT_SENML_BN, FIELD(bn), 3},       {"bu", MT_SENML_BU, FIELD(bu), 4},
    {"bt", MT_SENML_BT, FIELD(bt), 0},       {"bv", MT_SENML_BV, FIELD(bv), 0},
    {"bver", MT_SENML_BVER, FIELD(bver), 0}, {"s", MT_SENML_S, FIELD(s), 0},
    {"bs", MT_SENML_BS, FIELD(bs), 0},
};

static const struct label *find_label(const struct mt_json_text *name)
{
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        size_t len = strlen(labels[i].name);
        if (name->len == len && memcmp(name->at, labels[i].name, len) == 0) {
            return &labels[i];
        }
    }
    return NULL;
}

static enum mt_status read_number(struct mt_senml_number *out, struct mt_json *j)
{
    struct mt_json_text text;
    if (!mt_json_number(&text, j)) {
        return MT_BAD_LAYOUT;
    }
    struct mt_decimal decimal;
    enum mt_status status = mt_decimal_parse(&decimal, text.at, text.len);
    if (status == MT_BAD_RANGE) {
        out->kind = MT_SENML_UNUSABLE;
        return MT_OK;
    }
    if (status != MT_OK) {
        return MT_BAD_LAYOUT;
    }
    out->kind = MT_SENML_DECIMAL;
    out->mantissa = decimal.mantissa;
    out->exponent = decimal.exponent;
    return MT_OK;
}

static enum mt_status read_value(struct mt_senml_record *record, struct mt_senml_json *pack,
                                 const struct label *label)
{
    struct mt_json *j = &pack->json;
    uint8_t *field = (uint8_t *)record + label->offset;
    if ((record->present & label->bit) != 0) {
        return MT_BAD_LAYOUT; /* the same label twice */
    }
    record->present |= label->bit;
    if (label->text == 0) {
        struct mt_senml_number number = {0};
        enum mt_status status = read_number(&number, j);
        memcpy(field, &number, sizeof(number));
        return status;
    }
    struct mt_json_text text;
    enum mt_status status =
        mt_json_string(&text, j, pack->buffer[label->text - 1], MT_SENML_NAME_MAX);
    if (status == MT_OK) {
        struct mt_senml_text kept = {.at = text.at, .len = text.len};
        memcpy(field, &kept, sizeof(kept));
    }
    return status;
}

static enum mt_status read_pair(struct mt_senml_record *record, struct mt_senml_json *pack)
{
    struct mt_json *j = &pack->json;
    char buffer[MT_SENML_NAME_MAX];
    struct mt_json_text name;
    enum mt_status status = mt_json_string(&name, j, buffer, sizeof(buffer));
    if (status != MT_OK) {
        return status;
    }
    if (!mt_json_take(j, ':')) {
        return MT_BAD_LAYOUT;
    }
    const struct label *label = find_label(&name);
    if (label != NULL) {
        return read_value(record, pack, label);
    }
    if (name.len > 0 && name.at[name.len - 1] == '_') {
        return MT_UNSUPPORTED; /* RFC 8428, 4.4: must be understood */
    }
    return mt_json_skip(j);
}

static enum mt_status read_record(struct mt_senml_record *record, struct mt_senml_json *pack)
{
    struct mt_json *j = &pack->json;
    record->present = 0;
    if (!mt_json_take(j, '{')) {
        return MT_BAD_LAYOUT;
    }
    if (mt_json_take(j, '}')) {
        return MT_OK;
    }
    do {
        enum mt_status status = read_pair(record, pack);
        if (status != MT_OK) {
            return status;
        }
    } while (mt_json_take(j, ','));
    return mt_json_take(j, '}') ? MT_OK : MT_BAD_LAYOUT;
}

enum mt_status mt_senml_json_open(struct mt_senml_json *pack, const char *text, size_t len)
{
    MT_CHECK(pack != NULL);
    MT_CHECK(text != NULL && len > 0);
    /* The buffers stay as they are: each is written before it is read. */
    pack->json = (struct mt_json){.at = text, .end = text + len};
    pack->first = true;
    return mt_json_take(&pack->json, '[') ? MT_OK : MT_BAD_LAYOUT;
}

enum mt_status mt_senml_json_next(struct mt_senml_record *record, struct mt_senml_json *pack)
{
    MT_CHECK(record != NULL && pack != NULL);
    struct mt_json *j = &pack->json;
    bool more = pack->first ? mt_json_peek(j) != ']' : mt_json_take(j, ',');
    pack->first = false;
    if (more) {
        return read_record(record, pack);
    }
    bool ends = mt_json_take(j, ']') && mt_json_peek(j) == '\0' && j->at == j->end;
    return ends ? MT_NO_READING : MT_BAD_LAYOUT;
}

enum mt_status mt_message_decode_json(struct mt_message *out, const char *text, size_t len,
                                      enum mt_medium medium, int64_t base_time_us)
{
    MT_CHECK(out != NULL);
    MT_CHECK(text != NULL || len == 0);
    if (len > MT_MESSAGE_JSON_BYTES_MAX) {
        return MT_TOO_LARGE;
    }
    if (mt_senml_total_name(medium) == NULL) {
        return MT_UNSUPPORTED;
    }
    if (len == 0) {
        return MT_BAD_LAYOUT;
    }
    struct mt_senml_json pack;
    struct mt_senml_builder builder;
    struct mt_senml_record record;
    mt_senml_builder_init(&builder, out, medium, base_time_us);
    enum mt_status status = mt_senml_json_open(&pack, text, len);
    while (status == MT_OK) {
        status = mt_senml_json_next(&record, &pack);
        status = status == MT_OK ? mt_senml_builder_take(&builder, &record) : status;
    }
    return status == MT_NO_READING ? mt_senml_builder_finish(&builder) : status;
}
