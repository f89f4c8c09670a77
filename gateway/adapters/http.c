/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/adapters/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/adapters/http_listen.h"

#define STREAM_BLOCK_BYTES 65536u

/* What the connections of one listening socket share. */
struct listener {
    struct gw_http *http;
    struct MHD_Daemon *daemon;
    bool needs_token;
};

struct gw_http {
    const struct gw_http_route *routes;
    uint32_t route_count;
    void *arg;
    char token[GW_HTTP_TOKEN_MAX + 1];
    size_t token_len;
    char socket_path[108];
    struct listener local;
    struct listener tcp;
};

/* One request while its body arrives. */
struct pending {
    const struct gw_http_route *route;
    char params[GW_HTTP_PARAMS_MAX][GW_HTTP_PARAM_BYTES_MAX + 1];
    char *body;
    size_t body_len;
    size_t body_room;
    bool too_large;
    bool no_memory;
};

bool gw_http_match(char params[GW_HTTP_PARAMS_MAX][GW_HTTP_PARAM_BYTES_MAX + 1],
                   const char *pattern, const char *path)
{
    char found[GW_HTTP_PARAMS_MAX][GW_HTTP_PARAM_BYTES_MAX + 1];
    uint32_t count = 0;
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || len > GW_HTTP_PARAM_BYTES_MAX || count == GW_HTTP_PARAMS_MAX) {
            return false;
        }
        memcpy(found[count], path, len);
        found[count++][len] = '\0';
        path += len;
        pattern += strcspn(pattern, "}") + 1;
    }
    if (*pattern != '\0' || *path != '\0') {
        return false;
    }
    memcpy(params, found, count * sizeof(found[0]));
    return true;
}

void gw_http_fail(struct gw_http_reply *reply, unsigned status, const char *error,
                  const char *reason, ...)
{
    char sentence[1400];
    va_list list;
    va_start(list, reason);
    vsnprintf(sentence, sizeof(sentence), reason, list);
    va_end(list);
    json_decref(reply->json);
    reply->stream.read = NULL;
    reply->status = status;
    reply->json = json_pack("{s:s, s:s#}", "error", error, "reason", sentence, strlen(sentence));
    if (reply->json == NULL) { /* bytes that are no UTF-8, from a path: leave the sentence out */
        reply->json = json_pack("{s:s, s:s}", "error", error, "reason",
                                "the request contains bytes that are not UTF-8");
    }
}

const char *gw_http_query(const struct gw_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct query_visit {
    void *arg;
    bool (*visit)(void *arg, const char *name, const char *value);
    bool stopped;
};

static enum MHD_Result visit_query(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct query_visit *v = cls;
    (void)kind; /* only one kind was asked for */
    v->stopped = !v->visit(v->arg, name, value != NULL ? value : "");
    return v->stopped ? MHD_NO : MHD_YES;
}

bool gw_http_queries(const struct gw_http_request *request, void *arg,
                     bool (*visit)(void *arg, const char *name, const char *value))
{
    struct query_visit v = {.arg = arg, .visit = visit};
    (void)MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, visit_query,
                                    &v); /* the count is not needed */
    return !v.stopped;
}

/* ---- answering ---------------------------------------------------------------------------------- */

struct stream_state {
    struct gw_http_stream stream;
};

static ssize_t stream_read(void *cls, uint64_t at, char *bytes, size_t max)
{
    struct stream_state *state = cls;
    (void)at; /* streams are only read forward */
    ssize_t got = state->stream.read(state->stream.self, bytes, max);
    return got > 0    ? got
           : got == 0 ? MHD_CONTENT_READER_END_OF_STREAM
                      : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void stream_close(void *cls)
{
    struct stream_state *state = cls;
    state->stream.close(state->stream.self);
    free(state);
}

static struct MHD_Response *stream_response(const struct gw_http_stream *stream)
{
    struct stream_state *state = malloc(sizeof(*state));
    if (state == NULL) {
        stream->close(stream->self);
        return NULL;
    }
    state->stream = *stream;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_read, state,
                                          stream_close);
    if (response == NULL) {
        stream_close(state);
        return NULL;
    }
    (void)MHD_add_response_header(response, "Content-Type", stream->content_type); /* advice only */
    return response;
}

static struct MHD_Response *json_response(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text == NULL) {
        return NULL;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return NULL;
    }
    (void)MHD_add_response_header(response, "Content-Type", "application/json"); /* advice only */
    return response;
}

