/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The MQTT adapter with a real Mosquitto, on the files that gw_broker_write makes. */
#include "gateway/adapters/mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/adapters/broker.h"
#include "tests/support/fake_core.h"
#include "tests/support/unit.h"

#define METERS_PORT 18320
#define GATEWAY_PORT 18321
#define METER "pHXE-000012345678"
#define OTHER "wABC-7"

static const uint8_t key[MT_KEY_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const char key_hex[] = "0102030405060708090a0b0c0d0e0f10";
static const char wrong_hex[] = "ff02030405060708090a0b0c0d0e0f10";

static char dir[64];
static char password_file[96];
static char socket_path[96];
static pid_t broker;
static struct fake_core core;
static struct gw_mqtt *mqtt;

#define EVENTUALLY(condition)                                        \
    do {                                                             \
        for (int tries = 0; tries < 2000 && !(condition); tries++) { \
            (void)poll(NULL, 0, 5);                                  \
        }                                                            \
        CU_ASSERT_TRUE(condition);                                   \
    } while (0)

/* ---- the broker ------------------------------------------------------------------------------- */

static void broker_start(void)
{
    char conf[96];
    (void)snprintf(conf, sizeof conf, "%s/mosquitto.conf", dir);
    broker = fork();
    CU_ASSERT_TRUE_FATAL(broker >= 0);
    if (broker == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it must not outlive the test */
        int quiet = open("/dev/null", O_WRONLY);
        (void)dup2(quiet, 1);
        (void)dup2(quiet, 2);
        execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", conf, (char *)NULL);
        _exit(127);
    }
}

static void broker_kill(void)
{
    int status;
    CU_ASSERT_EQUAL(kill(broker, SIGKILL), 0);
    CU_ASSERT_EQUAL(waitpid(broker, &status, 0), broker);
}

static bool next_key(void *arg, struct gw_broker_key *out)
{
    static const char *const names[] = {METER, OTHER, "gZZZ-1"};
    unsigned *next = arg;
    if (*next == 0) {
        return false;
    }
    (*next)--;
    (void)snprintf(out->name, sizeof out->name, "%s", names[*next]);
    memcpy(out->psk, key, sizeof key);
    return true;
}

static void broker_make(void)
{
    char why[GW_BROKER_WHY_BYTES];
    (void)snprintf(dir, sizeof dir, "/tmp/meterpay-net-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    (void)snprintf(password_file, sizeof password_file, "%s/gateway.password", dir);
    (void)snprintf(socket_path, sizeof socket_path, "%s/broker.sock", dir);
    const struct gw_broker_config config = {.dir = dir,
                                            .site = "east-1",
                                            .meters_address = "127.0.0.1",
                                            .meters_port = METERS_PORT,
                                            .gateway_port = GATEWAY_PORT,
                                            .username = "gateway",
                                            .connections_max = 1000,
                                            .memory_max_mib = 512};
    CU_ASSERT_EQUAL_FATAL(gw_broker_write(why, &config), GW_OK);
    unsigned keys = 2;
    CU_ASSERT_EQUAL_FATAL(gw_broker_keys(why, dir, &keys, next_key), GW_OK);
}

static void broker_remove(void)
{
    static const char *const names[] = {
        "mosquitto.conf",   "acl",           "psk",        "passwords",
        "gateway.password", "mosquitto.pid", "broker.sock"};
    char path[128];
    broker_kill();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    CU_ASSERT_EQUAL(rmdir(dir), 0);
}

/* ---- the gateway ------------------------------------------------------------------------------ */

static void reply_to(void *adapter, const struct gw_reply *reply)
{
    gw_mqtt_reply(adapter, reply);
}

static struct gw_mqtt_state state(void)
{
    struct gw_mqtt_state now;
    gw_mqtt_state(&now, mqtt);
    return now;
}

static struct gw_mqtt_config config_of(void)
{
    return (struct gw_mqtt_config){.host = "127.0.0.1",
                                   .port = GATEWAY_PORT,
                                   .username = "gateway",
                                   .password_file = password_file,
                                   .site = "east-1",
                                   .client_id = "gateway-test",
                                   .queue_bytes = 1u << 20,
                                   .filled = &core.bell};
}

static void gateway_open(const struct gw_mqtt_config *config)
{
    CU_ASSERT_EQUAL_FATAL(gw_mqtt_open(&mqtt, config), GW_OK);
    fake_core_start(&core, gw_mqtt_inbox(mqtt), mqtt, reply_to);
}

static void start(void)
{
    broker_make();
    broker_start();
    fake_core_init(&core);
    const struct gw_mqtt_config config = config_of();
    gateway_open(&config);
    EVENTUALLY(state().connected);
}

static void stop(void)
{
    fake_core_stop(&core);
    gw_mqtt_close(mqtt);
    fake_core_deinit(&core);
    broker_remove();
}

/* ---- a meter ---------------------------------------------------------------------------------- */

struct meter {
    struct mosquitto *client;
    bool connected, subscribed;
    int refused; /* of a subscription */
    unsigned received;
    char payload[256];
};

static void meter_on_connect(struct mosquitto *client, void *self, int code)
{
    struct meter *meter = self;
    (void)client;
    meter->connected = code == 0;
}

static void meter_on_subscribe(struct mosquitto *client, void *self, int mid, int count,
                               const int *granted)
{
    struct meter *meter = self;
    (void)client;
    (void)mid;
    meter->subscribed = true;
    meter->refused = count > 0 ? granted[0] > 2 : 1;
}

static void meter_on_message(struct mosquitto *client, void *self,
                             const struct mosquitto_message *message)
{
    struct meter *meter = self;
    (void)client;
    meter->received++;
    (void)snprintf(meter->payload, sizeof meter->payload, "%.*s", message->payloadlen,
                   (const char *)message->payload);
}

static void meter_run(struct meter *meter, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        (void)mosquitto_loop(meter->client, 5, 1);
    }
}

#define METER_UNTIL(meter, condition)                               \
    do {                                                            \
        for (int tries = 0; tries < 600 && !(condition); tries++) { \
            meter_run((meter), 1);                                  \
        }                                                           \
        CU_ASSERT_TRUE(condition);                                  \
    } while (0)

/* Connect by TLS with a pre-shared key. client_id: what it claims to be. */
static bool meter_open(struct meter *meter, const char *identity, const char *hex,
                       const char *client_id)
{
    memset(meter, 0, sizeof *meter);
    meter->client = mosquitto_new(client_id, true, meter);
    CU_ASSERT_PTR_NOT_NULL_FATAL(meter->client);
    mosquitto_connect_callback_set(meter->client, meter_on_connect);
    mosquitto_subscribe_callback_set(meter->client, meter_on_subscribe);
    mosquitto_message_callback_set(meter->client, meter_on_message);
    CU_ASSERT_EQUAL(mosquitto_tls_psk_set(meter->client, hex, identity, NULL), MOSQ_ERR_SUCCESS);
    if (mosquitto_connect(meter->client, "127.0.0.1", METERS_PORT, 60) != MOSQ_ERR_SUCCESS) {
        return false;
    }
    for (int i = 0; i < 200 && !meter->connected; i++) {
        if (mosquitto_loop(meter->client, 10, 1) != MOSQ_ERR_SUCCESS) {
            return false;
        }
    }
    return meter->connected;
}

static void meter_subscribe(struct meter *meter, const char *topic)
{
    meter->subscribed = false;
    CU_ASSERT_EQUAL(mosquitto_subscribe(meter->client, NULL, topic, 0), MOSQ_ERR_SUCCESS);
    METER_UNTIL(meter, meter->subscribed);
}

static void meter_publish(struct meter *meter, const char *topic, const void *payload, size_t len,
                          int qos)
{
    CU_ASSERT_EQUAL(mosquitto_publish(meter->client, NULL, topic, (int)len, payload, qos, false),
                    MOSQ_ERR_SUCCESS);
}

static void meter_close(struct meter *meter)
{
    (void)mosquitto_disconnect(meter->client);
    meter_run(meter, 2);
    mosquitto_destroy(meter->client);
}

static const char up[] = "meterpay/east-1/" METER "/up";
static const char down[] = "meterpay/east-1/" METER "/down";

/* ---- tests ------------------------------------------------------------------------------------ */

static void a_message_gets_its_receipt_after_the_commit(void)
{
    struct meter meter;
    start();
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, down);
    CU_ASSERT_FALSE(meter.refused);
    atomic_store(&core.hold, true);
    meter_publish(&meter, up, "reading", 7, 1);
    METER_UNTIL(&meter, atomic_load(&core.seen) == 1);
    meter_run(&meter, 40);
    CU_ASSERT_EQUAL(meter.received, 0);
    atomic_store(&core.hold, false);
    METER_UNTIL(&meter, meter.received == 1);
    CU_ASSERT_STRING_EQUAL(meter.payload, "ok:reading");
    struct fake_message last = fake_core_last(&core);
    CU_ASSERT_EQUAL(last.form, GW_FORM_COSE);
    CU_ASSERT_STRING_EQUAL(last.name, METER);
    CU_ASSERT_FALSE(last.has_identity);
    meter_publish(&meter, "meterpay/east-1/" METER "/raw/dlt645", "frame", 5, 0);
    METER_UNTIL(&meter, meter.received == 2);
    CU_ASSERT_EQUAL(fake_core_last(&core).form, GW_FORM_RAW);
    CU_ASSERT_STRING_EQUAL(fake_core_last(&core).protocol, "dlt645");
    EVENTUALLY(state().receipt_count == 2);
    meter_close(&meter);
    stop();
}

