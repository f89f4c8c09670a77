/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The files that make a Mosquitto the gateway's broker. */
#include "gateway/adapters/broker.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/pwdbased.h>

#include "gateway/adapters/broker_file.h"
#include "gateway/adapters/mqtt_topic.h"
#include "gateway/core/limits.h"

#define SALT_BYTES 12u /* what Mosquitto 2.0 reads: no other length */
#define HASH_BYTES 64u
#define HASH_ITERATIONS 101 /* mosquitto_passwd's own; the password is 192 random bits */
#define PASSWORD_BYTES 24u
#define STARTING_MS 2000
#define STARTING_LOOK_MS 5

__attribute__((format(printf, 2, 3))) static void explain(char why[GW_BROKER_WHY_BYTES],
                                                          const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, GW_BROKER_WHY_BYTES, format, args); /* cut where it must be */
    va_end(args);
}

/* ---- files that are whole or not there -------------------------------------------------------- */

bool gw_broker_draft_open(struct gw_broker_draft *draft, const char *dir, const char *name)
{
    (void)snprintf(draft->path, sizeof draft->path, "%s/%s", dir, name); /* dir was measured */
    (void)snprintf(draft->temporary, sizeof draft->temporary, "%s.new", draft->path);
    int fd = open(draft->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return false;
    }
    draft->file = fdopen(fd, "w");
    if (draft->file == NULL) {
        (void)close(fd); /* nothing was written */
        return false;
    }
    return fchmod(fd, 0600) == 0; /* it may have been there with another mode */
}

static bool directory_sync(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool synced = fsync(fd) == 0;
    (void)close(fd); /* only read */
    return synced;
}

/* Make the draft the file. On failure the old file stays. */
bool gw_broker_draft_finish(struct gw_broker_draft *draft, const char *dir)
{
    bool good = !ferror(draft->file) && fflush(draft->file) == 0 && fsync(fileno(draft->file)) == 0;
    good = fclose(draft->file) == 0 && good;
    good = good && rename(draft->temporary, draft->path) == 0;
    if (!good) {
        int error = errno;
        (void)unlink(draft->temporary); /* it is of no use; the next draft truncates it anyway */
        errno = error;
    }
    return good && directory_sync(dir);
}

void gw_broker_draft_drop(struct gw_broker_draft *draft)
{
    (void)fclose(draft->file);
    (void)unlink(draft->temporary); /* the next draft truncates it anyway */
}

