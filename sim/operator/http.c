/* SPDX-License-Identifier: GPL-3.0-or-later */
/** HTTP and HTTPS by libmicrohttpd and GnuTLS. See http.h.
 *
 *  libmicrohttpd asks a client for a certificate but lets it in without one. The certificate callback,
 *  which runs in every handshake, turns that into a demand and sets the verification, so a client
 *  without a certificate of our CA never gets as far as a request.
 */
#include "sim/operator/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "sim/operator/parse.h"

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define CONNECTION_TIMEOUT_S 60u
#define CONNECTION_MEMORY_BYTES 32768u
/* jansson nests as deep as 2,048 levels before it refuses; that takes nearly half a megabyte of stack. */
#define THREAD_STACK_BYTES 2097152u
#define CHAIN_MAX 4u
#define PEM_BYTES_MAX 65536u

/** What the server shows in a handshake. The callback has no argument: one TLS server a process. */
static struct {
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned chain_count;
    gnutls_privkey_t key;
} identity;

struct sim_http {
    struct sim_http_config config;
    struct MHD_Daemon *daemon;
    char *ca_pem;
};

/** One request as it arrives. */
struct exchange {
    char *target;
    bool begun;
    char *body;
    size_t body_bytes;
};

/* libmicrohttpd closes a failed handshake without a word; the alert tells the client why. */
static int verify_client(gnutls_session_t session)
{
    unsigned status = 0;
    unsigned count = 0;
    gnutls_typed_vdata_st purpose = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                     .data = (unsigned char *)GNUTLS_KP_TLS_WWW_CLIENT};
    if (gnutls_certificate_get_peers(session, &count) == NULL || count == 0) {
        (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_CERTIFICATE_REQUIRED);
        return GNUTLS_E_CERTIFICATE_REQUIRED;
    }
    int rc = gnutls_certificate_verify_peers(session, &purpose, 1, &status);
    if (rc == GNUTLS_E_SUCCESS && status == 0) {
        return 0;
    }
    (void)gnutls_alert_send(session, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return GNUTLS_E_CERTIFICATE_ERROR;
}

/* Called in each handshake to choose our certificate.
 * style: callback of GnuTLS */
static int choose_certificate(gnutls_session_t session, const gnutls_datum_t *requests,
                              int request_count, const gnutls_pk_algorithm_t *algorithms,
                              int algorithm_count, gnutls_pcert_st **chain,
                              unsigned int *chain_count, gnutls_privkey_t *key)
{
    (void)requests;
    (void)request_count;
    (void)algorithms;
    (void)algorithm_count;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    gnutls_session_set_verify_function(session, verify_client);
    *chain = identity.chain;
    *chain_count = identity.chain_count;
    *key = identity.key;
    return 0;
}

/* A whole small file as text; NULL when it cannot be read. */
static char *read_text(const char *folder, const char *name)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    char *text = file == NULL ? NULL : calloc(1, PEM_BYTES_MAX + 1);
    if (text != NULL && fread(text, 1, PEM_BYTES_MAX, file) == 0) {
        free(text);
        text = NULL;
    }
    if (file != NULL) {
        (void)fclose(file); /* only read from */
    }
    return text;
}

static bool load_chain(const char *pem)
{
    gnutls_x509_crt_t certificates[CHAIN_MAX];
    unsigned count = CHAIN_MAX;
    gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)strlen(pem)};
    if (gnutls_x509_crt_list_import(certificates, &count, &datum, GNUTLS_X509_FMT_PEM, 0) < 1) {
        return false;
    }
    bool good = true;
    for (unsigned i = 0; i < count; i++) {
        good = good && gnutls_pcert_import_x509(&identity.chain[i], certificates[i], 0) == 0;
        gnutls_x509_crt_deinit(certificates[i]);
    }
    identity.chain_count = count;
    return good;
}

static bool load_key(const char *pem)
{
    gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)strlen(pem)};
    return gnutls_privkey_init(&identity.key) == 0 &&
           gnutls_privkey_import_x509_raw(identity.key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0) == 0;
}

/* Once a process: the server may be closed and opened again with the same identity. */
static bool load_identity(char *error, const char *folder)
{
    if (identity.chain_count > 0) {
        return true;
    }
    char *chain = read_text(folder, "server.pem");
    char *key = read_text(folder, "server.key");
    bool good = chain != NULL && key != NULL && load_chain(chain) && load_key(key);
    if (!good) {
        (void)snprintf(
            error, SIM_HTTP_ERROR_BYTES,
            "%.300s: server.pem and server.key are missing or no PEM certificate and key; "
            "sim/operator/make_certs.sh makes them",
            folder);
        identity.chain_count = 0;
    }
    if (key != NULL) {
        gnutls_memset(key, 0, strlen(key));
    }
    free(chain);
    free(key);
    return good;
}

