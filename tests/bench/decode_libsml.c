/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Calls of libsml, or what to say where it is not installed. */
#include "tests/bench/decode_libsml.h"

#ifdef BENCH_HAS_LIBSML
#include <sml/sml_file.h>
#include <sml/sml_value.h>
#include <string.h>

#define HEAD_BYTES 8u /* escape, version: the library wants what is between them */
#define TAIL_BYTES 8u

bool bench_libsml_is_here(void)
{
    return true;
}

static bool find_total(int64_t *total, sml_get_list_response *list)
{
    static const uint8_t obis[] = {1, 0, 1, 8, 0, 255};
    for (sml_list *entry = list->val_list; entry != NULL; entry = entry->next) {
        if (entry->obj_name != NULL && entry->obj_name->len == sizeof(obis) &&
            memcmp(entry->obj_name->str, obis, sizeof(obis)) == 0 && entry->value != NULL) {
            *total = (int64_t)sml_value_to_double(entry->value);
            return true;
        }
    }
    return false;
}

bool bench_libsml_total(int64_t *total, uint8_t *bytes, size_t len)
{
    bool found = false;
    sml_file *file = sml_file_parse(bytes + HEAD_BYTES, len - HEAD_BYTES - TAIL_BYTES);
    for (short i = 0; i < file->messages_len; i++) {
        sml_message *message = file->messages[i];
        if (message->message_body != NULL &&
            *message->message_body->tag == SML_MESSAGE_GET_LIST_RESPONSE) {
            found = find_total(total, message->message_body->data) || found;
        }
    }
    sml_file_free(file);
    return found;
}
#else
bool bench_libsml_is_here(void)
{
    return false;
}

bool bench_libsml_total(int64_t *total, uint8_t *bytes, size_t len)
{
    (void)total;
    (void)bytes;
    (void)len;
    return false;
}
#endif
