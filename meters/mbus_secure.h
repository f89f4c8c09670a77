/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Encryption of M-Bus application data, wired and wireless (EN 13757-7, 7.6; OMS Volume 2, 9).
 *
 *  Mode 5: AES-128-CBC with the meter's key; the start is M ID V T and eight times the access
 *  number. Mode 7: AES-128-CBC from zero with a key that is made for each message from the meter's
 *  key and the counter of the authentication layer (AFL), which also carries a MAC:
 *
 *      CI 90 | AFLL | FCL.2 [MCL] [KI.2] [MCR.4] [MAC] [ML.2] | CI 72 head ..
 *
 *  Both begin with 2F 2F inside: what does not was made with another key. The first blocks are
 *  encrypted, the rest of the data may follow in the clear.
 *
 *      mt_mbus_open(plain, &plain_len, &(struct mt_mbus_sealed){..., .head = &head}, trace)
 *
 *  tells what to do for every head: data in the clear are copied as they are.
 */
#ifndef METERS_MBUS_SECURE_H
#define METERS_MBUS_SECURE_H

#include "meters/aes.h"
#include "meters/mbus_head.h"

#define MT_MBUS_CI_AFL 0x90u
#define MT_MBUS_PLAIN_MAX 512u /**< Bytes of data behind a head, at most. */
#define MT_MBUS_AFL_MAX 32u    /**< Bytes of an AFL with its CI, at most. */

/** The authentication and fragmentation layer (OMS Volume 2, 6). */
struct mt_mbus_afl {
    uint8_t fragment; /**< FID: which part of a message, from 1; 0 where there is one only. */
    bool has_more;    /**< Fragments follow. */
    bool has_counter;
    bool has_length;
    uint8_t control;    /**< MCL: which MAC; 0: not in this fragment. */
    uint8_t counter[4]; /**< MCR, as sent; with has_counter. */
    uint8_t length[2];  /**< ML, as sent; with has_length. */
    uint8_t mac_len;    /**< 0: none. */
    const uint8_t *mac; /**< Borrowed from the frame. */
};

/** The length of the MAC that a message control field (MCL) announces; 0: none, or not CMAC. */
size_t mt_mbus_mac_bytes(uint8_t control);

/** Read an AFL behind its CI.
 *
 *  Returns: MT_OK; MT_BAD_LAYOUT; MT_UNSUPPORTED for another MAC than CMAC.
 *  Out:     *out; void unless MT_OK. In a later fragment the MAC is what is left for it: whether it
 *           has the length that the first one announced is the caller's to see.
 */
MT_MUST_USE enum mt_status mt_mbus_afl_read(struct mt_mbus_afl *out, struct mt_cursor *c,
                                            struct mt_trace *trace);

/** Data behind a head. */
struct mt_mbus_sealed {
    const struct mt_mbus_head *head; /**< With the address: the head's own, or the link's. */
    const struct mt_mbus_afl *afl;   /**< NULL: none. */
    const uint8_t *message;          /**< From the head's CI on: what the MAC is over. */
    size_t message_len;
    const uint8_t *bytes; /**< Behind the head. */
    size_t len;           /**< At most MT_MBUS_PLAIN_MAX. */
    const uint8_t *key;   /**< NULL: none. */
    size_t key_len;
    bool must_mac; /**< The MAC is checked in the clear too: the message came in fragments. */
};

/** Check and decrypt.
 *
 *  Returns: MT_OK; MT_NO_KEY, in the clear with must_mac only; MT_NOT_AUTHENTIC when the MAC or
 *           the first two bytes differ; MT_BAD_LAYOUT for fewer bytes than there are blocks; MT_TOO_LARGE;
 *           MT_UNSUPPORTED for another mode, or an address or counter that is missing.
 *  Out:     plain   MT_MBUS_PLAIN_MAX bytes; *plain_len of them. Void unless MT_OK.
 *           A layer is told to the trace where anything was decrypted.
 */
MT_MUST_USE enum mt_status mt_mbus_open(uint8_t *plain, size_t *plain_len,
                                        const struct mt_mbus_sealed *sealed,
                                        struct mt_trace *trace);

/** Encrypt data for a head: pad with 2F to whole blocks and set the head's configuration.
 *
 *  Returns: MT_OK; MT_NO_KEY for a key that is not 16 bytes; MT_TOO_LARGE for more than 15 blocks,
 *           or when it does not fit.
 *  Out:     out, *out_len; head->config and config_more.
 *  In:      plain  records; 2F 2F is put before them. head has its address and access number.
 *           counter  of mode 7, as sent; NULL: mode 5.
 */
struct mt_mbus_plain {
    const uint8_t *bytes;
    size_t len;
    const uint8_t *key;
    size_t key_len;
    const uint8_t *counter;
};
MT_MUST_USE enum mt_status mt_mbus_seal(uint8_t *out, size_t *out_len, size_t out_max,
                                        struct mt_mbus_head *head,
                                        const struct mt_mbus_plain *plain);

/** Make an AFL's MAC of 8 bytes over a message (from its head's CI on), and set what it says of the
 *  message: control, counter, and the length where has_length is set.
 *
 *  Returns: MT_OK; MT_NO_KEY; MT_TOO_LARGE.
 *  Out:     afl; mac  which afl->mac points to from then on. Void unless MT_OK.
 */
MT_MUST_USE enum mt_status mt_mbus_afl_sign(struct mt_mbus_afl *afl, uint8_t mac[MT_AES_BLOCK],
                                            const uint8_t *message, size_t message_len,
                                            const struct mt_mbus_head *head,
                                            const struct mt_mbus_plain *plain);

/** Write an AFL with its CI: the fields that *afl has. A buffer that is short shows in the writer's
 *  `overflow`. */
void mt_mbus_afl_put(struct mt_writer *w, const struct mt_mbus_afl *afl);

/** Write the AFL of a message in one piece, with counter and MAC. Returns MT_OK, MT_NO_KEY or
 *  MT_TOO_LARGE. A buffer that is short shows in the writer's `overflow`. */
MT_MUST_USE enum mt_status mt_mbus_afl_write(struct mt_writer *w, const uint8_t *message,
                                             size_t message_len, const struct mt_mbus_head *head,
                                             const struct mt_mbus_plain *plain);

#endif
