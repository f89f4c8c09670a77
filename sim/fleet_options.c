/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line, and what a run directory adds to it. */
#include <popt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/adapters/clock.h"
#include "gateway/adapters/config.h"
#include "sim/fleet.h"

#define STREET_DIR "run/street"
#define METERS_DEFAULT 180u

/* The options as texts: popt owns and converts nothing, so that every complaint is one of ours. */
struct texts {
    char *meters, *homes, *seed, *via, *hours, *speed, *dir, *broker, *gateway, *root, *site,
        *clock, *state, *provision, *truth, *start, *user, *password_file, *key_file, *as_meter,
        *protocol, *interval, *drain, *report, *loss, *duplicates, *reorder, *drift, *reboots,
        *tariff_power, *tariff_water, *tariff_gas;
    int json, quiet, no_register;
};

int sim_complain(const struct sim_options *options, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)fprintf(stderr, "%s: ", options->program);
    (void)vfprintf(stderr, format, list);
    (void)fputc('\n', stderr);
    va_end(list);
    return SIM_EXIT_USAGE;
}

/* ---- texts to numbers --------------------------------------------------------------------------------- */

static bool copy(char *to, size_t max, const char *from)
{
    int len = snprintf(to, max, "%s", from);
    return len >= 0 && (size_t)len < max;
}

/* A decimal with up to `places` places, as a whole number of 10^-places. */
static bool read_decimal(int64_t *value, const char *text, unsigned places, int64_t max)
{
    int64_t number = 0;
    unsigned after = 0;
    bool point = false;
    bool digits = false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '.' && !point) {
            point = true;
            continue;
        }
        if (*at < '0' || *at > '9' || (point && ++after > places) || number > max / 10) {
            return false;
        }
        number = number * 10 + (*at - '0');
        digits = true;
    }
    for (; after < places; after++) {
        if (number > max / 10) {
            return false;
        }
        number *= 10;
    }
    *value = number;
    return digits && number <= max;
}

/* An option's number within its bounds; a NULL text leaves it. */
static bool number(struct sim_options *options, int64_t *value, const char *name, const char *text,
                   unsigned places, const int64_t bounds[2])
{
    int64_t read;
    if (text == NULL) {
        return true;
    }
    if (!read_decimal(&read, text, places, INT64_MAX / 4) || read < bounds[0] || read > bounds[1]) {
        int64_t unit = 1;
        for (unsigned i = 0; i < places; i++) {
            unit *= 10;
        }
        (void)sim_complain(options, "--%s takes a number from %lld to %lld, not \"%s\".", name,
                           (long long)(bounds[0] / unit), (long long)(bounds[1] / unit), text);
        return false;
    }
    *value = read;
    return true;
}

/* Percent with up to four places, in millionths. */
static bool percent(struct sim_options *options, uint32_t *ppm, const char *name, const char *text)
{
    int64_t value = *ppm;
    if (!number(options, &value, name, text, 4, (const int64_t[]){0, 1000000})) {
        return false;
    }
    *ppm = (uint32_t)value;
    return true;
}

static bool host_and_port(struct sim_options *options, char *host, uint16_t *port, const char *name,
                          const char *text)
{
    int64_t value = 0;
    const char *colon = text != NULL ? strrchr(text, ':') : NULL;
    if (text == NULL) {
        return true;
    }
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    if (colon == NULL || len == 0 || len >= SIM_TEXT_MAX ||
        !read_decimal(&value, colon + 1, 0, 65535) || value == 0) {
        (void)sim_complain(options, "--%s takes HOST:PORT, not \"%s\".", name, text);
        return false;
    }
    bool bracketed = text[0] == '[' && text[len - 1] == ']'; /* [::1]:5684 */
    memcpy(host, text + (bracketed ? 1 : 0), len);
    host[bracketed ? len - 2 : len] = '\0';
    *port = (uint16_t)value;
    return true;
}

static bool read_via(struct sim_options *options, const char *text)
{
    static const char *const names[] = {"mqtt", "coap", "both", "none"};
    for (unsigned i = 0; text != NULL && i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            options->via = (enum sim_via)i;
            return true;
        }
    }
    if (text != NULL) {
        (void)sim_complain(options, "--via takes mqtt, coap, both or none, not \"%s\".", text);
    }
    return text == NULL;
}

static bool read_seed(struct sim_options *options, const char *text)
{
    char *end = NULL;
    if (text == NULL) {
        return true;
    }
    options->seed = strtoull(text, &end, 10);
    options->has_seed = true;
    if (text[0] < '0' || text[0] > '9' || *end != '\0') {
        (void)sim_complain(options, "--seed takes a whole number, not \"%s\".", text);
        return false;
    }
    return true;
}

