/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/webhook.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_BYTES 16384u  /* of a connection's header */
#define BODY_BYTES 16384u    /* as much as a mapping looks at */
#define PEM_BYTES_MAX 65536u /* a certificate with its chain */
#define PER_ADDRESS_PART 4u  /* of all connections, with TLS: one address has so many at most */
#define PEERS_WAITING 64     /* of listen(2) */

struct gw_webhook {
    struct MHD_Daemon *daemon;
    struct gw_hooks *hooks;
    struct gw_clock *clock;
    gw_webhook_deliver *deliver;
    void *arg;
    pthread_mutex_t lock; /* over the state */
    struct gw_webhook_state state;
};

/* A request while its body arrives. */
struct pending {
    char hook[GW_MAPPING_NAME_MAX + 1];
    bool is_post;
    bool too_large;
    size_t len;
    char body[BODY_BYTES];
};

_Static_assert(BODY_BYTES == GW_MAPPING_BODY_BYTES_MAX, "a push is a mapping's message");

/* ---- answering ------------------------------------------------------------------------------------------ */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *text,
                              const char *type)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text,
                                        MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", type); /* advice only, as those below */
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%u", GW_WEBHOOK_RETRY_S);
        (void)MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (status == MHD_HTTP_UNAUTHORIZED) {
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    }
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, "Allow", "POST");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* error and reason are plain ASCII without quotes. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *error,
                              const char *reason)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "{\"error\":\"%s\",\"reason\":\"%s\"}", error, reason);
    return answer(connection, status, text, "application/json");
}

static void count(struct gw_webhook *webhook, uint64_t *counter)
{
    (void)pthread_mutex_lock(&webhook->lock); /* a default mutex of ours: it cannot fail */
    (*counter)++;
    (void)pthread_mutex_unlock(&webhook->lock);
}

static enum MHD_Result refuse_unproven(struct gw_webhook *webhook,
                                       struct MHD_Connection *connection, const char *hook,
                                       enum gw_hook_verdict verdict)
{
    static const char *const errors[GW_HOOK_VERDICTS] = {
        [GW_HOOK_UNSIGNED] = "unsigned", [GW_HOOK_FORGED] = "forged", [GW_HOOK_SEALED] = "sealed"};
    (void)pthread_mutex_lock(&webhook->lock);
    struct gw_webhook_state *state = &webhook->state;
    state->refused_count[verdict]++;
    state->refused_us = gw_clock_now_us(webhook->clock);
    state->refused_verdict = verdict;
    (void)snprintf(state->refused_hook, sizeof(state->refused_hook), "%s", hook);
    (void)pthread_mutex_unlock(&webhook->lock);
    return refuse(connection, MHD_HTTP_UNAUTHORIZED, errors[verdict],
                  verdict == GW_HOOK_SEALED ? gw_hook_advice(verdict)
                                            : "The request is not proven to be the platform's.");
}

static enum MHD_Result refuse_stranger(struct gw_webhook *webhook,
                                       struct MHD_Connection *connection)
{
    count(webhook, &webhook->state.stranger_count);
    return refuse(connection, MHD_HTTP_NOT_FOUND, "no_such_hook",
                  "There is no such hook; the path is /hook/ and its name.");
}

/* ---- a push --------------------------------------------------------------------------------------------- */

