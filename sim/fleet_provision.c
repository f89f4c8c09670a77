/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The list of meters, and putting it to the gateway. */
#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/fleet.h"

#define BATCH 500u /* the API takes up to 1,000 a request */
#define ANSWER_BYTES_MAX (4u * 1024u * 1024u)

static const struct mt_protocol *find_protocol(const struct sim_options *options)
{
    return mt_protocol_find(options->protocol, strlen(options->protocol));
}

bool sim_options_protocol(const struct mt_protocol **protocol, const struct sim_options *options)
{
    struct sim_foreign foreign;
    bool carried = options->protocol[0] == '\0';
    *protocol = find_protocol(options);
    for (unsigned medium = 0; *protocol != NULL && medium < SIM_METERS_PER_HOME; medium++) {
        carried = carried || sim_foreign_make(&foreign, *protocol, (enum mt_medium)medium, 1);
    }
    if (!carried) {
        (void)sim_complain(options, "--protocol %s: %s. `meterpay decode --help` lists them.",
                           options->protocol,
                           *protocol == NULL ? "there is none of this name"
                                             : "its frames of power, water and gas are only read");
    }
    return carried;
}

void sim_options_spec(struct sim_spec *spec, const struct sim_options *options, uint32_t index)
{
    sim_spec_make(spec, options->seed, index, options->via);
    sim_spec_speak(spec, options->seed, find_protocol(options));
}

int sim_provision(const struct sim_options *options)
{
    char line[SIM_SPEC_LINE_MAX];
    const struct mt_protocol *protocol;
    if (!sim_options_protocol(&protocol, options)) {
        return SIM_EXIT_USAGE;
    }
    if (!options->has_seed) {
        return sim_complain(options, "--seed is needed: names and keys follow from it.");
    }
    if (isatty(STDOUT_FILENO)) {
        (void)sim_complain(options,
                           "these are secret keys: keep the file to yourself (chmod 600).");
    }
    for (uint32_t i = 0; i < options->meter_count; i++) {
        struct sim_spec spec;
        sim_options_spec(&spec, options, i);
        size_t len = sim_spec_line(line, sizeof(line), &spec, &options->tariffs);
        MT_CHECK(len > 0);
        if (fwrite(line, 1, len, stdout) != len) {
            return sim_complain(options, "the list cannot be written.");
        }
    }
    mt_key_wipe(line, sizeof(line));
    return fflush(stdout) == 0 ? SIM_EXIT_DONE
                               : sim_complain(options, "the list cannot be written.");
}

/* True when the line, as `provision` printed it, is that of this meter. */
static bool is_line_of(const char *line, const struct sim_spec *spec)
{
    char start[48];
    int len = snprintf(start, sizeof(start), "{\"meter\":\"%s\",", spec->name);
    return len > 0 && strncmp(line, start, (size_t)len) == 0;
}

bool sim_provision_count(uint32_t *count, const struct sim_options *options, char *why,
                         size_t why_max)
{
    char line[SIM_SPEC_LINE_MAX];
    uint32_t found = 0;
    bool good = true;
    FILE *file = fopen(options->provision, "re");
    if (file == NULL) {
        (void)snprintf(why, why_max, "%s cannot be read.", options->provision);
        return false;
    }
    while (good && fgets(line, sizeof(line), file) != NULL) {
        struct sim_spec spec;
        if (line[0] == '\n') {
            continue;
        }
        good = found < SIM_METERS_MAX;
        if (good) {
            sim_options_spec(&spec, options, found);
            good = is_line_of(line, &spec);
            found++;
        }
    }
    mt_key_wipe(line, sizeof(line));
    (void)fclose(file); /* it was only read */
    if (!good || found == 0) {
        (void)snprintf(
            why, why_max,
            "%s, line %u, is not a meter of seed %llu: give the seed that it was made with.",
            options->provision, found, (unsigned long long)options->seed);
        return false;
    }
    *count = found;
    return true;
}

/* ---- the gateway's API ------------------------------------------------------------------------------ */

struct answer {
    char *text; /* owned */
    size_t len;
};

