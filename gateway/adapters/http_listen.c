/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static enum gw_status fail(int fd, enum gw_status status, char *problem, const char *what,
                           const char *why)
{
    snprintf(problem, GW_HTTP_PROBLEM_BYTES, "%.150s: %s", what, why);
    if (fd >= 0) {
        (void)close(fd); /* nothing was served on it */
    }
    return status;
}

static bool somebody_answers(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
    if (fd >= 0) {
        (void)close(fd); /* only asked */
    }
    return answered;
}

enum gw_status gw_http_listen_unix(int *fd, char problem[GW_HTTP_PROBLEM_BYTES], const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return fail(-1, GW_INVALID, problem, path, "too long for a socket, 107 characters at most");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (somebody_answers(&address)) {
        return fail(-1, GW_BUSY, problem, path, "another meterpayd answers there; stop it first");
    }
    struct stat info;
    if (lstat(path, &info) == 0 && !S_ISSOCK(info.st_mode)) {
        return fail(-1, GW_INVALID, problem, path, "exists and is no socket; move it away");
    }
    (void)unlink(path); /* what cannot be removed makes bind fail */
    int opened = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* The mode is set before the name exists, so that nobody gets in between. */
    if (opened < 0 || fchmod(opened, 0600) != 0 ||
        bind(opened, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(opened, BACKLOG) != 0) {
        return fail(opened, GW_IO, problem, path, strerror(errno));
    }
    *fd = opened;
    return GW_OK;
}

enum gw_status gw_http_listen_tcp(int *fd, char problem[GW_HTTP_PROBLEM_BYTES], uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char what[64];
    int one = 1;
    snprintf(what, sizeof(what), "http.port %u", port);
    int opened = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (opened < 0 || setsockopt(opened, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0) {
        return fail(opened, GW_IO, problem, what, strerror(errno));
    }
    if (bind(opened, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(opened, BACKLOG) != 0) {
        return fail(opened, errno == EADDRINUSE ? GW_BUSY : GW_IO, problem, what,
                    errno == EADDRINUSE ? "another program listens there; change http.port"
                                        : strerror(errno));
    }
    *fd = opened;
    return GW_OK;
}

enum gw_status gw_http_read_token(char token[GW_HTTP_TOKEN_MAX + 1], size_t *len,
                                  char problem[GW_HTTP_PROBLEM_BYTES], const char *path)
{
    char text[GW_HTTP_TOKEN_MAX + 2];
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        return fail(fd, GW_INVALID, problem, path, strerror(errno));
    }
    if ((info.st_mode & 077) != 0) {
        return fail(fd, GW_INVALID, problem, path, "others may read it; chmod 600");
    }
    ssize_t got = read(fd, text, sizeof(text));
    size_t used = got > 0 ? (size_t)got : 0;
    if (used > 0 && text[used - 1] == '\n') {
        used--;
    }
    for (size_t i = 0; i < used; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return fail(fd, GW_INVALID, problem, path, "must be one line of printable characters");
        }
    }
    if (used < GW_HTTP_TOKEN_MIN || used > GW_HTTP_TOKEN_MAX) {
        return fail(fd, GW_INVALID, problem, path, "must hold a token of 32 to 256 characters");
    }
    (void)close(fd); /* only read from */
    memcpy(token, text, used);
    token[used] = '\0';
    *len = used;
    explicit_bzero(text, sizeof(text));
    return GW_OK;
}