static enum MHD_Result deliver(struct gw_webhook *webhook, struct MHD_Connection *connection,
                               const struct gw_hook *hook, const struct gw_hook_push *push)
{
    count(webhook, &webhook->state.push_count);
    switch (webhook->deliver(webhook->arg, hook->name, push->body, push->body_len)) {
    case GW_WEBHOOK_DONE:
        return answer(connection, MHD_HTTP_OK, "{\"result\":\"ok\"}", "application/json");
    case GW_WEBHOOK_TOO_MUCH:
        count(webhook, &webhook->state.oversize_count);
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                      "The push holds more readings than one may: send it in parts.");
    case GW_WEBHOOK_BUSY:
        break;
    }
    count(webhook, &webhook->state.busy_count);
    return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                  "Nothing of it is kept now: send it again.");
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *query_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result take_push(struct gw_webhook *webhook, struct MHD_Connection *connection,
                                 struct pending *pending, const struct gw_hook *hook)
{
    struct gw_hook_push push = {
        .authorization = header_of(connection, "Authorization"),
        .token = query_of(connection, "token"),
        .signature = hook->header[0] != '\0' ? header_of(connection, hook->header) : NULL,
        .body = pending->body,
        .body_len = pending->len,
    };
    enum gw_hook_verdict verdict = gw_hook_verify(hook, &push);
    return verdict == GW_HOOK_SIGNED ? deliver(webhook, connection, hook, &push)
                                     : refuse_unproven(webhook, connection, hook->name, verdict);
}

static enum MHD_Result check_url(struct gw_webhook *webhook, struct MHD_Connection *connection,
                                 const struct gw_hook *hook)
{
    const char *msg = query_of(connection, "msg");
    if (hook->scheme != GW_HOOK_ONENET) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                      "This hook takes POST only.");
    }
    return gw_hook_url_signed(hook, msg, query_of(connection, "nonce"),
                              query_of(connection, "signature"))
               ? answer(connection, MHD_HTTP_OK, msg, "text/plain")
               : refuse_unproven(webhook, connection, hook->name, GW_HOOK_FORGED);
}

static enum MHD_Result finish(struct gw_webhook *webhook, struct MHD_Connection *connection,
                              struct pending *pending)
{
    struct gw_hook hook;
    if (!gw_hooks_find(&hook, webhook->hooks, pending->hook)) {
        return refuse_stranger(webhook, connection);
    }
    enum MHD_Result result = MHD_NO;
    if (pending->too_large) {
        count(webhook, &webhook->state.oversize_count);
        result = refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                        "A push has 16384 bytes at most: send it in parts.");
    } else if (pending->is_post) {
        result = take_push(webhook, connection, pending, &hook);
    } else {
        result = check_url(webhook, connection, &hook);
    }
    explicit_bzero(&hook, sizeof(hook));
    return result;
}

/* ---- requests ------------------------------------------------------------------------------------------- */

/* The name in /hook/<name>. Returns false for any other path. */
static bool read_path(char hook[GW_MAPPING_NAME_MAX + 1], const char *path)
{
    static const char before[] = "/hook/";
    size_t len = strlen(path);
    if (strncmp(path, before, sizeof(before) - 1) != 0 ||
        len - (sizeof(before) - 1) > GW_MAPPING_NAME_MAX) {
        return false;
    }
    memcpy(hook, path + sizeof(before) - 1, len - (sizeof(before) - 1) + 1);
    return true;
}

static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *text = header_of(connection, "Content-Length");
    return text != NULL && strtoull(text, NULL, 10) > 8u * BODY_BYTES;
}

/* Whatever is wrong already is said before a body comes. */
static enum MHD_Result begin(struct gw_webhook *webhook, struct MHD_Connection *connection,
                             const char *path, const char *method, void **state)
{
    char name[GW_MAPPING_NAME_MAX + 1];
    struct gw_hook hook;
    bool is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    if (!read_path(name, path) || !gw_hooks_find(&hook, webhook->hooks, name)) {
        return refuse_stranger(webhook, connection);
    }
    explicit_bzero(&hook, sizeof(hook));
    if (!is_post && strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                      "A hook takes POST only.");
    }
    if (announces_too_much(connection)) {
        count(webhook, &webhook->state.oversize_count);
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                      "A push has 16384 bytes at most: send it in parts.");
    }
    struct pending *pending = calloc(1, sizeof(*pending));
    if (pending == NULL) {
        return MHD_NO;
    }
    memcpy(pending->hook, name, sizeof(pending->hook));
    pending->is_post = is_post;
    *state = pending; /* freed by on_completed whatever happens now */
    return MHD_YES;
}

