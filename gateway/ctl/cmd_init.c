/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `meterpay init`: a gateway's directory, ready to run. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/adapters/broker.h"
#include "gateway/adapters/config.h"
#include "gateway/adapters/tariff_file.h"
#include "gateway/app/format.h"
#include "gateway/ctl/ctl.h"
#include "gateway/ctl/input.h"

#define SETTINGS_MAX 64u
#define TOKEN_BYTES 32u

static char **settings;
static char *operator_dir;

static const struct poptOption options[] = {
    {"set", '\0', POPT_ARG_ARGV, &settings, 0,
     "a field of the configuration, such as gateway.id=gw7 or coap.port=15684; may be repeated",
     "FIELD=VALUE"},
    {"operator", '\0', POPT_ARG_STRING, &operator_dir, 0,
     "the stand-in operator's directory: make the keys and certificates that it and this gateway "
     "need",
     "OPDIR"},
    POPT_TABLEEND,
};

static const char about[] = "Makes a gateway's directory: meterpayd.yaml with every field "
                            "explained, the broker's files, the\n"
                            "API's token, and the shipped tariff packs to edit. What is there "
                            "already is kept, except that a\n"
                            "directory with a configuration is refused. Any field can be set: "
                            "--set limits.meters=100000.\n";

/* ---- the configuration --------------------------------------------------------------------------------- */

static int read_settings(struct gw_config_setting list[SETTINGS_MAX], uint32_t *count)
{
    *count = 0;
    for (char **s = settings; s != NULL && *s != NULL; s++) {
        char *equals = strchr(*s, '=');
        if (equals == NULL || *count == SETTINGS_MAX) {
            return gw_ctl_misuse("--set takes FIELD=VALUE, %u times at most.", SETTINGS_MAX);
        }
        *equals = '\0';
        list[(*count)++] = (struct gw_config_setting){.field = *s, .value = equals + 1};
    }
    if (operator_dir != NULL) {
        if (*count == SETTINGS_MAX) {
            return gw_ctl_misuse("too many --set.");
        }
        list[(*count)++] = (struct gw_config_setting){.field = "operator.enabled", .value = "true"};
    }
    return GW_CTL_OK;
}

/* The broker on this machine is reached by its Unix socket, which costs it half as much a message as the
 * loopback, unless somebody said where the broker is, or the path is too long for a socket. */
static void prefer_socket(struct gw_config_setting list[SETTINGS_MAX], uint32_t *count,
                          const char *dir)
{
    static const char *const spoken_for[] = {"mqtt.socket", "mqtt.host", "mqtt.broker_dir"};
    struct sockaddr_un address;
    for (uint32_t i = 0; i < *count; i++) {
        for (size_t f = 0; f < sizeof(spoken_for) / sizeof(spoken_for[0]); f++) {
            if (strcmp(list[i].field, spoken_for[f]) == 0) {
                return;
            }
        }
    }
    bool fits = strlen(dir) + sizeof("/broker/" GW_BROKER_SOCKET) <= sizeof(address.sun_path);
    if (fits && *count < SETTINGS_MAX) {
        list[(*count)++] =
            (struct gw_config_setting){.field = "mqtt.socket", .value = "broker/" GW_BROKER_SOCKET};
    }
}

/* Write it and read it back: what is wrong with a setting is told before anything else is made. */
static int write_config(struct gw_config *config, const char *dir,
                        const struct gw_config_setting *list, uint32_t count)
{
    char path[4096];
    char why[GW_CONFIG_WHY_BYTES];
    snprintf(path, sizeof(path), "%s/" GW_CONFIG_NAME, dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        return errno == EEXIST ? gw_ctl_no("%s exists: edit it, or give another directory.", path)
                               : gw_ctl_misuse("%s: %s", path, strerror(errno));
    }
    enum gw_status status = gw_config_write(file, list, count);
    bool closed = fclose(file) == 0;
    int result = GW_CTL_OK;
    if (status == GW_INVALID) {
        result =
            gw_ctl_misuse("--set: one of the fields does not exist; %s lists all.", GW_CONFIG_NAME);
    } else if (status != GW_OK || !closed) {
        result = gw_ctl_misuse("%s: it could not be written.", path);
    } else if (gw_config_load(config, why, dir, NULL) != GW_OK) {
        result = gw_ctl_misuse("%s", why);
    }
    if (result != GW_CTL_OK) {
        (void)unlink(path); /* a configuration that does not load is none */
    }
    return result;
}

