/* SPDX-License-Identifier: GPL-3.0-or-later */
/** A stand-in for the core's thread: it takes an adapter's messages and answers them in "commits".
 *
 *  It knows three rules of the real one: an identity that is not the name is a stranger, a message too
 *  large is refused, and one whose bytes begin with 'X' is refused as not authentic. All others are
 *  accepted, and get the receipt "ok:" and the first bytes of the message.
 */
#ifndef TESTS_SUPPORT_FAKE_CORE_H
#define TESTS_SUPPORT_FAKE_CORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "gateway/adapters/inbox.h"

#define FAKE_CORE_BATCH 256u

/** The last message, copied. */
struct fake_message {
    uint8_t form;
    char name[GW_INBOX_TEXT_MAX + 1];
    bool has_identity;
    char identity[GW_INBOX_TEXT_MAX + 1];
    bool has_protocol;
    char protocol[GW_INBOX_TEXT_MAX + 1];
    size_t len;
    uint8_t bytes[GW_MESSAGE_BYTES_MAX + 1];
};

struct fake_core {
    struct gw_bell bell; /**< For the adapter's configuration. */
    struct gw_ring *inbox;
    void (*reply)(void *adapter, const struct gw_reply *reply);
    void *adapter;
    _Atomic bool stop;
    _Atomic bool hold;       /**< Take, but do not commit. */
    _Atomic bool deaf;       /**< Do not even take. */
    _Atomic bool refuse_all; /**< Answer as with a full disk. */
    _Atomic uint64_t seen;
    pthread_mutex_t mutex;
    struct fake_message last;
    pthread_t thread;
    uint32_t batch_count;
    struct gw_reply batch[FAKE_CORE_BATCH];
};

/** Before the adapter is opened: its bell. */
void fake_core_init(struct fake_core *core);
/** With the adapter open. */
void fake_core_start(struct fake_core *core, struct gw_ring *inbox, void *adapter,
                     void (*reply)(void *adapter, const struct gw_reply *reply));
/** Before the adapter is closed. */
void fake_core_stop(struct fake_core *core);
void fake_core_deinit(struct fake_core *core);
/** A copy of the newest message. */
struct fake_message fake_core_last(struct fake_core *core);
/** Wait until so many were seen. Returns false after the timeout. */
bool fake_core_wait_seen(struct fake_core *core, uint64_t count, int timeout_ms);

#endif
