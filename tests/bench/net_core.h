/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The core's thread as the daemon runs it, on a real store, behind an adapter: for the net benches.
 *
 *  Messages are sealed beforehand and lie in memory that a child process inherits; the child plays the
 *  meters, so that their work is not this process's.
 */
#ifndef TESTS_BENCH_NET_CORE_H
#define TESTS_BENCH_NET_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/adapters/inbox.h"
#include "tests/bench/settle_load.h"

#define NET_MESSAGE_BYTES 190u

/** Sealed messages: that of meter n in round r is at index r * meters + n. */
struct net_message {
    uint16_t len;
    uint8_t bytes[NET_MESSAGE_BYTES];
};

struct net_core {
    struct settle_load load;
    char directory[64];
    struct net_message *messages;
    uint64_t message_count;
    uint32_t
        in_flight_max; /**< Messages that the meters may have under way: the clock runs ahead of them. */
    struct gw_bell bell;
    struct gw_ring *inbox;
    void *adapter;
    void (*reply)(void *adapter, const struct gw_reply *reply);
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint64_t taken;   /**< Messages. */
    _Atomic uint64_t refused; /**< Neither accepted nor a duplicate. */
    _Atomic uint64_t commits;
    _Atomic uint64_t cpu_us; /**< Processor time of the core's thread, of all runs. */
    _Atomic int64_t commit_us_max;
};

/** A new store with so many meters, and so many rounds of messages. Exits with a message on failure. */
void net_core_open(struct net_core *core, uint32_t meters, uint32_t rounds);
void net_core_close(struct net_core *core);

/** The key of messages down to meter n. */
void net_down_key(uint8_t key[MT_KEY_BYTES], const struct net_core *core, uint32_t n);
/** Its pre-shared key. */
void net_transport_key(uint8_t key[MT_KEY_BYTES], const struct net_core *core, uint32_t n);

/** Between these two, messages of the inbox are settled and their replies given. */
void net_core_start(struct net_core *core, struct gw_ring *inbox, void *adapter,
                    void (*reply)(void *adapter, const struct gw_reply *reply));
void net_core_stop(struct net_core *core);

/** Begin a child that serves commands: run reads a command of command_bytes and writes an answer. */
struct net_child {
    pid_t pid;
    int to, from;
};
void net_child_begin(struct net_child *child, void (*serve)(int from_parent, int to_parent));
void net_child_end(struct net_child *child);
/** Write or read all of it, or exit. Returns false at the end of the pipe. */
bool net_pipe_read(int fd, void *out, size_t len);
void net_pipe_write(int fd, const void *bytes, size_t len);

#endif