/* ---- the rest -------------------------------------------------------------------------------------------- */

static const char *given(const char *text)
{
    return *text != '\0' ? text : NULL;
}

static int make_broker(const struct gw_config *config)
{
    char why[GW_BROKER_WHY_BYTES];
    if (!config->mqtt_enabled || *config->mqtt_broker_dir == '\0') {
        return GW_CTL_OK;
    }
    struct gw_broker_config broker = {
        .dir = config->mqtt_broker_dir,
        .site = config->site,
        .meters_port = (uint16_t)config->mqtt_meters_port,
        .gateway_port = (uint16_t)config->mqtt_port,
        .sources_port = (uint16_t)config->mqtt_sources_port,
        .sources_address = given(config->mqtt_sources_address),
        .sources_certificate = given(config->mqtt_sources_certificate),
        .sources_key = given(config->mqtt_sources_key),
        .username = config->mqtt_username,
        .connections_max = (uint32_t)config->meters_max,
        .memory_max_mib = 1024,
    };
    if (gw_broker_write(why, &broker) != GW_OK) {
        return gw_ctl_misuse("the broker's files: %s", why);
    }
    return GW_CTL_OK;
}

static int make_token(const struct gw_config *config)
{
    uint8_t bytes[TOKEN_BYTES];
    char text[2 * TOKEN_BYTES + 2];
    int fd = open(config->http_token_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? GW_CTL_OK
                               : gw_ctl_misuse("%s: %s", config->http_token_file, strerror(errno));
    }
    bool made = getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes);
    gw_format_hex(text, bytes, sizeof(bytes));
    text[2 * TOKEN_BYTES] = '\n';
    made = made && write(fd, text, 2 * TOKEN_BYTES + 1) == (ssize_t)(2 * TOKEN_BYTES + 1);
    made = close(fd) == 0 && made;
    explicit_bzero(text, sizeof(text));
    explicit_bzero(bytes, sizeof(bytes));
    return made ? GW_CTL_OK
                : gw_ctl_misuse("%s: it could not be written.", config->http_token_file);
}

static bool copy_file(const char *to, const char *from)
{
    size_t len = 0;
    char *text = gw_ctl_read_file(&len, from, GW_YAML_BYTES_MAX);
    int fd = text != NULL ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    bool kept = fd < 0 && errno == EEXIST;
    bool written = fd >= 0 && write(fd, text, len) == (ssize_t)len;
    written = (fd < 0 || close(fd) == 0) && written;
    free(text);
    return kept || written;
}

/* The shipped packs, to be edited and loaded. */
static int copy_tariffs(const char *dir)
{
    char shipped[GW_TARIFF_PATH_MAX];
    char why[GW_YAML_WHY_MAX];
    char pattern[4096];
    char to[4096];
    glob_t found;
    if (gw_tariff_file_find(shipped, why, sizeof(why), "zhejiang-power") != GW_OK) {
        fprintf(stderr, "meterpay: no tariff packs were copied: %s\n", why);
        return GW_CTL_OK;
    }
    snprintf(to, sizeof(to), "%s/tariffs", dir);
    if (mkdir(to, 0700) != 0 && errno != EEXIST) {
        return gw_ctl_misuse("%s: %s", to, strerror(errno));
    }
    snprintf(pattern, sizeof(pattern), "%s/*.yaml", dirname(shipped));
    int result = GW_CTL_OK;
    if (glob(pattern, 0, NULL, &found) != 0) {
        return GW_CTL_OK;
    }
    for (size_t i = 0; i < found.gl_pathc && result == GW_CTL_OK; i++) {
        const char *name = strrchr(found.gl_pathv[i], '/') + 1;
        snprintf(to, sizeof(to), "%s/tariffs/%s", dir, name);
        if (!copy_file(to, found.gl_pathv[i])) {
            result = gw_ctl_misuse("%s: it could not be written.", to);
        }
    }
    globfree(&found);
    return result;
}

