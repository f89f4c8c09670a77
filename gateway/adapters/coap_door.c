/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The door between UDP sockets and libcoap: admission and aliases. Bulk IO is in coap_door_io.c. */
#include "gateway/adapters/coap_door.h"

#include <errno.h>
#include <gnutls/dtls.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "gateway/adapters/coap_door_io.h"

/* Declared by no header of libcoap: frees a session that nobody references. The public way, to
 * disconnect and wait for the walk, ends neither a session without DTLS nor a hello that failed. */
void coap_session_free(coap_session_t *session);

#define ALIAS_NET 0xF0000000u /* 240.0.0.0/4: reserved, on no wire (RFC 1112, 4) */
#define ALIAS_MASK 0x0FFFFFFFu

#define HALF_OPEN_MS 20000
#define EVICT_IDLE_MS 10000
#define EVICT_LOOKS 64u
#define HANDSHAKES_PER_S 3000
#define HANDSHAKES_BURST 1024
#define COOKIE_KEY_BYTES 32u
#define COOKIE_KEY_MS 60000
#define WALK_MS 20
#define WALK_SHARE 50 /* the walk gets a fiftieth of the time at most */
/* A datagram can end two sessions: the one it replaces and one that makes room. */
#define RETIRED_MAX (2u * GW_DOOR_BATCH)
#define SPARE_SLOTS (2u * RETIRED_MAX)

enum state { FREE, HANDSHAKE, OPEN, PLAIN };

struct slot {
    uint8_t state;
    uint8_t endpoint;
    bool ending; /* nothing more goes in or out */
    bool named;  /* the table leads from the address to this slot */
    uint32_t next, prev;
    coap_session_t *session;
    uint64_t hello; /* of the ClientHello's random */
    int64_t heard_ms;
    struct gw_peer peer;
};

/** A list of slots through next and prev, oldest first. 0 is no slot. */
struct list {
    uint32_t first, last, count;
};

struct gw_door {
    struct gw_door_io io; /* first: coap_door_io.c finds the door by it */
    struct gw_door_config config;
    coap_context_t *context;
    struct slot *slots;
    uint32_t slot_count; /* 1 .. slot_count */
    uint32_t *table;     /* address -> slot */
    uint32_t table_mask;
    uint64_t seed;
    struct list unused, handshakes;
    uint32_t open_count, plain_count;
    uint32_t hand; /* where the search for an idle session goes on */
    uint32_t retired[RETIRED_MAX];
    uint32_t retired_count;
    int64_t now_ms;
    int64_t handshakes_left;                  /* in thousandths */
    uint8_t cookie_keys[2][COOKIE_KEY_BYTES]; /* this minute's, and the one before */
    int64_t cookie_key_ms;
    const gnutls_dtls_prestate_st *admitted; /* of the ClientHello that libcoap is looking at */
    gnutls_dtls_prestate_st prestate;
    int64_t walk_after_ms;
    bool walk_wanted, walking;
    struct gw_door_counters counters;
};

static int64_t monotonic_us(void)
{
    struct timespec t;
    MT_CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, (const uint8_t *)bytes + at, len - at < 8 ? len - at : 8);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 29;
    }
    return hash;
}

/* ---- lists ------------------------------------------------------------------------------------ */

static void list_add(struct gw_door *door, struct list *list, uint32_t i)
{
    struct slot *slot = &door->slots[i];
    slot->next = 0;
    slot->prev = list->last;
    if (list->last != 0) {
        door->slots[list->last].next = i;
    } else {
        list->first = i;
    }
    list->last = i;
    list->count++;
}

static void list_remove(struct gw_door *door, struct list *list, uint32_t i)
{
    const struct slot *slot = &door->slots[i];
    MT_CHECK(list->count > 0);
    if (slot->prev != 0) {
        door->slots[slot->prev].next = slot->next;
    } else {
        list->first = slot->next;
    }
    if (slot->next != 0) {
        door->slots[slot->next].prev = slot->prev;
    } else {
        list->last = slot->prev;
    }
    list->count--;
}

/* ---- from address to slot --------------------------------------------------------------------- */

static uint32_t home_of(const struct gw_door *door, const struct gw_peer *peer, uint8_t endpoint)
{
    uint64_t hash = mix(door->seed ^ endpoint, &peer->address, peer->len);
    return (uint32_t)(hash >> 32) & door->table_mask;
}

