/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <string.h>

#include "gateway/adapters/config_table.h"

#define AT(member) offsetof(struct gw_config, member)
#define MS 1000ll
#define SECOND 1000000ll
#define DAY (86400ll * SECOND)
#define KIB 1024ll
#define MIB (1024ll * KIB)

static const struct {
    const char *name;
    const char *about;
} sections[] = {
    {"gateway", "Who this gateway is."},
    {"store", "The database that holds everything."},
    {"limits",
     "How much this gateway is for. All memory follows from these, and is taken at the start:\n"
     "about 400 bytes a meter. They may be raised later, and never lowered below what is stored."},
    {"settle", "When money is taken, and which clocks are believed."},
    {"mqtt", "Meters that speak MQTT, through a Mosquitto broker."},
    {"coap", "Meters that speak CoAP, directly."},
    {"operator", "The wallet operator's HTTPS service, see docs/operator-api.md."},
    {"webhook", "Where platforms push readings over HTTP (`meterpay hook`), see docs/mappings.md."},
    {"http", "The API of this daemon, see docs/openapi.yaml."},
};

const char *gw_config_section_about(const char *section)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        if (strcmp(sections[i].name, section) == 0) {
            return sections[i].about;
        }
    }
    return NULL;
}

/* clang-format off */
const struct gw_config_field gw_config_fields[] = {
    {"gateway", "id", GW_CONFIG_ID, AT(gateway_id), 1, 12, "gw1",
     "1 to 12 of a-z 0-9. The first part of every order's idempotency key: unique among the gateways\n"
     "of one operator, and never changed once orders were made."},
    {"gateway", "site", GW_CONFIG_WORD, AT(site), 1, 32, "street",
     "1 to 32 of a-z A-Z 0-9 - _. The second part of every topic: meterpay/<site>/<meter>/up."},
    {"gateway", "clock_file", GW_CONFIG_PATH, AT(clock_file), 0, GW_CONFIG_PATH_MAX, "",
     "A shared file of simulated time, for tests and demonstrations; empty: the machine's clock."},
    {"gateway", "log_level", GW_CONFIG_LEVEL, AT(log_level), 0, 3, "info",
     "error, warn, info or debug. Lines go to stderr."},

    {"store", "file", GW_CONFIG_PATH, AT(store_file), 1, GW_CONFIG_PATH_MAX, "store.db",
     "The SQLite database. Put it on a disk that keeps what fdatasync promised."},
    {"store", "free_min", GW_CONFIG_SIZE, AT(free_min_bytes), 0, 1024 * 1024 * MIB, "256MiB",
     "Less room than this on that disk raises the alarm disk_low. When none is left, intake stops\n"
     "until there is some again; nothing is lost."},

    {"limits", "meters", GW_CONFIG_NUMBER, AT(meters_max), 1, GW_METERS_MAX, "10000", "Meters at most."},
    {"limits", "households", GW_CONFIG_NUMBER, AT(households_max), 1, GW_HOUSEHOLDS_MAX, "10000",
     "Households at most."},
    {"limits", "bindings", GW_CONFIG_NUMBER, AT(bindings_max), 1, GW_BINDINGS_MAX, "40000",
     "Bindings of wallets at most, ended ones included."},
    {"limits", "orders_open", GW_CONFIG_NUMBER, AT(orders_open_max), 1, GW_ORDERS_OPEN_MAX, "10000",
     "Orders that may wait for the operator at a time."},

    {"settle", "order_min", GW_CONFIG_AMOUNT, AT(order_min_fen), 1, 100000000, "10.00",
     "Yuan. A household that owes this much is debited at once ..."},
    {"settle", "order_after", GW_CONFIG_DURATION, AT(order_after_us), SECOND, 400 * DAY, "24h",
     "... and one that has owed a fen or more for this long."},
    {"settle", "retry_refused", GW_CONFIG_DURATION, AT(retry_refused_us), SECOND, 400 * DAY, "6h",
     "After the operator refused, the household's next order waits this long."},
    {"settle", "clock_ahead", GW_CONFIG_DURATION, AT(clock_ahead_us), SECOND, 400 * DAY, "5min",
     "A reading further in the future than this is billed at the lowest price of its tariff."},
    {"settle", "late_window", GW_CONFIG_DURATION, AT(late_window_us), SECOND, 400 * DAY, "31d",
     "A reading that comes after newer ones is taken into account if it is not older than this;\n"
     "registers are cumulative, so nothing is lost when it is too late."},
    {"settle", "clock_years", GW_CONFIG_DURATION, AT(clock_years_us), DAY, 36500 * DAY, "366d",
     "A reading further off than this in either direction is refused."},

    {"mqtt", "enabled", GW_CONFIG_BOOL, AT(mqtt_enabled), 0, 1, "true", "Whether to connect to a broker."},
    {"mqtt", "socket", GW_CONFIG_PATH, AT(mqtt_socket), 0, 107, "",
     "Unix socket of the broker's listener for the gateway; empty: host and port below."},
    {"mqtt", "host", GW_CONFIG_TEXT, AT(mqtt_host), 0, GW_CONFIG_TEXT_MAX, "127.0.0.1",
     "The broker's host. This connection carries a password without TLS: keep it on this machine."},
    {"mqtt", "port", GW_CONFIG_NUMBER, AT(mqtt_port), 1, 65535, "1883", "The broker's port for the gateway."},
    {"mqtt", "meters_port", GW_CONFIG_NUMBER, AT(mqtt_meters_port), 1, 65535, "8883",
     "The broker's port for meters (TLS with each meter's own key). Used by `meterpay init`."},
    {"mqtt", "sources_port", GW_CONFIG_NUMBER, AT(mqtt_sources_port), 0, 65535, "0",
     "The broker's port for foreign devices (`meterpay source`), each with its user and password; 0: none.\n"
     "This and the next three are used by `meterpay init`."},
    {"mqtt", "sources_address", GW_CONFIG_TEXT, AT(mqtt_sources_address), 0, 64, "",
     "The address that it listens on; empty: every address of this machine."},
    {"mqtt", "sources_certificate", GW_CONFIG_PATH, AT(mqtt_sources_certificate), 0, GW_CONFIG_PATH_MAX, "",
     "The listener's certificate (PEM); empty: without TLS, where passwords can be overheard."},
    {"mqtt", "sources_key", GW_CONFIG_PATH, AT(mqtt_sources_key), 0, GW_CONFIG_PATH_MAX, "",
     "The certificate's key (PEM), readable by the broker's user."},
    {"mqtt", "username", GW_CONFIG_TEXT, AT(mqtt_username), 0, 64, "gateway", "The gateway's name at the broker."},
    {"mqtt", "password_file", GW_CONFIG_PATH, AT(mqtt_password_file), 0, GW_CONFIG_PATH_MAX,
     "broker/gateway.password", "A file of mode 0600 that holds the password; empty: none."},
    {"mqtt", "broker_dir", GW_CONFIG_PATH, AT(mqtt_broker_dir), 0, GW_CONFIG_PATH_MAX, "broker",
     "The broker's own directory, as `meterpay init` made it: the daemon keeps the meters' keys in it\n"
     "up to date and tells the broker. Empty: somebody else does that."},
    {"mqtt", "queue", GW_CONFIG_SIZE, AT(mqtt_queue_bytes), 64 * KIB, 1024 * MIB, "4MiB",
     "Messages that may wait for the gateway's core; a power of two. When full, the broker waits."},

    {"coap", "enabled", GW_CONFIG_BOOL, AT(coap_enabled), 0, 1, "true", "Whether to listen for CoAP."},
    {"coap", "address", GW_CONFIG_TEXT, AT(coap_address), 1, 64, "0.0.0.0", "Where to listen with DTLS."},
    {"coap", "port", GW_CONFIG_NUMBER, AT(coap_port), 1, 65535, "5684", "UDP port of DTLS."},
    {"coap", "plain_port", GW_CONFIG_NUMBER, AT(coap_plain_port), 0, 65535, "0",
     "UDP port without DTLS, on 127.0.0.1, for encrypted messages only; 0: none."},
    {"coap", "sessions", GW_CONFIG_NUMBER, AT(coap_sessions_max), 1, 200000, "4096",
     "DTLS sessions at a time, about 12 kB each while open."},
    {"coap", "idle", GW_CONFIG_DURATION, AT(coap_idle_us), SECOND, DAY, "300s",
     "A session unused for this long is closed."},
    {"coap", "queue", GW_CONFIG_SIZE, AT(coap_queue_bytes), 64 * KIB, 1024 * MIB, "4MiB",
     "Messages that may wait for the gateway's core; a power of two. When full, the answer is 5.03."},

    {"operator", "enabled", GW_CONFIG_BOOL, AT(operator_enabled), 0, 1, "false",
     "Whether orders are made and sent. Without an operator what households owe is kept, and ordered when\n"
     "there is one; orders that were open wait."},
    {"operator", "url", GW_CONFIG_TEXT, AT(operator_url), 0, GW_CONFIG_TEXT_MAX, "https://127.0.0.1:18443",
     "https://host:port, nothing after it."},
    {"operator", "ca_file", GW_CONFIG_PATH, AT(operator_ca_file), 0, GW_CONFIG_PATH_MAX, "keys/operator-ca.pem",
     "The only certificates that the operator's may descend from."},
    {"operator", "certificate_file", GW_CONFIG_PATH, AT(operator_certificate_file), 0, GW_CONFIG_PATH_MAX,
     "keys/operator-client.pem", "Our certificate; its common name is the gateway's id."},
    {"operator", "key_file", GW_CONFIG_PATH, AT(operator_key_file), 0, GW_CONFIG_PATH_MAX,
     "keys/operator-client.key", "Its key, mode 0600."},
    {"operator", "signing_key_file", GW_CONFIG_PATH, AT(operator_signing_key_file), 0, GW_CONFIG_PATH_MAX,
     "keys/operator-sign.key", "The Ed25519 key that signs every request, mode 0600."},
    {"operator", "timeout", GW_CONFIG_DURATION, AT(operator_timeout_us), 100 * MS, 120 * SECOND, "10s",
     "No answer within this (real) time: the order is unsure, and asked about."},
    {"operator", "connections", GW_CONFIG_NUMBER, AT(operator_connections), 1, 256, "8",
     "Connections at a time."},
    {"operator", "queue", GW_CONFIG_NUMBER, AT(operator_queue), 16, 65536, "2048",
     "Orders handed to the connections at a time, 0.5 kB each; the others wait in the books."},
    {"operator", "reconcile_at", GW_CONFIG_TIME, AT(operator_reconcile_at_us), 0, DAY - 1, "02:30",
     "Local time from which on the day before is reconciled with the operator's statement of it."},

    {"webhook", "enabled", GW_CONFIG_BOOL, AT(webhook_enabled), 0, 1, "false", "Whether to listen."},
    {"webhook", "address", GW_CONFIG_TEXT, AT(webhook_address), 1, 64, "127.0.0.1",
     "Where; another address than this machine's own needs the certificate and its key."},
    {"webhook", "port", GW_CONFIG_NUMBER, AT(webhook_port), 1, 65535, "8443", "TCP port."},
    {"webhook", "certificate", GW_CONFIG_PATH, AT(webhook_certificate), 0, GW_CONFIG_PATH_MAX, "",
     "The listener's certificate with its chain (PEM); empty: plain HTTP, behind a proxy that speaks TLS."},
    {"webhook", "key", GW_CONFIG_PATH, AT(webhook_key), 0, GW_CONFIG_PATH_MAX, "",
     "The certificate's key (PEM), mode 0600."},
    {"webhook", "connections", GW_CONFIG_NUMBER, AT(webhook_connections_max), 4, 1024, "64",
     "Connections at a time, a thread each; with TLS one address has a quarter of them at most."},

    {"http", "socket", GW_CONFIG_PATH, AT(http_socket), 1, 107, "api.sock",
     "Unix socket of the API, mode 0600: who may open it may do everything."},
    {"http", "port", GW_CONFIG_NUMBER, AT(http_port), 0, 65535, "0",
     "Also on this TCP port of 127.0.0.1, with the token below; 0: no."},
    {"http", "token_file", GW_CONFIG_PATH, AT(http_token_file), 0, GW_CONFIG_PATH_MAX, "api.token",
     "A file of mode 0600 with the bearer token that the TCP port asks for (32 characters or more)."},
    {"http", "connections", GW_CONFIG_NUMBER, AT(http_connections_max), 1, 1024, "32",
     "Connections at a time, a thread each."},
};
/* clang-format on */

const uint32_t gw_config_field_count = sizeof(gw_config_fields) / sizeof(gw_config_fields[0]);
