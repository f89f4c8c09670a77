/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The board's words; see setup.h. */
#include "firmware/port/cortex-m/setup.h"

#include <string.h>

#include "firmware/port/cortex-m/semihost.h"

static bool read_key(struct fw_setup *setup, const char *path)
{
    int file = fw_semihost_open(path, false);
    char digits[FW_SETUP_KEY_DIGITS];
    if (file < 0) {
        return false;
    }
    bool good = fw_semihost_read(file, digits, sizeof(digits)) && fw_setup_key(setup, digits);
    fw_semihost_close(file);
    mt_key_wipe(digits, sizeof(digits));
    return good;
}

static bool read_path(char path[FW_BOARD_PATH_MAX], const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len >= FW_BOARD_PATH_MAX) {
        return false;
    }
    memcpy(path, text, len + 1);
    return true;
}

static bool take_word(struct fw_board_setup *setup, const struct fw_setup_word *word)
{
    if (fw_setup_is(word, "key")) {
        return read_key(&setup->meter, word->value);
    }
    if (fw_setup_is(word, "address")) {
        return fw_setup_address(setup->address, word->value);
    }
    if (fw_setup_is(word, "router")) {
        return fw_setup_address(setup->router, word->value);
    }
    if (fw_setup_is(word, "nor")) {
        return read_path(setup->backing, word->value);
    }
    if (fw_setup_is(word, "clock")) {
        setup->host_clock = strcmp(word->value, "host") == 0;
        return setup->host_clock;
    }
    return fw_setup_take(&setup->meter, word);
}

const char *fw_board_setup_read(struct fw_board_setup *setup)
{
    static char line[FW_BOARD_TEXT_MAX];
    *setup = (struct fw_board_setup){.address = {10, 0, 2, 15}, .router = {10, 0, 2, 2}};
    fw_setup_init(&setup->meter);
    if (!fw_semihost_arguments(line, sizeof(line))) {
        return "the command line is too long";
    }
    bool first = true; /* the program's own name */
    for (char *at = line; *at != '\0';) {
        char *end = at + strcspn(at, " ");
        bool last = *end == '\0';
        *end = '\0';
        struct fw_setup_word word = fw_setup_split(at);
        bool is_name = first && strchr(at, '=') == NULL;
        if (!is_name && !take_word(setup, &word)) {
            return at;
        }
        first = false;
        at = last ? end : end + 1;
    }
    return fw_setup_finish(&setup->meter);
}