const char *sim_http_header(const struct sim_http_request *request, const char *name)
{
    const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
    return value == NULL ? "" : value;
}

const char *sim_http_query(const struct sim_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool sim_http_peer_name(char *name, size_t room, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_x509_crt_t certificate = NULL;
    unsigned count = 0;
    const gnutls_datum_t *peers =
        info == NULL ? NULL
                     : gnutls_certificate_get_peers((gnutls_session_t)info->tls_session, &count);
    if (peers == NULL || count < 1 || gnutls_x509_crt_init(&certificate) != 0) {
        return false;
    }
    size_t len = room;
    bool good = gnutls_x509_crt_import(certificate, &peers[0], GNUTLS_X509_FMT_DER) == 0 &&
                gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
                                              &len) == 0 &&
                strlen(name) == len; /* no NUL inside */
    gnutls_x509_crt_deinit(certificate);
    return good;
}

void sim_http_say(struct sim_http_reply *reply, unsigned status, const char *code,
                  const char *message)
{
    json_t *json = json_pack("{s:s, s:s}", "code", code, "message", message);
    reply->answer.http_status = status;
    reply->answer.repeat = false;
    reply->answer.body = json_dumps(json, JSON_COMPACT);
    json_decref(json);
}

static enum MHD_Result send_reply(struct MHD_Connection *connection, struct sim_http_reply *reply)
{
    struct MHD_Response *response = reply->response;
    char *body = reply->answer.body;
    if (response != NULL) {
        free(body);
    } else if (body != NULL) {
        response = MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
        if (response == NULL) {
            free(body);
        }
    }
    if (reply->drop || response == NULL) {
        if (response != NULL) {
            MHD_destroy_response(response);
        }
        return MHD_NO; /* breaks the connection */
    }
    enum MHD_Result queued = MHD_YES;
    if (reply->response == NULL) {
        queued = MHD_add_response_header(response, "Content-Type", "application/json");
    }
    if (queued == MHD_YES && reply->answer.repeat) {
        queued = MHD_add_response_header(response, "Idempotent-Replay", "true");
    }
    if (queued == MHD_YES) {
        queued = MHD_queue_response(connection, reply->answer.http_status, response);
    }
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result refuse_length(struct MHD_Connection *connection)
{
    struct sim_http_reply reply = {0};
    sim_http_say(&reply, 413, "too_large", "the body is longer than this server takes");
    return send_reply(connection, &reply);
}

/* The headers are here: may the body come? */
static enum MHD_Result begin(struct sim_http *http, struct MHD_Connection *connection,
                             struct exchange *exchange)
{
    uint64_t announced = 0;
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    exchange->begun = true;
    if (length != NULL && !sim_number_parse(&announced, length, http->config.body_bytes_max)) {
        return refuse_length(connection);
    }
    return MHD_YES;
}

static enum MHD_Result gather(struct sim_http *http, struct exchange *exchange, const char *bytes,
                              size_t *len)
{
    if (*len > http->config.body_bytes_max - exchange->body_bytes) {
        return MHD_NO; /* it did not announce its length, or not the true one */
    }
    char *grown = realloc(exchange->body, exchange->body_bytes + *len + 1);
    if (grown == NULL) {
        return MHD_NO;
    }
    memcpy(grown + exchange->body_bytes, bytes, *len);
    exchange->body = grown;
    exchange->body_bytes += *len;
    grown[exchange->body_bytes] = '\0';
    *len = 0;
    return MHD_YES;
}

/* style: callback of libmicrohttpd */
static enum MHD_Result access_handler(void *arg, struct MHD_Connection *connection, const char *url,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_bytes, void **state)
{
    struct sim_http *http = arg;
    struct exchange *exchange = *state;
    (void)version;
    if (exchange == NULL || exchange->target == NULL) {
        return MHD_NO; /* no memory */
    }
    if (!exchange->begun) {
        return begin(http, connection, exchange);
    }
    if (*upload_bytes > 0) {
        return gather(http, exchange, upload, upload_bytes);
    }
    struct sim_http_reply reply = {0};
    struct sim_http_request request = {
        .connection = connection,
        .method = method,
        .path = url,
        .target = exchange->target,
        .body = exchange->body == NULL ? "" : exchange->body,
        .body_bytes = exchange->body_bytes,
    };
    http->config.handler(http->config.arg, &request, &reply);
    return send_reply(connection, &reply);
}

static void *note_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    (void)arg;
    (void)connection;
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange != NULL) {
        exchange->target = strdup(target);
    }
    return exchange;
}