static bool peer_is(const struct slot *slot, const struct gw_peer *peer, uint8_t endpoint)
{
    return slot->endpoint == endpoint && slot->peer.len == peer->len &&
           memcmp(&slot->peer.address, &peer->address, peer->len) == 0;
}

/* Where in the table the peer is, or the free place where it belongs. */
static uint32_t table_find(const struct gw_door *door, const struct gw_peer *peer, uint8_t endpoint)
{
    uint32_t at = home_of(door, peer, endpoint);
    while (door->table[at] != 0 && !peer_is(&door->slots[door->table[at]], peer, endpoint)) {
        at = (at + 1) & door->table_mask; /* ends: half of the table is free at least */
    }
    return at;
}

static void slot_name(struct gw_door *door, uint32_t i)
{
    struct slot *slot = &door->slots[i];
    uint32_t at = table_find(door, &slot->peer, slot->endpoint);
    MT_CHECK(door->table[at] == 0);
    door->table[at] = i;
    slot->named = true;
}

static void slot_unname(struct gw_door *door, uint32_t i)
{
    struct slot *slot = &door->slots[i];
    if (!slot->named) {
        return;
    }
    slot->named = false;
    uint32_t hole = table_find(door, &slot->peer, slot->endpoint);
    MT_CHECK(door->table[hole] == i);
    door->table[hole] = 0;
    /* Close the gap: whatever could not stand where it belongs because of it moves up. */
    for (uint32_t at = (hole + 1) & door->table_mask; door->table[at] != 0;
         at = (at + 1) & door->table_mask) {
        const struct slot *other = &door->slots[door->table[at]];
        uint32_t home = home_of(door, &other->peer, other->endpoint);
        if (((at - home) & door->table_mask) >= ((at - hole) & door->table_mask)) {
            door->table[hole] = door->table[at];
            door->table[at] = 0;
            hole = at;
        }
    }
}

/* ---- slots ------------------------------------------------------------------------------------ */

static void state_count(struct gw_door *door, uint32_t i, int by)
{
    switch ((enum state)door->slots[i].state) {
    case FREE:
        (by > 0 ? list_add : list_remove)(door, &door->unused, i);
        break;
    case HANDSHAKE:
        (by > 0 ? list_add : list_remove)(door, &door->handshakes, i);
        break;
    case OPEN:
        door->open_count += (uint32_t)by;
        break;
    case PLAIN:
        door->plain_count += (uint32_t)by;
        break;
    }
}

static void state_set(struct gw_door *door, uint32_t i, enum state state)
{
    state_count(door, i, -1);
    door->slots[i].state = (uint8_t)state;
    state_count(door, i, 1);
    door->counters.open = door->open_count;
    door->counters.half_open = door->handshakes.count;
}

/* The slot's session is gone. */
static void slot_release(struct gw_door *door, uint32_t i)
{
    slot_unname(door, i);
    door->slots[i].session = NULL;
    door->slots[i].ending = false;
    state_set(door, i, FREE);
}

/* Let a session end, at the latest when the datagrams at hand are served. */
static void slot_retire(struct gw_door *door, uint32_t i)
{
    if (door->slots[i].ending || door->retired_count == RETIRED_MAX) {
        return;
    }
    door->slots[i].ending = true;
    slot_unname(door, i);
    door->retired[door->retired_count++] = i;
}

/* End a session. Outside of libcoap's own work only: it frees what libcoap may be looking at. */
static void session_end(struct gw_door *door, uint32_t i)
{
    struct slot *slot = &door->slots[i];
    if (slot->session == NULL) {
        slot_release(door, i);
        return;
    }
    door->counters.lost += slot->state == HANDSHAKE;
    door->config.gone(door->config.arg, i, slot->session);
    if (slot->state != OPEN) {
        coap_session_free(
            slot->session); /* without an event; `gone` gave the last reference back */
        slot_release(door, i);
        return;
    }
    /* libcoap may hold it too, for an unacknowledged notification. That goes with this; then the walk
     * frees it and tells gw_door_session_freed. */
    coap_session_disconnected(slot->session, COAP_NACK_TLS_FAILED);
    door->walk_wanted = true;
    door->walk_after_ms = 0;
}

