/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Which foreign device is which meter, and the way of its messages into the core.
 *
 *  Bindings stand in sources.csv of the gateway's directory, a line each:
 *
 *      mapping,device,channel,unit,meter,user
 *      tasmota,plug-1,,,pTAS-00000001,plug-1
 *      zigbee2mqtt,valve,,l,wZ2M-00000001,
 *
 *  The user is who may publish it at the broker; without one the broker's own rules say so. (Files
 *  without that column are read, too.)
 *
 *  A message is taken apart by every mapping that is for its topic or hook; what a bound device says
 *  becomes an ordinary message of its meter, so that identity, plausibility, duplicates and money are
 *  the core's. What nobody bound is counted and not kept. A message costs O(records), whatever the
 *  number of bindings.
 *
 *  Threads: everything may be called by any; one message is worked on at a time.
 *  Never: guesses a meter, listens, tells the platform anything.
 */
#ifndef GATEWAY_ADAPTERS_SOURCE_H
#define GATEWAY_ADAPTERS_SOURCE_H

#include "gateway/adapters/mapping.h"
#include "gateway/core/core.h"

#define GW_SOURCES_MAX 262144u      /**< Bindings of a gateway. */
#define GW_SOURCE_MAPPINGS_MAX 64u  /**< Mapping files, shipped and own. */
#define GW_SOURCE_CHANNELS_MAX 32u  /**< Bindings of one device. */
#define GW_SOURCE_REFUSALS_KEPT 64u /**< Newest refusals kept to be looked at. */
#define GW_SOURCE_WHY_BYTES 512u
#define GW_SOURCE_UNIT_MAX 7u
#define GW_SOURCE_USER_MAX 32u

struct gw_sources;

/** Where the files are. Texts are copied. */
struct gw_sources_config {
    const char *shipped;  /**< Folder of the shipped mappings; NULL: none. */
    const char *own;      /**< Folder of own ones, which go before shipped ones of the same name; it
                            may be missing. NULL: none. */
    const char *bindings; /**< The path of sources.csv; a missing file has no bindings. */
};

/** Read everything.
 *
 *  Returns: GW_OK; GW_INVALID with a sentence in why that names file and line; GW_IO; GW_FULL (a limit
 *           above, or no memory).
 *  Out:     *sources  untouched unless GW_OK; closed by gw_sources_close.
 */
MT_MUST_USE enum gw_status gw_sources_open(struct gw_sources **sources,
                                           char why[GW_SOURCE_WHY_BYTES],
                                           const struct gw_sources_config *config);

/** NULL is allowed. */
void gw_sources_close(struct gw_sources *sources);

/** A topic filter that bound devices need, index from 0: those of each mapping with a binding. Returns
 *  false past the last. */
bool gw_sources_filter(char filter[GW_MAPPING_PATH_MAX + 1], struct gw_sources *sources,
                       uint32_t index);

/* ---- bindings ---- */

/** Who may publish what: a binding's user, and a topic that its device uses. */
struct gw_source_grant {
    char user[GW_SOURCE_USER_MAX + 1];
    char topic[GW_MAPPING_TOPIC_MAX + 1];
    bool is_command; /**< The other way about: the user may read it, and we publish. */
};
/** Each grant in turn; *cursor is 0 for the first. Returns false past the last. */
bool gw_sources_grant(struct gw_source_grant *grant, struct gw_sources *sources, uint64_t *cursor);

/** A binding. */
struct gw_binding {
    char mapping[GW_MAPPING_NAME_MAX + 1];
    struct gw_mapping_names names; /**< channel may be empty. */
    char unit[GW_SOURCE_UNIT_MAX + 1];
    char meter[MT_NAME_MAX + 1];
    char user[GW_SOURCE_USER_MAX + 1];
};
/** By its place, from 0. Returns false past the last. */
bool gw_sources_binding(struct gw_binding *out, struct gw_sources *sources, uint32_t index);

/** Add a binding: the file is written whole, durable, and then it is in force.
 *
 *  Returns: GW_OK; GW_INVALID (a field is wrong, or something is bound already), GW_FULL, GW_IO: with a
 *           sentence in why, and nothing has changed.
 */
MT_MUST_USE enum gw_status gw_sources_add(struct gw_sources *sources, char why[GW_SOURCE_WHY_BYTES],
                                          const struct gw_binding *binding);
/** Remove a meter's binding. Returns as above, and GW_END when it has none. */
MT_MUST_USE enum gw_status gw_sources_remove(struct gw_sources *sources,
                                             char why[GW_SOURCE_WHY_BYTES], const char *meter);

/** The name of a mapping, index from 0. Returns false past the last. */
bool gw_sources_mapping(char name[GW_MAPPING_NAME_MAX + 1], struct gw_sources *sources,
                        uint32_t index);

/** Is a mapping for this hook? */
bool gw_sources_has_hook(struct gw_sources *sources, const char *hook);

/* ---- messages ---- */

/** A message of a foreign device. Borrowed for the call. */
struct gw_source_message {
    const char *topic; /**< Or NULL: it came by a hook. */
    size_t topic_len;
    const char *hook; /**< The hook's name, without a topic. */
    const char *body;
    size_t body_len;
    int64_t time_us;   /**< Of arrival, for the list of refusals. */
    uint8_t transport; /**< enum gw_transport */
    uint64_t reply;    /**< The adapter's handle, in each message that is put. */
};

/** Takes a message for the core. Returns false when there is no room: nothing was kept of it. */
typedef bool gw_source_put(void *arg, const struct gw_message *message);

/** What became of it. */
struct gw_source_outcome {
    uint32_t put;                       /**< Messages handed to the core. */
    uint32_t aside;                     /**< Records of another kind. */
    uint32_t unbound;                   /**< Records of devices that nobody bound. */
    uint32_t refused;                   /**< Records, or the whole, that gave no reading. */
    char ask[GW_MAPPING_TOPIC_MAX + 1]; /**< Not empty: publish gw_sparkplug_rebirth there. */
    bool full;  /**< put said so: bring the whole message again, what was put is a duplicate. */
    bool known; /**< A mapping is for it. */
};
void gw_sources_message(struct gw_source_outcome *out, struct gw_sources *sources,
                        const struct gw_source_message *message, gw_source_put *put, void *arg);

/** Counts since the start. */
struct gw_sources_state {
    uint32_t mappings, bindings;
    uint64_t messages, put, aside, unbound;
    uint64_t refused[GW_MAPPING_VERDICTS];
};
void gw_sources_state(struct gw_sources_state *out, struct gw_sources *sources);

/** A message that gave no reading, or of a device that nobody bound (GW_MAPPING_DONE). */
struct gw_source_refusal {
    int64_t time_us;
    enum gw_mapping_verdict verdict;
    char mapping[GW_MAPPING_NAME_MAX + 1];
    struct gw_mapping_names names; /**< As far as they are known. */
    char why[GW_MAPPING_WHY_BYTES];
};
/** The newest first, index from 0. Returns false past the last kept. */
bool gw_sources_refusal(struct gw_source_refusal *out, struct gw_sources *sources, uint32_t index);

#endif
