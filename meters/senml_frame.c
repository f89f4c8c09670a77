/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SenML packs as frames; see the header. */
#include "meters/senml_frame.h"

#include <string.h>

#include "meters/cbor.h"
#include "meters/lwm2m_objects.h"
#include "meters/name.h"

#define RELATIVE_BELOW_US ((INT64_C(1) << 28) * 1000000) /* RFC 8428, 4.5.3 */
/* Objects of LwM2M have ids from 0 up: these stand for what has none. */
#define OBJECT_OBIS (-2)
#define OBJECT_SUM (-10)

/* Units that are told apart, the name of what has them, and the unit of their sum over time. */
static const struct unit {
    const char *unit;
    const char *name;
    const char *sum;
} units[] = {
    {"Wh", "energy", ""},
    {"kWh", "energy", ""},
    {"J", "energy", ""},
    {"m3", "volume", ""},
    {"l", "volume", ""},
    {"m3/s", "flow", "m3"},
    {"l/s", "flow", "l"},
    {"W", "power", "J"},
    {"kW", "power", "kJ"},
    {"V", "voltage", ""},
    {"A", "current", "C"},
    {"Hz", "frequency", ""},
    {"VA", "apparent power", ""},
    {"var", "reactive power", ""},
    {"varh", "reactive energy", ""},
    {"kVA", "apparent power", ""},
    {"kvar", "reactive power", ""},
    {"Cel", "temperature", ""},
    {"K", "temperature", ""},
    {"Pa", "pressure", ""},
    {"%RH", "humidity", ""},
    {"%EL", "battery level", ""},
    {"EL", "battery lifetime", ""},
    {"lat", "latitude", ""},
    {"lon", "longitude", ""},
    {"%", "share", ""},
    {"/", "ratio", ""},
    {"s", "duration", ""},
    {"min", "duration", ""},
    {"h", "duration", ""},
    {"count", "count", ""},
    {"m", "length", ""},
    {"kg", "mass", ""},
    {"dB", "level", ""},
    {"dBm", "level", ""},
    {"mV", "voltage", ""},
    {"mA", "current", ""},
    {"C", "charge", ""},
    {"m/s", "speed", ""},
};
static const struct unit unknown = {"", "value", ""};

/* One pack, in either encoding. */
struct pack {
    bool is_json;
    struct mt_cursor cursor;
    struct mt_senml_cbor cbor;
    struct mt_senml_json json;
    struct mt_senml_base base;
    bool has_base_sum;
    struct mt_senml_number base_sum;
    bool several; /* devices */
    size_t prefix_len;
    char prefix[MT_SENML_NAME_MAX]; /* of the first record that is no path */
    bool several_times;
    int64_t first_time_us;
};

static bool begins_as_json(const struct mt_input *input)
{
    return input->len > 0 &&
           (input->bytes[0] == '[' || input->bytes[0] == ' ' || input->bytes[0] == '\n' ||
            input->bytes[0] == '\r' || input->bytes[0] == '\t');
}

static enum mt_status open_pack(struct pack *p, const struct mt_input *input)
{
    p->is_json = begins_as_json(input);
    p->has_base_sum = false;
    p->several = false;
    p->several_times = false;
    p->first_time_us = 0;
    p->prefix_len = 0;
    mt_senml_base_init(&p->base, 0);
    p->base.takes_paths = true;
    p->cursor = mt_cursor_over(input->bytes, input->len);
    if (input->len == 0 || input->len > MT_MESSAGE_JSON_BYTES_MAX) {
        return MT_TOO_LARGE;
    }
    return p->is_json ? mt_senml_json_open(&p->json, (const char *)input->bytes, input->len)
                      : mt_senml_cbor_open(&p->cbor, &p->cursor);
}

static const uint8_t *place(const struct pack *p)
{
    return p->is_json ? (const uint8_t *)p->json.json.at : p->cursor.at;
}

static enum mt_status next(struct mt_senml_record *record, struct pack *p)
{
    return p->is_json ? mt_senml_json_next(record, &p->json) : mt_senml_cbor_next(record, &p->cbor);
}

/* ---- recognising ---------------------------------------------------------------------------- */

