/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The CoAP adapter's answers after the commit, and notifications. */
#include "gateway/adapters/coap_internal.h"

#define EARLY_ACK_MS 1000 /* a client repeats itself after 2 to 3 s: RFC 7252, 4.2 */
#define EXPIRE_MS 60000
#define REPLIES_PER_ROUND 256u
#define NOTIFY_WINDOW_MS 2000
#define NOTIFY_WINDOW_MAX 256u

void gw_coap_acknowledge(coap_session_t *session, uint16_t mid)
{
    coap_pdu_t *pdu = coap_pdu_init(COAP_MESSAGE_ACK, COAP_EMPTY_CODE, mid, 0);
    if (pdu != NULL) {
        (void)coap_send(session, pdu); /* lost: the client repeats itself */
    }
}

void gw_coap_pending_end(struct gw_coap *coap, struct gw_pending *entry)
{
    coap_session_t *session = entry->session;
    gw_pending_remove(&coap->pending, entry);
    coap_session_release(session);
}

/* ---- answers and notifications ---------------------------------------------------------------- */

static coap_pdu_t *answer_make(coap_session_t *session, const struct gw_pending *entry,
                               const struct gw_reply *reply)
{
    bool piggybacked = entry->confirmable && !entry->acknowledged;
    unsigned code = gw_coap_code((enum gw_verdict)reply->verdict, reply->receipt_len > 0);
    coap_pdu_t *pdu = coap_pdu_init(piggybacked ? COAP_MESSAGE_ACK : COAP_MESSAGE_NON,
                                    (coap_pdu_code_t)COAP_RESPONSE_CODE(code),
                                    piggybacked ? entry->mid : coap_new_message_id(session),
                                    coap_session_max_pdu_size(session));
    if (pdu == NULL) {
        return NULL;
    }
    (void)coap_add_token(pdu, entry->token_len, entry->token); /* a response is small: all fits */
    if (reply->receipt_len > 0) {
        gw_coap_add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, GW_COAP_FORMAT_ENCRYPT0);
    }
    if (code == 503) {
        gw_coap_add_uint(pdu, COAP_OPTION_MAXAGE, GW_COAP_STOPPED_S);
    }
    if (entry->has_block1) {
        gw_coap_add_uint(pdu, COAP_OPTION_BLOCK1, entry->block1);
    }
    if (code == 413) {
        gw_coap_add_uint(pdu, COAP_OPTION_SIZE1, GW_MESSAGE_BYTES_MAX);
    }
    if (reply->receipt_len > 0) {
        (void)coap_add_data(pdu, reply->receipt_len, reply->receipt);
    } else if (code >= 400) {
        gw_coap_add_text(pdu, gw_verdict_advice((enum gw_verdict)reply->verdict));
    }
    return pdu;
}

static void answer_send(struct gw_coap *coap, const struct gw_reply *reply)
{
    struct gw_pending *entry = gw_pending_find(&coap->pending, reply->reply);
    if (entry == NULL) {
        gw_coap_count(&coap->left_out);
        return;
    }
    coap_session_t *session = entry->session;
    coap_pdu_t *pdu = gw_coap_session_stands(session) ? answer_make(session, entry, reply) : NULL;
    if (pdu != NULL && coap_send(session, pdu) != COAP_INVALID_MID) {
        gw_coap_count(&coap->answers);
    } else {
        gw_coap_count(&coap->left_out);
    }
    gw_coap_pending_end(coap, entry);
}

/* Confirmable while few are under way: libcoap keeps them in one list that it searches in order. */
static coap_pdu_type_t notification_type(struct gw_coap *coap)
{
    int64_t now_ms = gw_door_now_ms(coap->door);
    if (now_ms - coap->notify_since_ms >= NOTIFY_WINDOW_MS) {
        coap->notify_since_ms = now_ms;
        coap->notify_count = 0;
    }
    coap->notify_count++;
    return coap->notify_count <= NOTIFY_WINDOW_MAX ? COAP_MESSAGE_CON : COAP_MESSAGE_NON;
}

static void notification_send(struct gw_coap *coap, const struct gw_reply *message)
{
    struct gw_observer *observer =
        gw_observer_find(&coap->observers, message->name, message->name_len);
    if (observer == NULL || !gw_coap_session_stands(observer->session)) {
        gw_coap_count(&coap->unobserved);
        return;
    }
    coap_session_t *session = observer->session;
    coap_pdu_t *pdu =
        coap_pdu_init(notification_type(coap), COAP_RESPONSE_CODE_CONTENT,
                      coap_new_message_id(session), coap_session_max_pdu_size(session));
    if (pdu == NULL) {
        gw_coap_count(&coap->left_out);
        return;
    }
    observer->sequence = (observer->sequence + 1) & 0xFFFFFFu;
    observer->last_len = message->receipt_len;
    memcpy(observer->last, message->receipt, message->receipt_len);
    (void)coap_add_token(pdu, observer->token_len, observer->token); /* all of it fits */
    gw_coap_add_uint(pdu, COAP_OPTION_OBSERVE, observer->sequence);
    gw_coap_add_uint(pdu, COAP_OPTION_CONTENT_FORMAT, GW_COAP_FORMAT_ENCRYPT0);
    (void)coap_add_data(pdu, message->receipt_len, message->receipt);
    /* May call on_nack, and so end this very observation: nothing of it is used below. */
    if (coap_send(session, pdu) != COAP_INVALID_MID) {
        gw_coap_count(&coap->notified);
    } else {
        gw_coap_count(&coap->left_out);
    }
}

void gw_coap_on_nack(coap_session_t *session, const coap_pdu_t *sent,
                     const coap_nack_reason_t reason, const coap_mid_t mid)
{
    (void)sent;
    (void)reason;
    (void)mid;
    /* Only notifications are confirmable here: the meter rejects them or is gone (RFC 7641, 4.5). */
    gw_observer_end(&gw_coap_of(session)->observers, gw_door_slot(session));
}

void gw_coap_replies(struct gw_coap *coap)
{
    struct gw_reply reply;
    for (unsigned n = 0; n < REPLIES_PER_ROUND && gw_outbox_get(&coap->outbound, &reply); n++) {
        if (reply.reply == 0) {
            notification_send(coap, &reply);
        } else {
            answer_send(coap, &reply);
        }
    }
}

/* Commits that take long: first an empty acknowledgement, at last the end. */
void gw_coap_late(struct gw_coap *coap)
{
    int64_t now_ms = gw_door_now_ms(coap->door);
    struct gw_pending *entry;
    while ((entry = gw_pending_unseen(&coap->pending, now_ms - EARLY_ACK_MS)) != NULL) {
        if (entry->confirmable && gw_coap_session_stands(entry->session)) {
            gw_coap_acknowledge(entry->session, entry->mid);
            entry->acknowledged = true;
            gw_coap_count(&coap->late);
        }
    }
    while ((entry = gw_pending_oldest(&coap->pending)) != NULL &&
           now_ms - entry->since_ms >= EXPIRE_MS) {
        gw_coap_pending_end(coap, entry);
        gw_coap_count(&coap->expired);
    }
}