static void a_wrong_key_does_not_connect(void)
{
    struct meter meter;
    start();
    CU_ASSERT_FALSE(meter_open(&meter, METER, wrong_hex, METER));
    mosquitto_destroy(meter.client);
    CU_ASSERT_FALSE(meter_open(&meter, "gZZZ-1", key_hex, METER)); /* it has no key yet */
    mosquitto_destroy(meter.client);
    stop();
}

static void another_meters_topics_are_closed(void)
{
    struct meter meter;
    struct meter other;
    start();
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    CU_ASSERT_TRUE_FATAL(meter_open(&other, OTHER, key_hex, OTHER));
    meter_subscribe(&meter, down);
    meter_publish(&other, up, "forged", 6, 1);
    meter_publish(&other, "meterpay/east-1/" METER "/json", "forged", 6, 0);
    meter_publish(&other, down, "forged", 6, 1);
    meter_publish(&other, "meterpay/east-1/gateway", "offline", 7, 1);
    meter_publish(&other, "meterpay/east-1/" OTHER "/down", "to itself", 9, 1);
    meter_publish(&other, "meterpay/east-1/" OTHER "/up", "own", 3, 1);
    METER_UNTIL(&other, atomic_load(&core.seen) == 1); /* its own, the last, has arrived */
    CU_ASSERT_STRING_EQUAL(fake_core_last(&core).name, OTHER);
    /* It may ask for the other's topic, and for all; it gets nothing from there. */
    meter_subscribe(&other, down);
    meter_subscribe(&other, "#");
    meter_publish(&meter, up, "reading", 7, 1);
    METER_UNTIL(&meter, meter.received == 1);
    CU_ASSERT_STRING_EQUAL(meter.payload, "ok:reading");
    meter_run(&other, 40);
    CU_ASSERT_STRING_NOT_EQUAL(other.payload, "ok:reading");
    CU_ASSERT_STRING_NOT_EQUAL(other.payload, "reading");
    meter_close(&meter);
    meter_close(&other);
    stop();
}

