/* SPDX-License-Identifier: GPL-3.0-or-later */
/** UDP to the one gateway: lwIP over the board's Ethernet. */
#ifndef FIRMWARE_PORT_CORTEX_M_NET_H
#define FIRMWARE_PORT_CORTEX_M_NET_H

#include "firmware/hal/hal.h"

/** Addresses as bytes in the order that they are written in. */
struct fw_net_config {
    uint8_t address[4];
    uint8_t router[4];
    uint8_t gateway[4];
    uint16_t gateway_port;
    uint8_t mac[6];
    void *owner;
    /** A datagram of the gateway's came; the bytes are borrowed for the call. */
    void (*receive)(void *owner, const uint8_t *bytes, size_t len);
};

/** Start. Returns: FW_OK; FW_IO (no Ethernet, or lwIP's memory). The config is copied. */
MT_MUST_USE enum fw_status fw_net_start(const struct fw_net_config *config);

/** Send one datagram to the gateway. Returns: FW_OK when it was taken; FW_IO. */
MT_MUST_USE enum fw_status fw_net_send(const uint8_t *bytes, size_t len);

/** Take in what came and let lwIP's timers run. Returns: true when a frame was there. */
bool fw_net_poll(void);

#endif