static void retired_end(struct gw_door *door)
{
    while (door->retired_count > 0) {
        uint32_t i = door->retired[--door->retired_count];
        if (door->slots[i].ending) { /* unless libcoap freed it meanwhile */
            session_end(door, i);
        }
    }
}

/* Find a session that was silent for a while, and let it end. Looks at a bounded number of slots. */
static bool idle_retire(struct gw_door *door, enum state state)
{
    for (uint32_t n = 0; n < EVICT_LOOKS; n++) {
        door->hand = door->hand % door->slot_count + 1;
        const struct slot *slot = &door->slots[door->hand];
        if (slot->state == state && !slot->ending &&
            door->now_ms - slot->heard_ms >= EVICT_IDLE_MS) {
            door->counters.evicted++;
            slot_retire(door, door->hand);
            return true;
        }
    }
    return false;
}

/* May one more handshake begin? Makes room where it may. */
static bool handshake_allowed(struct gw_door *door)
{
    if (door->handshakes_left < 1000) {
        return false;
    }
    if (door->handshakes.count >= door->config.half_open_max) {
        slot_retire(door, door->handshakes.first);
    }
    if (door->open_count + door->handshakes.count >= door->config.sessions_max &&
        !idle_retire(door, OPEN)) {
        return false;
    }
    door->handshakes_left -= 1000;
    return true;
}

static bool plain_allowed(struct gw_door *door)
{
    return door->plain_count < door->config.plain_max || idle_retire(door, PLAIN);
}

/* A slot for a newcomer, or 0. */
static uint32_t admit(struct gw_door *door, const struct gw_peer *peer, uint8_t endpoint,
                      enum state state)
{
    bool allowed = state == PLAIN ? plain_allowed(door) : handshake_allowed(door);
    if (!allowed || door->unused.count == 0) {
        door->counters.turned_away++;
        return 0;
    }
    uint32_t i = door->unused.first;
    struct slot *slot = &door->slots[i];
    slot->peer = *peer;
    slot->endpoint = endpoint;
    slot->hello = 0;
    state_set(door, i, state);
    slot_name(door, i);
    return i;
}

/* ---- cookies ---------------------------------------------------------------------------------- */

/* RFC 6347, 4.1 and 4.2.2: record header of 13 bytes, handshake header of 12, version, random. */
enum {
    RECORD_TYPE = 0,
    RECORD_EPOCH = 3,
    HANDSHAKE_TYPE = 13,
    HELLO_RANDOM = 27,
    RANDOM_BYTES = 32
};
enum { TYPE_HANDSHAKE = 22, CLIENT_HELLO = 1 };

/** What a cookie vouches for. */
struct cookie_claim {
    struct gw_peer peer;
    uint8_t random[RANDOM_BYTES]; /* the same in both of a client's hellos: RFC 6347, 4.2.1 */
    uint8_t endpoint;
};

static bool is_client_hello(const uint8_t *bytes, size_t len)
{
    return len >= HELLO_RANDOM + RANDOM_BYTES && bytes[RECORD_TYPE] == TYPE_HANDSHAKE &&
           bytes[RECORD_EPOCH] == 0 && bytes[RECORD_EPOCH + 1] == 0 &&
           bytes[HANDSHAKE_TYPE] == CLIENT_HELLO;
}

static ssize_t cookie_push(gnutls_transport_ptr_t to, const void *bytes, size_t len)
{
    gw_door_io_answer(to, bytes, len);
    return (ssize_t)len;
}

/* True when the hello returns a cookie of ours; else it is sent one. */
static bool cookie_checked(struct gw_door *door, const struct gw_peer *peer, uint8_t endpoint,
                           const uint8_t *bytes, size_t len)
{
    struct cookie_claim claim;
    memset(&claim, 0, sizeof claim); /* its padding is part of the hash */
    claim.peer = *peer;
    claim.endpoint = endpoint;
    memcpy(claim.random, bytes + HELLO_RANDOM, RANDOM_BYTES);
    void *hello; /* GnuTLS asks for a pointer that is not const, and reads only */
    memcpy(&hello, &bytes, sizeof hello);
    for (unsigned i = 0; i < 2; i++) {
        gnutls_datum_t key = {door->cookie_keys[i], COOKIE_KEY_BYTES};
        memset(&door->prestate, 0, sizeof door->prestate);
        if (gnutls_dtls_cookie_verify(&key, &claim, sizeof claim, hello, len, &door->prestate) >=
            0) {
            return true;
        }
    }
    gnutls_datum_t key = {door->cookie_keys[0], COOKIE_KEY_BYTES};
    memset(&door->prestate, 0, sizeof door->prestate);
    /* A failure to answer is the loss of a datagram: the client sends its hello again. */
    (void)gnutls_dtls_cookie_send(&key, &claim, sizeof claim, &door->prestate, &door->io,
                                  cookie_push);
    return false;
}