/* Send the reply and free what it holds. Returns MHD_NO, which ends the connection, without memory. */
static enum MHD_Result send_reply(struct MHD_Connection *connection, struct gw_http_reply *reply,
                                  const char *header, const char *value)
{
    struct MHD_Response *response =
        reply->stream.read != NULL ? stream_response(&reply->stream) : json_response(reply->json);
    json_decref(reply->json);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Cache-Control", "no-store"); /* advice only */
    if (header != NULL) {
        (void)MHD_add_response_header(response, header, value); /* advice only */
    }
    enum MHD_Result result = MHD_queue_response(connection, reply->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse_token(struct MHD_Connection *connection)
{
    struct gw_http_reply reply = {0};
    gw_http_fail(
        &reply, MHD_HTTP_UNAUTHORIZED, "token_needed",
        "Send the header `Authorization: Bearer TOKEN` with the token of http.token_file.");
    return send_reply(connection, &reply, "WWW-Authenticate", "Bearer");
}

static enum MHD_Result refuse_route(struct MHD_Connection *connection, const char *path,
                                    const char *allowed)
{
    struct gw_http_reply reply = {0};
    if (*allowed != '\0') {
        gw_http_fail(&reply, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                     "%.100s takes %s only.", path, allowed);
        return send_reply(connection, &reply, "Allow", allowed);
    }
    gw_http_fail(&reply, MHD_HTTP_NOT_FOUND, "no_such_route",
                 "There is nothing at %.100s; docs/openapi.yaml lists what is served.", path);
    return send_reply(connection, &reply, NULL, NULL);
}

static enum MHD_Result refuse_body(struct MHD_Connection *connection, const struct pending *pending)
{
    struct gw_http_reply reply = {0};
    if (pending->no_memory) {
        gw_http_fail(&reply, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                     "There is no memory for the body.");
    } else if (pending->route->body_max == 0) {
        gw_http_fail(&reply, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                     "This request takes no body.");
    } else {
        gw_http_fail(&reply, MHD_HTTP_CONTENT_TOO_LARGE, "too_large",
                     "The body is larger than %u bytes; send it in parts.",
                     pending->route->body_max);
    }
    return send_reply(connection, &reply, NULL, NULL);
}

/* ---- requests ------------------------------------------------------------------------------------ */

/* Takes as long for any wrong token of the right length. */
static bool token_fits(const struct gw_http *http, struct MHD_Connection *connection)
{
    static const char scheme[] = "Bearer ";
    const char *header = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (header == NULL || strncmp(header, scheme, sizeof(scheme) - 1) != 0) {
        return false;
    }
    const char *token = header + sizeof(scheme) - 1;
    if (strlen(token) != http->token_len) {
        return false;
    }
    unsigned differ = 0;
    for (size_t i = 0; i < http->token_len; i++) {
        differ |= (unsigned char)token[i] ^ (unsigned char)http->token[i];
    }
    return differ == 0;
}

static const struct gw_http_route *find_route(
    const struct gw_http *http, char params[GW_HTTP_PARAMS_MAX][GW_HTTP_PARAM_BYTES_MAX + 1],
    char allowed[32], const char *method, const char *path)
{
    *allowed = '\0';
    for (uint32_t i = 0; i < http->route_count; i++) {
        const struct gw_http_route *route = &http->routes[i];
        if (!gw_http_match(params, route->path, path)) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            return route;
        }
        size_t used = strlen(allowed);
        snprintf(allowed + used, 32 - used, "%s%s", used > 0 ? ", " : "", route->method);
    }
    return NULL;
}

/* A length beyond any body is refused before it is sent. One that is only too long for the route is read
 * and dropped first: many clients do not look at an answer while they are still sending. */
static bool announces_too_much(struct MHD_Connection *connection)
{
    const char *text = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    return text != NULL && strtoull(text, NULL, 10) > GW_HTTP_BODY_BYTES_MAX;
}

static enum MHD_Result begin(const struct listener *listener, struct MHD_Connection *connection,
                             const char *path, const char *method, void **state)
{
    char allowed[32];
    struct pending *pending = calloc(1, sizeof(*pending));
    if (pending == NULL) {
        return MHD_NO;
    }
    *state = pending; /* freed by `completed` whatever happens now */
    if (listener->needs_token && !token_fits(listener->http, connection)) {
        return refuse_token(connection);
    }
    pending->route = find_route(listener->http, pending->params, allowed, method, path);
    if (pending->route == NULL) {
        return refuse_route(connection, path, allowed);
    }
    if (announces_too_much(connection)) {
        return refuse_body(connection, pending);
    }
    return MHD_YES;
}

static void take_body(struct pending *pending, const char *bytes, size_t len)
{
    if (len > pending->route->body_max - pending->body_len) {
        pending->too_large = true;
    }
    if (pending->too_large || pending->no_memory) {
        return; /* the rest is read and dropped, and then refused */
    }
    if (pending->body_room - pending->body_len <= len) {
        size_t room = 2 * (pending->body_len + len) + 1;
        char *body = realloc(pending->body, room);
        if (body == NULL) {
            pending->no_memory = true;
            return;
        }
        pending->body = body;
        pending->body_room = room;
    }
    memcpy(pending->body + pending->body_len, bytes, len);
    pending->body_len += len;
    pending->body[pending->body_len] = '\0';
}

static enum MHD_Result finish(const struct gw_http *http, struct MHD_Connection *connection,
                              const char *path, const char *method, const struct pending *pending)
{
    if (pending->too_large || pending->no_memory) {
        return refuse_body(connection, pending);
    }
    struct gw_http_request request = {
        .method = method,
        .path = path,
        .body = pending->body != NULL ? pending->body : "",
        .body_len = pending->body_len,
        .connection = connection,
    };
    struct gw_http_reply reply = {.status = MHD_HTTP_OK};
    memcpy(request.params, pending->params, sizeof(request.params));
    pending->route->handle(http->arg, &request, &reply);
    if (reply.stream.read == NULL && reply.json == NULL) {
        gw_http_fail(&reply, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                     "There is no memory for the answer.");
    }
    return send_reply(connection, &reply, NULL, NULL);
}

/* style: callback of libmicrohttpd */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **state)
{
    const struct listener *listener = cls;
    (void)version; /* libmicrohttpd speaks 1.0 and 1.1 alike */
    if (*state == NULL) {
        return begin(listener, connection, path, method, state);
    }
    if (*len > 0) {
        take_body(*state, bytes, *len);
        *len = 0;
        return MHD_YES;
    }
    return finish(listener->http, connection, path, method, *state);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls; /* all is in the state */
    (void)connection;
    (void)code;
    struct pending *pending = *state;
    if (pending != NULL) {
        free(pending->body);
        free(pending);
        *state = NULL;
    }
}

