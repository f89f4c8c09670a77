/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The form in which adapters' threads hand messages to the core's thread, and get replies back. */
#include "gateway/adapters/inbox.h"

#include <string.h>

/** What a record begins with; the three texts and the bytes follow without gaps. */
struct header {
    uint64_t reply;
    uint32_t len; /* of the message, also when its bytes did not come along */
    uint8_t transport;
    uint8_t form;
    uint8_t name_len;
    uint8_t identity_len;
    uint8_t protocol_len;
    uint8_t has_identity; /* NULL and empty are different: nobody vouched, and nobody was named */
    uint8_t has_protocol;
    uint8_t has_bytes;
};

_Static_assert(sizeof(struct header) <= 32, "GW_INBOX_RECORD_MAX counts 32 bytes of header");
_Static_assert(GW_INBOX_TEXT_MAX > MT_NAME_MAX, "a text that was cut is no meter's name");
_Static_assert(GW_INBOX_TEXT_MAX <= UINT8_MAX, "a text's length must fit");

/* What a message that is too large points to instead of its bytes. */
static const uint8_t too_large[GW_MESSAGE_BYTES_MAX + 1];

static uint8_t text_len(size_t len)
{
    return (uint8_t)(len < GW_INBOX_TEXT_MAX ? len : GW_INBOX_TEXT_MAX);
}

static uint8_t *append(uint8_t *at, const void *from, size_t len)
{
    if (len > 0) {
        memcpy(at, from, len);
    }
    return at + len;
}

bool gw_inbox_put(struct gw_ring *ring, const struct gw_message *message)
{
    MT_CHECK(message->name != NULL || message->name_len == 0);
    MT_CHECK(message->bytes != NULL || message->len == 0);
    bool fits = message->len <= GW_MESSAGE_BYTES_MAX;
    struct header head = {
        .reply = message->reply,
        .len = (uint32_t)(fits ? message->len : GW_MESSAGE_BYTES_MAX + 1),
        .transport = message->transport,
        .form = message->form,
        .name_len = text_len(message->name_len),
        .identity_len = message->identity != NULL ? text_len(message->identity_len) : 0,
        .protocol_len = message->protocol != NULL ? text_len(message->protocol_len) : 0,
        .has_identity = message->identity != NULL,
        .has_protocol = message->protocol != NULL,
        .has_bytes = fits,
    };
    size_t bytes = fits ? message->len : 0;
    size_t len = sizeof head + head.name_len + head.identity_len + head.protocol_len + bytes;
    uint8_t *at = gw_ring_reserve(ring, len);
    if (at == NULL) {
        return false;
    }
    at = append(at, &head, sizeof head);
    at = append(at, message->name, head.name_len);
    at = append(at, message->identity, head.identity_len);
    at = append(at, message->protocol, head.protocol_len);
    (void)append(at, message->bytes, bytes); /* the end of the record */
    gw_ring_commit(ring, len);
    return true;
}

bool gw_inbox_has_room(struct gw_ring *ring)
{
    return gw_ring_reserve(ring, GW_INBOX_RECORD_MAX) != NULL;
}

static bool read_record(struct gw_message *message, const uint8_t *record, size_t len)
{
    if (record == NULL) {
        return false;
    }
    struct header head;
    MT_CHECK(len >= sizeof head);
    memcpy(&head, record, sizeof head);
    size_t bytes = head.has_bytes ? head.len : 0;
    MT_CHECK(len == sizeof head + head.name_len + head.identity_len + head.protocol_len + bytes);
    const uint8_t *name = record + sizeof head;
    const uint8_t *identity = name + head.name_len;
    const uint8_t *protocol = identity + head.identity_len;
    *message = (struct gw_message){
        .transport = head.transport,
        .form = head.form,
        .name = (const char *)name,
        .name_len = head.name_len,
        .identity = head.has_identity ? (const char *)identity : NULL,
        .identity_len = head.identity_len,
        .protocol = head.has_protocol ? (const char *)protocol : NULL,
        .protocol_len = head.protocol_len,
        .bytes = head.has_bytes ? protocol + head.protocol_len : too_large,
        .len = head.len,
        .reply = head.reply,
    };
    return true;
}

bool gw_inbox_get(struct gw_ring *ring, struct gw_message *message)
{
    size_t len = 0;
    const uint8_t *record = gw_ring_peek(ring, &len);
    return read_record(message, record, len);
}

bool gw_inbox_ahead(struct gw_ring *ring, uint64_t *ahead, struct gw_message *message)
{
    size_t len = 0;
    const uint8_t *record = gw_ring_ahead(ring, ahead, &len);
    return read_record(message, record, len);
}

void gw_inbox_release(struct gw_ring *ring)
{
    gw_ring_release(ring);
}

static size_t reply_bytes(const struct gw_reply *reply)
{
    MT_CHECK(reply->receipt_len <= sizeof reply->receipt);
    return offsetof(struct gw_reply, receipt) + reply->receipt_len;
}

bool gw_outbox_put(struct gw_ring *ring, const struct gw_reply *reply)
{
    return gw_ring_push(ring, reply, reply_bytes(reply));
}

bool gw_outbox_get(struct gw_ring *ring, struct gw_reply *reply)
{
    size_t len;
    const uint8_t *record = gw_ring_peek(ring, &len);
    if (record == NULL) {
        return false;
    }
    MT_CHECK(len >= offsetof(struct gw_reply, receipt) && len <= sizeof *reply);
    memcpy(reply, record, len);
    MT_CHECK(len == reply_bytes(reply));
    gw_ring_release(ring);
    return true;
}
