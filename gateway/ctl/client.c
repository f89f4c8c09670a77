/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/ctl/client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/adapters/config.h"

#define REPLY_BYTES_MAX (256u * 1024u * 1024u)
#define TIMEOUT_S 600L /* A bill over years of readings takes its time. */

/* ---- paths ---------------------------------------------------------------------------------------------- */

static void append(struct gw_ctl_path *path, const char *text)
{
    size_t len = strlen(text);
    if (len >= GW_CTL_PATH_MAX - path->used) {
        path->overflow = true;
        return;
    }
    memcpy(path->text + path->used, text, len + 1);
    path->used += len;
}

/* RFC 3986, 2.3: everything but unreserved characters is escaped. */
static void append_escaped(struct gw_ctl_path *path, const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *p = text; *p != '\0'; p++) {
        char escaped[4] = {*p, '\0'};
        if (strchr(plain, *p) == NULL) {
            snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char)*p);
        }
        append(path, escaped);
    }
}

void gw_ctl_path_begin(struct gw_ctl_path *path, const char *start)
{
    memset(path, 0, sizeof(*path));
    append(path, start);
}

void gw_ctl_path_part(struct gw_ctl_path *path, const char *part)
{
    append(path, "/");
    append_escaped(path, part);
}

void gw_ctl_path_query(struct gw_ctl_path *path, const char *name, const char *value)
{
    if (value == NULL) {
        return;
    }
    append(path, path->queried ? "&" : "?");
    append(path, name);
    append(path, "=");
    append_escaped(path, value);
    path->queried = true;
}

/* ---- requests ------------------------------------------------------------------------------------------- */

/* The reply as it comes. */
struct reply {
    char *bytes;
    size_t used, room;
    FILE *out; /* a stream's file, once its status is known to be good; else NULL */
    bool streamed;
    CURL *curl;
    bool write_failed;
};

static bool keep(struct reply *r, const char *bytes, size_t len)
{
    if (len > REPLY_BYTES_MAX - r->used) {
        return false;
    }
    if (r->room - r->used <= len) {
        size_t room = 2 * (r->used + len) + 1024;
        char *grown = realloc(r->bytes, room);
        if (grown == NULL) {
            return false;
        }
        r->bytes = grown;
        r->room = room;
    }
    memcpy(r->bytes + r->used, bytes, len);
    r->used += len;
    r->bytes[r->used] = '\0';
    return true;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *arg)
{
    struct reply *r = arg;
    size_t len = size * count;
    long status = 0;
    (void)curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status); /* stays 0 if not known */
    if (r->out == NULL || status != 200) {
        return keep(r, bytes, len) ? len : 0;
    }
    r->streamed = true;
    r->write_failed = fwrite(bytes, 1, len, r->out) != len;
    return r->write_failed ? 0 : len;
}

/* Where the daemon listens, by its configuration. Returns GW_CTL_OK or GW_CTL_USAGE. */
static int find_socket(char socket_path[108], const struct gw_ctl_args *args)
{
    static struct gw_config config; /* large */
    char why[GW_CONFIG_WHY_BYTES];
    if (args->dir == NULL) {
        return gw_ctl_misuse(
            "which gateway? Give --dir DIR or set METERPAY_DIR; `meterpay init DIR` "
            "makes one.");
    }
    char *full = realpath(args->dir, NULL);
    if (full == NULL) {
        return gw_ctl_misuse("%s: no such directory; `meterpay init %s` makes it.", args->dir,
                             args->dir);
    }
    enum gw_status status = gw_config_load(&config, why, full, NULL);
    free(full);
    if (status != GW_OK) {
        return gw_ctl_misuse("%s", why);
    }
    snprintf(socket_path, 108, "%.107s", config.http_socket);
    return GW_CTL_OK;
}

static int not_reached(const char *socket_path, const char *dir, CURLcode code, const char *why)
{
    if (code == CURLE_COULDNT_CONNECT) {
        if (access(socket_path, F_OK) != 0) {
            return gw_ctl_misuse("no meterpayd runs for %s. Start it with `meterpayd --dir %s`.",
                                 dir, dir);
        }
        if (access(socket_path, W_OK) != 0) {
            return gw_ctl_misuse("%s: only the user that runs meterpayd may use it.", socket_path);
        }
        return gw_ctl_misuse(
            "nobody answers at %s: meterpayd has ended or only just starts. See its "
            "log, or start it with `meterpayd --dir %s`.",
            socket_path, dir);
    }
    return gw_ctl_misuse("the gateway did not answer: %s",
                         *why != '\0' ? why : curl_easy_strerror(code));
}