/* ---- start and stop -------------------------------------------------------------------------------- */

static struct MHD_Daemon *start(struct listener *listener, int fd, uint32_t connections_max)
{
    return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                                MHD_USE_POLL | MHD_USE_ITC,
                            0, NULL, NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections_max,
                            MHD_OPTION_CONNECTION_TIMEOUT, GW_HTTP_IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64 * 1024),
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
}

static enum gw_status open_local(struct gw_http *http, char *problem,
                                 const struct gw_http_config *config)
{
    int fd = -1;
    enum gw_status status = gw_http_listen_unix(&fd, problem, config->socket_path);
    if (status != GW_OK) {
        return status;
    }
    snprintf(http->socket_path, sizeof(http->socket_path), "%s", config->socket_path);
    http->local.http = http;
    http->local.daemon = start(&http->local, fd, config->connections_max);
    if (http->local.daemon == NULL) {
        (void)close(fd); /* nothing was served on it */
        snprintf(problem, GW_HTTP_PROBLEM_BYTES, "the HTTP server cannot start: %s",
                 strerror(errno));
        return GW_IO;
    }
    return GW_OK;
}

static enum gw_status open_tcp(struct gw_http *http, char *problem,
                               const struct gw_http_config *config)
{
    int fd = -1;
    enum gw_status status =
        gw_http_read_token(http->token, &http->token_len, problem, config->token_file);
    if (status == GW_OK) {
        status = gw_http_listen_tcp(&fd, problem, config->port);
    }
    if (status != GW_OK) {
        return status;
    }
    http->tcp.http = http;
    http->tcp.needs_token = true;
    http->tcp.daemon = start(&http->tcp, fd, config->connections_max);
    if (http->tcp.daemon == NULL) {
        (void)close(fd); /* nothing was served on it */
        snprintf(problem, GW_HTTP_PROBLEM_BYTES, "the HTTP server cannot start: %s",
                 strerror(errno));
        return GW_IO;
    }
    return GW_OK;
}

enum gw_status gw_http_open(struct gw_http **http, char problem[GW_HTTP_PROBLEM_BYTES],
                            const struct gw_http_config *config)
{
    struct gw_http *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        snprintf(problem, GW_HTTP_PROBLEM_BYTES, "there is no memory for the HTTP server");
        return GW_IO;
    }
    opened->routes = config->routes;
    opened->route_count = config->route_count;
    opened->arg = config->arg;
    enum gw_status status = open_local(opened, problem, config);
    if (status == GW_OK && config->port != 0) {
        status = open_tcp(opened, problem, config);
    }
    if (status != GW_OK) {
        gw_http_close(opened);
        return status;
    }
    *http = opened;
    return GW_OK;
}

void gw_http_close(struct gw_http *http)
{
    if (http == NULL) {
        return;
    }
    if (http->tcp.daemon != NULL) {
        MHD_stop_daemon(http->tcp.daemon);
    }
    if (http->local.daemon != NULL) {
        (void)unlink(http->socket_path); /* a new client is told that nobody is there */
        MHD_stop_daemon(http->local.daemon);
    }
    explicit_bzero(http->token, sizeof(http->token));
    free(http);
}
