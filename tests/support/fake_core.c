/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A stand-in for the core's thread; see the header. */
#include "tests/support/fake_core.h"

#include <poll.h>
#include <string.h>

static void text_take(char *out, bool *has, const char *text, size_t len)
{
    *has = text != NULL;
    memcpy(out, text != NULL ? text : "", text != NULL ? len : 0);
    out[text != NULL ? len : 0] = '\0';
}

static void remember(struct fake_core *core, const struct gw_message *message)
{
    bool has_name;
    pthread_mutex_lock(&core->mutex);
    struct fake_message *last = &core->last;
    last->form = message->form;
    text_take(last->name, &has_name, message->name, message->name_len);
    text_take(last->identity, &last->has_identity, message->identity, message->identity_len);
    text_take(last->protocol, &last->has_protocol, message->protocol, message->protocol_len);
    last->len = message->len;
    memcpy(last->bytes, message->bytes, message->len);
    pthread_mutex_unlock(&core->mutex);
}

static enum gw_verdict judge(const struct fake_core *core, const struct gw_message *message)
{
    if (atomic_load(&core->refuse_all)) {
        return GW_REFUSED_STOPPED;
    }
    if (message->identity != NULL &&
        (message->identity_len != message->name_len ||
         memcmp(message->identity, message->name, message->name_len) != 0)) {
        return GW_REFUSED_STRANGER;
    }
    if (message->len > GW_MESSAGE_BYTES_MAX) {
        return GW_REFUSED_TOO_LARGE;
    }
    return message->len > 0 && message->bytes[0] == 'X' ? GW_REFUSED_AUTHENTIC : GW_ACCEPTED;
}

static void take(struct fake_core *core, const struct gw_message *message)
{
    struct gw_reply *reply = &core->batch[core->batch_count++];
    memset(reply, 0, sizeof *reply);
    reply->reply = message->reply;
    reply->transport = message->transport;
    reply->verdict = (uint8_t)judge(core, message);
    reply->name_len = (uint8_t)(message->name_len < MT_NAME_MAX ? message->name_len : MT_NAME_MAX);
    memcpy(reply->name, message->name, reply->name_len);
    if (reply->verdict == GW_ACCEPTED) {
        size_t n = message->len < 20 ? message->len : 20;
        memcpy(reply->receipt, "ok:", 3);
        memcpy(reply->receipt + 3, message->bytes, n);
        reply->receipt_len = (uint8_t)(3 + n);
    }
    remember(core, message);
    atomic_fetch_add(&core->seen, 1);
}

static void *run(void *self)
{
    struct fake_core *core = self;
    while (!atomic_load(&core->stop)) {
        struct gw_message message;
        while (core->batch_count < FAKE_CORE_BATCH && !atomic_load(&core->deaf) &&
               gw_inbox_get(core->inbox, &message)) {
            take(core, &message);
            gw_inbox_release(core->inbox);
        }
        if (core->batch_count > 0 && !atomic_load(&core->hold)) {
            for (uint32_t i = 0; i < core->batch_count; i++) {
                core->reply(core->adapter, &core->batch[i]);
            }
            core->batch_count = 0;
            continue;
        }
        gw_bell_arm(&core->bell);
        bool busy = atomic_load(&core->hold) || atomic_load(&core->deaf);
        if (busy || gw_ring_empty(core->inbox)) {
            struct pollfd p = {.fd = core->bell.fd, .events = POLLIN};
            (void)poll(&p, 1, 20); /* short: the flags above have no bell */
        }
        gw_bell_disarm(&core->bell);
    }
    return NULL;
}

void fake_core_init(struct fake_core *core)
{
    memset(core, 0, sizeof *core);
    pthread_mutex_init(&core->mutex, NULL);
    MT_CHECK(gw_bell_init(&core->bell) == GW_OK);
}

void fake_core_start(struct fake_core *core, struct gw_ring *inbox, void *adapter,
                     void (*reply)(void *adapter, const struct gw_reply *reply))
{
    core->inbox = inbox;
    core->adapter = adapter;
    core->reply = reply;
    atomic_store(&core->stop, false);
    MT_CHECK(pthread_create(&core->thread, NULL, run, core) == 0);
}

void fake_core_stop(struct fake_core *core)
{
    atomic_store(&core->stop, true);
    gw_bell_ring(&core->bell);
    MT_CHECK(pthread_join(core->thread, NULL) == 0);
}

void fake_core_deinit(struct fake_core *core)
{
    gw_bell_deinit(&core->bell);
    pthread_mutex_destroy(&core->mutex);
}

struct fake_message fake_core_last(struct fake_core *core)
{
    pthread_mutex_lock(&core->mutex);
    struct fake_message last = core->last;
    pthread_mutex_unlock(&core->mutex);
    return last;
}

bool fake_core_wait_seen(struct fake_core *core, uint64_t wanted, int timeout_ms)
{
    for (int waited = 0; atomic_load(&core->seen) < wanted; waited += 2) {
        if (waited >= timeout_ms) {
            return false;
        }
        (void)poll(NULL, 0, 2);
    }
    return true;
}
