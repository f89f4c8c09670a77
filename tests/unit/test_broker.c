/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The broker's files; tests/e2e/net_mqtt runs a broker on them. */
#include "gateway/adapters/broker.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/unit.h"

static char dir[128];

static void directory_new(void)
{
    static char template[64];
    (void)snprintf(template, sizeof template, "/tmp/meterpay-broker-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(template));
    (void)snprintf(dir, sizeof dir, "%s/broker", template);
}

static void directory_remove(void)
{
    char path[600];
    DIR *d = opendir(dir);
    if (d != NULL) {
        for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
            (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            (void)unlink(path);
        }
        closedir(d);
        (void)rmdir(dir);
    }
    *strrchr(dir, '/') = '\0';
    (void)rmdir(dir);
}

static struct gw_broker_config config_of(void)
{
    return (struct gw_broker_config){.dir = dir,
                                     .site = "east-1",
                                     .meters_port = 18399,
                                     .username = "gateway",
                                     .connections_max = 1000,
                                     .memory_max_mib = 256};
}

static char *content(const char *name)
{
    static char text[8192];
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void every_file_is_ours_alone(void)
{
    static const char *const names[] = {"mosquitto.conf", "acl", "psk", "passwords",
                                        "gateway.password"};
    char why[GW_BROKER_WHY_BYTES];
    directory_new();
    const struct gw_broker_config config = config_of();
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    struct stat s;
    CU_ASSERT_EQUAL(stat(dir, &s), 0);
    CU_ASSERT_EQUAL(s.st_mode & 0777, 0700);
    for (size_t i = 0; i < 5; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        CU_ASSERT_EQUAL(stat(path, &s), 0);
        CU_ASSERT_EQUAL(s.st_mode & 0777, 0600);
    }
    directory_remove();
}

static void a_second_writing_keeps_password_and_keys(void)
{
    char why[GW_BROKER_WHY_BYTES];
    char password[256];
    directory_new();
    const struct gw_broker_config config = config_of();
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    (void)snprintf(password, sizeof password, "%s", content("gateway.password"));
    CU_ASSERT_EQUAL(strlen(password), 32 + 1); /* 24 bytes in base64, and the line's end */
    char path[256];
    (void)snprintf(path, sizeof path, "%s/psk", dir);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("pA-1:00112233445566778899aabbccddeeff\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    CU_ASSERT_STRING_EQUAL(content("gateway.password"), password);
    CU_ASSERT_STRING_EQUAL(content("psk"), "pA-1:00112233445566778899aabbccddeeff\n");
    directory_remove();
}

static void a_meter_may_speak_below_its_own_name_only(void)
{
    char why[GW_BROKER_WHY_BYTES];
    directory_new();
    const struct gw_broker_config config = config_of();
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    CU_ASSERT_STRING_EQUAL(content("acl"),
                           "# Written by meterpay init. %u is the meter's PSK identity.\n"
                           "pattern write meterpay/east-1/%u/up\n"
                           "pattern read meterpay/east-1/%u/down\n"
                           "pattern write meterpay/east-1/%u/signed\n"
                           "pattern write meterpay/east-1/%u/json\n"
                           "pattern write meterpay/east-1/%u/cbor\n"
                           "pattern write meterpay/east-1/%u/raw/+\n"
                           "pattern read meterpay/east-1/gateway\n"
                           "\n"
                           "user gateway\n"
                           "topic read meterpay/east-1/#\n"
                           "topic write meterpay/east-1/+/down\n"
                           "topic write meterpay/east-1/gateway\n");
    directory_remove();
}

struct keys {
    struct gw_broker_key list[3];
    unsigned count, next;
};

static bool next_key(void *arg, struct gw_broker_key *key)
{
    struct keys *keys = arg;
    if (keys->next == keys->count) {
        return false;
    }
    *key = keys->list[keys->next++];
    return true;
}

static void keys_replace_those_before_or_none_is_changed(void)
{
    char why[GW_BROKER_WHY_BYTES];
    struct keys keys = {.list = {{"pHXE-000012345678", {0x00, 0xFF, 0x10, 0xA5}},
                                 {"wABC-7", {0xDE, 0xAD}},
                                 {"no meter", {1}}},
                        .count = 2};
    directory_new();
    const struct gw_broker_config config = config_of();
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    CU_ASSERT_EQUAL(gw_broker_keys(why, dir, &keys, next_key), GW_OK);
    const char *expected = "pHXE-000012345678:00ff10a5000000000000000000000000\n"
                           "wABC-7:dead0000000000000000000000000000\n";
    CU_ASSERT_STRING_EQUAL(content("psk"), expected);
    keys.next = 0;
    keys.count = 3;
    CU_ASSERT_EQUAL(gw_broker_keys(why, dir, &keys, next_key), GW_INVALID);
    CU_ASSERT_STRING_EQUAL(content("psk"), expected);
    directory_remove();
}

static void what_would_break_a_line_of_the_file_is_refused(void)
{
    char why[GW_BROKER_WHY_BYTES];
    directory_new();
    struct gw_broker_config config = config_of();
    config.site = "a\nallow_anonymous true";
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    CU_ASSERT_TRUE(strlen(why) > 10);
    config = config_of();
    config.username = "a b";
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    config = config_of();
    config.dir = "/tmp/x\nuser root";
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    config.dir = "relative";
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    config = config_of();
    config.meters_address = "0.0.0.0\n";
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    config = config_of();
    config.gateway_port = config.meters_port;
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    config = config_of();
    config.connections_max = 0;
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_INVALID);
    CU_ASSERT_NOT_EQUAL(access(dir, F_OK), 0);
    directory_remove();
}

static void a_pid_of_another_program_is_not_signalled(void)
{
    char why[GW_BROKER_WHY_BYTES];
    directory_new();
    const struct gw_broker_config config = config_of();
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    CU_ASSERT_EQUAL(gw_broker_reload(why, dir), GW_END); /* no broker ever ran here */
    char path[256];
    (void)snprintf(path, sizeof path, "%s/mosquitto.pid", dir);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "%d\n", (int)getpid()); /* SIGHUP would end this test */
    fclose(file);
    CU_ASSERT_EQUAL(gw_broker_reload(why, dir), GW_END);
    file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("nonsense", file);
    fclose(file);
    CU_ASSERT_EQUAL(gw_broker_reload(why, dir), GW_END);
    directory_remove();
}

static volatile sig_atomic_t was_told;

static void on_reload(int number)
{
    (void)number; /* only one is caught */
    was_told = 1;
}

/* A program of the broker's name that takes signals a while after it wrote its pid, as Mosquitto does.
 * Ends with 0 when it was told. */
static _Noreturn void starting_broker(void)
{
    const struct timespec start = {.tv_nsec = 100000000};
    const struct sigaction action = {.sa_handler = on_reload};
    (void)prctl(PR_SET_NAME, "mosquitto");
    (void)nanosleep(&start, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    for (int i = 0; i < 100 && was_told == 0; i++) {
        const struct timespec look = {.tv_nsec = 50000000};
        (void)nanosleep(&look, NULL);
    }
    _exit(was_told == 1 ? 0 : 1);
}

static void a_broker_that_is_starting_is_not_ended_by_the_reload(void)
{
    char why[GW_BROKER_WHY_BYTES];
    char path[256];
    int ended = -1;
    directory_new();
    const struct gw_broker_config config = config_of();
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_OK);
    pid_t child = fork();
    if (child == 0) {
        starting_broker();
    }
    (void)snprintf(path, sizeof path, "%s/mosquitto.pid", dir);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "%d\n", (int)child);
    fclose(file);
    enum gw_status status = GW_END;
    for (int i = 0; i < 200 && status == GW_END; i++) { /* until it has its name */
        status = gw_broker_reload(why, dir);
    }
    CU_ASSERT_EQUAL(status, GW_OK);
    CU_ASSERT_EQUAL(waitpid(child, &ended, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    directory_remove();
}

static void a_directory_that_cannot_be_made_is_explained(void)
{
    char why[GW_BROKER_WHY_BYTES] = "";
    directory_new();
    struct gw_broker_config config = config_of();
    config.dir = "/proc/meterpay/broker";
    CU_ASSERT_EQUAL(gw_broker_write(why, &config), GW_IO);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "/proc/meterpay/broker: "));
    directory_remove();
}

static const struct unit_test tests[] = {
    {"every_file_is_ours_alone", every_file_is_ours_alone},
    {"a_second_writing_keeps_password_and_keys", a_second_writing_keeps_password_and_keys},
    {"a_meter_may_speak_below_its_own_name_only", a_meter_may_speak_below_its_own_name_only},
    {"keys_replace_those_before_or_none_is_changed", keys_replace_those_before_or_none_is_changed},
    {"what_would_break_a_line_of_the_file_is_refused",
     what_would_break_a_line_of_the_file_is_refused},
    {"a_pid_of_another_program_is_not_signalled", a_pid_of_another_program_is_not_signalled},
    {"a_broker_that_is_starting_is_not_ended_by_the_reload",
     a_broker_that_is_starting_is_not_ended_by_the_reload},
    {"a_directory_that_cannot_be_made_is_explained", a_directory_that_cannot_be_made_is_explained},
};
UNIT_MAIN("broker", tests)
