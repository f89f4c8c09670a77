/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/poll_line.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 3000
#define TURN_MS 10000
#define TURN_STEP_MS 20

static int64_t real_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* GW_OK: ready; GW_BUSY: the time is up; GW_END: woken. */
static enum gw_status wait_for(const struct gw_line *line, int fd, short events, int64_t until_ms)
{
    struct pollfd fds[2] = {{.fd = fd, .events = events}, {.fd = line->wake_fd, .events = POLLIN}};
    for (;;) {
        int64_t left_ms = until_ms - real_ms();
        int ready = poll(fds, 2, left_ms > 0 ? (int)left_ms : 0);
        if (ready > 0 && fds[1].revents != 0) {
            return GW_END;
        }
        if (ready > 0) {
            return GW_OK;
        }
        if (ready == 0 || errno != EINTR) {
            return GW_BUSY;
        }
    }
}

/* ---- opening --------------------------------------------------------------------------------------- */

static enum gw_status fail(struct gw_line *line, const char *what)
{
    (void)snprintf(line->why, sizeof(line->why), "%.120s %s: %s", line->plan->where, what,
                   strerror(errno)); /* cut is fine */
    gw_line_close(line);
    return GW_IO;
}

static speed_t speed_code(uint32_t speed)
{
    static const struct {
        uint32_t speed;
        speed_t code;
    } known[] = {{300, B300},     {600, B600},      {1200, B1200},   {2400, B2400},
                 {4800, B4800},   {9600, B9600},    {19200, B19200}, {38400, B38400},
                 {57600, B57600}, {115200, B115200}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].speed == speed) {
            return known[i].code;
        }
    }
    return B0;
}

static enum gw_status open_device(struct gw_line *line)
{
    const struct gw_line_plan *plan = line->plan;
    struct termios io;
    speed_t speed = speed_code(plan->speed);
    line->fd = open(plan->where, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (line->fd < 0 || tcgetattr(line->fd, &io) != 0) {
        return fail(line, "cannot be opened as a serial device");
    }
    cfmakeraw(&io);
    io.c_cflag &= ~(tcflag_t)(PARENB | PARODD | CSTOPB | CRTSCTS);
    io.c_cflag |= CLOCAL | CREAD;
    io.c_cflag |= plan->parity != 'N' ? PARENB : 0u;
    io.c_cflag |= plan->parity == 'O' ? PARODD : 0u;
    io.c_cflag |= plan->stop_bits == 2 ? CSTOPB : 0u;
    if (speed == B0 || cfsetspeed(&io, speed) != 0) {
        errno = EINVAL;
        return fail(line, "has no such speed");
    }
    /* What tcsetattr says depends on what was set before (POSIX: it fails when no change at all could
     * be made, and a pseudo-terminal has no parity to change). So what counts is read back. */
    (void)tcsetattr(line->fd, TCSANOW, &io);
    struct termios now;
    bool taken = tcgetattr(line->fd, &now) == 0 && cfgetospeed(&now) == speed &&
                 (now.c_lflag & (tcflag_t)(ICANON | ECHO)) == 0;
    return taken ? GW_OK : fail(line, "cannot be set up");
}

static bool connect_to(struct gw_line *line, const struct addrinfo *at)
{
    int yes = 1;
    int error = 0;
    socklen_t size = sizeof(error);
    line->fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (line->fd < 0) {
        return false;
    }
    int done = connect(line->fd, at->ai_addr, at->ai_addrlen);
    if (done != 0 && errno == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wait_for(line, line->fd, POLLOUT, real_ms() + CONNECT_MS) == GW_OK &&
            getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
            error = errno;
        }
        errno = error;
        done = error;
    }
    /* A slow line without these is a line all the same. */
    (void)setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)setsockopt(line->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
    if (done != 0) {
        errno = error != 0 ? error : errno;
        close(line->fd);
        line->fd = -1;
    }
    return done == 0;
}

static enum gw_status open_tcp(struct gw_line *line)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", line->plan->port);
    int found = getaddrinfo(line->plan->where, port, &hints, &list);
    if (found != 0) {
        (void)snprintf(line->why, sizeof(line->why), "%.120s cannot be found: %.60s",
                       line->plan->where, gai_strerror(found));
        gw_line_close(line);
        return GW_IO;
    }
    bool connected = false;
    for (const struct addrinfo *at = list; at != NULL && !connected; at = at->ai_next) {
        connected = connect_to(line, at);
    }
    int error = errno;
    freeaddrinfo(list);
    errno = error;
    return connected ? GW_OK : fail(line, "cannot be connected to");
}

enum gw_status gw_line_open(struct gw_line *line, const struct gw_line_plan *plan, const char *dir,
                            int wake_fd)
{
    *line = (struct gw_line){.plan = plan, .fd = -1, .lock_fd = -1, .wake_fd = wake_fd};
    if (dir != NULL) {
        char path[600];
        (void)snprintf(path, sizeof(path), "%s/line-%s.lock", dir, plan->name);
        line->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (line->lock_fd < 0) {
            return fail(line, "cannot be locked");
        }
    }
    return plan->is_tcp ? open_tcp(line) : open_device(line);
}

