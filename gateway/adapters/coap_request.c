/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What the CoAP adapter serves: requests to the core, or answered at once. */
#include "gateway/adapters/coap_internal.h"

#define NO_FORMAT UINT32_MAX

/* ---- what is asked ---------------------------------------------------------------------------- */

#define SEGMENTS_MAX 4u

/** The options of a request that matter here. Texts borrow from the request. */
struct asked {
    const uint8_t *segment[SEGMENTS_MAX];
    size_t segment_len[SEGMENTS_MAX];
    unsigned segments; /* SEGMENTS_MAX: as many, or more */
    const uint8_t *query;
    size_t query_len;
    uint32_t format;
    bool has_observe;
    uint32_t observe;
    bool has_block1;
    uint32_t block1;
};

static void options_read(struct asked *asked, const coap_pdu_t *request)
{
    coap_opt_iterator_t it;
    memset(asked, 0, sizeof *asked);
    asked->format = NO_FORMAT;
    if (coap_option_iterator_init(request, &it, COAP_OPT_ALL) == NULL) {
        return;
    }
    for (const coap_opt_t *o = coap_option_next(&it); o != NULL; o = coap_option_next(&it)) {
        const uint8_t *value = coap_opt_value(o);
        size_t len = coap_opt_length(o);
        if (it.number == COAP_OPTION_URI_PATH && asked->segments < SEGMENTS_MAX) {
            asked->segment[asked->segments] = value;
            asked->segment_len[asked->segments++] = len;
        } else if (it.number == COAP_OPTION_URI_QUERY && asked->query == NULL) {
            asked->query = value;
            asked->query_len = len;
        } else if (it.number == COAP_OPTION_CONTENT_FORMAT) {
            asked->format = coap_decode_var_bytes(value, len);
        } else if (it.number == COAP_OPTION_OBSERVE) {
            asked->has_observe = true;
            asked->observe = coap_decode_var_bytes(value, len);
        } else if (it.number == COAP_OPTION_BLOCK1) {
            asked->has_block1 = true;
            asked->block1 = coap_decode_var_bytes(value, len);
        }
    }
}

static bool segment_is(const struct asked *asked, unsigned i, const char *text)
{
    return asked->segment_len[i] == strlen(text) &&
           memcmp(asked->segment[i], text, asked->segment_len[i]) == 0;
}

static const struct {
    uint16_t format; /* RFC 9052, 8; RFC 8428, 12.3; RFC 7252, 12.3 */
    uint8_t form;
    bool protects_itself;
} formats[] = {
    {GW_COAP_FORMAT_ENCRYPT0, GW_FORM_COSE, true},
    {18, GW_FORM_SIGNED, true},
    {112, GW_FORM_CBOR, false},
    {110, GW_FORM_JSON, false},
    {42, GW_FORM_RAW, false},
};
#define FORMATS (sizeof formats / sizeof formats[0])

static size_t format_find(uint32_t format)
{
    size_t i = 0;
    while (i < FORMATS && formats[i].format != format) {
        i++;
    }
    return i;
}

/* ---- answering at once ------------------------------------------------------------------------ */

static void refuse(struct gw_coap *coap, coap_pdu_t *response, unsigned code, const char *advice)
{
    gw_coap_count(&coap->refused);
    coap_pdu_set_code(response, (coap_pdu_code_t)COAP_RESPONSE_CODE(code));
    if (code == 503 || code == 429) {
        gw_coap_count(&coap->busy);
        gw_coap_add_uint(response, COAP_OPTION_MAXAGE, GW_COAP_BUSY_S);
    }
    if (code == 413) {
        gw_coap_add_uint(response, COAP_OPTION_SIZE1, GW_MESSAGE_BYTES_MAX);
    }
    gw_coap_add_text(response, advice);
}

/* libcoap sends no response that is empty and not confirmable. */
static void answer_later(coap_pdu_t *response)
{
    coap_pdu_set_type(response, COAP_MESSAGE_NON);
}

/* ---- POST /m/<meter> -------------------------------------------------------------------------- */

/** A request on its way to the core. */
struct post {
    coap_session_t *session;
    const coap_pdu_t *request;
    coap_pdu_t *response;
    const struct asked *asked;
    uint32_t slot;
    size_t format; /* index of formats */
};

