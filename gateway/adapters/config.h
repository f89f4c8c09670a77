/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The gateway's configuration: one YAML file of sections and fields, each with a default.
 *
 *  The table in config.c is the one description of every field: its type, bounds, default and meaning.
 *  It reads the file, and writes the commented file that `meterpay init` makes. A field that is not
 *  known, given twice, of the wrong type or out of bounds is refused with file, line and advice; an
 *  empty file is the default gateway. Numbers are exact: durations and amounts are read digit by digit.
 *
 *  Texts:  durations  250ms 30s 15min 12h 30d      sizes  64KiB 256MiB 2GiB
 *          amounts    yuan with at most two decimals     yes/no  true false     times  "02:30"
 *          paths      relative ones start at the gateway's directory
 *
 *  Never: holds a secret (it names the files that do), changes while the daemon runs.
 */
#ifndef GATEWAY_ADAPTERS_CONFIG_H
#define GATEWAY_ADAPTERS_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/core/core.h"
#include "gateway/core/limits.h"
#include "gateway/core/status.h"
#include "meters/check.h"

#define GW_CONFIG_PATH_MAX 511u
#define GW_CONFIG_TEXT_MAX 127u
#define GW_CONFIG_FILE_BYTES_MAX (256u * 1024u)
#define GW_CONFIG_WHY_BYTES 1024u /**< Room for a sentence that says what is wrong. */

#define GW_CONFIG_NAME "meterpayd.yaml" /**< The file's name in the gateway's directory. */

enum gw_log_level { GW_LOG_ERROR = 0, GW_LOG_WARN = 1, GW_LOG_INFO = 2, GW_LOG_DEBUG = 3 };

/** All settings. Texts are NUL-terminated, paths are resolved; an empty path or text means none. */
struct gw_config {
    char dir[GW_CONFIG_PATH_MAX + 1]; /**< The gateway's directory. */

    char gateway_id[13]; /**< 1-12 of a-z 0-9: the first part of every idempotency key. */
    char site[33];       /**< 1-32 of a-z A-Z 0-9 - _: the second part of every topic. */
    char clock_file[GW_CONFIG_PATH_MAX + 1]; /**< Empty: the machine's own clock. */
    int64_t log_level;                       /**< enum gw_log_level */

    char store_file[GW_CONFIG_PATH_MAX + 1];
    int64_t free_min_bytes; /**< Less room than this on the store's disk raises an alarm. */

    int64_t meters_max, households_max, bindings_max, orders_open_max;

    int64_t order_min_fen;
    int64_t order_after_us, retry_refused_us;
    int64_t clock_ahead_us, late_window_us, clock_years_us;

    bool mqtt_enabled;
    char mqtt_host[GW_CONFIG_TEXT_MAX + 1];
    int64_t mqtt_port;
    char mqtt_socket[GW_CONFIG_PATH_MAX +
                     1]; /**< Unix socket of the broker; empty: host and port. */
    char mqtt_username[GW_CONFIG_TEXT_MAX + 1];
    char mqtt_password_file[GW_CONFIG_PATH_MAX + 1];
    char mqtt_broker_dir[GW_CONFIG_PATH_MAX +
                         1];  /**< Where the broker's key file is kept; empty: elsewhere. */
    int64_t mqtt_meters_port; /**< The broker's port for meters; for the file that init writes. */
    int64_t
        mqtt_sources_port; /**< The broker's port for foreign devices; 0: none. Also for init. */
    char mqtt_sources_address[64 + 1]; /**< Empty: every address. */
    char mqtt_sources_certificate[GW_CONFIG_PATH_MAX + 1];
    char mqtt_sources_key[GW_CONFIG_PATH_MAX + 1];
    int64_t mqtt_queue_bytes;

    bool coap_enabled;
    char coap_address[GW_CONFIG_TEXT_MAX + 1];
    int64_t coap_port;       /**< DTLS. */
    int64_t coap_plain_port; /**< Without DTLS, on loopback only; 0: none. */
    int64_t coap_sessions_max;
    int64_t coap_idle_us;
    int64_t coap_queue_bytes;

    bool operator_enabled;
    char operator_url[GW_CONFIG_TEXT_MAX + 1];
    char operator_ca_file[GW_CONFIG_PATH_MAX + 1];
    char operator_certificate_file[GW_CONFIG_PATH_MAX + 1];
    char operator_key_file[GW_CONFIG_PATH_MAX + 1];
    char operator_signing_key_file[GW_CONFIG_PATH_MAX + 1];
    int64_t operator_timeout_us;
    int64_t operator_connections;
    int64_t operator_queue;
    int64_t operator_reconcile_at_us; /**< After local midnight, [0, a day). */

    bool webhook_enabled;
    char webhook_address[64 + 1];
    int64_t webhook_port;
    char webhook_certificate[GW_CONFIG_PATH_MAX + 1]; /**< Empty: plain, on this machine only. */
    char webhook_key[GW_CONFIG_PATH_MAX + 1];
    int64_t webhook_connections_max;

    char http_socket[GW_CONFIG_PATH_MAX + 1];
    int64_t http_port; /**< On 127.0.0.1 with the bearer token of http_token_file; 0: none. */
    char http_token_file[GW_CONFIG_PATH_MAX + 1];
    int64_t http_connections_max;
};

/** A field that the written file gives another value than the default. */
struct gw_config_setting {
    const char *field; /**< "section.name". */
    const char *value; /**< As it stands in the file. */
};

/** Every default, resolved against a directory of at most GW_CONFIG_PATH_MAX characters. */
void gw_config_defaults(struct gw_config *config, const char *dir);

/** Read a configuration.
 *
 *  Returns: GW_OK; GW_INVALID with a sentence in why that begins with "name:line: ".
 *  Out:     *config   untouched unless GW_OK.
 *  In:      name      what to call the text in complaints; dir, borrowed for the call.
 */
MT_MUST_USE enum gw_status gw_config_parse(struct gw_config *config, char why[GW_CONFIG_WHY_BYTES],
                                           const char *dir, const char *name, const char *text,
                                           size_t text_len);

/** Read the configuration file at path; NULL: GW_CONFIG_NAME in dir.
 *
 *  Returns: GW_OK, GW_IO (cannot be read), GW_INVALID; with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_config_load(struct gw_config *config, char why[GW_CONFIG_WHY_BYTES],
                                          const char *dir, const char *path);

/** Write the commented file: every field with its meaning, bounds and default. Reading it back gives
 *  the defaults changed by the settings.
 *
 *  Returns: GW_OK; GW_INVALID (a setting names no field); GW_IO.
 */
MT_MUST_USE enum gw_status gw_config_write(FILE *out, const struct gw_config_setting *settings,
                                           uint32_t count);

/** The limits and rules as the core takes them. */
void gw_config_core(struct gw_core_config *core, const struct gw_config *config);

#endif