static void a_client_id_is_not_taken_from_whom_it_belongs_to(void)
{
    struct meter meter;
    struct meter thief;
    start();
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, down);
    CU_ASSERT_TRUE(meter_open(&thief, OTHER, key_hex, METER));
    meter_run(&thief, 20);
    meter_publish(&meter, up, "reading", 7, 1);
    METER_UNTIL(&meter, meter.received == 1); /* it is still connected */
    meter_close(&thief);
    CU_ASSERT_TRUE(meter_open(&thief, OTHER, key_hex, "gateway-test"));
    meter_run(&thief, 20);
    CU_ASSERT_TRUE(state().connected);
    CU_ASSERT_EQUAL(state().connection_count, 1);
    meter_close(&thief);
    meter_close(&meter);
    stop();
}

static void nobody_gets_in_by_the_gateways_door(void)
{
    struct meter meter;
    start();
    memset(&meter, 0, sizeof meter);
    meter.client = mosquitto_new(NULL, true, &meter);
    mosquitto_connect_callback_set(meter.client, meter_on_connect);
    CU_ASSERT_EQUAL(mosquitto_connect(meter.client, "127.0.0.1", GATEWAY_PORT, 60),
                    MOSQ_ERR_SUCCESS);
    meter_run(&meter, 40);
    CU_ASSERT_FALSE(meter.connected); /* without a name */
    mosquitto_username_pw_set(meter.client, "gateway", "guess");
    CU_ASSERT_EQUAL(mosquitto_reconnect(meter.client), MOSQ_ERR_SUCCESS);
    meter_run(&meter, 40);
    CU_ASSERT_FALSE(meter.connected);
    mosquitto_username_pw_set(meter.client, METER, "");
    CU_ASSERT_EQUAL(mosquitto_reconnect(meter.client), MOSQ_ERR_SUCCESS);
    meter_run(&meter, 40);
    CU_ASSERT_FALSE(meter.connected);
    mosquitto_destroy(meter.client);
    stop();
}