static void message_put(struct gw_coap *coap, const struct post *post, const uint8_t *bytes,
                        size_t len)
{
    const struct asked *asked = post->asked;
    coap_bin_const_t token = coap_pdu_get_token(post->request);
    struct gw_pending entry = {
        .session = post->session,
        .slot = post->slot,
        .mid = (uint16_t)coap_pdu_get_mid(post->request),
        .confirmable = coap_pdu_get_type(post->request) == COAP_MESSAGE_CON,
        .has_block1 = asked->has_block1,
        .block1 = asked->block1,
        .since_ms = gw_door_now_ms(coap->door),
    };
    entry.token_len = (uint8_t)(token.length < sizeof entry.token ? token.length : 8);
    memcpy(entry.token, token.s, entry.token_len);
    uint64_t handle = 0;
    enum gw_pending_verdict added = gw_pending_add(&handle, &coap->pending, &entry);
    if (added == GW_PENDING_TOO_MANY) {
        refuse(coap, post->response, 429,
               "too many open messages of this session: wait for answers");
        return;
    }
    bool dtls = coap_session_get_proto(post->session) == COAP_PROTO_DTLS;
    const coap_bin_const_t *identity = dtls ? coap_session_get_psk_identity(post->session) : NULL;
    static const char protocol_key[] = "p=";
    bool protocol = asked->query_len > 2 && memcmp(asked->query, protocol_key, 2) == 0;
    const struct gw_message message = {
        .transport = GW_VIA_COAP,
        .form = formats[post->format].form,
        .name = (const char *)asked->segment[1],
        .name_len = asked->segment_len[1],
        .identity = identity != NULL ? (const char *)identity->s : NULL,
        .identity_len = identity != NULL ? identity->length : 0,
        .protocol = protocol ? (const char *)asked->query + 2 : NULL,
        .protocol_len = protocol ? asked->query_len - 2 : 0,
        .bytes = bytes,
        .len = len,
        .reply = handle,
    };
    if (added == GW_PENDING_FULL || !gw_inbox_put(&coap->inbound, &message)) {
        if (added == GW_PENDING_ADDED) {
            gw_pending_remove(&coap->pending, gw_pending_find(&coap->pending, handle));
        }
        refuse(coap, post->response, 503, "the gateway is busy: try again in a few seconds");
        return;
    }
    (void)coap_session_reference(post->session); /* given back with the entry */
    gw_coap_count(&coap->messages);
    answer_later(post->response);
}

static void block_put(struct gw_coap *coap, const struct post *post, const uint8_t *bytes,
                      size_t len)
{
    uint32_t option = post->asked->block1; /* RFC 7959, 2.2: number, more, size exponent */
    const struct gw_block_part part = {
        .slot = post->slot,
        .format = formats[post->format].format,
        .number = option >> 4,
        .more = (option & 8u) != 0,
        .szx = option & 7u,
        .bytes = bytes,
        .len = len,
    };
    struct gw_block *whole = NULL;
    static uint8_t none[1];
    switch (gw_block_take(&whole, &coap->blocks, &part, gw_door_now_ms(coap->door))) {
    case GW_BLOCK_COMPLETE:
        message_put(coap, post, whole->bytes, whole->len);
        gw_block_end(&coap->blocks, whole);
        break;
    case GW_BLOCK_CONTINUE:
        coap_pdu_set_code(post->response, COAP_RESPONSE_CODE_CONTINUE);
        gw_coap_add_uint(post->response, COAP_OPTION_BLOCK1, option);
        break;
    case GW_BLOCK_TOO_LARGE:
        /* The core refuses it, so that the refusal is on record; its bytes do not travel. */
        message_put(coap, post, none, GW_MESSAGE_BYTES_MAX + 1);
        break;
    case GW_BLOCK_INCOMPLETE:
        refuse(coap, post->response, 408,
               "a block is missing: send the message again from block 0");
        break;
    case GW_BLOCK_BUSY:
        refuse(coap, post->response, 503,
               "too many block-wise messages: try again in a few seconds");
        break;
    case GW_BLOCK_MALFORMED:
        refuse(coap, post->response, 400, "a block that is not of the size that it states");
        break;
    }
}

/* The same message again while its answer is pending (RFC 7252, 4.5). */
static bool repeated(struct gw_coap *coap, const struct post *post)
{
    uint16_t mid = (uint16_t)coap_pdu_get_mid(post->request);
    const struct gw_pending *entry = gw_pending_same(&coap->pending, post->slot, mid);
    if (entry == NULL) {
        return false;
    }
    gw_coap_count(&coap->repeated);
    if (entry->confirmable && entry->acknowledged) {
        gw_coap_acknowledge(post->session, mid);
    }
    answer_later(post->response);
    return true;
}