static bool file_exists(const char *dir, const char *name)
{
    char path[GW_BROKER_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

enum gw_status gw_broker_io_failed(char why[GW_BROKER_WHY_BYTES], const char *path)
{
    explain(why, "%s: %s", path, strerror(errno));
    return GW_IO;
}

/* ---- the gateway's password ------------------------------------------------------------------- */

static bool base64(char *out, size_t out_max, const uint8_t *bytes, size_t len)
{
    word32 size = (word32)out_max - 1;
    if (Base64_Encode_NoNl(bytes, (word32)len, (byte *)out, &size) != 0) {
        return false;
    }
    out[size] = '\0';
    return true;
}

/* The first line of the clear file; made when it is missing. */
static bool password_get(char *out, size_t max, const char *dir)
{
    char path[GW_BROKER_PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", dir, GW_BROKER_PASSWORD);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        bool got = fgets(out, (int)max, file) != NULL;
        (void)fclose(file); /* only read */
        out[got ? strcspn(out, "\r\n") : 0] = '\0';
        return out[0] != '\0';
    }
    uint8_t random[PASSWORD_BYTES];
    struct gw_broker_draft draft;
    if (errno != ENOENT || getrandom(random, sizeof random, 0) != (ssize_t)sizeof random ||
        !base64(out, max, random, sizeof random) ||
        !gw_broker_draft_open(&draft, dir, GW_BROKER_PASSWORD)) {
        return false;
    }
    (void)fprintf(draft.file, "%s\n", out); /* draft_finish looks at the file's error flag */
    return gw_broker_draft_finish(&draft, dir);
}

bool gw_broker_password_line(FILE *out, const char *username, const char *password)
{
    uint8_t salt[SALT_BYTES];
    uint8_t hash[HASH_BYTES];
    char salt_text[32];
    char hash_text[128];
    if (getrandom(salt, sizeof salt, 0) != (ssize_t)sizeof salt ||
        wc_PBKDF2(hash, (const byte *)password, (int)strlen(password), salt, SALT_BYTES,
                  HASH_ITERATIONS, HASH_BYTES, WC_HASH_TYPE_SHA512) != 0 ||
        !base64(salt_text, sizeof salt_text, salt, sizeof salt) ||
        !base64(hash_text, sizeof hash_text, hash, sizeof hash)) {
        return false;
    }
    return fprintf(out, "%s:$7$%d$%s$%s\n", username, HASH_ITERATIONS, salt_text, hash_text) > 0;
}

static enum gw_status passwords_write(char why[GW_BROKER_WHY_BYTES],
                                      const struct gw_broker_config *config)
{
    char password[256];
    if (!password_get(password, sizeof password, config->dir)) {
        explain(why, "%s/%s cannot be read or made", config->dir, GW_BROKER_PASSWORD);
        return GW_IO;
    }
    struct gw_broker_draft draft;
    if (!gw_broker_draft_open(&draft, config->dir, "passwords")) {
        return gw_broker_io_failed(why, draft.temporary);
    }
    bool hashed = gw_broker_password_line(draft.file, config->username, password);
    explicit_bzero(password, sizeof password);
    bool finished = gw_broker_draft_finish(&draft, config->dir);
    if (!hashed) {
        explain(why, "the gateway's password cannot be hashed");
        return GW_IO;
    }
    return finished ? GW_OK : gw_broker_io_failed(why, draft.path);
}

/* ---- who may do what -------------------------------------------------------------------------- */

static enum gw_status acl_write(char why[GW_BROKER_WHY_BYTES],
                                const struct gw_broker_config *config, const char *prefix)
{
    struct gw_broker_draft draft;
    if (!gw_broker_draft_open(&draft, config->dir, "acl")) {
        return gw_broker_io_failed(why, draft.temporary);
    }
    /* Errors show in the file's error flag, which draft_finish looks at. */
    (void)fprintf(draft.file,
                  "# Written by meterpay init. %%u is the meter's PSK identity.\n"
                  "pattern write %s%%u/up\n"
                  "pattern read %s%%u/down\n",
                  prefix, prefix);
    char topic[GW_TOPIC_BYTES_MAX];
    for (unsigned i = 1; gw_topic_up(topic, prefix, "%u", i); i++) {
        (void)fprintf(draft.file, "pattern write %s\n", topic);
    }
    (void)fprintf(draft.file,
                  "pattern read %sgateway\n"
                  "\n"
                  "user %s\n"
                  "topic read %s#\n"
                  "topic write %s+/down\n"
                  "topic write %sgateway\n",
                  prefix, config->username, prefix, prefix, prefix);
    return gw_broker_draft_finish(&draft, config->dir) ? GW_OK
                                                       : gw_broker_io_failed(why, draft.path);
}

/* ---- the broker's configuration --------------------------------------------------------------- */

static const char limits_text[] =
    "# Limits on what a meter, or whoever has its key, can make the broker hold.\n"
    "# Larger messages than the gateway's own limit pass, so that the gateway can refuse and "
    "count\n"
    "# them; beyond this the broker ends the connection.\n"
    "message_size_limit 16384\n"
    "max_packet_size 20480\n"
    "max_inflight_messages 20\n"
    "max_queued_messages 20000\n"
    "max_queued_bytes 16777216\n"
    "queue_qos0_messages false\n"
    "persistent_client_expiration 14d\n"
    "\n"
    "# Nothing relies on the broker's disk: a meter keeps its records until the gateway's "
    "receipt.\n"
    "persistence false\n"
    "\n"
    "set_tcp_nodelay true\n"
    "sys_interval 0\n"
    "log_dest stderr\n"
    "log_type error\n"
    "log_type warning\n"
    "log_type notice\n"
    "connection_messages false\n";

static void listeners_write(FILE *out, const struct gw_broker_config *config)
{
    /* Listeners share these files, so that a reload does not depend on the listeners' order. */
    (void)fprintf(
        out,
        "per_listener_settings false\n"
        "allow_anonymous false\n"
        "password_file %s/passwords\n"
        "psk_file %s/psk\n"
        "acl_file %s/acl\n"
        "\n"
        "# Meters: TLS with the meter's own key; user name and client id are its identity.\n"
        "listener %u%s%s\n"
        "max_connections %u\n"
        "psk_hint meterpay\n"
        "use_identity_as_username true\n"
        "use_username_as_clientid true\n"
        "\n"
        "# The gateway, by password. The directory lets nobody else in.\n"
        "listener 0 %s/%s\n",
        config->dir, config->dir, config->dir, (unsigned)config->meters_port,
        config->meters_address != NULL ? " " : "",
        config->meters_address != NULL ? config->meters_address : "",
        (unsigned)config->connections_max, config->dir, GW_BROKER_SOCKET);
    if (config->gateway_port != 0) {
        (void)fprintf(out, "listener %u 127.0.0.1\n", (unsigned)config->gateway_port);
    }
    if (config->sources_port != 0) {
        (void)fprintf(
            out,
            "\n"
            "# Foreign devices, each by its own user and password; the user is its client id.\n"
            "listener %u%s%s\n"
            "max_connections %u\n"
            "use_username_as_clientid true\n",
            (unsigned)config->sources_port, config->sources_address != NULL ? " " : "",
            config->sources_address != NULL ? config->sources_address : "",
            (unsigned)config->connections_max);
        if (config->sources_certificate != NULL) {
            (void)fprintf(out, "certfile %s\nkeyfile %s\n", config->sources_certificate,
                          config->sources_key);
        }
    }
}

static enum gw_status conf_write(char why[GW_BROKER_WHY_BYTES],
                                 const struct gw_broker_config *config)
{
    struct gw_broker_draft draft;
    const struct passwd *owner = getpwuid(geteuid());
    if (owner == NULL) {
        explain(why, "user %u has no name, and the broker needs one to run as",
                (unsigned)geteuid());
        return GW_IO;
    }
    if (!gw_broker_draft_open(&draft, config->dir, GW_BROKER_CONF)) {
        return gw_broker_io_failed(why, draft.temporary);
    }
    /* Errors show in the file's error flag, which draft_finish looks at. */
    (void)fprintf(draft.file,
                  "# Mosquitto 2.0 for meterpay, written by meterpay init. Start it with\n"
                  "#     mosquitto -c %s/%s\n"
                  "# It runs as the user who owns these files, because nobody else may read them.\n"
                  "user %s\n"
                  "pid_file %s/mosquitto.pid\n"
                  "memory_limit %llu\n"
                  "\n",
                  config->dir, GW_BROKER_CONF, owner->pw_name, config->dir,
                  (unsigned long long)config->memory_max_mib << 20);
    (void)fputs(limits_text, draft.file);
    (void)fputc('\n', draft.file);
    listeners_write(draft.file, config);
    return gw_broker_draft_finish(&draft, config->dir) ? GW_OK
                                                       : gw_broker_io_failed(why, draft.path);
}

/* ---- all together ----------------------------------------------------------------------------- */

/* A line of a configuration file ends where a line ends: no text of ours may have one in it. */
bool gw_broker_path_valid(const char *path)
{
    size_t len = strlen(path);
    if (len == 0 || len > GW_BROKER_PATH_MAX || path[0] != '/') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

static bool address_valid(const char *address)
{
    size_t len = strspn(address, "0123456789abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ.:-%");
    return len > 0 && len <= 64 && address[len] == '\0';
}

static const char *config_fault(const struct gw_broker_config *config)
{
    const char *root = config->root != NULL ? config->root : "meterpay";
    if (!gw_broker_path_valid(config->dir)) {
        return "the broker's directory must be an absolute path of at most 400 characters";
    }
    if (!gw_topic_part_valid(root) || !gw_topic_part_valid(config->site)) {
        return "root and site of the topics must be 1 to 32 of a-z A-Z 0-9 - _ .";
    }
    if (!gw_topic_part_valid(config->username)) {
        return "the gateway's user name must be 1 to 32 of a-z A-Z 0-9 - _ .";
    }
    if (config->meters_port == 0 || config->meters_port == config->gateway_port) {
        return "meters need a port of their own";
    }
    if (config->sources_port != 0 && (config->sources_port == config->meters_port ||
                                      config->sources_port == config->gateway_port)) {
        return "foreign devices need a port of their own";
    }
    if ((config->meters_address != NULL && !address_valid(config->meters_address)) ||
        (config->sources_address != NULL && !address_valid(config->sources_address))) {
        return "the address for meters, or that for foreign devices, is none";
    }
    if ((config->sources_certificate == NULL) != (config->sources_key == NULL) ||
        (config->sources_certificate != NULL &&
         (!gw_broker_path_valid(config->sources_certificate) ||
          !gw_broker_path_valid(config->sources_key)))) {
        return "TLS for foreign devices needs the absolute paths of a certificate and of its key";
    }
    if (config->connections_max == 0 || config->connections_max > 1000000) {
        return "connections_max must be 1 to 1,000,000";
    }
    if (config->memory_max_mib < 16 || config->memory_max_mib > 1000000) {
        return "memory_max_mib must be 16 to 1,000,000";
    }
    return NULL;
}

enum gw_status gw_broker_write(char why[GW_BROKER_WHY_BYTES], const struct gw_broker_config *config)
{
    const char *fault = config_fault(config);
    if (fault != NULL) {
        explain(why, "%s", fault);
        return GW_INVALID;
    }
    if (mkdir(config->dir, 0700) != 0 && errno != EEXIST) {
        return gw_broker_io_failed(why, config->dir);
    }
    char prefix[GW_TOPIC_ROOT_MAX + GW_TOPIC_SITE_MAX + 3];
    (void)snprintf(prefix, sizeof prefix, "%s/%s/",
                   config->root != NULL ? config->root : "meterpay", config->site); /* it fits */
    enum gw_status status = passwords_write(why, config);
    if (status == GW_OK) {
        status = acl_write(why, config, prefix);
    }
    if (status == GW_OK && !file_exists(config->dir, "psk")) {
        struct gw_broker_draft draft;
        bool made = gw_broker_draft_open(&draft, config->dir, "psk") &&
                    gw_broker_draft_finish(&draft, config->dir);
        status = made ? GW_OK : gw_broker_io_failed(why, draft.path);
    }
    if (status == GW_OK) {
        status = conf_write(why, config);
    }
    return status;
}

enum gw_status gw_broker_keys(char why[GW_BROKER_WHY_BYTES], const char *dir, void *arg,
                              bool (*next)(void *arg, struct gw_broker_key *key))
{
    struct gw_broker_draft draft;
    if (!gw_broker_path_valid(dir)) {
        explain(why, "the broker's directory must be an absolute path");
        return GW_INVALID;
    }
    if (!gw_broker_draft_open(&draft, dir, "psk")) {
        return gw_broker_io_failed(why, draft.temporary);
    }
    struct gw_broker_key key;
    bool valid = true;
    for (uint32_t n = 0; valid && n < GW_METERS_MAX && next(arg, &key); n++) {
        struct mt_identity identity;
        size_t len = strnlen(key.name, sizeof key.name);
        valid = len < sizeof key.name && mt_name_parse(&identity, key.name, len) == MT_OK;
        if (!valid) {
            break;
        }
        char hex[2 * MT_KEY_BYTES + 1];
        for (size_t i = 0; i < MT_KEY_BYTES; i++) {
            hex[2 * i] = "0123456789abcdef"[key.psk[i] >> 4];
            hex[2 * i + 1] = "0123456789abcdef"[key.psk[i] & 15];
        }
        hex[2 * MT_KEY_BYTES] = '\0';
        (void)fprintf(draft.file, "%s:%s\n", key.name, hex); /* its error flag is looked at */
        explicit_bzero(hex, sizeof hex);
    }
    explicit_bzero(&key, sizeof key);
    if (!valid) {
        gw_broker_draft_drop(&draft);
        explain(why, "a key was given for what is no meter's name");
        return GW_INVALID;
    }
    return gw_broker_draft_finish(&draft, dir) ? GW_OK : gw_broker_io_failed(why, draft.path);
}

/* ---- the running broker ----------------------------------------------------------------------- */

static bool first_line(char *out, size_t max, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool got = fgets(out, (int)max, file) != NULL;
    (void)fclose(file); /* only read */
    if (got) {
        out[strcspn(out, "\r\n")] = '\0';
    }
    return got;
}

/* Mosquitto names its process before it takes signals: one that comes too early ends it. */
static bool takes_reload(long pid)
{
    char path[64];
    char line[256];
    unsigned long long caught = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/status", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "SigCgt:", 7) == 0) {
            caught = strtoull(line + 7, NULL, 16);
            break;
        }
    }
    (void)fclose(file); /* only read */
    return (caught >> (SIGHUP - 1) & 1u) != 0;
}

enum gw_status gw_broker_reload(char why[GW_BROKER_WHY_BYTES], const char *dir)
{
    char path[GW_BROKER_PATH_MAX + 32];
    char line[64];
    if (!gw_broker_path_valid(dir)) {
        explain(why, "the broker's directory must be an absolute path");
        return GW_IO;
    }
    (void)snprintf(path, sizeof path, "%s/mosquitto.pid", dir);
    if (!first_line(line, sizeof line, path)) {
        return GW_END;
    }
    char *end = NULL;
    errno = 0;
    long pid = strtol(line, &end, 10);
    if (errno != 0 || end == line || pid <= 1) {
        return GW_END;
    }
    /* A file that outlived its broker may name anybody: SIGHUP ends most other programs. */
    (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    if (!first_line(line, sizeof line, path) || strcmp(line, "mosquitto") != 0) {
        return GW_END;
    }
    for (int waited_ms = 0; !takes_reload(pid); waited_ms += STARTING_LOOK_MS) {
        if (waited_ms >= STARTING_MS) {
            explain(why, "the broker is still starting: what it read may be old until it is told");
            return GW_BUSY;
        }
        const struct timespec look = {.tv_nsec = STARTING_LOOK_MS * 1000000L};
        (void)nanosleep(&look, NULL);
    }
    if (kill((pid_t)pid, SIGHUP) == 0) {
        return GW_OK;
    }
    if (errno == ESRCH) {
        return GW_END;
    }
    explain(why, "the broker could not be told to read its files again: it runs as another user");
    return GW_IO;
}