int __real_gnutls_dtls_cookie_verify(gnutls_datum_t *key, void *client_data,
                                     size_t client_data_size, void *msg, size_t msg_size,
                                     gnutls_dtls_prestate_st *prestate);
int __wrap_gnutls_dtls_cookie_verify(gnutls_datum_t *key, void *client_data,
                                     size_t client_data_size, void *msg, size_t msg_size,
                                     gnutls_dtls_prestate_st *prestate);

/* libcoap asks about the cookie of a ClientHello that the door let in: that was asked already. */
int __wrap_gnutls_dtls_cookie_verify(gnutls_datum_t *key, void *client_data,
                                     size_t client_data_size, void *msg, size_t msg_size,
                                     gnutls_dtls_prestate_st *prestate)
{
    const struct gw_door *door = (const struct gw_door *)gw_door_io_attached();
    if (door != NULL && door->admitted != NULL) {
        *prestate = *door->admitted;
        return 0;
    }
    return __real_gnutls_dtls_cookie_verify(key, client_data, client_data_size, msg, msg_size,
                                            prestate);
}

static bool random_bytes(void *out, size_t len)
{
    return getrandom(out, len, 0) == (ssize_t)len;
}

static void cookie_key_change(struct gw_door *door)
{
    uint8_t fresh[COOKIE_KEY_BYTES];
    if (door->now_ms - door->cookie_key_ms >= COOKIE_KEY_MS && random_bytes(fresh, sizeof fresh)) {
        memcpy(door->cookie_keys[1], door->cookie_keys[0], COOKIE_KEY_BYTES);
        memcpy(door->cookie_keys[0], fresh, COOKIE_KEY_BYTES);
        door->cookie_key_ms = door->now_ms;
    }
}

/* ---- what comes in ---------------------------------------------------------------------------- */

/* A ClientHello. i: the slot of its address, or 0. */
static uint32_t route_hello(struct gw_door *door, uint32_t i, const struct gw_peer *peer,
                            const uint8_t *bytes, size_t len)
{
    uint8_t endpoint = door->io.in_endpoint;
    if (!cookie_checked(door, peer, endpoint, bytes, len)) {
        return 0;
    }
    uint64_t hello = mix(door->seed, bytes + HELLO_RANDOM, RANDOM_BYTES) | 1;
    if (i != 0 && door->slots[i].hello == hello) {
        /* Sent again: the handshake under way answers it; one that is done does not need it. */
        door->admitted = &door->prestate;
        return door->slots[i].state == HANDSHAKE ? i : 0;
    }
    if (i != 0) {
        door->counters.restarted += door->slots[i].state == OPEN;
        slot_retire(door, i);
    }
    i = admit(door, peer, endpoint, HANDSHAKE);
    if (i != 0) {
        door->slots[i].hello = hello;
        door->admitted = &door->prestate;
    }
    return i;
}

static uint32_t route(struct gw_door *door, const struct gw_peer *peer, uint8_t endpoint,
                      const uint8_t *bytes, size_t len)
{
    uint32_t i = door->table[table_find(door, peer, endpoint)];
    if (!door->io.endpoints[endpoint].dtls) {
        return i != 0 ? i : admit(door, peer, endpoint, PLAIN);
    }
    if (is_client_hello(bytes, len)) {
        return route_hello(door, i, peer, bytes, len);
    }
    door->counters.stray += i == 0;
    return i;
}

uint32_t gw_door_route(struct gw_door_io *io, const struct gw_peer *peer, uint8_t endpoint,
                       const uint8_t *bytes, size_t len)
{
    struct gw_door *door = (struct gw_door *)io;
    door->admitted = NULL;
    uint32_t i = route(door, peer, endpoint, bytes, len);
    if (i != 0) {
        MT_CHECK(!door->slots[i].ending);
        door->slots[i].heard_ms = door->now_ms;
    }
    return i;
}

