/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the body of a request to the stand-in operator: refused with a sentence, or a transfer
 * that keeps every promise of rules.h. The first byte chooses the kind of request.
 */
#include <stdint.h>
#include <string.h>

#include "sim/operator/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum sim_action actions[] = {SIM_ACTION_RESERVE, SIM_ACTION_REFUND,
                                              SIM_ACTION_CAPTURE, SIM_ACTION_VOID};
    char error[SIM_PARSE_ERROR_BYTES] = "";
    if (size == 0) {
        return 0;
    }
    struct sim_request request = {.action = actions[data[0] & 3]};
    if (!sim_request_parse(&request, error, (const char *)data + 1, size - 1)) {
        MT_CHECK(error[0] != '\0' && strlen(error) < sizeof error);
        return 0;
    }
    const struct sim_transfer *transfer = &request.transfer;
    if (request.action == SIM_ACTION_RESERVE || request.action == SIM_ACTION_REFUND) {
        MT_CHECK(sim_transfer_check(transfer).code == SIM_CODE_OK);
        MT_CHECK(sim_id_valid(transfer->wallet, GW_WALLET_ID_MAX));
        MT_CHECK(sim_id_valid(transfer->mandate, GW_MANDATE_ID_MAX));
    }
    for (uint32_t i = 0; i < transfer->part_count; i++) {
        MT_CHECK(sim_id_valid(transfer->parts[i].payee, GW_PAYEE_CODE_MAX));
    }
    return 0;
}
