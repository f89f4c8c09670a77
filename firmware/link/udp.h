/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The way out for datagrams: one UDP socket with one peer, the gateway. A port fills it once. */
#ifndef FIRMWARE_LINK_UDP_H
#define FIRMWARE_LINK_UDP_H

#include "firmware/hal/hal.h"

struct fw_udp {
    void *context; /**< The port's own; passed to send, never looked at. */

    /** Send one datagram to the gateway. The bytes are borrowed for the call, which does not wait.
     *  Returns: FW_OK when it was handed to the network, which promises nothing; FW_IO when there is
     *           no network now. Whoever calls treats both as a datagram that may be lost. */
    enum fw_status (*send)(void *context, const uint8_t *bytes, size_t len);
};

#endif