/* ---- what goes out ---------------------------------------------------------------------------- */

bool gw_door_leaving(struct gw_peer *peer, struct gw_door_io *io, uint32_t alias,
                     const uint8_t *bytes, size_t len)
{
    struct gw_door *door = (struct gw_door *)io;
    uint32_t i = alias & ALIAS_MASK;
    if ((alias & ~ALIAS_MASK) != ALIAS_NET || i == 0 || i > door->slot_count) {
        return false;
    }
    const struct slot *slot = &door->slots[i];
    if (slot->state == FREE || slot->ending) {
        return false;
    }
    /* The first record of a later epoch is our Finished: the handshake is done. */
    if (slot->state == HANDSHAKE && len > RECORD_EPOCH + 1 && bytes[RECORD_EPOCH + 1] > 0) {
        state_set(door, i, OPEN);
    }
    *peer = slot->peer;
    return true;
}

/* ---- libcoap's sessions ----------------------------------------------------------------------- */

uint32_t gw_door_slot(const coap_session_t *session)
{
    const coap_address_t *remote = coap_session_get_addr_remote(session);
    MT_CHECK(remote->addr.sa.sa_family == AF_INET);
    return ntohl(remote->addr.sin.sin_addr.s_addr) & ALIAS_MASK;
}

uint32_t gw_door_slots(const struct gw_door *door)
{
    return door->slot_count;
}

void gw_door_session_made(struct gw_door *door, coap_session_t *session)
{
    uint32_t i = gw_door_slot(session);
    MT_CHECK(i > 0 && i <= door->slot_count);
    door->slots[i].session = session;
}

void gw_door_session_freed(struct gw_door *door, coap_session_t *session)
{
    uint32_t i = gw_door_slot(session);
    MT_CHECK(i > 0 && i <= door->slot_count);
    if (door->slots[i].session == session) {
        door->counters.lost += door->slots[i].state == HANDSHAKE && !door->slots[i].ending;
        door->config.gone(door->config.arg, i, session);
        slot_release(door, i);
    }
}

/* ---- time ------------------------------------------------------------------------------------- */

unsigned int __real_coap_io_prepare_epoll(coap_context_t *context, coap_tick_t now);
unsigned int __wrap_coap_io_prepare_epoll(coap_context_t *context, coap_tick_t now);
void __wrap_coap_ticks(coap_tick_t *t);

unsigned int __wrap_coap_io_prepare_epoll(coap_context_t *context, coap_tick_t now)
{
    struct gw_door *door = (struct gw_door *)gw_door_io_attached();
    if (door != NULL && door->context == context && !door->walking) {
        door->walk_wanted = true;
        return 0;
    }
    return __real_coap_io_prepare_epoll(context, now);
}

_Static_assert(COAP_TICKS_PER_SECOND == 1000, "libcoap's ticks are milliseconds");

void __wrap_coap_ticks(coap_tick_t *t)
{
    *t = (coap_tick_t)(monotonic_us() / 1000);
}

static void walk(struct gw_door *door)
{
    int64_t began_us = monotonic_us();
    door->walking = true;
    /* It sets libcoap's timer to what it returns. */
    (void)coap_io_prepare_epoll(door->context, (coap_tick_t)(began_us / 1000));
    door->walking = false;
    door->walk_wanted = false;
    int64_t rest_ms = (monotonic_us() - began_us) * WALK_SHARE / 1000;
    door->walk_after_ms = door->now_ms + (rest_ms > WALK_MS ? rest_ms : WALK_MS);
}

static void clock_read(struct gw_door *door)
{
    int64_t now_ms = monotonic_us() / 1000;
    const int64_t most = (int64_t)HANDSHAKES_BURST * 1000;
    int64_t left = door->handshakes_left + (now_ms - door->now_ms) * HANDSHAKES_PER_S;
    door->handshakes_left = left < most ? left : most;
    door->now_ms = now_ms;
}

