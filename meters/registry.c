/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The protocols that are known; see the header. */
#include "meters/registry.h"

#include <string.h>

#include "meters/cjt188.h"
#include "meters/dlms.h"
#include "meters/dlt645.h"
#include "meters/dlt698.h"
#include "meters/iec62056.h"
#include "meters/lwm2m.h"
#include "meters/maker_layout.h"
#include "meters/mbus.h"
#include "meters/p1.h"
#include "meters/senml_frame.h"
#include "meters/sml.h"
#include "meters/wmbus.h"

/* In order of preference where the same bytes could be either: the stricter layout first. */
static const struct mt_protocol protocols[] = {
    {"dlt645", "DL/T 645 (electricity)", mt_dlt645_find, mt_dlt645_decode, mt_dlt645_build_sending},
    {"cat1", "CAT1 water meters (a maker's own)", mt_cat1_find, mt_cat1_decode, mt_cat1_build},
    {"axioma-lora", "LoRaWAN water meters of Axioma", mt_maker_unnamed_find, mt_axioma_lora_decode,
     mt_axioma_lora_build},
    {"elvaco-lora", "LoRaWAN heat meters with Elvaco's modules", mt_maker_unnamed_find,
     mt_elvaco_lora_decode, mt_elvaco_lora_build},
    {"kamstrup-lora", "LoRaWAN water meters of Kamstrup", mt_maker_unnamed_find,
     mt_kamstrup_lora_decode, mt_kamstrup_lora_build},
    {"dlt698", "DL/T 698.45 (electricity)", mt_dlt698_find, mt_dlt698_decode,
     mt_dlt698_build_sending},
    {"cjt188", "CJ/T 188 (water, gas, heat)", mt_cjt188_find, mt_cjt188_decode,
     mt_cjt188_build_sending},
    {"dlms", "DLMS/COSEM push (IEC 62056)", mt_dlms_find, mt_dlms_decode, mt_dlms_build},
    {"mbus", "M-Bus, wired (EN 13757-2, -3)", mt_mbus_find, mt_mbus_decode, mt_mbus_build},
    {"p1", "DSMR P1 (electricity)", mt_p1_find, mt_p1_decode, mt_p1_build},
    {"iec62056", "IEC 62056-21 (readouts in text)", mt_iec62056_find, mt_iec62056_decode,
     mt_iec62056_build},
    {"sml", "SML (electricity meters in Germany)", mt_sml_find, mt_sml_decode, mt_sml_build},
    {"wmbus", "wireless M-Bus (EN 13757-4, OMS)", mt_wmbus_find, mt_wmbus_decode, mt_wmbus_build},
    {"senml", "SenML (RFC 8428; JSON, CBOR)", mt_senml_find, mt_senml_decode, mt_senml_build},
    {"lwm2m", "LwM2M meter objects (TLV, JSON, text)", mt_lwm2m_find, mt_lwm2m_decode,
     mt_lwm2m_build},
};

#define PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const struct mt_protocol *mt_protocol_at(size_t index)
{
    return index < PROTOCOLS ? &protocols[index] : NULL;
}

const struct mt_protocol *mt_protocol_find(const char *name, size_t name_len)
{
    MT_CHECK(name != NULL || name_len == 0);
    for (size_t i = 0; i < PROTOCOLS && name_len > 0; i++) {
        if (strlen(protocols[i].name) == name_len &&
            memcmp(protocols[i].name, name, name_len) == 0) {
            return &protocols[i];
        }
    }
    return NULL;
}

/* What a protocol found. */
struct finding {
    enum mt_status status;
    size_t start;
};

/* How much a finding says: a whole frame most; then one that is broken, which is whole by its own
 * length, or torn; then nothing. */
static int rank(enum mt_status status)
{
    return status == MT_OK ? 2 : status == MT_NEED_MORE || status == MT_BAD_CHECKSUM ? 1 : 0;
}

/* A broken frame holds what seems to begin inside of it; a torn one all that follows. So of these it is
 * the first that says what the bytes are, and the broken one where both begin at the same byte: its
 * structure is right to its end, and of the torn one only a few bytes are known. */
static bool says_more(const struct finding *a, const struct finding *b)
{
    if (rank(a->status) != rank(b->status) || rank(a->status) == 0) {
        return rank(a->status) > rank(b->status);
    }
    return a->start != b->start ? a->start < b->start
                                : a->status == MT_BAD_CHECKSUM && b->status == MT_NEED_MORE;
}