/* "[{" and a label of RFC 8428: nobody else begins so. */
static bool has_a_label(const struct mt_input *input)
{
    static const char *const labels[] = {"bn", "bt", "bu", "bv", "bs", "bver", "n", "u",
                                         "v",  "vs", "vb", "vd", "s",  "t",    "ut"};
    struct mt_json j = {.at = (const char *)input->bytes,
                        .end = (const char *)input->bytes + input->len};
    struct mt_json_text text;
    char buffer[8];
    if (!mt_json_take(&j, '[') || !mt_json_take(&j, '{') ||
        mt_json_string(&text, &j, buffer, sizeof(buffer)) != MT_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (text.len == strlen(labels[i]) && memcmp(text.at, labels[i], text.len) == 0) {
            return true;
        }
    }
    return false;
}

/* MT_OK for bytes that are a pack, good or bad; MT_NEED_MORE; MT_NOT_FOUND. */
static enum mt_status recognise(const struct mt_input *input)
{
    if (begins_as_json(input)) {
        size_t end = input->len;
        while (end > 0 && strchr(" \t\r\n", input->bytes[end - 1]) != NULL) {
            end--;
        }
        bool ends = end > 0 && input->bytes[end - 1] == ']';
        return !has_a_label(input) ? MT_NOT_FOUND : ends ? MT_OK : MT_NEED_MORE;
    }
    /* CBOR is dense: only a pack that is right as far as it goes is taken for one. */
    struct mt_cursor cursor = mt_cursor_over(input->bytes, input->len);
    struct mt_senml_cbor cbor;
    struct mt_senml_record record;
    enum mt_status status = mt_senml_cbor_open(&cbor, &cursor);
    size_t count = 0;
    while (status == MT_OK) {
        status = mt_senml_cbor_next(&record, &cbor);
        count += status == MT_OK && record.present != 0;
    }
    if (count == 0) {
        return MT_NOT_FOUND;
    }
    return status == MT_NO_READING ? MT_OK : cursor.overrun ? MT_NEED_MORE : MT_NOT_FOUND;
}

enum mt_status mt_senml_find(size_t *start, const struct mt_input *input)
{
    MT_CHECK(start != NULL && input != NULL);
    enum mt_status status = recognise(input);
    *start = status == MT_NOT_FOUND ? input->len : 0;
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

static const struct unit *find_unit(const struct mt_senml_text *text)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (mt_senml_is(text, units[i].unit, strlen(units[i].unit))) {
            return &units[i];
        }
    }
    return &unknown;
}

/* A number, and what its base adds to it, with all digits. */
static enum mt_status add_base(struct mt_value *value, const struct mt_senml_number *number,
                               const struct mt_senml_number *base)
{
    int64_t sum;
    int8_t exponent;
    int64_t more;
    int8_t more_exponent;
    enum mt_status status = mt_senml_decimal(&sum, &exponent, number);
    if (status == MT_OK && base != NULL) {
        status = mt_senml_decimal(&more, &more_exponent, base);
        for (; status == MT_OK && exponent > more_exponent; exponent--) {
            status = __builtin_mul_overflow(sum, 10, &sum) ? MT_BAD_RANGE : MT_OK;
        }
        for (; status == MT_OK && more_exponent > exponent; more_exponent--) {
            status = __builtin_mul_overflow(more, 10, &more) ? MT_BAD_RANGE : MT_OK;
        }
        if (status == MT_OK && __builtin_add_overflow(sum, more, &sum)) {
            status = MT_BAD_RANGE;
        }
    }
    if (status == MT_OK) {
        value->mantissa = sum;
        value->exponent = exponent;
    }
    return status;
}

/* "1.8.2": one digit each is all that meters send here. Another name leaves the code empty. */
static void read_obis(struct mt_obis *obis, const struct mt_senml_text *name)
{
    const char *t = name->at;
    bool fits = name->len == 5 && t[1] == '.' && t[3] == '.';
    for (size_t i = 0; fits && i < 5; i += 2) {
        fits = t[i] >= '0' && t[i] <= '9';
    }
    if (fits) {
        *obis = (struct mt_obis){(uint8_t)(t[0] - '0'), (uint8_t)(t[2] - '0'),
                                 (uint8_t)(t[4] - '0'), MT_OBIS_CURRENT};
    }
}