int gw_door_tick(struct gw_door *door, bool urgent)
{
    clock_read(door);
    cookie_key_change(door);
    uint32_t oldest = door->handshakes.first;
    if (oldest != 0 && door->now_ms - door->slots[oldest].heard_ms >= HALF_OPEN_MS) {
        slot_retire(door, oldest);
    }
    retired_end(door);
    if (urgent || (door->walk_wanted && door->now_ms >= door->walk_after_ms)) {
        walk(door);
    }
    gw_door_flush(door);
    if (door->walk_wanted) {
        int64_t left_ms = door->walk_after_ms - door->now_ms;
        return left_ms > 0 ? (int)left_ms : 0;
    }
    return door->handshakes.count > 0 ? 1000 : -1;
}

int64_t gw_door_now_ms(const struct gw_door *door)
{
    return door->now_ms;
}

int gw_door_serve(struct gw_door *door, const struct epoll_event *event)
{
    int endpoint = gw_door_io_endpoint(&door->io, event->data.ptr);
    if (endpoint < 0) {
        return -1;
    }
    clock_read(door);
    struct epoll_event copies[GW_DOOR_BATCH];
    unsigned count = gw_door_io_receive(&door->io, (uint8_t)endpoint);
    for (unsigned i = 0; i < count; i++) {
        copies[i].events = EPOLLIN;
        copies[i].data.ptr = event->data.ptr;
    }
    if (count > 0) {
        /* libcoap reads one datagram an event: as many events as there are datagrams. */
        coap_io_do_epoll(door->context, copies, count);
    }
    door->admitted = NULL;
    door->counters.stray += gw_door_io_end(&door->io);
    retired_end(door);
    return count == GW_DOOR_BATCH ? 1 : 0;
}

void gw_door_flush(struct gw_door *door)
{
    door->counters.unsent += gw_door_io_flush(&door->io);
}

const struct gw_door_counters *gw_door_counters(const struct gw_door *door)
{
    return &door->counters;
}

/* ---- open and close --------------------------------------------------------------------------- */

static bool memory_get(struct gw_door *door)
{
    uint32_t size = 1;
    while (size < 2 * door->slot_count) {
        size *= 2;
    }
    door->table_mask = size - 1;
    door->slots = calloc((size_t)door->slot_count + 1, sizeof *door->slots);
    door->table = calloc(size, sizeof *door->table);
    return gw_door_io_init(&door->io) && door->slots != NULL && door->table != NULL;
}

enum gw_status gw_door_open(struct gw_door **out, const struct gw_door_config *config)
{
    MT_CHECK(config->gone != NULL);
    MT_CHECK(config->sessions_max > 0 && config->half_open_max > 0);
    struct gw_door *door = calloc(1, sizeof *door);
    if (door == NULL) {
        return GW_FULL;
    }
    door->config = *config;
    door->slot_count = config->sessions_max + config->plain_max + SPARE_SLOTS;
    MT_CHECK(door->slot_count <= ALIAS_MASK);
    if (!memory_get(door) || !random_bytes(&door->seed, sizeof door->seed) ||
        !random_bytes(door->cookie_keys, sizeof door->cookie_keys)) {
        gw_door_close(door);
        return GW_FULL;
    }
    for (uint32_t i = 1; i <= door->slot_count; i++) {
        list_add(door, &door->unused, i);
    }
    door->now_ms = door->cookie_key_ms = monotonic_us() / 1000;
    door->handshakes_left = (int64_t)HANDSHAKES_BURST * 1000;
    *out = door;
    return GW_OK;
}

void gw_door_close(struct gw_door *door)
{
    gw_door_io_deinit(&door->io);
    explicit_bzero(door->cookie_keys, sizeof door->cookie_keys);
    free(door->slots);
    free(door->table);
    free(door);
}

void gw_door_set_context(struct gw_door *door, coap_context_t *context)
{
    door->context = context;
}

void gw_door_attach(struct gw_door *door)
{
    gw_door_io_attach(door != NULL ? &door->io : NULL);
}

coap_endpoint_t *gw_door_endpoint(struct gw_door *door, const coap_address_t *address,
                                  coap_proto_t proto)
{
    gw_door_io_expect(&door->io, proto == COAP_PROTO_DTLS);
    errno = 0;
    coap_endpoint_t *endpoint = coap_new_endpoint(door->context, address, proto);
    int error = errno;
    gw_door_io_expected(&door->io);
    errno = error;
    return endpoint;
}