/* The protocol that has the most to say about the bytes; the first frame of equals. */
static const struct mt_protocol *recognise(size_t *start, enum mt_status *status,
                                           const struct mt_input *input)
{
    const struct mt_protocol *best = NULL;
    struct finding most = {MT_NOT_FOUND, input->len};
    for (size_t i = 0; i < PROTOCOLS; i++) {
        struct finding found;
        found.status = protocols[i].find(&found.start, input);
        if (says_more(&found, &most)) {
            best = &protocols[i];
            most = found;
        }
    }
    *status = most.status;
    /* Without a frame that is whole or may become so nothing is worth reading again. */
    *start = most.status == MT_OK || most.status == MT_NEED_MORE ? most.start : input->len;
    return best;
}

/* A listener between a decoder and who asked, which notices whether a reason was given. */
struct witness {
    struct mt_trace trace; /* first: the decoder's pointer is this struct */
    struct mt_trace *to;
    bool has_reason;
};

static void pass_field(struct mt_trace *trace, const uint8_t *at, size_t len, const char *what,
                       const char *meaning)
{
    mt_trace_field(((struct witness *)trace)->to, at, len, what, meaning);
}

static void pass_layer(struct mt_trace *trace, const uint8_t *bytes, size_t len, const char *what)
{
    mt_trace_layer(((struct witness *)trace)->to, bytes, len, what);
}

static void pass_fault(struct mt_trace *trace, const uint8_t *at, size_t len, const char *why)
{
    struct witness *witness = (struct witness *)trace;
    witness->has_reason = true;
    mt_trace_fault(witness->to, at, len, why);
}

/* The reason where the decoder saw nothing but the whole: NULL where there is nothing to be said. */
static const char *plain_reason(enum mt_status status)
{
    if (status == MT_NEED_MORE) {
        return "what begins here is not whole: its end is missing";
    }
    if (status == MT_UNSUPPORTED) {
        return "the frame is whole, and what it holds is in no table here";
    }
    bool is_quiet = status == MT_OK || status == MT_NO_READING || status == MT_NOT_FOUND;
    return is_quiet ? NULL : "the contents are not what the standard says";
}

/* Decode for a listener: every refusal has a reason. */
static enum mt_status decode_told(struct mt_frame *out, size_t *used,
                                  const struct mt_protocol *protocol, const struct mt_input *input)
{
    struct witness witness = {.trace = {pass_field, pass_layer, pass_fault}, .to = input->trace};
    struct mt_input witnessed = *input;
    witnessed.trace = &witness.trace;
    enum mt_status status = protocol->decode(out, used, &witnessed);
    const char *why = witness.has_reason ? NULL : plain_reason(status);
    if (why != NULL && input->len > 0) {
        size_t from = status == MT_NEED_MORE ? *used : 0;
        size_t to = status == MT_NEED_MORE ? input->len : *used;
        mt_trace_layer(input->trace, NULL, 0, NULL);
        mt_trace_fault(input->trace, input->bytes + from, to - from, why);
    }
    return status;
}

enum mt_status mt_decode(struct mt_frame *out, size_t *used, const struct mt_protocol *protocol,
                         const struct mt_input *input)
{
    MT_CHECK(out != NULL && used != NULL);
    MT_CHECK(input != NULL && (input->bytes != NULL || input->len == 0));
    MT_CHECK(input->key != NULL || input->key_len == 0);
    if (protocol == NULL) {
        enum mt_status status;
        protocol = recognise(used, &status, input);
        if (protocol == NULL || (status != MT_OK && input->trace == NULL)) {
            return status;
        }
    }
    return input->trace != NULL ? decode_told(out, used, protocol, input)
                                : protocol->decode(out, used, input);
}

const char *mt_status_text(enum mt_status status)
{
    switch (status) {
    case MT_OK:
        return "decoded";
    case MT_NEED_MORE:
        return "the bytes end before the frame does";
    case MT_BAD_CHECKSUM:
        return "the checksum differs: the frame was damaged on its way";
    case MT_BAD_DIGIT:
        return "a digit is none: a decimal field holds something else";
    case MT_BAD_LAYOUT:
        return "the structure contradicts the standard";
    case MT_BAD_UNIT:
        return "the unit is missing, unknown, or not one of this register";
    case MT_BAD_RANGE:
        return "a number or a time is out of range";
    case MT_UNSUPPORTED:
        return "well-formed, but of a kind that is not decoded here";
    case MT_NOT_AUTHENTIC:
        return "not authentic: the key is another, or the bytes were changed";
    case MT_NO_READING:
        return "well-formed, but it carries no register";
    case MT_TOO_LARGE:
        return "more bytes, records or nesting than the limits allow";
    case MT_NOT_FOUND:
        return "no frame of a known protocol in these bytes";
    case MT_NO_KEY:
        return "encrypted: give the meter's key";
    }
    return "unknown status";
}