/* The medium whose total has this name and unit; MT_MEDIUM_OTHER for none. */
static enum mt_medium medium_of(const struct mt_obis *obis, const char *unit)
{
    bool energy = strcmp(unit, "Wh") == 0 || strcmp(unit, "kWh") == 0;
    bool volume = strcmp(unit, "m3") == 0 || strcmp(unit, "l") == 0;
    if (obis->e != 0 || (!energy && !volume)) {
        return MT_MEDIUM_OTHER;
    }
    if (obis->c == 1 && obis->d == 8) {
        return energy ? MT_POWER : MT_MEDIUM_OTHER;
    }
    if (obis->d != 0 || (obis->c == 3 && !volume)) {
        return MT_MEDIUM_OTHER;
    }
    return obis->c == 3 ? MT_GAS : obis->c != 1 ? MT_MEDIUM_OTHER : energy ? MT_HEAT : MT_WATER;
}

/* Is the record of the device whose record came first? */
static bool is_first_device(struct pack *p, const struct mt_senml_text *prefix)
{
    if (p->prefix_len == 0 && prefix->len > 0 && prefix->len <= sizeof(p->prefix)) {
        memcpy(p->prefix, prefix->at, prefix->len);
        p->prefix_len = prefix->len;
    }
    bool same = prefix->len == p->prefix_len && memcmp(prefix->at, p->prefix, prefix->len) == 0;
    p->several = p->several || !same;
    return same;
}

/* What a record is, beside its numbers. */
struct told {
    struct mt_lwm2m_claim claim;
    const struct unit *unit;
    struct mt_obis obis;
};

static enum mt_status add_value(struct mt_lwm2m_gather *g, const struct mt_value *read,
                                const struct mt_lwm2m_claim *claim)
{
    struct mt_value *value = mt_frame_add(g->frame);
    if (value == NULL) {
        return claim->rank > 0 ? MT_TOO_LARGE : MT_OK;
    }
    *value = *read;
    return claim->rank > 0 ? mt_lwm2m_total(g, claim) : MT_OK;
}

static enum mt_status take_value(struct mt_lwm2m_gather *g, const struct mt_senml_resolved *r,
                                 struct told *told)
{
    struct mt_value value = {.name = told->unit->name,
                             .unit = told->unit->unit,
                             .obis = told->obis};
    enum mt_medium medium = medium_of(&told->obis, value.unit);
    told->claim.object = OBJECT_OBIS - (int32_t)medium;
    told->claim.medium = (uint8_t)medium;
    told->claim.rank = medium != MT_MEDIUM_OTHER ? 1 : 0;
    enum mt_status status = add_base(&value, &r->value, r->has_base_value ? &r->base_value : NULL);
    return status == MT_OK ? add_value(g, &value, &told->claim) : status;
}

/* RFC 8428, 4.3: a sum is in the record's unit times seconds. */
static enum mt_status take_sum(struct mt_lwm2m_gather *g, const struct pack *p,
                               const struct mt_senml_number *sum, struct told *told)
{
    struct mt_value value = {.name = "sum over time",
                             .unit = told->unit->sum,
                             .obis = {.f = MT_OBIS_CURRENT}};
    bool volume = strcmp(value.unit, "m3") == 0 || strcmp(value.unit, "l") == 0;
    told->claim.object = OBJECT_SUM;
    told->claim.medium = MT_MEDIUM_OTHER;
    told->claim.rank = volume ? 1 : 0;
    enum mt_status status = add_base(&value, sum, p->has_base_sum ? &p->base_sum : NULL);
    return status == MT_OK ? add_value(g, &value, &told->claim) : status;
}

static enum mt_status take_time(struct mt_lwm2m_gather *g, struct pack *p,
                                const struct mt_senml_resolved *r, struct mt_lwm2m_claim *claim)
{
    if (r->time_us < RELATIVE_BELOW_US) {
        return MT_OK;
    }
    enum mt_status status = mt_senml_time_us(&claim->time_us, &p->base, r);
    claim->has_time = status == MT_OK;
    if (claim->has_time) {
        p->first_time_us = p->first_time_us == 0 ? claim->time_us : p->first_time_us;
        p->several_times = p->several_times || p->first_time_us != claim->time_us;
        g->newest_us = claim->time_us > g->newest_us ? claim->time_us : g->newest_us;
    }
    return status;
}

