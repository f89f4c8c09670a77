/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The door's hands: datagrams in and out in bulk, under libcoap's own calls. */
#define _GNU_SOURCE /* recvmmsg, sendmmsg */

#include "gateway/adapters/coap_door_io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#define CONTROL_BYTES 64u
#define BUFFER_BYTES (8 << 20) /* a burst of all meters of a street must not be dropped */
#define ALIAS_NET 0xF0000000u
#define ALIAS_PORT 5684u

struct gw_door_datagram {
    struct gw_peer peer;
    int fd;
    size_t len;
    size_t control_len;
    _Alignas(16) uint8_t control[CONTROL_BYTES]; /* on which of our addresses it came or leaves */
    uint8_t bytes[GW_DOOR_DATAGRAM_MAX + 8];
};

static _Thread_local struct gw_door_io *attached;

int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

bool gw_door_io_init(struct gw_door_io *io)
{
    io->in = aligned_alloc(64, sizeof *io->in * GW_DOOR_BATCH);
    io->out = aligned_alloc(64, sizeof *io->out * GW_DOOR_BATCH);
    return io->in != NULL && io->out != NULL;
}

_Static_assert(sizeof(struct gw_door_datagram) * GW_DOOR_BATCH % 64 == 0, "for aligned_alloc");

void gw_door_io_deinit(struct gw_door_io *io)
{
    free(io->in);
    free(io->out);
}

void gw_door_io_attach(struct gw_door_io *io)
{
    attached = io;
}

struct gw_door_io *gw_door_io_attached(void)
{
    return attached;
}

/* ---- endpoints -------------------------------------------------------------------------------- */

void gw_door_io_expect(struct gw_door_io *io, bool dtls)
{
    io->expecting = true;
    io->expect_dtls = dtls;
}

void gw_door_io_expected(struct gw_door_io *io)
{
    io->expecting = false;
}

int gw_door_io_endpoint(const struct gw_door_io *io, const void *mark)
{
    for (int i = 0; i < io->endpoint_count; i++) {
        if (io->endpoints[i].mark == mark) {
            return i;
        }
    }
    return -1;
}

static int endpoint_by_fd(const struct gw_door_io *io, int fd)
{
    for (int i = 0; i < io->endpoint_count; i++) {
        if (io->endpoints[i].fd == fd) {
            return i;
        }
    }
    return -1;
}

/* libcoap tells nobody an endpoint's descriptor; it adds it to its epoll descriptor, though. */
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    struct gw_door_io *io = attached;
    int done = __real_epoll_ctl(epfd, op, fd, event);
    if (done != 0 || io == NULL || !io->expecting || op != EPOLL_CTL_ADD ||
        io->endpoint_count == GW_DOOR_SOCKETS_MAX) {
        return done;
    }
    io->endpoints[io->endpoint_count].mark = event->data.ptr;
    io->endpoints[io->endpoint_count].fd = fd;
    io->endpoints[io->endpoint_count].dtls = io->expect_dtls;
    io->endpoint_count++;
    const int none = 0;
    const int size = BUFFER_BYTES;
    /* libcoap allows others to bind the same port. From here on nobody takes our datagrams away, and a
     * second gateway is told that the port is in use. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &none, sizeof none); /* the flag is there */
    /* Beyond the system's limit only as root; what it grants is better than what it was. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    return done;
}

/* ---- in --------------------------------------------------------------------------------------- */

unsigned gw_door_io_receive(struct gw_door_io *io, uint8_t endpoint)
{
    struct mmsghdr headers[GW_DOOR_BATCH];
    struct iovec parts[GW_DOOR_BATCH];
    memset(headers, 0, sizeof headers);
    for (unsigned i = 0; i < GW_DOOR_BATCH; i++) {
        struct gw_door_datagram *datagram = &io->in[i];
        parts[i] = (struct iovec){datagram->bytes, GW_DOOR_DATAGRAM_MAX + 1};
        memset(&datagram->peer, 0, sizeof datagram->peer);
        headers[i].msg_hdr.msg_name = &datagram->peer.address;
        headers[i].msg_hdr.msg_namelen = sizeof datagram->peer.address;
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_control = datagram->control;
        headers[i].msg_hdr.msg_controllen = sizeof datagram->control;
    }
    int got = recvmmsg(io->endpoints[endpoint].fd, headers, GW_DOOR_BATCH, MSG_DONTWAIT, NULL);
    io->in_next = 0;
    io->in_count = got > 0 ? (unsigned)got : 0; /* an error is one of a datagram long gone */
    io->in_endpoint = endpoint;
    for (unsigned i = 0; i < io->in_count; i++) {
        io->in[i].len = headers[i].msg_len;
        io->in[i].control_len = headers[i].msg_hdr.msg_controllen;
        io->in[i].peer.len = headers[i].msg_hdr.msg_namelen;
        if (io->in[i].peer.len > sizeof io->in[i].peer.address) {
            io->in[i].len = 0; /* no address of ours is so long: dropped below */
        }
    }
    return io->in_count;
}

uint64_t gw_door_io_end(struct gw_door_io *io)
{
    uint64_t dropped = io->dropped;
    io->dropped = 0;
    io->in_next = io->in_count = 0;
    return dropped;
}

