/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The files that make a Mosquitto (2.0) the gateway's broker, and the keys of its meters in them.
 *
 *  In one directory of ours, readable by nobody else:
 *      mosquitto.conf     two listeners: meters by TLS with pre-shared keys, the gateway by password
 *      acl                a meter may publish and subscribe below its own name only
 *      psk                <meter>:<key in hex>, a line a meter
 *      passwords          the gateway's password and those of foreign devices, hashed for the broker
 *      gateway.password   the same in the clear, for the gateway (gw_mqtt_config.password_file)
 *      mosquitto.pid      written by the broker
 *
 *  A meter's user name AND client id are its PSK identity, whatever it claims: it can neither speak for
 *  another nor push another, or the gateway, off the broker by taking its client id. Everything that a
 *  stranger can make the broker hold has a limit. Persistence is off: what the broker acknowledged is
 *  lost when it is killed (measured: 0 of 5,000 were left), so nothing here relies on it; meters keep
 *  their records until the gateway's receipt.
 *
 *  Mosquitto reads psk, acl and passwords again on SIGHUP without touching connections; a key that was
 *  taken out ends no connection that was made with it. It looks an identity up by walking its list:
 *  about 1 ms of the broker's time for each new connection at 100,000 meters.
 *
 *  Used at `meterpay init`, and by the daemon when a meter is added. Never: starts the broker.
 */
#ifndef GATEWAY_ADAPTERS_BROKER_H
#define GATEWAY_ADAPTERS_BROKER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/status.h"
#include "meters/check.h"
#include "meters/keys.h"
#include "meters/name.h"

#define GW_BROKER_WHY_BYTES 256u
#define GW_BROKER_PATH_MAX 400u

/** Names of the files, below the directory. */
#define GW_BROKER_CONF "mosquitto.conf"
#define GW_BROKER_PASSWORD "gateway.password"
#define GW_BROKER_SOCKET "broker.sock"

struct gw_broker_config {
    const char *dir;  /**< Made when it is missing (its parent is there); absolute. */
    const char *root; /**< First part of every topic; NULL: "meterpay". */
    const char *site;
    const char *meters_address;  /**< NULL: every address of the machine. */
    uint16_t meters_port;        /**< TLS with pre-shared keys. */
    uint16_t gateway_port;       /**< On 127.0.0.1, by password; 0: only the Unix socket in dir. */
    uint16_t sources_port;       /**< Foreign devices, by password; 0: none. */
    const char *sources_address; /**< NULL: every address of the machine. */
    const char
        *sources_certificate; /**< With TLS: PEM files of it and its key. NULL: without TLS. */
    const char *sources_key;
    const char *username;     /**< The gateway's; a-z A-Z 0-9 - _ . */
    uint32_t connections_max; /**< Of meters, 1 to 1,000,000. */
    uint32_t memory_max_mib;  /**< What the broker may take in all, 16 to 1,000,000. */
};

/** Write all files. The password and the keys that are there already stay as they are.
 *
 *  Returns: GW_OK; GW_INVALID, GW_IO with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_broker_write(char why[GW_BROKER_WHY_BYTES],
                                           const struct gw_broker_config *config);

/** One meter's line. */
struct gw_broker_key {
    char name[MT_NAME_MAX + 1];
    uint8_t psk[MT_KEY_BYTES]; /**< MT_KEY_TRANSPORT. */
};

/** Put all keys into the file, in place of those that were there: whole or not at all (a new file is
 *  made durable and renamed over the old one). Call gw_broker_reload after it. It costs the daemon
 *  and the broker time in proportion to all meters: gather changes, and call it every few seconds.
 *
 *  Returns: GW_OK; GW_INVALID (a name that is none); GW_IO with a sentence in why.
 *  In:      next   fills *key and returns true, or returns false past the last.
 */
MT_MUST_USE enum gw_status gw_broker_keys(char why[GW_BROKER_WHY_BYTES], const char *dir, void *arg,
                                          bool (*next)(void *arg, struct gw_broker_key *key));

/** One topic that a foreign device's user may publish to; or, with is_command, that it may read and the
 *  gateway publishes to. */
struct gw_broker_grant {
    const char *user;
    const char *topic;
    bool is_command;
};

/** What foreign devices may. */
struct gw_broker_rights {
    const char *gateway;  /**< The gateway's own user, who may read every topic that is granted. */
    const char *user;     /**< Who gets a new password; NULL: nobody, all keep what they have. */
    const char *password; /**< Of user; NULL without one. */
    void *arg;            /**< Of next. */
    /** Fills *grant, borrowed until the next call, and returns true; false past the last. */
    bool (*next)(void *arg, struct gw_broker_grant *grant);
};

/** Put these rights in place of those before: the foreign devices' part of the ACL, and a password line
 *  for each user that has a grant. A user that never had a password cannot connect until it gets one.
 *  Call gw_broker_reload after it. Costs O(n log n).
 *
 *  Returns: GW_OK; GW_INVALID, GW_IO, GW_FULL (no memory) with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_broker_grants(char why[GW_BROKER_WHY_BYTES], const char *dir,
                                            const struct gw_broker_rights *rights);

/** Tell the broker that runs from this directory to read its files again. One that is starting is waited
 *  for, two seconds at most: until it takes signals, this one would end it.
 *
 *  Returns: GW_OK; GW_END (none runs: it will read them when it starts); GW_BUSY (it still starts, and may
 *           have read the old files: ask again), GW_IO (not ours to signal), both with a sentence in why.
 */
MT_MUST_USE enum gw_status gw_broker_reload(char why[GW_BROKER_WHY_BYTES], const char *dir);

#endif
