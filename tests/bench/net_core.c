/* SPDX-License-Identifier: GPL-3.0-or-later */
#define _GNU_SOURCE /* pipe2 */

#include "tests/bench/net_core.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/core/civil.h"

#define QUARTER_US (15 * GW_US_PER_MIN)
#define MESSAGE_ROOM 256u           /* settle_load's */
#define START_US 1772380800000000ll /* settle_load's: 2026-03-02 00:00 local */

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "bench: %s failed: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void seal_all(struct net_core *core)
{
    for (uint64_t at = 0; at < core->message_count;) {
        uint64_t left = core->message_count - at;
        uint32_t count = left < GW_BATCH_MAX ? (uint32_t)left : GW_BATCH_MAX;
        settle_load_seal(&core->load, count);
        for (uint32_t i = 0; i < count; i++, at++) {
            must(core->load.lens[i] <= NET_MESSAGE_BYTES, "a short message");
            core->messages[at].len = core->load.lens[i];
            memcpy(core->messages[at].bytes, core->load.messages + (size_t)i * MESSAGE_ROOM,
                   core->load.lens[i]);
        }
    }
}

void net_core_open(struct net_core *core, uint32_t meters, uint32_t rounds)
{
    char path[96];
    double load_s;
    memset(core, 0, sizeof *core);
    (void)snprintf(core->directory, sizeof core->directory, "/tmp/meterpay-bench-XXXXXX");
    must(mkdtemp(core->directory) != NULL, "a directory for the store");
    (void)snprintf(path, sizeof path, "%s/store.db", core->directory);
    settle_load_open(&core->load, path, meters, &load_s);
    core->message_count = (uint64_t)meters * rounds;
    core->messages = mmap(NULL, core->message_count * sizeof *core->messages,
                          PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(core->messages != MAP_FAILED, "memory for the messages");
    seal_all(core);
    must(gw_bell_init(&core->bell) == GW_OK, "a bell");
}

void net_core_close(struct net_core *core)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    char name[128];
    settle_load_close(&core->load, false);
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(name, sizeof name, "%s/store.db%s", core->directory, suffixes[i]);
        (void)unlink(name); /* what is not there need not be removed */
    }
    (void)rmdir(core->directory);
    (void)munmap(core->messages, core->message_count * sizeof *core->messages);
    gw_bell_deinit(&core->bell);
}

static void derive(uint8_t key[MT_KEY_BYTES], const struct net_core *core, uint32_t n,
                   enum mt_key_purpose purpose)
{
    uint8_t root[MT_KEY_BYTES]; /* as settle_load makes it */
    memset(root, 0x42, sizeof root);
    memcpy(root, &n, sizeof n);
    must(mt_key_derive(key, root, purpose, &core->load.identities[n]) == MT_OK, "derive");
}

void net_down_key(uint8_t key[MT_KEY_BYTES], const struct net_core *core, uint32_t n)
{
    derive(key, core, n, MT_KEY_DOWN);
}

void net_transport_key(uint8_t key[MT_KEY_BYTES], const struct net_core *core, uint32_t n)
{
    derive(key, core, n, MT_KEY_TRANSPORT);
}

/* ---- the loop --------------------------------------------------------------------------------- */

/* Later than every reading that may be under way: all are in order, none from the future. */
static int64_t clock_us(const struct net_core *core, uint64_t taken)
{
    uint64_t round = (taken + core->in_flight_max) / core->load.meters + 2;
    return START_US + (int64_t)round * QUARTER_US;
}

static uint32_t batch(struct net_core *core)
{
    struct gw_message message;
    uint32_t count = 0;
    uint64_t refused = 0;
    gw_core_begin(core->load.core, clock_us(core, atomic_load(&core->taken)));
    while (count < GW_BATCH_MAX && !gw_core_full(core->load.core) &&
           gw_inbox_get(core->inbox, &message)) {
        refused += gw_core_message(core->load.core, &message) > GW_DUPLICATE;
        gw_inbox_release(core->inbox);
        count++;
    }
    (void)gw_core_tick(core->load.core, 512);
    if (count == 0 || !gw_core_pending(core->load.core)) {
        return count;
    }
    double begin_s = bench_wall_s();
    must(gw_core_commit(core->load.core) == GW_OK, "commit");
    int64_t took_us = (int64_t)((bench_wall_s() - begin_s) * 1e6);
    if (took_us > atomic_load(&core->commit_us_max)) {
        atomic_store(&core->commit_us_max, took_us);
    }
    uint32_t replies = 0;
    const struct gw_reply *list = gw_core_replies(core->load.core, &replies);
    for (uint32_t i = 0; i < replies; i++) {
        core->reply(core->adapter, &list[i]);
    }
    atomic_fetch_add(&core->taken, count);
    atomic_fetch_add(&core->refused, refused);
    atomic_fetch_add(&core->commits, 1);
    return count;
}

static void *run(void *self)
{
    struct net_core *core = self;
    while (!atomic_load(&core->stop)) {
        if (batch(core) > 0) {
            continue;
        }
        gw_bell_arm(&core->bell);
        if (gw_ring_empty(core->inbox) && !atomic_load(&core->stop)) {
            struct pollfd p = {.fd = core->bell.fd, .events = POLLIN};
            (void)poll(&p, 1, 1000);
        }
        gw_bell_disarm(&core->bell);
    }
    atomic_fetch_add(&core->cpu_us, (uint64_t)(bench_cpu_s() * 1e6));
    return NULL;
}

void net_core_start(struct net_core *core, struct gw_ring *inbox, void *adapter,
                    void (*reply)(void *adapter, const struct gw_reply *reply))
{
    core->inbox = inbox;
    core->adapter = adapter;
    core->reply = reply;
    atomic_store(&core->stop, false);
    must(pthread_create(&core->thread, NULL, run, core) == 0, "a thread");
}

void net_core_stop(struct net_core *core)
{
    atomic_store(&core->stop, true);
    gw_bell_ring(&core->bell);
    must(pthread_join(core->thread, NULL) == 0, "the end of a thread");
}

/* ---- the child -------------------------------------------------------------------------------- */

void net_child_begin(struct net_child *child, void (*serve)(int from_parent, int to_parent))
{
    int down[2];
    int up[2];
    must(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0, "a pipe");
    (void)fflush(NULL);
    child->pid = fork();
    must(child->pid >= 0, "a child");
    if (child->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive us */
        (void)close(down[1]);
        (void)close(up[0]);
        serve(down[0], up[1]);
        _exit(0);
    }
    (void)close(down[0]);
    (void)close(up[1]);
    child->to = down[1];
    child->from = up[0];
}

void net_child_end(struct net_child *child)
{
    int status = 0;
    (void)close(child->to);
    (void)close(child->from);
    must(waitpid(child->pid, &status, 0) == child->pid && status == 0, "the child");
}

bool net_pipe_read(int fd, void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = read(fd, at, len);
        if (got == 0) {
            return false;
        }
        if (got < 0) {
            must(errno == EINTR, "reading from a pipe");
            continue;
        }
        at += got;
        len -= (size_t)got;
    }
    return true;
}

void net_pipe_write(int fd, const void *bytes, size_t len)
{
    must(write(fd, bytes, len) == (ssize_t)len, "writing to a pipe"); /* shorter than PIPE_BUF */
}