/* style: callback of libmicrohttpd */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **state)
{
    struct pending *pending = *state;
    (void)version; /* libmicrohttpd speaks 1.0 and 1.1 alike */
    if (pending == NULL) {
        return begin(cls, connection, path, method, state);
    }
    if (*len >
        0) { /* what is too much is read and dropped: many look at no answer while they send */
        pending->too_large = pending->too_large || *len > sizeof(pending->body) - pending->len;
        if (!pending->too_large) {
            memcpy(pending->body + pending->len, bytes, *len);
            pending->len += *len;
        }
        *len = 0;
        return MHD_YES;
    }
    return finish(cls, connection, pending);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls; /* all is in the state */
    (void)connection;
    (void)code;
    free(*state);
    *state = NULL;
}

/* ---- listening ------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static enum gw_status no(char why[GW_WEBHOOK_WHY_BYTES],
                                                               enum gw_status status,
                                                               const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(why, GW_WEBHOOK_WHY_BYTES, format, list); /* a long sentence is cut */
    va_end(list);
    return status;
}

/* Where to listen. */
struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len;
    bool is_here; /* of this machine alone */
};

static bool read_place(struct place *place, const struct gw_webhook_config *config)
{
    memset(place, 0, sizeof(*place));
    if (inet_pton(AF_INET, config->address, &place->address.v4.sin_addr) == 1) {
        place->address.v4.sin_family = AF_INET;
        place->address.v4.sin_port = htons(config->port);
        place->len = sizeof(place->address.v4);
        place->is_here = ntohl(place->address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return true;
    }
    if (inet_pton(AF_INET6, config->address, &place->address.v6.sin6_addr) == 1) {
        place->address.v6.sin6_family = AF_INET6;
        place->address.v6.sin6_port = htons(config->port);
        place->len = sizeof(place->address.v6);
        place->is_here = IN6_IS_ADDR_LOOPBACK(&place->address.v6.sin6_addr);
        return true;
    }
    return false;
}

static enum gw_status listen_at(int *out, char *why, const struct place *place,
                                const struct gw_webhook_config *config)
{
    int on = 1;
    int fd = socket(place->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return no(why, GW_IO, "there is no socket: %s", strerror(errno));
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* a help only */
    if (bind(fd, &place->address.any, place->len) != 0 || listen(fd, PEERS_WAITING) != 0) {
        int error = errno;
        (void)close(fd); /* nothing was served on it */
        return error == EADDRINUSE ? no(why, GW_BUSY, "port %u of %s is in use by another program",
                                        config->port, config->address)
                                   : no(why, GW_IO, "port %u of %s cannot be listened to: %s",
                                        config->port, config->address, strerror(error));
    }
    *out = fd;
    return GW_OK;
}

/* A PEM file's text; the caller wipes and frees. NULL with a sentence. */
static char *read_pem(char *why, const char *path, bool is_secret)
{
    struct stat stat;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &stat) != 0) {
        (void)no(why, GW_INVALID, "%s: %s", path, strerror(errno));
    } else if (is_secret && (stat.st_mode & 077) != 0) {
        (void)no(why, GW_INVALID, "others may read %s: chmod 600 it", path);
    } else if (stat.st_size <= 0 || stat.st_size > (off_t)PEM_BYTES_MAX) {
        (void)no(why, GW_INVALID, "%s has no text, or more than 64 KiB", path);
    } else {
        text = calloc(1, (size_t)stat.st_size + 1);
        if (text != NULL && read(fd, text, (size_t)stat.st_size) != stat.st_size) {
            free(text);
            text = NULL;
        }
        if (text == NULL) {
            (void)no(why, GW_INVALID, "%s cannot be read", path);
        }
    }
    if (fd >= 0) {
        (void)close(fd); /* only read */
    }
    return text;
}

