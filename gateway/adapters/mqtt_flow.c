/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Messages in bulk over the socket of a libmosquitto connection. */
#include "gateway/adapters/mqtt_flow.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* What may stand unprocessed at the buffer's start: a packet, or a large one's header and topic. */
_Static_assert(GW_FLOW_IN_BYTES >= 2 * (UINT16_MAX + 16), "the longest start of a packet must fit");
_Static_assert(GW_FLOW_OUT_BYTES >= 2 * GW_WIRE_PACKET_MAX, "a packet must fit");

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void gw_flow_init(struct gw_flow *flow, const char *prefix, struct gw_ring *inbox,
                  struct gw_flow_counters *counters)
{
    flow->prefix = prefix;
    flow->inbox = inbox;
    flow->counters = counters;
    flow->in_len = flow->skip_bytes = 0;
    flow->out.start = flow->out.len = 0;
}

/* ---- inwards ---------------------------------------------------------------------------------- */

bool gw_flow_deliver(struct gw_flow *flow, const struct gw_wire_publish *publish)
{
    struct gw_topic topic;
    if (!gw_topic_parse(&topic, publish->topic, publish->topic_len, flow->prefix)) {
        count(&flow->counters->foreign);
        return true;
    }
    static const uint8_t nothing[1];
    bool fits = publish->payload_len <= GW_MESSAGE_BYTES_MAX;
    const struct gw_message message = {
        .transport = GW_VIA_MQTT,
        .form = topic.form,
        .name = topic.name,
        .name_len = topic.name_len,
        .protocol = topic.protocol,
        .protocol_len = topic.protocol_len,
        .bytes = fits && publish->payload_len > 0 ? publish->payload : nothing,
        .len = publish->payload_len, /* above the limit the bytes are not looked at */
    };
    if (!gw_inbox_put(flow->inbox, &message)) {
        return false;
    }
    count(&flow->counters->messages);
    if (!fits) {
        count(&flow->counters->oversize);
    }
    return true;
}

/* How many of these bytes come before a packet of another kind. */
static size_t scan(const uint8_t *bytes, size_t len, size_t skip_bytes)
{
    size_t at = skip_bytes;
    while (at < len) {
        struct gw_wire_publish publish;
        enum gw_wire found = gw_wire_next(&publish, bytes + at, len - at);
        if (found == GW_WIRE_OTHER) {
            return at;
        }
        if (found == GW_WIRE_MORE || found == GW_WIRE_BAD) {
            return len; /* the rest belongs to this packet, or to nothing */
        }
        at += publish.packet_len;
    }
    return len;
}

/* Take bytes from the socket behind those that wait. Returns IDLE, AGAIN (some came), CONTROL, LOST. */
static enum gw_flow_state fill(struct gw_flow *flow, int fd)
{
    uint8_t *end = flow->in + flow->in_len;
    size_t room = sizeof flow->in - flow->in_len;
    ssize_t seen = recv(fd, end, room, MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0) {
        return errno == EAGAIN || errno == EINTR ? GW_FLOW_IDLE : GW_FLOW_LOST;
    }
    if (seen == 0) {
        return GW_FLOW_LOST;
    }
    size_t wanted = scan(flow->in, flow->in_len + (size_t)seen, flow->skip_bytes);
    if (wanted <= flow->in_len) {
        return GW_FLOW_CONTROL;
    }
    /* Only this thread reads the socket, so what was seen is there. */
    ssize_t got = recv(fd, end, wanted - flow->in_len, MSG_DONTWAIT);
    if (got <= 0) {
        return GW_FLOW_LOST;
    }
    flow->in_len += (size_t)got;
    return GW_FLOW_AGAIN;
}

/* Hand over the whole packets at in[at..). Returns AGAIN when all of them went, STALLED, LOST. */
static enum gw_flow_state process(struct gw_flow *flow, size_t *at)
{
    while (*at < flow->in_len) {
        struct gw_wire_publish publish;
        enum gw_wire found = gw_wire_next(&publish, flow->in + *at, flow->in_len - *at);
        if (found == GW_WIRE_MORE) {
            return GW_FLOW_AGAIN;
        }
        if (found != GW_WIRE_PUBLISH && found != GW_WIRE_LARGE) {
            return GW_FLOW_LOST;
        }
        if (!gw_flow_deliver(flow, &publish)) {
            return GW_FLOW_STALLED;
        }
        size_t here = flow->in_len - *at;
        size_t used = publish.packet_len < here ? publish.packet_len : here;
        *at += used;
        flow->skip_bytes = publish.packet_len - used;
    }
    return GW_FLOW_AGAIN;
}

static void drop_front(struct gw_flow *flow, size_t n)
{
    if (n > 0) {
        flow->in_len -= n;
        memmove(flow->in, flow->in + n, flow->in_len);
    }
}

/* Drop bytes of a large packet whose payload nobody wants. */
static void skip(struct gw_flow *flow)
{
    size_t n = flow->skip_bytes < flow->in_len ? flow->skip_bytes : flow->in_len;
    flow->skip_bytes -= n;
    drop_front(flow, n);
}

enum gw_flow_state gw_flow_read(struct gw_flow *flow, int fd)
{
    enum gw_flow_state filled = GW_FLOW_AGAIN;
    size_t at = 0;
    enum gw_flow_state state = process(flow, &at); /* what a stall left behind goes first */
    if (state == GW_FLOW_AGAIN) {
        drop_front(flow, at);
        at = 0;
        filled = fill(flow, fd);
        if (filled == GW_FLOW_AGAIN) {
            skip(flow);
            state = process(flow, &at);
        }
    }
    drop_front(flow, at);
    return state == GW_FLOW_AGAIN ? filled : state;
}

/* ---- outwards --------------------------------------------------------------------------------- */

bool gw_flow_put(struct gw_flow_out *out, const struct gw_wire_publish *publish)
{
    if (out->start > 0 && out->start == out->len) {
        out->start = out->len = 0;
    }
    size_t put = gw_wire_put(out->bytes + out->len, sizeof out->bytes - out->len, publish);
    out->len += put;
    return put > 0;
}

enum gw_flow_state gw_flow_write(struct gw_flow_out *out, int fd)
{
    while (out->start < out->len) {
        ssize_t put =
            send(fd, out->bytes + out->start, out->len - out->start, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return errno == EAGAIN ? GW_FLOW_AGAIN : GW_FLOW_LOST;
        }
        out->start += (size_t)put;
    }
    out->start = out->len = 0;
    return GW_FLOW_IDLE;
}

bool gw_flow_write_pending(const struct gw_flow_out *out)
{
    return out->start < out->len;
}
