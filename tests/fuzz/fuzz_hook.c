/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stranger's push against each scheme: nobody proves anything without the secret. */
#include <string.h>

#include "gateway/adapters/hook.h"

#define TEXT_MAX 256u

/* A text of the input, of as many bytes as its first one says. NULL: it is not there. */
static const char *take_text(char text[TEXT_MAX], const uint8_t **at, size_t *left)
{
    if (*left == 0 || **at == 0 || **at >= *left) {
        return NULL;
    }
    size_t len = **at;
    memcpy(text, *at + 1, len);
    text[len] = '\0';
    *at += len + 1;
    *left -= len + 1;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char body[GW_MAPPING_BODY_BYTES_MAX];
    char authorization[TEXT_MAX];
    char token[TEXT_MAX];
    char signature[TEXT_MAX];
    if (size < 4) {
        return 0;
    }
    struct gw_hook hook = {.name = "h",
                           .scheme = (uint8_t)(data[0] % GW_HOOK_SCHEMES),
                           .header = "X-Signature",
                           .secret = "#&kept-from-strangers-0123456789"};
    const uint8_t *at = data + 1;
    size_t left = size - 1;
    struct gw_hook_push push = {.authorization = take_text(authorization, &at, &left),
                                .token = take_text(token, &at, &left),
                                .signature = take_text(signature, &at, &left),
                                .body = body};
    MT_CHECK(!gw_hook_url_signed(&hook, push.authorization, push.token, push.signature));
    push.body_len = left < sizeof(body) ? left : sizeof(body);
    memcpy(body, at, push.body_len);
    size_t before = push.body_len;
    MT_CHECK(gw_hook_verify(&hook, &push) != GW_HOOK_SIGNED);
    MT_CHECK(push.body_len <= before);
    return 0;
}
