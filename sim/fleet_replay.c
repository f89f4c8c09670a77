/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay-fleet replay FILE.tsv`: publish a corpus of captured frames as a concentrator would.
 *
 * A line is `id <TAB> hex <TAB> key or - <TAB> JSON`; lines that start with # are remarks. The protocol is
 * the file's name up to its dot. The topic names the meter of the frame's own address, or the one of
 * --as: the gateway then says whether those credentials may speak for it. */
#include <mosquitto.h>
#include <stdlib.h>
#include <string.h>

#include "meters/registry.h"
#include "sim/fleet.h"

#define FRAME_BYTES_MAX 4096u
#define TOPIC_MAX 200
#define MAKER "RAW" /* frames of most protocols name no maker */
#define TIMEOUT_MS 10000

struct replay {
    const struct sim_options *options;
    struct mosquitto *mosq;
    char protocol[MT_PROTOCOL_NAME_MAX + 1];
    bool connected;
    int refused;                            /* the broker's answer, when it is no */
    uint64_t sent, taken, skipped, unnamed; /* taken: acknowledged by the broker */
};

static bool choose_protocol(struct replay *replay)
{
    const char *text = replay->options->protocol;
    size_t len = strlen(text);
    if (len == 0) {
        const char *slash = strrchr(replay->options->file, '/');
        text = slash != NULL ? slash + 1 : replay->options->file;
        len = strcspn(text, ".");
    }
    if (len == 0 || len > MT_PROTOCOL_NAME_MAX || strcspn(text, "/+#") < len) {
        return false;
    }
    memcpy(replay->protocol, text, len);
    replay->protocol[len] = '\0';
    return true;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Hex up to the tab; spaces between bytes are allowed. False: not hex, or too long. */
static bool read_hex(uint8_t *bytes, size_t *len, const char *text, size_t text_len)
{
    size_t count = 0;
    for (size_t i = 0; i < text_len;) {
        if (text[i] == ' ') {
            i++;
            continue;
        }
        int high = nibble(text[i]);
        int low = i + 1 < text_len ? nibble(text[i + 1]) : -1;
        if (high < 0 || low < 0 || count == FRAME_BYTES_MAX) {
            return false;
        }
        bytes[count++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *len = count;
    return count > 0;
}

/* The meter that the topic names: the one of --as, or the frame's own. */
static bool name_meter(char name[MT_NAME_MAX + 1], const struct replay *replay,
                       const uint8_t *bytes, size_t len)
{
    struct mt_frame frame;
    size_t used = 0;
    if (replay->options->as_meter[0] != '\0') {
        memcpy(name, replay->options->as_meter, MT_NAME_MAX + 1);
        return true;
    }
    struct mt_input input = {.bytes = bytes, .len = len};
    const struct mt_protocol *protocol =
        mt_protocol_find(replay->protocol, strlen(replay->protocol));
    enum mt_status st =
        protocol != NULL ? mt_decode(&frame, &used, protocol, &input) : MT_UNSUPPORTED;
    bool known = protocol != NULL && (st == MT_OK || st == MT_NO_READING || st == MT_UNSUPPORTED);
    if (!known || frame.identity.number[0] == '\0') {
        return false;
    }
    if (frame.identity.maker[0] == '\0') {
        memcpy(frame.identity.maker, MAKER, sizeof(MAKER));
    }
    (void)mt_name_format(name, &frame.identity);
    return true;
}

/* ---- the broker --------------------------------------------------------------------------------------- */

static void on_connect(struct mosquitto *mosq, void *arg, int rc)
{
    struct replay *replay = arg;
    (void)mosq; /* there is one */
    replay->connected = rc == 0;
    replay->refused = rc;
}

static void on_publish(struct mosquitto *mosq, void *arg, int mid)
{
    struct replay *replay = arg;
    (void)mosq, (void)mid; /* there is one, and only their number counts */
    replay->taken++;
}

/* The first line of a file. */
static bool read_secret(char *password, size_t max, const char *path)
{
    FILE *file = fopen(path, "re");
    bool good = file != NULL && fgets(password, (int)max, file) != NULL;
    if (file != NULL) {
        (void)fclose(file); /* it was only read */
    }
    if (good) {
        password[strcspn(password, "\r\n")] = '\0';
    }
    return good;
}

/* Connect as the meter itself: TLS with the key that follows from its root key. */
static int use_key(struct replay *replay)
{
    const struct sim_options *options = replay->options;
    struct mt_identity identity;
    uint8_t root[MT_KEY_BYTES];
    uint8_t psk[MT_KEY_BYTES];
    char hex[2 * MT_KEY_BYTES + 2] = "";
    size_t len = 0;
    if (mt_name_parse(&identity, options->as_meter, strlen(options->as_meter)) != MT_OK) {
        return sim_complain(options, "--key-file goes with --as METER, such as pHXE-000012345678.");
    }
    if (!read_secret(hex, sizeof(hex), options->key_file) || strlen(hex) != 2 * MT_KEY_BYTES ||
        !read_hex(psk, &len, hex, 2 * MT_KEY_BYTES) || len != MT_KEY_BYTES) {
        return sim_complain(options, "%s does not hold a key of 32 hex digits.", options->key_file);
    }
    memcpy(root, psk, sizeof(root));
    bool good = mt_key_derive(psk, root, MT_KEY_TRANSPORT, &identity) == MT_OK;
    for (unsigned i = 0; i < MT_KEY_BYTES; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", psk[i]);
    }
    good = good &&
           mosquitto_tls_psk_set(replay->mosq, hex, options->as_meter, NULL) == MOSQ_ERR_SUCCESS;
    mt_key_wipe(root, sizeof(root));
    mt_key_wipe(psk, sizeof(psk));
    mt_key_wipe(hex, sizeof(hex));
    return good ? SIM_EXIT_DONE : sim_complain(options, "libmosquitto takes no pre-shared key.");
}

static int open_broker(struct replay *replay)
{
    const struct sim_options *options = replay->options;
    char password[256] = "";
    if (options->broker_port == 0) {
        return sim_complain(options, "Where is the broker? Give --broker HOST:PORT.");
    }
    if (options->password_file[0] != '\0' &&
        !read_secret(password, sizeof(password), options->password_file)) {
        return sim_complain(options, "%s cannot be read.", options->password_file);
    }
    (void)mosquitto_lib_init(); /* always succeeds */
    replay->mosq = mosquitto_new(NULL, true, replay);
    if (replay->mosq == NULL) {
        return sim_complain(options, "libmosquitto does not start.");
    }
    mosquitto_connect_callback_set(replay->mosq, on_connect);
    mosquitto_publish_callback_set(replay->mosq, on_publish);
    if (options->key_file[0] != '\0' && use_key(replay) != SIM_EXIT_DONE) {
        return SIM_EXIT_USAGE;
    }
    int rc = MOSQ_ERR_SUCCESS;
    if (options->user[0] != '\0') {
        rc = mosquitto_username_pw_set(replay->mosq, options->user,
                                       password[0] != '\0' ? password : NULL);
    }
    mt_key_wipe(password, sizeof(password));
    if (rc == MOSQ_ERR_SUCCESS) {
        rc = mosquitto_connect(replay->mosq, options->broker_host, options->broker_port, 60);
    }
    for (int waited_ms = 0; rc == MOSQ_ERR_SUCCESS && !replay->connected && replay->refused == 0 &&
                            waited_ms < TIMEOUT_MS;
         waited_ms += 100) {
        rc = mosquitto_loop(replay->mosq, 100, 1);
    }
    if (!replay->connected) {
        return sim_complain(options, "The broker at %s port %u: %s.", options->broker_host,
                            options->broker_port,
                            replay->refused != 0 ? mosquitto_connack_string(replay->refused)
                                                 : mosquitto_strerror(rc));
    }
    return SIM_EXIT_DONE;
}

static bool publish(struct replay *replay, const char *name, const uint8_t *bytes, size_t len)
{
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "%s/%s/%s/raw/%s", replay->options->root,
                   replay->options->site, name, replay->protocol);
    /* QoS 1: the file is read faster than a broker takes it in. */
    int rc = mosquitto_publish(replay->mosq, NULL, topic, (int)len, bytes, 1, false);
    for (int i = 0;
         rc == MOSQ_ERR_SUCCESS && i < 16 && (i == 0 || mosquitto_want_write(replay->mosq)); i++) {
        rc = mosquitto_loop(replay->mosq, 0, 1);
    }
    return rc == MOSQ_ERR_SUCCESS;
}

/* Wait until the broker has taken everything. False: it has not within the time, or is gone. */
static bool drain(struct replay *replay)
{
    int rc = MOSQ_ERR_SUCCESS;
    for (int waited_ms = 0;
         rc == MOSQ_ERR_SUCCESS && replay->taken < replay->sent && waited_ms < TIMEOUT_MS;
         waited_ms += 10) {
        rc = mosquitto_loop(replay->mosq, 10, 1);
    }
    return replay->taken == replay->sent;
}

/* ---- the corpus --------------------------------------------------------------------------------------- */

/* Returns false when the broker is lost. */
static bool replay_line(struct replay *replay, const char *line)
{
    static uint8_t bytes[FRAME_BYTES_MAX];
    char name[MT_NAME_MAX + 1];
    size_t len = 0;
    const char *tab = strchr(line, '\t');
    if (line[0] == '#' || line[0] == '\n' || line[0] == '\0') {
        return true;
    }
    if (tab == NULL || !read_hex(bytes, &len, tab + 1, strcspn(tab + 1, "\t\r\n"))) {
        replay->skipped++;
        return true;
    }
    if (!name_meter(name, replay, bytes, len)) {
        replay->unnamed++;
        return true;
    }
    if (!publish(replay, name, bytes, len)) {
        return false;
    }
    replay->sent++;
    return true;
}

static int replay_file(struct replay *replay)
{
    const struct sim_options *options = replay->options;
    FILE *file = fopen(options->file, "re");
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    if (file == NULL) {
        return sim_complain(options, "%s cannot be read.", options->file);
    }
    while (good && getline(&line, &room, file) >= 0) {
        good = replay_line(replay, line);
    }
    good = good && drain(replay);
    free(line);
    (void)fclose(file); /* it was only read */
    if (!good) {
        (void)sim_complain(options, "the connection to the broker was lost.");
        return SIM_EXIT_NO;
    }
    return SIM_EXIT_DONE;
}

int sim_replay(const struct sim_options *options)
{
    struct replay replay = {.options = options};
    if (options->file[0] == '\0' || !choose_protocol(&replay)) {
        return sim_complain(options, "Which corpus? For example: replay corpora/dlt645.tsv");
    }
    int status = open_broker(&replay);
    if (status == SIM_EXIT_DONE) {
        status = replay_file(&replay);
        (void)mosquitto_disconnect(replay.mosq); /* all is sent */
    }
    if (replay.mosq != NULL) {
        mosquitto_destroy(replay.mosq);
    }
    (void)mosquitto_lib_cleanup(); /* always succeeds */
    const char *shape =
        options->json ? "{\"protocol\":\"%s\",\"sent\":%llu,\"unnamed\":%llu,\"skipped\":%llu}\n"
                      : "%s: %llu frames published, %llu without an address of their own (use "
                        "--as METER), %llu lines without a frame\n";
    if (status != SIM_EXIT_USAGE) {
        (void)printf(shape, replay.protocol, (unsigned long long)replay.sent,
                     (unsigned long long)replay.unnamed, (unsigned long long)replay.skipped);
    }
    return status;
}