static bool read_count(struct sim_options *options, const struct texts *texts)
{
    int64_t value = 0;
    if (texts->meters != NULL && texts->homes != NULL) {
        (void)sim_complain(options, "Give --meters or --homes, not both: a home has %u meters.",
                           SIM_METERS_PER_HOME);
        return false;
    }
    if (!number(options, &value, "meters", texts->meters, 0,
                (const int64_t[]){1, SIM_METERS_MAX})) {
        return false;
    }
    if (texts->homes != NULL) {
        int64_t homes = 0;
        if (!number(options, &homes, "homes", texts->homes, 0,
                    (const int64_t[]){1, SIM_METERS_MAX / SIM_METERS_PER_HOME})) {
            return false;
        }
        value = homes * SIM_METERS_PER_HOME;
    }
    options->has_meters = value > 0;
    options->meter_count = value > 0 ? (uint32_t)value : METERS_DEFAULT;
    return true;
}

static bool read_texts(struct sim_options *options, const struct texts *texts)
{
    const struct {
        char *to;
        size_t max;
        const char *from;
        const char *name;
    } rows[] = {
        {options->dir, SIM_TEXT_MAX, texts->dir, "dir"},
        {options->root, sizeof(options->root), texts->root, "root"},
        {options->site, sizeof(options->site), texts->site, "site"},
        {options->clock, SIM_TEXT_MAX, texts->clock, "clock"},
        {options->state, SIM_TEXT_MAX, texts->state, "state"},
        {options->provision, SIM_TEXT_MAX, texts->provision, "provision"},
        {options->truth, SIM_TEXT_MAX, texts->truth, "truth"},
        {options->start, SIM_TEXT_MAX, texts->start, "start"},
        {options->user, sizeof(options->user), texts->user, "user"},
        {options->password_file, SIM_TEXT_MAX, texts->password_file, "password-file"},
        {options->key_file, SIM_TEXT_MAX, texts->key_file, "key-file"},
        {options->as_meter, sizeof(options->as_meter), texts->as_meter, "as"},
        {options->protocol, sizeof(options->protocol), texts->protocol, "protocol"},
        {options->tariffs.name[MT_POWER], SIM_TARIFF_MAX + 1, texts->tariff_power, "tariff-power"},
        {options->tariffs.name[MT_WATER], SIM_TARIFF_MAX + 1, texts->tariff_water, "tariff-water"},
        {options->tariffs.name[MT_GAS], SIM_TARIFF_MAX + 1, texts->tariff_gas, "tariff-gas"},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].from != NULL && !copy(rows[i].to, rows[i].max, rows[i].from)) {
            (void)sim_complain(options, "--%s is too long.", rows[i].name);
            return false;
        }
    }
    return true;
}

static bool read_numbers(struct sim_options *options, const struct texts *texts)
{
    int64_t hours_us = 0;
    int64_t drift = options->drift_ppm;
    /* Hours with up to six places, in millionths of an hour; the most is ten years. */
    bool good =
        number(options, &hours_us, "hours", texts->hours, 6, (const int64_t[]){0, 87600000000}) &&
        number(options, &options->speed, "speed", texts->speed, 0,
               (const int64_t[]){1, GW_CLOCK_SPEED_MAX}) &&
        number(options, &options->interval_min, "interval", texts->interval, 0,
               (const int64_t[]){1, 1440}) &&
        number(options, &options->drain_s, "drain", texts->drain, 0, (const int64_t[]){0, 3600}) &&
        number(options, &options->report_count, "report", texts->report, 0,
               (const int64_t[]){1, 96}) &&
        number(options, &drift, "drift", texts->drift, 0, (const int64_t[]){0, 10000}) &&
        percent(options, &options->faults.loss_ppm, "loss", texts->loss) &&
        percent(options, &options->faults.duplicate_ppm, "duplicates", texts->duplicates) &&
        percent(options, &options->faults.reorder_ppm, "reorder", texts->reorder) &&
        percent(options, &options->reboot_ppm, "reboots", texts->reboots);
    if (!good) {
        return false;
    }
    if (1440 % options->interval_min != 0) {
        (void)sim_complain(options, "--interval must divide a day, as 5, 15 or 60 minutes do.");
        return false;
    }
    options->span_us = hours_us * 3600;
    options->drift_ppm = (uint32_t)drift;
    return true;
}

/* ---- the run directory ------------------------------------------------------------------------------ */

static bool has_config(const char *dir)
{
    char path[SIM_TEXT_MAX + 32];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, GW_CONFIG_NAME);
    return access(path, R_OK) == 0;
}

static void choose_dir(struct sim_options *options)
{
    const char *named = getenv("METERPAY_DIR");
    if (options->dir[0] == '\0' && named != NULL && named[0] != '\0') {
        (void)copy(options->dir, sizeof(options->dir), named);
    }
    if (options->dir[0] == '\0' && has_config(STREET_DIR)) {
        (void)copy(options->dir, sizeof(options->dir), STREET_DIR);
    }
}