static enum mt_status take_resource(struct mt_lwm2m_gather *g, const struct mt_lwm2m_path *path,
                                    const struct mt_senml_resolved *r,
                                    const struct mt_lwm2m_claim *claim)
{
    struct mt_value value;
    enum mt_status status = add_base(&value, &r->value, r->has_base_value ? &r->base_value : NULL);
    struct mt_lwm2m_item item = {.path = *path,
                                 .form = MT_LWM2M_NUMBER,
                                 .has_time = claim->has_time,
                                 .time_us = claim->time_us};
    if (status != MT_OK) {
        return status;
    }
    item.number = (struct mt_senml_number){MT_SENML_DECIMAL, value.exponent, value.mantissa};
    return mt_lwm2m_take(g, &item);
}

static enum mt_status take_record(struct mt_lwm2m_gather *g, struct pack *p,
                                  const struct mt_senml_record *record)
{
    struct mt_senml_resolved r;
    struct told told = {.obis = {.f = MT_OBIS_CURRENT}};
    if ((record->present & MT_SENML_BS) != 0) {
        p->has_base_sum = true;
        p->base_sum = record->bs;
    }
    enum mt_status status = mt_senml_resolve(&r, &p->base, record);
    status = status == MT_OK ? take_time(g, p, &r, &told.claim) : status;
    told.unit = status == MT_OK ? find_unit(&r.unit) : &unknown;
    g->meaning = told.unit->name;
    if (status != MT_OK) {
        return status;
    }
    struct mt_lwm2m_path path;
    if (r.prefix.len > 0 && r.prefix.at[0] == '/' &&
        mt_lwm2m_path(&path, r.prefix.at, r.prefix.len + r.name.len)) {
        return r.has_value ? take_resource(g, &path, &r, &told.claim) : MT_OK;
    }
    told.claim.instance = is_first_device(p, &r.prefix) ? 0 : 1;
    if (r.has_value) {
        read_obis(&told.obis, &r.name);
        status = take_value(g, &r, &told);
    }
    bool sums = (record->present & MT_SENML_S) != 0;
    return status == MT_OK && sums ? take_sum(g, p, &record->s, &told) : status;
}

/* Registers of bands are of the moment of the total only when there is but one moment. */
static void settle_bands(struct mt_frame *frame, const struct pack *p)
{
    for (uint32_t i = 0; i < frame->value_count && (p->several_times || p->several); i++) {
        if (frame->values[i].obis.e != 0) {
            frame->values[i].obis.f = 1;
        }
    }
}

/* The number out of "...:number:". A name that is no number leaves it empty. */
static void identify(struct mt_identity *identity, const struct pack *p)
{
    size_t end = p->prefix_len > 0 ? p->prefix_len - 1 : 0; /* without its last separator */
    size_t first = end;
    while (first > 0 && p->prefix[first - 1] != ':' && p->prefix[first - 1] != '/') {
        first--;
    }
    struct mt_identity named;
    if (mt_name_parse(&named, p->prefix + first, end - first) == MT_OK) {
        memcpy(identity->maker, named.maker, sizeof(named.maker));
        memcpy(identity->number, named.number, sizeof(named.number));
        return;
    }
    bool fits = end - first <= MT_NUMBER_MAX && !p->several;
    for (size_t i = first; i < end; i++) {
        char c = p->prefix[i];
        fits = fits && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'));
    }
    if (fits) {
        memcpy(identity->number, p->prefix + first, end - first);
    }
}

static enum mt_status read_records(struct mt_lwm2m_gather *g, struct pack *p,
                                   const struct mt_input *input)
{
    struct mt_senml_record record;
    enum mt_status status = open_pack(p, input);
    if (status == MT_OK) {
        mt_trace_field(input->trace, input->bytes, (size_t)(place(p) - input->bytes), "pack",
                       p->is_json ? "records in JSON" : "records in CBOR");
    }
    while (status == MT_OK) {
        const uint8_t *first = place(p);
        status = next(&record, p);
        if (status == MT_NO_READING && place(p) > first) {
            mt_trace_field(input->trace, first, (size_t)(place(p) - first), "end", NULL);
        }
        if (status == MT_OK) {
            status = take_record(g, p, &record);
            mt_trace_field(input->trace, first, (size_t)(place(p) - first), "record", g->meaning);
        }
        if (status != MT_OK && status != MT_NO_READING) {
            mt_trace_fault(input->trace, first, (size_t)(place(p) - first),
                           "the record is malformed, or its number, name or time cannot be");
        }
    }
    return status;
}