static size_t gather(char *data, size_t size, size_t count, void *arg)
{
    struct answer *answer = arg;
    size_t len = size * count;
    if (len > ANSWER_BYTES_MAX - answer->len) {
        return 0;
    }
    char *grown = realloc(answer->text, answer->len + len + 1);
    if (grown == NULL) {
        return 0;
    }
    memcpy(grown + answer->len, data, len);
    answer->text = grown;
    answer->len += len;
    grown[answer->len] = '\0';
    return len;
}

static bool post(const struct sim_options *options, const char *body, struct answer *answer,
                 char *why, size_t why_max)
{
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode rc = CURLE_FAILED_INIT;
    if (curl != NULL && headers != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, options->api_socket);
        curl_easy_setopt(curl, CURLOPT_URL, "http://localhost/v1/meters");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, gather);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 60000L);
        rc = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (rc != CURLE_OK) {
        (void)snprintf(why, why_max,
                       "The gateway at %s does not answer (%s). Is meterpayd running?",
                       options->api_socket, curl_easy_strerror(rc));
        return false;
    }
    if (status != 200 && status != 201) {
        (void)snprintf(why, why_max, "The gateway refused the list of meters (%ld): %.300s", status,
                       answer->text != NULL ? answer->text : "");
        return false;
    }
    return true;
}

/* Every meter is new or known; anything else is told in the gateway's own words. */
static bool judge(const char *text, uint32_t *added, char *why, size_t why_max)
{
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    size_t index;
    json_t *row;
    bool good = root != NULL;
    (void)snprintf(why, why_max, "The gateway's answer to the list of meters is not understood.");
    json_array_foreach(json_object_get(root, "results"), index, row)
    {
        const char *verdict = json_string_value(json_object_get(row, "verdict"));
        const char *advice = json_string_value(json_object_get(row, "advice"));
        const char *meter = json_string_value(json_object_get(row, "meter"));
        if (verdict != NULL && strcmp(verdict, "exists") == 0) {
            continue;
        }
        if (verdict == NULL || strcmp(verdict, "done") != 0) {
            (void)snprintf(why, why_max, "The gateway does not take meter %s: %s",
                           meter != NULL ? meter : "?",
                           advice != NULL ? advice : "no reason given");
            good = false;
            break;
        }
        (*added)++;
    }
    json_decref(root);
    return good;
}

static bool register_batch(const struct sim_options *options, const uint32_t range[2],
                           uint32_t *added, char *why, size_t why_max)
{
    static const char head[] = "{\"add_households\":true,\"meters\":[";
    const uint32_t first = range[0];
    const uint32_t count = range[1] - first;
    struct answer answer = {0};
    char *body = malloc(sizeof(head) + (size_t)count * SIM_SPEC_LINE_MAX + 3);
    (void)snprintf(why, why_max, "There is no memory for the list of meters.");
    if (body == NULL) {
        return false;
    }
    size_t len = sizeof(head) - 1;
    memcpy(body, head, len);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_spec spec;
        sim_options_spec(&spec, options, first + i);
        len += sim_spec_line(body + len, SIM_SPEC_LINE_MAX, &spec, &options->tariffs);
        body[len - 1] = i + 1 < count ? ',' : ']'; /* in place of the newline */
    }
    memcpy(body + len, "}", 2);
    bool good = post(options, body, &answer, why, why_max);
    if (good) {
        good = answer.text != NULL && judge(answer.text, added, why, why_max);
    }
    mt_key_wipe(body, len);
    free(body);
    free(answer.text);
    return good;
}

bool sim_register(const struct sim_options *options, uint32_t meter_count, uint32_t *added,
                  char *why, size_t why_max)
{
    bool good = true;
    *added = 0;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)snprintf(why, why_max, "libcurl does not start.");
        return false;
    }
    for (uint32_t first = 0; good && first < meter_count; first += BATCH) {
        uint32_t left = meter_count - first;
        const uint32_t range[2] = {first, first + (left < BATCH ? left : BATCH)};
        good = register_batch(options, range, added, why, why_max);
    }
    curl_global_cleanup();
    return good;
}