void gw_line_close(struct gw_line *line)
{
    if (line->fd >= 0) {
        close(line->fd);
    }
    if (line->lock_fd >= 0) {
        close(line->lock_fd);
    }
    line->fd = -1;
    line->lock_fd = -1;
}

enum gw_status gw_line_take(struct gw_line *line)
{
    int64_t until_ms = real_ms() + TURN_MS;
    while (line->lock_fd >= 0 && flock(line->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (wait_for(line, -1, 0, real_ms() + TURN_STEP_MS) == GW_END) {
            return GW_END;
        }
        if (real_ms() > until_ms) {
            (void)snprintf(line->why, sizeof(line->why), "another program uses the line %s",
                           line->plan->name);
            return GW_BUSY;
        }
    }
    return GW_OK;
}

void gw_line_give(struct gw_line *line)
{
    if (line->lock_fd >= 0) {
        (void)flock(line->lock_fd, LOCK_UN); /* closing the file would unlock it, too */
    }
}

/* ---- bytes ------------------------------------------------------------------------------------------- */

/* Throw away what came in, until the line has been silent for the gap. */
static enum gw_status quieten(struct gw_line *line)
{
    uint8_t bytes[256];
    int64_t start_ms = real_ms();
    enum gw_status ready = GW_OK;
    /* A line that is never silent is asked all the same, after a second. */
    while (ready == GW_OK && real_ms() - start_ms < 1000) {
        ready = wait_for(line, line->fd, POLLIN, real_ms() + line->plan->gap_ms);
        ssize_t got = ready == GW_OK ? read(line->fd, bytes, sizeof(bytes)) : 1;
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            errno = got == 0 ? EPIPE : errno;
            return fail(line, "was closed from the other side");
        }
    }
    return ready == GW_END ? GW_END : GW_OK;
}

static int64_t sending_ms(const struct gw_line *line, size_t len)
{
    return (int64_t)len * 11 * 1000 / line->plan->speed + 1;
}

enum gw_status gw_line_send(struct gw_line *line, const uint8_t *bytes, size_t len)
{
    int64_t until_ms = real_ms() + sending_ms(line, len) + 1000;
    enum gw_status status = quieten(line);
    for (size_t at = 0; status == GW_OK && at < len;) {
        ssize_t put = write(line->fd, bytes + at, len - at);
        if (put < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(line, "cannot be written to");
        }
        at += put > 0 ? (size_t)put : 0;
        if (put <= 0) {
            status = wait_for(line, line->fd, POLLOUT, until_ms);
        }
    }
    errno = ETIMEDOUT;
    return status == GW_BUSY ? fail(line, "takes no bytes") : status;
}

/* Listen to one answer. */
static enum gw_status listen_to(struct gw_line *line, enum gw_talk_said *said, struct gw_talk *talk)
{
    uint8_t bytes[256];
    int64_t until_ms =
        real_ms() + sending_ms(line, talk->asked_len) + (int64_t)line->plan->answer_ms;
    bool begun = false;
    *said = GW_TALK_MORE;
    while (*said == GW_TALK_MORE) {
        enum gw_status ready = wait_for(line, line->fd, POLLIN, until_ms);
        if (ready == GW_BUSY) {
            *said = gw_talk_timeout(talk);
            return GW_OK;
        }
        ssize_t got = ready == GW_OK ? read(line->fd, bytes, sizeof(bytes)) : -1;
        if (ready != GW_OK) {
            return ready;
        }
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            errno = got == 0 ? EPIPE : errno;
            return fail(line, "was closed from the other side");
        }
        if (got > 0 && !begun) {
            begun = true; /* an echo comes first, and the answer's own time still begins after it */
            until_ms += gw_line_frame_ms(line->plan, GW_TALK_FRAME_MAX);
        }
        *said = got > 0 ? gw_talk_hear(talk, bytes, (size_t)got) : GW_TALK_MORE;
    }
    return GW_OK;
}

enum gw_status gw_line_talk(struct gw_line *line, enum gw_talk_said *said, struct gw_talk *talk)
{
    enum gw_talk_said now = GW_TALK_ASK;
    enum gw_status status = GW_OK;
    /* Each question is a try, or one of a bounded number of steps between two tries. */
    while (status == GW_OK && now == GW_TALK_ASK) {
        size_t len = 0;
        const uint8_t *bytes = gw_talk_ask(talk, &len);
        if (len == 0) {
            now = GW_TALK_SILENT;
            break;
        }
        status = gw_line_send(line, bytes, len);
        status = status == GW_OK ? listen_to(line, &now, talk) : status;
    }
    if (status == GW_OK) {
        *said = now;
    }
    return status;
}