static void default_text(char *to, size_t max, const char *from)
{
    if (to[0] == '\0') {
        (void)copy(to, max, from); /* the configuration's bounds are narrower */
    }
}

/* Wildcard addresses are for listening; a client goes to the loopback. */
static const char *reachable(const char *address)
{
    bool any = address[0] == '\0' || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
    return any ? "127.0.0.1" : address;
}

static bool take_dir(struct sim_options *options, bool registers)
{
    struct gw_config config;
    char why[GW_CONFIG_WHY_BYTES];
    char state[SIM_TEXT_MAX];
    if (gw_config_load(&config, why, options->dir, NULL) != GW_OK) {
        (void)sim_complain(options, "%s", why);
        return false;
    }
    default_text(options->site, sizeof(options->site), config.site);
    default_text(options->clock, sizeof(options->clock), config.clock_file);
    if (options->broker_port == 0 && config.mqtt_enabled) {
        default_text(options->broker_host, SIM_TEXT_MAX, reachable(config.mqtt_host));
        options->broker_port = (uint16_t)config.mqtt_meters_port;
    }
    if (options->gateway_port == 0 && config.coap_enabled) {
        default_text(options->gateway_host, SIM_TEXT_MAX, reachable(config.coap_address));
        options->gateway_port = (uint16_t)config.coap_port;
    }
    if (registers) {
        default_text(options->api_socket, sizeof(options->api_socket), config.http_socket);
    }
    int len = snprintf(state, sizeof(state), "%s/fleet", options->dir);
    if (len < 0 || (size_t)len >= sizeof(state)) {
        (void)sim_complain(options, "The directory's name is too long.");
        return false;
    }
    default_text(options->state, sizeof(options->state), state);
    return true;
}

/* ---- popt --------------------------------------------------------------------------------------------- */

static void defaults(struct sim_options *options)
{
    memset(options, 0, sizeof(*options));
    options->program = "meterpay-fleet";
    options->via = SIM_VIA_BOTH;
    options->interval_min = 15;
    options->drain_s = 10;
    options->report_count = 1;
    options->drift_ppm = 40;
    options->reboot_ppm = 20000;
    options->faults =
        (struct sim_radio_faults){.loss_ppm = 5000, .duplicate_ppm = 2000, .reorder_ppm = 5000};
    (void)copy(options->tariffs.name[MT_POWER], SIM_TARIFF_MAX + 1, "zhanjiang-power");
    (void)copy(options->tariffs.name[MT_WATER], SIM_TARIFF_MAX + 1, "zhanjiang-water");
    (void)copy(options->tariffs.name[MT_GAS], SIM_TARIFF_MAX + 1, "zhanjiang-gas");
}

static const char about[] =
    "[run | provision | replay FILE] [OPTION...]\n\n"
    "run        simulated meters that talk to a real gateway (the default)\n"
    "provision  prints the list of those meters, keys included, for `meterpay meter add --from`\n"
    "replay     publishes the frames of a corpus (id, hex, key, JSON by tabs) as raw frames\n\n"
    "Meters, keys and readings follow from the seed; it is printed first. With --dir the run\n"
    "directory's ports, site and clock are taken, and meters it does not know are registered.\n";

#define TEXT(name, field, help, shape)                            \
    {                                                             \
        name, '\0', POPT_ARG_STRING, &given.field, 0, help, shape \
    }
#define FLAG(name, field, help)                                \
    {                                                          \
        name, '\0', POPT_ARG_NONE, &given.field, 0, help, NULL \
    }

static struct texts given; /* popt writes into fixed places */

