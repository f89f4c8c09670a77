/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UDP to the one gateway; see net.h. */
#include "firmware/port/cortex-m/net.h"

#include <lwip/etharp.h>
#include <lwip/init.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#include <string.h>

#include "firmware/port/cortex-m/board.h"
#include "firmware/port/cortex-m/core.h"
#include "firmware/port/cortex-m/noise.h"

#define NETMASK_BITS 24u
#define ETHERNET_MTU_BYTES 1500u
#define FRAMES_AT_A_TIME 8u

_Static_assert(ETHERNET_MTU_BYTES + 14u <= FW_BOARD_FRAME_BYTES_MAX, "a frame must fit its buffer");

static struct fw_net_config net;
static struct netif netif;
static struct udp_pcb *pcb;

uint32_t fw_net_random(void)
{
    uint32_t value = 0;
    (void)fw_noise(&value, sizeof(value)); /* without noise the first port is a fixed one */
    return value;
}

u32_t sys_now(void)
{
    return (u32_t)(fw_core_time_us() / 1000u);
}

static ip4_addr_t address_of(const uint8_t bytes[4])
{
    ip4_addr_t address;
    IP4_ADDR(&address, bytes[0], bytes[1], bytes[2], bytes[3]);
    return address;
}

static err_t transmit(struct netif *to, struct pbuf *frame)
{
    (void)to;
    if (frame->tot_len > FW_BOARD_FRAME_BYTES_MAX) {
        return ERR_BUF;
    }
    u16_t len = pbuf_copy_partial(frame, fw_board_net_room(), frame->tot_len, 0);
    fw_board_net_send(len);
    return ERR_OK;
}

static err_t prepare(struct netif *made)
{
    made->name[0] = 'e';
    made->name[1] = 'n';
    made->mtu = ETHERNET_MTU_BYTES;
    made->hwaddr_len = sizeof(net.mac);
    memcpy(made->hwaddr, net.mac, sizeof(net.mac));
    made->flags =
        NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    made->output = etharp_output;
    made->linkoutput = transmit;
    return ERR_OK;
}

/* The frame lies whole in the board's buffer, so its data is in one piece. */
static void received(void *arg, struct udp_pcb *from, struct pbuf *data, const ip_addr_t *address,
                     u16_t port)
{
    (void)arg;
    (void)from;
    (void)address;
    (void)port; /* the socket is connected: lwIP compared both */
    net.receive(net.owner, data->payload, data->len);
    (void)pbuf_free(data); /* the number of pieces is of no use */
}

enum fw_status fw_net_start(const struct fw_net_config *config)
{
    MT_CHECK(config != NULL && config->receive != NULL);
    net = *config;
    if (!fw_board_net_start(net.mac)) {
        return FW_IO;
    }
    lwip_init();
    ip4_addr_t address = address_of(net.address);
    ip4_addr_t router = address_of(net.router);
    ip4_addr_t mask;
    ip4_addr_t gateway = address_of(net.gateway);
    mask.addr = lwip_htonl(~0u << (32u - NETMASK_BITS));
    if (netif_add(&netif, &address, &mask, &router, NULL, prepare, ethernet_input) == NULL) {
        return FW_IO;
    }
    netif_set_default(&netif);
    netif_set_up(&netif);
    pcb = udp_new();
    if (pcb == NULL || udp_bind(pcb, IP4_ADDR_ANY, 0) != ERR_OK ||
        udp_connect(pcb, &gateway, net.gateway_port) != ERR_OK) {
        return FW_IO;
    }
    udp_recv(pcb, received, NULL);
    return FW_OK;
}

enum fw_status fw_net_send(const uint8_t *bytes, size_t len)
{
    if (len > ETHERNET_MTU_BYTES - 28u) {
        return FW_IO;
    }
    struct pbuf *data = pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM);
    if (data == NULL) {
        return FW_IO;
    }
    memcpy(data->payload, bytes, len);
    err_t sent = udp_send(pcb, data);
    (void)pbuf_free(data); /* the number of pieces is of no use */
    return sent == ERR_OK ? FW_OK : FW_IO;
}

static void take(uint8_t *frame, size_t len)
{
    if (len == 0) {
        return;
    }
    struct pbuf *data = pbuf_alloc_reference(frame, (u16_t)len, PBUF_REF);
    if (data != NULL && netif.input(data, &netif) != ERR_OK) {
        (void)pbuf_free(data);
    }
}

bool fw_net_poll(void)
{
    bool any = false;
    for (uint32_t i = 0; i < FRAMES_AT_A_TIME; i++) {
        size_t len = 0;
        uint8_t *frame = fw_board_net_receive(&len);
        if (frame == NULL) {
            break;
        }
        any = true;
        take(frame, len);
        fw_board_net_release();
    }
    sys_check_timeouts();
    return any;
}