/* The CURL handle's body. Returns the text of a JSON body, to be freed, or NULL. */
static char *set_body(CURL *curl, const struct gw_ctl_request *request)
{
    char *json = NULL;
    const char *text = request->text;
    size_t len = request->text_len;
    if (request->json != NULL) {
        json = json_dumps(request->json, JSON_COMPACT);
        text = json;
        len = json != NULL ? strlen(json) : 0;
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (text != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
    }
    return json;
}

/* Do the request. Returns GW_CTL_OK with *status, or GW_CTL_USAGE. */
static int perform(struct reply *r, long *status, const struct gw_ctl_args *args,
                   const struct gw_ctl_request *request)
{
    char socket_path[108];
    char url[GW_CTL_PATH_MAX + 32];
    char why[CURL_ERROR_SIZE] = "";
    if (request->path->overflow) {
        return gw_ctl_misuse("an argument is too long.");
    }
    int found = find_socket(socket_path, args);
    if (found != GW_CTL_OK) {
        return found;
    }
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return gw_ctl_misuse("there is no memory.");
    }
    snprintf(url, sizeof(url), "http://meterpayd%s", request->path->text);
    r->curl = curl;
    struct curl_slist *headers =
        curl_slist_append(NULL, "Expect:"); /* no waiting on large bodies */
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, r->out != NULL ? CURLOPT_LOW_SPEED_TIME : CURLOPT_TIMEOUT,
                           TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, r->out != NULL ? 1L : 0L);
    char *body = set_body(curl, request);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status); /* stays 0 if not known */
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (body != NULL) {
        explicit_bzero(body, strlen(body)); /* may hold keys */
        free(body);
    }
    if (r->write_failed) {
        return r->out == stdout ? gw_ctl_written(GW_CTL_OK)
                                : gw_ctl_misuse("the output could not be written.");
    }
    return code == CURLE_OK ? GW_CTL_OK : not_reached(socket_path, args->dir, code, why);
}

/* A complaint of the daemon's. */
static int refused(const struct gw_ctl_args *args, const struct gw_ctl_request *request,
                   const json_t *reply, long status)
{
    const char *reason = json_string_value(json_object_get(reply, "reason"));
    if (request->quiet) {
        return GW_CTL_NO;
    }
    if (args->json) {
        gw_ctl_print_json(reply);
    }
    return gw_ctl_no("%s (HTTP %ld)", reason != NULL ? reason : "refused", status);
}

int gw_ctl_ask(json_t **reply, const struct gw_ctl_args *args, const struct gw_ctl_request *request)
{
    struct reply r = {0};
    json_error_t error;
    long status = 0;
    int result = perform(&r, &status, args, request);
    if (result != GW_CTL_OK) {
        free(r.bytes);
        return result;
    }
    json_t *json = r.bytes != NULL ? json_loadb(r.bytes, r.used, 0, &error) : NULL;
    free(r.bytes);
    if (json == NULL) {
        return gw_ctl_misuse("the gateway answered something else than JSON (HTTP %ld).", status);
    }
    if (status >= 400) {
        result = refused(args, request, json, status);
        if (request->quiet) {
            *reply = json;
        } else {
            json_decref(json);
        }
        return result;
    }
    *reply = json;
    return GW_CTL_OK;
}

int gw_ctl_show(const struct gw_ctl_args *args, const struct gw_ctl_request *request,
                void (*print)(const json_t *reply))
{
    json_t *reply = NULL;
    int result = gw_ctl_ask(&reply, args, request);
    if (result == GW_CTL_OK && args->json) {
        gw_ctl_print_json(reply);
    } else if (result == GW_CTL_OK) {
        print(reply);
    }
    json_decref(reply);
    return result;
}

int gw_ctl_get(json_t **reply, const struct gw_ctl_args *args, const struct gw_ctl_path *path)
{
    struct gw_ctl_request request = {.method = "GET", .path = path};
    return gw_ctl_ask(reply, args, &request);
}

int gw_ctl_stream(FILE *out, const struct gw_ctl_args *args, const struct gw_ctl_path *path)
{
    struct gw_ctl_request request = {.method = "GET", .path = path};
    struct reply r = {.out = out};
    long status = 0;
    int result = perform(&r, &status, args, &request);
    if (result == GW_CTL_OK && status != 200) {
        json_t *json = r.bytes != NULL ? json_loads(r.bytes, 0, NULL) : NULL;
        result = refused(args, &request, json, status);
        json_decref(json);
    }
    free(r.bytes);
    return result;
}
