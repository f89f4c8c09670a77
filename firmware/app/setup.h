/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What a factory or a workshop writes into a meter, as words "key=value"; every port reads them alike.
 *
 *      name=pHXE-000012345678   the meter; it comes first, because its medium decides the defaults
 *      gateway=10.0.2.2:5684    where the gateway answers
 *      interval=S spread=S retry=S report=N    as in struct fw_config, whole seconds
 *      observe=yes|no           ask for commands, see struct fw_app_net
 *      ack=MS idle=S shake=S    pauses of the link: ack_us in milliseconds, idle_us, shake_us
 *
 *  The key never stands among the words: a port reads it from a place of its own and calls fw_setup_key.
 */
#ifndef FIRMWARE_APP_SETUP_H
#define FIRMWARE_APP_SETUP_H

#include "firmware/app/app.h"

#define FW_SETUP_KEY_DIGITS (2u * MT_KEY_BYTES)

struct fw_setup {
    struct fw_app_config app;
    uint8_t gateway[4]; /**< In the order that it is written in. */
    uint16_t gateway_port;
};

/** A word in pieces; borrowed. */
struct fw_setup_word {
    const char *key;
    size_t key_len;
    const char *value; /**< Ended by 0. */
};

/** Divide a word at its first '='; without one the value is empty. Borrows text. */
struct fw_setup_word fw_setup_split(const char *text);

/** True when it is the word of that key. */
bool fw_setup_is(const struct fw_setup_word *word, const char *key);

/** Start with nothing. */
void fw_setup_init(struct fw_setup *setup);

/** Take a word. Returns: false when its key is unknown here, or its value cannot be; *setup untouched. */
MT_MUST_USE bool fw_setup_take(struct fw_setup *setup, const struct fw_setup_word *word);

/** Take the root key from its 32 hexadecimal digits. Returns: false when they are none. */
MT_MUST_USE bool fw_setup_key(struct fw_setup *setup, const char digits[FW_SETUP_KEY_DIGITS]);

/** Read a whole address such as 10.0.2.15. Returns: false with *address unspecified. */
MT_MUST_USE bool fw_setup_address(uint8_t address[4], const char *text);

/** Read a whole number from 0 to max. Returns: false with *number untouched. */
MT_MUST_USE bool fw_setup_number(uint32_t *number, const char *text, uint32_t max);

/** All words are taken: fit what depends on others. Returns: NULL, or what is missing, for the log. */
MT_MUST_USE const char *fw_setup_finish(struct fw_setup *setup);

#endif