static void a_message_too_large_is_refused_and_counted(void)
{
    static uint8_t big[8000];
    struct meter meter;
    start();
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, down);
    meter_publish(&meter, up, big, sizeof big, 1);
    METER_UNTIL(&meter, atomic_load(&core.seen) == 1);
    CU_ASSERT_EQUAL(fake_core_last(&core).len, GW_MESSAGE_BYTES_MAX + 1);
    CU_ASSERT_EQUAL(state().oversize_count, 1);
    meter_publish(&meter, up, big, GW_MESSAGE_BYTES_MAX, 1);
    METER_UNTIL(&meter, meter.received == 1);
    CU_ASSERT_EQUAL(fake_core_last(&core).len, GW_MESSAGE_BYTES_MAX);
    meter_close(&meter);
    stop();
}

static void a_meter_added_later_is_let_in_after_a_reload(void)
{
    char why[GW_BROKER_WHY_BYTES];
    struct meter old;
    struct meter added;
    start();
    CU_ASSERT_TRUE_FATAL(meter_open(&old, METER, key_hex, METER));
    meter_subscribe(&old, down);
    unsigned keys = 3;
    CU_ASSERT_EQUAL(gw_broker_keys(why, dir, &keys, next_key), GW_OK);
    CU_ASSERT_EQUAL(gw_broker_reload(why, dir), GW_OK);
    bool in = false;
    for (int i = 0; i < 50 && !in; i++) {
        (void)poll(NULL, 0, 50);
        in = meter_open(&added, "gZZZ-1", key_hex, "gZZZ-1");
        if (!in) {
            mosquitto_destroy(added.client);
        }
    }
    CU_ASSERT_TRUE_FATAL(in);
    meter_publish(&added, "meterpay/east-1/gZZZ-1/up", "first", 5, 1);
    METER_UNTIL(&added, atomic_load(&core.seen) == 1);
    meter_publish(&old, up, "still", 5, 1); /* the reload touched no connection */
    METER_UNTIL(&old, old.received == 1);
    CU_ASSERT_EQUAL(state().connection_count, 1);
    meter_close(&added);
    meter_close(&old);
    stop();
}

static void a_broker_that_died_is_found_again(void)
{
    struct meter meter;
    start();
    int64_t since_us = state().since_us;
    broker_kill();
    EVENTUALLY(!state().connected);
    CU_ASSERT_TRUE(strlen(state().why) > 5);
    CU_ASSERT_TRUE(state().since_us > since_us);
    struct gw_reply lost = {.transport = GW_VIA_MQTT, .name_len = 6, .name = "wABC-7"};
    lost.receipt_len = 1;
    gw_mqtt_reply(mqtt, &lost);
    EVENTUALLY(state().left_out_count == 1);
    broker_start();
    EVENTUALLY(state().connected);
    CU_ASSERT_STRING_EQUAL(state().why, "");
    CU_ASSERT_EQUAL(state().connection_count, 2);
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, down);
    meter_publish(&meter, up, "reading", 7, 1);
    METER_UNTIL(&meter, meter.received == 1);
    meter_close(&meter);
    stop();
}