enum mt_status mt_senml_decode(struct mt_frame *out, size_t *used, const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL && input != NULL);
    enum mt_status status = recognise(input);
    *used = status == MT_NEED_MORE ? 0 : input->len;
    if (status != MT_OK) {
        return status;
    }
    struct mt_frame frame;
    struct mt_lwm2m_gather gather;
    struct pack pack;
    mt_lwm2m_gather_init(&gather, &frame);
    frame.protocol = "senml";
    status = read_records(&gather, &pack, input);
    if (status != MT_NO_READING) {
        return status; /* a pack ends so when everything was taken */
    }
    settle_bands(&frame, &pack);
    status = mt_lwm2m_finish(&gather);
    if (!mt_status_is_told(status)) {
        return status;
    }
    identify(&frame.identity, &pack);
    *out = frame;
    return status == MT_UNSUPPORTED ? MT_NO_READING : status;
}

/* ---- building ------------------------------------------------------------------------------- */

static void write_register(struct mt_writer *w, const char *name, const char *unit, int64_t value)
{
    mt_cbor_write_int(w, 0);
    mt_cbor_write_text(w, name, 5);
    mt_cbor_write_int(w, 1);
    mt_cbor_write_text(w, unit, strlen(unit));
    mt_cbor_write_int(w, 2);
    if (strcmp(unit, "l") == 0) {
        mt_cbor_write_decimal(w, value, -3); /* of ml */
    } else {
        mt_cbor_write_int(w, value);
    }
}

static bool is_sendable(const struct mt_reading *reading)
{
    bool fits = reading->total >= 0 && reading->total <= MT_REGISTER_MAX;
    for (uint32_t i = 0; i < MT_BANDS; i++) {
        fits = fits && ((reading->band_mask >> i & 1u) == 0 ||
                        (reading->band[i] >= 0 && reading->band[i] <= MT_REGISTER_MAX));
    }
    return fits && (reading->time_us == 0 || (reading->time_us >= RELATIVE_BELOW_US &&
                                              reading->time_us <= MT_TIME_S_MAX * 1000000));
}

static uint32_t count_bits(uint8_t mask)
{
    uint32_t count = 0;
    for (; mask != 0; mask &= (uint8_t)(mask - 1)) {
        count++;
    }
    return count;
}

enum mt_status mt_senml_build(uint8_t *out, size_t *out_len, size_t out_max,
                              const struct mt_sending *sending)
{
    MT_CHECK(out != NULL && out_len != NULL && sending != NULL);
    const struct mt_reading *reading = &sending->reading;
    enum mt_medium medium = (enum mt_medium)sending->identity.medium;
    uint8_t mask = medium == MT_POWER ? reading->band_mask : 0;
    if (medium > MT_HEAT) {
        return MT_UNSUPPORTED;
    }
    if (!is_sendable(reading)) {
        return MT_BAD_RANGE;
    }
    char base[MT_NUMBER_MAX + 1];
    size_t base_len = strlen(sending->identity.number);
    memcpy(base, sending->identity.number, base_len);
    base[base_len] = ':';
    const char *unit = mt_senml_unit(medium);
    struct mt_writer w = mt_writer_into(out, out_max);
    mt_cbor_write_head(&w, MT_CBOR_ARRAY, 1 + count_bits(mask));
    mt_cbor_write_head(&w, MT_CBOR_MAP, 3u + (base_len > 0) + (reading->time_us != 0));
    if (base_len > 0) {
        mt_cbor_write_int(&w, -2);
        mt_cbor_write_text(&w, base, base_len + 1);
    }
    if (reading->time_us != 0) {
        mt_cbor_write_int(&w, -3);
        mt_cbor_write_decimal(&w, reading->time_us, -6);
    }
    write_register(&w, mt_senml_total_name(medium), unit, reading->total);
    for (uint32_t i = 0; i < MT_BANDS; i++) {
        char name[] = "1.8.0";
        name[4] = (char)('1' + i);
        if ((mask >> i & 1u) != 0) {
            mt_cbor_write_head(&w, MT_CBOR_MAP, 3);
            write_register(&w, name, unit, reading->band[i]);
        }
    }
    *out_len = mt_writer_len(&w);
    return w.overflow ? MT_TOO_LARGE : MT_OK;
}