/* Give libcoap the next datagram of the batch, with the alias for its peer. */
static ssize_t datagram_give(struct gw_door_io *io, struct msghdr *message)
{
    const struct gw_door_datagram *datagram = &io->in[io->in_next++];
    uint32_t slot = 0;
    if (datagram->len == 0 || datagram->len > GW_DOOR_DATAGRAM_MAX ||
        datagram->len > message->msg_iov[0].iov_len) {
        io->dropped++;
    } else {
        slot = gw_door_route(io, &datagram->peer, io->in_endpoint, datagram->bytes, datagram->len);
    }
    if (slot == 0) {
        errno =
            ECONNREFUSED; /* libcoap takes this for an ICMP message, and goes on without a word */
        return -1;
    }
    struct sockaddr_in alias = {.sin_family = AF_INET,
                                .sin_port = htons(ALIAS_PORT),
                                .sin_addr.s_addr = htonl(ALIAS_NET | slot)};
    MT_CHECK(message->msg_namelen >= sizeof alias);
    memcpy(message->msg_name, &alias, sizeof alias);
    message->msg_namelen = sizeof alias;
    memcpy(message->msg_iov[0].iov_base, datagram->bytes, datagram->len);
    size_t control_len = datagram->control_len;
    if (control_len > message->msg_controllen) {
        control_len = 0;
    }
    memcpy(message->msg_control, datagram->control, control_len);
    message->msg_controllen = control_len;
    message->msg_flags = 0;
    return (ssize_t)datagram->len;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
    struct gw_door_io *io = attached;
    if (io == NULL || endpoint_by_fd(io, fd) < 0) {
        return __real_recvmsg(fd, message, flags);
    }
    if (io->in_next == io->in_count) {
        errno = ECONNREFUSED;
        return -1;
    }
    return datagram_give(io, message);
}

/* ---- out -------------------------------------------------------------------------------------- */

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct gw_door_io *io = attached;
    if (io == NULL || endpoint_by_fd(io, fd) < 0) {
        return __real_sendmsg(fd, message, flags);
    }
    const struct sockaddr_in *alias = message->msg_name;
    size_t len = message->msg_iov[0].iov_len;
    MT_CHECK(message->msg_iovlen == 1 && alias != NULL && alias->sin_family == AF_INET);
    if (io->out_count == GW_DOOR_BATCH) {
        io->unsent += gw_door_io_flush(io);
    }
    struct gw_door_datagram *datagram = &io->out[io->out_count];
    if (len > sizeof datagram->bytes || message->msg_controllen > sizeof datagram->control) {
        errno = EMSGSIZE;
        return -1;
    }
    if (!gw_door_leaving(&datagram->peer, io, ntohl(alias->sin_addr.s_addr),
                         message->msg_iov[0].iov_base, len)) {
        return (ssize_t)len; /* to a session that is over: UDP may lose anything */
    }
    datagram->fd = fd;
    datagram->len = len;
    datagram->control_len = message->msg_control != NULL ? message->msg_controllen : 0;
    memcpy(datagram->bytes, message->msg_iov[0].iov_base, len);
    if (datagram->control_len > 0) {
        memcpy(datagram->control, message->msg_control, datagram->control_len);
    }
    io->out_count++;
    return (ssize_t)len;
}

void gw_door_io_answer(struct gw_door_io *io, const uint8_t *bytes, size_t len)
{
    MT_CHECK(io->in_next > 0);
    const struct gw_door_datagram *asked = &io->in[io->in_next - 1];
    if (io->out_count == GW_DOOR_BATCH) {
        io->unsent += gw_door_io_flush(io);
    }
    struct gw_door_datagram *answer = &io->out[io->out_count];
    MT_CHECK(len <= sizeof answer->bytes);
    answer->peer = asked->peer;
    answer->fd = io->endpoints[io->in_endpoint].fd;
    answer->len = len;
    /* The kernel takes back what it gave: the address that it came to is the one that it leaves. */
    answer->control_len = asked->control_len;
    memcpy(answer->control, asked->control, asked->control_len);
    memcpy(answer->bytes, bytes, len);
    io->out_count++;
}

/* Send a run of datagrams of one socket. Returns how many went. */
static unsigned send_run(int fd, struct gw_door_datagram *run, unsigned count)
{
    struct mmsghdr headers[GW_DOOR_BATCH];
    struct iovec parts[GW_DOOR_BATCH];
    memset(headers, 0, sizeof headers[0] * count);
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct iovec){run[i].bytes, run[i].len};
        headers[i].msg_hdr.msg_name = &run[i].peer.address;
        headers[i].msg_hdr.msg_namelen = run[i].peer.len;
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_control = run[i].control_len > 0 ? run[i].control : NULL;
        headers[i].msg_hdr.msg_controllen = run[i].control_len;
    }
    unsigned sent = 0;
    unsigned failed = 0;
    for (unsigned tries = 0; sent + failed < count && tries < 2 * GW_DOOR_BATCH; tries++) {
        unsigned at = sent + failed;
        int done = sendmmsg(fd, headers + at, count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done > 0) {
            sent += (unsigned)done;
        } else if (done < 0 && errno == EAGAIN && tries == 0) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            (void)poll(&p, 1, 5); /* a moment's patience; then it is lost, as UDP may lose it */
        } else if (done < 0 && errno != EINTR) {
            failed++; /* this one cannot be sent: unreachable, refused; go on behind it */
        }
    }
    return sent;
}

uint64_t gw_door_io_flush(struct gw_door_io *io)
{
    uint64_t unsent = io->unsent;
    io->unsent = 0;
    unsigned at = 0;
    while (at < io->out_count) {
        unsigned end = at + 1;
        while (end < io->out_count && io->out[end].fd == io->out[at].fd) {
            end++;
        }
        unsent += end - at - send_run(io->out[at].fd, io->out + at, end - at);
        at = end;
    }
    io->out_count = 0;
    return unsent;
}