/* Receipts leave on connections of their own, which must come back with the broker, too. */
static void receipts_of_every_meter_arrive_in_order_before_and_after_the_broker_died(void)
{
    static const char other_up[] = "meterpay/east-1/" OTHER "/up";
    static const char other_down[] = "meterpay/east-1/" OTHER "/down";
    struct meter meters[2];
    start();
    for (int life = 0; life < 2; life++) {
        CU_ASSERT_TRUE_FATAL(meter_open(&meters[0], METER, key_hex, METER));
        CU_ASSERT_TRUE_FATAL(meter_open(&meters[1], OTHER, key_hex, OTHER));
        meter_subscribe(&meters[0], down);
        meter_subscribe(&meters[1], other_down);
        for (char text[] = "a"; text[0] <= 'z'; text[0]++) {
            char wanted[] = {'o', 'k', ':', text[0], '\0'};
            meter_publish(&meters[0], up, text, 1, 0);
            meter_publish(&meters[1], other_up, text, 1, 0);
            METER_UNTIL(&meters[0], strcmp(meters[0].payload, wanted) == 0);
            METER_UNTIL(&meters[1], strcmp(meters[1].payload, wanted) == 0);
        }
        CU_ASSERT_EQUAL(meters[0].received, 26);
        CU_ASSERT_EQUAL(meters[1].received, 26);
        meter_close(&meters[0]);
        meter_close(&meters[1]);
        if (life == 0) {
            broker_kill();
            EVENTUALLY(!state().connected);
            broker_start();
            EVENTUALLY(state().connected);
        }
    }
    CU_ASSERT_EQUAL(state().receipt_count, 2 * 2 * 26);
    CU_ASSERT_EQUAL(state().left_out_count, 0);
    stop();
}

static void the_gateways_state_is_known_to_meters(void)
{
    struct meter meter;
    broker_make();
    broker_start();
    fake_core_init(&core);
    const struct gw_mqtt_config config = config_of();
    gateway_open(&config);
    EVENTUALLY(state().connected);
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, "meterpay/east-1/gateway");
    METER_UNTIL(&meter, strcmp(meter.payload, "online") == 0);
    fake_core_stop(&core);
    gw_mqtt_close(mqtt);
    METER_UNTIL(&meter, strcmp(meter.payload, "offline") == 0);
    fake_core_deinit(&core);
    meter_close(&meter);
    broker_remove();
}

static void a_full_ring_holds_the_broker_back_and_loses_nothing(void)
{
    enum { COUNT = 3000 };
    struct meter meter;
    uint8_t payload[200] = {0};
    broker_make();
    broker_start();
    fake_core_init(&core);
    struct gw_mqtt_config config = config_of();
    config.queue_bytes = GW_MQTT_QUEUE_BYTES_MIN; /* some 250 messages */
    gateway_open(&config);
    EVENTUALLY(state().connected);
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, down);
    atomic_store(&core.deaf, true);
    for (int i = 0; i < COUNT; i++) {
        payload[0] = (uint8_t)(i >> 8);
        payload[1] = (uint8_t)i;
        meter_publish(&meter, up, payload, sizeof payload, 0);
        meter_run(&meter, i % 10 == 0);
    }
    for (int tries = 0; tries < 500 && mosquitto_want_write(meter.client); tries++) {
        meter_run(&meter, 1);
    }
    EVENTUALLY(state().stalled_count > 0);
    uint64_t held = state().message_count;
    CU_ASSERT_TRUE(held < 400);
    atomic_store(&core.deaf, false);
    EVENTUALLY(atomic_load(&core.seen) == COUNT);
    CU_ASSERT_EQUAL(fake_core_last(&core).bytes[0] << 8 | fake_core_last(&core).bytes[1],
                    COUNT - 1);
    /* All receipts were for one meter: few were needed. */
    EVENTUALLY(state().receipt_count + state().merged_count + state().left_out_count == COUNT);
    /* The last that reaches it is that of its last message. */
    const uint8_t newest[] = {'o', 'k', ':', (COUNT - 1) >> 8, (COUNT - 1) & 0xff};
    METER_UNTIL(&meter, memcmp(meter.payload, newest, sizeof newest) == 0);
    CU_ASSERT_EQUAL(meter.received, state().receipt_count);
    meter_close(&meter);
    stop();
}