static void free_secret(char *text)
{
    if (text != NULL) {
        explicit_bzero(text, strlen(text));
        free(text);
    }
}

static struct MHD_Daemon *start(struct gw_webhook *webhook, int fd, uint32_t connections,
                                const char *certificate, const char *key)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, (intptr_t)(connections / PER_ADDRESS_PART + 1), NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (certificate == NULL) { /* behind a proxy, whose address they all have */
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    } else {
        flags |= MHD_USE_TLS;
    }
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, webhook, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections,
                            MHD_OPTION_CONNECTION_TIMEOUT, GW_WEBHOOK_IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_ARRAY, tls,
                            MHD_OPTION_END);
}

static uint16_t port_of(int fd)
{
    struct place place;
    place.len = sizeof(place.address);
    if (getsockname(fd, &place.address.any, &place.len) != 0) {
        return 0;
    }
    return ntohs(place.address.any.sa_family == AF_INET6 ? place.address.v6.sin6_port
                                                         : place.address.v4.sin_port);
}

static enum gw_status serve(struct gw_webhook *webhook, char *why, const struct place *place,
                            const struct gw_webhook_config *config)
{
    int fd = -1;
    bool tls = config->certificate != NULL;
    char *certificate = tls ? read_pem(why, config->certificate, false) : NULL;
    char *key = tls ? read_pem(why, config->key, true) : NULL;
    enum gw_status status = tls && (certificate == NULL || key == NULL)
                                ? GW_INVALID
                                : listen_at(&fd, why, place, config);
    if (status == GW_OK) {
        webhook->state.port = port_of(fd);
        webhook->daemon = start(webhook, fd, config->connections_max, certificate, key);
        if (webhook->daemon == NULL) {
            (void)close(fd); /* nothing was served on it */
            status =
                no(why, tls ? GW_INVALID : GW_IO,
                   tls ? "the certificate and its key cannot be used, or do not belong together"
                       : "there is no memory or thread left");
        }
    }
    free(certificate);
    free_secret(key);
    return status;
}

enum gw_status gw_webhook_open(struct gw_webhook **out, char why[GW_WEBHOOK_WHY_BYTES],
                               const struct gw_webhook_config *config)
{
    struct place place;
    if (!read_place(&place, config)) {
        return no(why, GW_INVALID, "%s is no IPv4 or IPv6 address", config->address);
    }
    if ((config->certificate == NULL) != (config->key == NULL)) {
        return no(why, GW_INVALID, "TLS needs both a certificate and its key");
    }
    if (config->certificate == NULL && !place.is_here) {
        return no(why, GW_INVALID,
                  "%s is not this machine alone: give a certificate and its key, or listen on "
                  "127.0.0.1 behind a proxy that speaks TLS",
                  config->address);
    }
    struct gw_webhook *webhook = calloc(1, sizeof(*webhook));
    if (webhook == NULL) {
        return no(why, GW_IO, "out of memory");
    }
    webhook->hooks = config->hooks;
    webhook->clock = config->clock;
    webhook->deliver = config->deliver;
    webhook->arg = config->arg;
    (void)pthread_mutex_init(&webhook->lock, NULL); /* with default attributes it cannot fail */
    enum gw_status status = serve(webhook, why, &place, config);
    if (status != GW_OK) {
        gw_webhook_close(webhook);
        return status;
    }
    *out = webhook;
    return GW_OK;
}

void gw_webhook_close(struct gw_webhook *webhook)
{
    if (webhook != NULL) {
        if (webhook->daemon != NULL) {
            MHD_stop_daemon(webhook->daemon);
        }
        (void)pthread_mutex_destroy(&webhook->lock); /* nobody holds it any more */
        free(webhook);
    }
}

void gw_webhook_state(struct gw_webhook_state *out, struct gw_webhook *webhook)
{
    (void)pthread_mutex_lock(&webhook->lock);
    *out = webhook->state;
    (void)pthread_mutex_unlock(&webhook->lock);
}