/* Where the script is: in the source tree that holds this program, or installed. */
static bool find_script(char path[4096])
{
    char self[4000];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[len > 0 ? len : 0] = '\0';
    for (char *slash = strrchr(self, '/'); slash != NULL; slash = strrchr(self, '/')) {
        *slash = '\0';
        snprintf(path, 4096, "%s/sim/operator/make_certs.sh", self);
        if (access(path, X_OK) == 0) {
            return true;
        }
    }
    snprintf(path, 4096, "/usr/share/meterpay/make_certs.sh");
    return access(path, X_OK) == 0;
}

static int make_certificates(const struct gw_config *config)
{
    char script[4096];
    char keys[4096];
    int status = 0;
    if (operator_dir == NULL) {
        return GW_CTL_OK;
    }
    if (!find_script(script)) {
        return gw_ctl_misuse("make_certs.sh is not there: it comes with meterpay-operator.");
    }
    snprintf(keys, sizeof(keys), "%s/keys", config->dir);
    if (mkdir(keys, 0700) != 0 && errno != EEXIST) {
        return gw_ctl_misuse("%s: %s", keys, strerror(errno));
    }
    pid_t child = fork();
    if (child == 0) {
        execl(script, script, "--operator", operator_dir, "--gateway", keys, "--id",
              config->gateway_id, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        return gw_ctl_misuse("%s failed; what it printed says why.", script);
    }
    return GW_CTL_OK;
}

static void print_next_steps(const struct gw_config *config)
{
    printf("%s is ready. What comes next:\n\n", config->dir);
    if (config->mqtt_enabled && *config->mqtt_broker_dir != '\0') {
        printf("  mosquitto -c %s/" GW_BROKER_CONF "\n", config->mqtt_broker_dir);
    }
    if (operator_dir != NULL) {
        printf("  meterpay-operator --dir %s\n", operator_dir);
    }
    printf("  meterpayd --dir %s\n\n", config->dir);
    printf("and, once it runs, with METERPAY_DIR=%s in the environment:\n\n", config->dir);
    printf(
        "  meterpay tariff load zhejiang-power\n"
        "  meterpay household add home-0001\n"
        "  meterpay meter add pHXE-000012345678 --household home-0001 --tariff zhejiang-power \\\n"
        "      --new-key pHXE-000012345678.key\n"
        "  meterpay status\n");
}

int gw_cmd_init(int argc, const char **argv)
{
    static const struct gw_ctl_syntax syntax = {
        .own = options,
        .usage = "DIR [--set FIELD=VALUE]... [--operator OPDIR]",
        .about = about,
        .rest_min = 1,
        .rest_max = 1,
    };
    static struct gw_config config; /* large */
    struct gw_config_setting list[SETTINGS_MAX];
    struct gw_ctl_args args;
    uint32_t count = 0;
    gw_ctl_parse(&args, argc, argv, &syntax);
    (void)umask(077);
    int result = read_settings(list, &count);
    if (result != GW_CTL_OK) {
        return result;
    }
    if (mkdir(args.rest[0], 0700) != 0 && errno != EEXIST) {
        return gw_ctl_misuse("%s: %s", args.rest[0], strerror(errno));
    }
    char *dir = realpath(args.rest[0], NULL);
    if (dir == NULL) {
        return gw_ctl_misuse("%s: %s", args.rest[0], strerror(errno));
    }
    prefer_socket(list, &count, dir);
    result = write_config(&config, dir, list, count);
    result = result == GW_CTL_OK ? make_broker(&config) : result;
    result = result == GW_CTL_OK ? make_token(&config) : result;
    result = result == GW_CTL_OK ? copy_tariffs(dir) : result;
    result = result == GW_CTL_OK ? make_certificates(&config) : result;
    free(dir);
    if (result == GW_CTL_OK && args.json) {
        printf("{\"dir\": \"%s\", \"socket\": \"%s\"}\n", config.dir, config.http_socket);
    } else if (result == GW_CTL_OK) {
        print_next_steps(&config);
    }
    return result;
}