static void forget(void *arg, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode how)
{
    struct exchange *exchange = *state;
    (void)arg;
    (void)connection;
    (void)how;
    if (exchange != NULL) {
        free(exchange->target);
        free(exchange->body);
        free(exchange);
        *state = NULL;
    }
}

static struct MHD_Daemon *start(struct sim_http *http)
{
    bool tls = http->config.tls_folder != NULL;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | (tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls_options[] = {
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, http->ca_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)choose_certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(flags, 0, NULL, NULL, access_handler, http, MHD_OPTION_LISTEN_SOCKET,
                            http->config.listen_fd, MHD_OPTION_URI_LOG_CALLBACK, note_target, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_CONNECTION_LIMIT,
                            http->config.connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
                            CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_THREAD_STACK_SIZE,
                            (size_t)THREAD_STACK_BYTES, tls ? MHD_OPTION_ARRAY : MHD_OPTION_END,
                            tls_options, MHD_OPTION_END);
}

enum gw_status sim_http_open(struct sim_http **http, char error[SIM_HTTP_ERROR_BYTES],
                             const struct sim_http_config *config)
{
    struct sim_http *opened = calloc(1, sizeof *opened);
    bool tls = config->tls_folder != NULL;
    enum gw_status status = GW_INVALID;
    if (opened == NULL || (tls && !load_identity(error, config->tls_folder))) {
        goto undo;
    }
    opened->config = *config;
    if (tls) {
        opened->ca_pem = read_text(config->tls_folder, "ca.pem");
        if (opened->ca_pem == NULL) {
            (void)snprintf(error, SIM_HTTP_ERROR_BYTES,
                           "%.300s/ca.pem cannot be read; sim/operator/make_certs.sh makes it",
                           config->tls_folder);
            goto undo;
        }
    }
    opened->daemon = start(opened);
    if (opened->daemon == NULL) {
        (void)snprintf(error, SIM_HTTP_ERROR_BYTES, "the HTTP server cannot start");
        status = GW_IO;
        goto undo;
    }
    *http = opened;
    return GW_OK;
undo:
    (void)close(config->listen_fd);
    if (opened != NULL) {
        free(opened->ca_pem);
    }
    free(opened);
    return status;
}

void sim_http_close(struct sim_http *http)
{
    if (http != NULL) {
        MHD_stop_daemon(http->daemon);
        free(http->ca_pem);
        free(http);
    }
}

int sim_listen_tcp(uint16_t *port, char error[SIM_HTTP_ERROR_BYTES], const char *address)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t len = sizeof at;
    int yes = 1;
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) {
        (void)snprintf(error, SIM_HTTP_ERROR_BYTES, "%.100s is no numeric IPv4 address", address);
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0) {
        (void)snprintf(error, SIM_HTTP_ERROR_BYTES,
                       "cannot listen on %.100s port %u: %s; --port chooses another", address,
                       (unsigned)*port, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    *port = ntohs(at.sin_port);
    return fd;
}

/* True when a program answers there: its socket must not be taken away. */
static bool somebody_listens(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answered = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return answered;
}

int sim_listen_unix(char error[SIM_HTTP_ERROR_BYTES], const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        (void)snprintf(error, SIM_HTTP_ERROR_BYTES,
                       "%.300s: the path of a socket has at most %zu characters; "
                       "--admin-socket chooses another",
                       path, sizeof at.sun_path - 1);
        return -1;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (somebody_listens(&at)) {
        (void)snprintf(error, SIM_HTTP_ERROR_BYTES,
                       "%.300s: another meterpay-operator is running on this folder", path);
        return -1;
    }
    (void)unlink(path); /* left by a run that was killed, or not there */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask =
        umask(0177); /* the file is created 0600: there is no moment at which others can connect */
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)umask(mask);
    if (!bound || listen(fd, 64) != 0) {
        (void)snprintf(error, SIM_HTTP_ERROR_BYTES, "cannot listen on %.300s: %s", path,
                       strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}