static void on_post(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                    const coap_string_t *query, coap_pdu_t *response)
{
    struct gw_coap *coap = gw_coap_of(session);
    struct asked asked;
    (void)resource;
    (void)query;
    options_read(&asked, request);
    struct post post = {.session = session,
                        .request = request,
                        .response = response,
                        .asked = &asked,
                        .slot = gw_door_slot(session),
                        .format = format_find(asked.format)};
    if (asked.segments != 2 || !segment_is(&asked, 0, "m") || asked.segment_len[1] == 0) {
        refuse(coap, response, 404, "readings are posted to /m/<meter>");
        return;
    }
    if (repeated(coap, &post)) {
        return;
    }
    if (post.format == FORMATS) {
        refuse(coap, response, 415, "Content-Format must be 16, 18, 112, 110 or 42");
        return;
    }
    bool dtls = coap_session_get_proto(session) == COAP_PROTO_DTLS;
    if (!dtls && !formats[post.format].protects_itself) {
        refuse(coap, response, 401, "without DTLS only COSE is taken (Content-Format 16 or 18)");
        return;
    }
    size_t len = 0;
    const uint8_t *bytes = NULL;
    static const uint8_t none[1];
    if (coap_get_data(request, &len, &bytes) == 0) {
        bytes = none;
        len = 0;
    }
    if (asked.has_block1 && asked.block1 != 0) {
        block_put(coap, &post, bytes, len);
    } else {
        message_put(coap, &post, bytes, len);
    }
}

/* ---- GET /m/<meter>/down ---------------------------------------------------------------------- */

static void on_get(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                   const coap_string_t *query, coap_pdu_t *response)
{
    struct gw_coap *coap = gw_coap_of(session);
    struct asked asked;
    (void)resource;
    (void)query;
    options_read(&asked, request);
    if (asked.segments != 3 || !segment_is(&asked, 0, "m") || !segment_is(&asked, 2, "down")) {
        refuse(coap, response, 404, "a meter gets /m/<meter>/down");
        return;
    }
    const char *name = (const char *)asked.segment[1];
    size_t name_len = asked.segment_len[1];
    const coap_bin_const_t *identity = coap_session_get_proto(session) == COAP_PROTO_DTLS
                                           ? coap_session_get_psk_identity(session)
                                           : NULL;
    if (identity == NULL) {
        refuse(coap, response, 401, "messages to a meter need DTLS");
        return;
    }
    if (name_len == 0 || name_len > MT_NAME_MAX || identity->length != name_len ||
        memcmp(identity->s, name, name_len) != 0) {
        refuse(coap, response, 403, "a meter gets messages under its own name only");
        return;
    }
    uint32_t slot = gw_door_slot(session);
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    if (asked.has_observe && asked.observe == COAP_OBSERVE_ESTABLISH) {
        coap_bin_const_t token = coap_pdu_get_token(request);
        struct gw_observer *observer = gw_observer_set(&coap->observers, slot, name, name_len);
        observer->session = session;
        observer->token_len = (uint8_t)(token.length < 8 ? token.length : 8);
        memcpy(observer->token, token.s, observer->token_len);
        gw_coap_add_uint(response, COAP_OPTION_OBSERVE, observer->sequence);
    } else if (asked.has_observe) {
        gw_observer_end(&coap->observers, slot);
    }
    const struct gw_observer *observer = gw_observer_of(&coap->observers, slot);
    gw_coap_add_uint(response, COAP_OPTION_CONTENT_FORMAT, GW_COAP_FORMAT_ENCRYPT0);
    if (observer != NULL && observer->last_len > 0) {
        (void)coap_add_data(response, observer->last_len, observer->last); /* it fits */
    }
}

static void on_root(coap_resource_t *resource, coap_session_t *session, const coap_pdu_t *request,
                    const coap_string_t *query, coap_pdu_t *response)
{
    (void)resource;
    (void)session;
    (void)request;
    (void)query;
    coap_pdu_set_code(response, COAP_RESPONSE_CODE_CONTENT);
    gw_coap_add_uint(response, COAP_OPTION_CONTENT_FORMAT, COAP_MEDIATYPE_TEXT_PLAIN);
    gw_coap_add_text(response, "POST /m/<meter>, GET /m/<meter>/down");
}

bool gw_coap_resources(struct gw_coap *coap)
{
    coap_resource_t *any = coap_resource_unknown_init(NULL);
    coap_resource_t *root = coap_resource_init(coap_make_str_const("m"), 0);
    if (any == NULL || root == NULL) {
        return false;
    }
    coap_register_request_handler(any, COAP_REQUEST_POST, on_post);
    coap_register_request_handler(any, COAP_REQUEST_GET, on_get);
    coap_add_resource(coap->context, any);
    coap_register_request_handler(root, COAP_REQUEST_GET, on_root);
    (void)coap_add_attr(root, coap_make_str_const("rt"), coap_make_str_const("\"meterpay.meters\""),
                        0); /* only for show */
    (void)coap_add_attr(root, coap_make_str_const("ct"),
                        coap_make_str_const("\"16 18 112 110 42\""), 0);
    coap_add_resource(coap->context, root);
    return true;
}