static struct poptOption own[] = {
    TEXT("meters", meters, "how many (180)", "N"),
    TEXT("homes", homes, "the same, three to a home", "N"),
    TEXT("seed", seed, "where everything follows from (by chance)", "S"),
    TEXT("via", via, "mqtt, coap, both, or none: no sockets, as fast as it goes (both)", "WAY"),
    TEXT("hours", hours, "simulated hours to run (until stopped)", "H"),
    TEXT("speed", speed, "simulated seconds a second, without a clock file (1)", "X"),
    TEXT("dir", dir, "the gateway's directory (else $METERPAY_DIR, else " STREET_DIR ")", "DIR"),
    TEXT("broker", broker, "the meters' MQTT listener", "HOST:PORT"),
    TEXT("gateway", gateway, "the gateway's CoAP", "coaps://HOST:PORT"),
    TEXT("root", root, "first part of topics (meterpay)", "TEXT"),
    TEXT("site", site, "second part of topics (street)", "TEXT"),
    TEXT("clock", clock, "the clock file that all programs share", "FILE"),
    TEXT("state", state, "where meters keep their storage (memory)", "DIR"),
    TEXT("provision", provision, "run these meters, as provision printed them", "FILE"),
    TEXT("truth", truth, "write every reading that was taken, - for stdout", "FILE"),
    TEXT("start", start, "local date to start at, with --via none", "DATE"),
    TEXT("interval", interval, "minutes between readings (15)", "MIN"),
    TEXT("report", report, "readings that start a report (1)", "N"),
    TEXT("drain", drain, "seconds to wait for the last receipts (10)", "S"),
    TEXT("loss", loss, "of messages, each way (0.5)", "PERCENT"),
    TEXT("duplicates", duplicates, "messages that come twice (0.2)", "PERCENT"),
    TEXT("reorder", reorder, "messages that come late (0.5)", "PERCENT"),
    TEXT("drift", drift, "clocks are up to so much off (40)", "PPM"),
    TEXT("reboots", reboots, "chance of a power cut a meter and day (2)", "PERCENT"),
    TEXT("tariff-power", tariff_power, "for provision (zhanjiang-power)", "NAME"),
    TEXT("tariff-water", tariff_water, "for provision (zhanjiang-water)", "NAME"),
    TEXT("tariff-gas", tariff_gas, "for provision (zhanjiang-gas)", "NAME"),
    TEXT("as", as_meter, "replay: publish as this meter (the frame's own address)", "METER"),
    TEXT("protocol", protocol,
         "run, provision: what meters speak instead of ours; replay: of the frames", "NAME"),
    TEXT("key-file", key_file, "replay: the key of --as, for the meters' listener (TLS)", "FILE"),
    TEXT("user", user, "replay: the broker's user name", "NAME"),
    TEXT("password-file", password_file, "replay: file with its password", "FILE"),
    FLAG("no-register", no_register, "do not register meters at the gateway of --dir"),
    FLAG("json", json, "the summary as one JSON object"),
    FLAG("quiet", quiet, "no line a second while it runs"),
    POPT_TABLEEND,
};

static int parse(struct sim_options *options, int argc, const char **argv)
{
    const struct poptOption table[] = {{NULL, '\0', POPT_ARG_INCLUDE_TABLE, own, 0, NULL, NULL},
                                       POPT_AUTOHELP POPT_TABLEEND};
    poptContext context = poptGetContext("meterpay-fleet", argc, argv, table, 0);
    poptSetOtherOptionHelp(context, about);
    int code = poptGetNextOpt(context);
    const char *file = code == -1 ? poptGetArg(context) : NULL;
    const char *extra = file != NULL ? poptGetArg(context) : NULL;
    int status = SIM_EXIT_DONE;
    if (code < -1) {
        status = sim_complain(options, "%s: %s. Try --help.",
                              poptBadOption(context, POPT_BADOPTION_NOALIAS), poptStrerror(code));
    } else if (extra != NULL || (file != NULL && !copy(options->file, SIM_TEXT_MAX, file))) {
        status = sim_complain(options, "\"%s\" is one argument too many. Try --help.",
                              extra != NULL ? extra : file);
    }
    (void)poptFreeContext(context); /* always NULL */
    return status;
}

static void free_texts(void)
{
    for (struct poptOption *row = own; row->longName != NULL; row++) {
        if (row->argInfo == POPT_ARG_STRING) {
            free(*(char **)row->arg);
        }
    }
}

static bool take_texts(struct sim_options *options, const struct texts *texts)
{
    const char *gateway = texts->gateway;
    if (gateway != NULL && strncmp(gateway, "coaps://", 8) == 0) {
        gateway += 8;
    }
    options->json = texts->json != 0;
    options->quiet = texts->quiet != 0;
    return read_count(options, texts) && read_seed(options, texts->seed) &&
           read_via(options, texts->via) && read_numbers(options, texts) &&
           read_texts(options, texts) &&
           host_and_port(options, options->broker_host, &options->broker_port, "broker",
                         texts->broker) &&
           host_and_port(options, options->gateway_host, &options->gateway_port, "gateway",
                         gateway);
}

int sim_options_read(struct sim_options *options, int argc, const char **argv)
{
    defaults(options);
    options->program = argv[0];
    int status = parse(options, argc, argv);
    if (status == SIM_EXIT_DONE && !take_texts(options, &given)) {
        status = SIM_EXIT_USAGE;
    }
    if (status == SIM_EXIT_DONE && options->via != SIM_VIA_NONE) {
        choose_dir(options);
        if (options->dir[0] != '\0' && !take_dir(options, given.no_register == 0)) {
            status = SIM_EXIT_USAGE;
        }
    }
    free_texts();
    default_text(options->root, sizeof(options->root), "meterpay");
    default_text(options->site, sizeof(options->site), "street");
    return status;
}