static void the_unix_socket_and_quality_one_serve_as_well(void)
{
    struct meter meter;
    broker_make();
    broker_start();
    fake_core_init(&core);
    struct gw_mqtt_config config = config_of();
    config.unix_socket = socket_path;
    config.qos = 1;
    gateway_open(&config);
    EVENTUALLY(state().connected);
    CU_ASSERT_TRUE_FATAL(meter_open(&meter, METER, key_hex, METER));
    meter_subscribe(&meter, down);
    for (int i = 0; i < 50; i++) {
        meter_publish(&meter, up, "reading", 7, i % 2);
        meter_run(&meter, 1);
    }
    METER_UNTIL(&meter, atomic_load(&core.seen) == 50);
    METER_UNTIL(&meter, meter.received > 0);
    meter_close(&meter);
    stop();
}

static void why_it_is_not_connected_is_told(void)
{
    broker_make();
    fake_core_init(&core);
    struct gw_mqtt_config config = config_of();
    gateway_open(&config); /* no broker runs */
    EVENTUALLY(strstr(state().why, "cannot reach the broker") != NULL);
    fake_core_stop(&core);
    gw_mqtt_close(mqtt);
    broker_start();
    char wrong[96];
    (void)snprintf(wrong, sizeof wrong, "%s/psk", dir); /* not the password */
    config.password_file = wrong;
    gateway_open(&config);
    EVENTUALLY(strstr(state().why, "refused the connection") != NULL);
    fake_core_stop(&core);
    gw_mqtt_close(mqtt);
    config.password_file = "/nowhere";
    gateway_open(&config);
    EVENTUALLY(strstr(state().why, "/nowhere") != NULL);
    stop();
}

static void wrong_configurations_are_refused(void)
{
    struct gw_mqtt *none;
    fake_core_init(&core);
    struct gw_mqtt_config config = config_of();
    config.site = "a/b";
    CU_ASSERT_EQUAL(gw_mqtt_open(&none, &config), GW_INVALID);
    config = config_of();
    config.port = 0;
    CU_ASSERT_EQUAL(gw_mqtt_open(&none, &config), GW_INVALID);
    config = config_of();
    config.qos = 2;
    CU_ASSERT_EQUAL(gw_mqtt_open(&none, &config), GW_INVALID);
    config = config_of();
    config.queue_bytes = 1;
    CU_ASSERT_EQUAL(gw_mqtt_open(&none, &config), GW_INVALID);
    fake_core_deinit(&core);
}

static const struct unit_test tests[] = {
    {"a_message_gets_its_receipt_after_the_commit", a_message_gets_its_receipt_after_the_commit},
    {"a_wrong_key_does_not_connect", a_wrong_key_does_not_connect},
    {"another_meters_topics_are_closed", another_meters_topics_are_closed},
    {"a_client_id_is_not_taken_from_whom_it_belongs_to",
     a_client_id_is_not_taken_from_whom_it_belongs_to},
    {"nobody_gets_in_by_the_gateways_door", nobody_gets_in_by_the_gateways_door},
    {"a_message_too_large_is_refused_and_counted", a_message_too_large_is_refused_and_counted},
    {"a_meter_added_later_is_let_in_after_a_reload", a_meter_added_later_is_let_in_after_a_reload},
    {"a_broker_that_died_is_found_again", a_broker_that_died_is_found_again},
    {"receipts_of_every_meter_arrive_in_order_before_and_after_the_broker_died",
     receipts_of_every_meter_arrive_in_order_before_and_after_the_broker_died},
    {"the_gateways_state_is_known_to_meters", the_gateways_state_is_known_to_meters},
    {"a_full_ring_holds_the_broker_back_and_loses_nothing",
     a_full_ring_holds_the_broker_back_and_loses_nothing},
    {"the_unix_socket_and_quality_one_serve_as_well",
     the_unix_socket_and_quality_one_serve_as_well},
    {"why_it_is_not_connected_is_told", why_it_is_not_connected_is_told},
    {"wrong_configurations_are_refused", wrong_configurations_are_refused},
};

int main(int argc, char **argv)
{
    (void)mosquitto_lib_init();
    int failed = unit_main("net_mqtt", tests, sizeof tests / sizeof tests[0], argc, argv);
    (void)mosquitto_lib_cleanup();
    return failed;
}
