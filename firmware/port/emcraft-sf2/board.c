/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Emcraft's SmartFusion2 module, the reference meter: serial port, supervisor, Ethernet (Microsemi UG0331,
 * Microcontroller Subsystem User Guide). */
#include "firmware/port/cortex-m/board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* A 16550, registers four bytes apart. */
#define UART(n) REGISTER(0x40000000u + 4u * (n))
#define UART_DATA UART(0)
#define UART_IER UART(1)
#define UART_FCR UART(2)
#define UART_LSR UART(5)
#define LSR_RECEIVED 1u
#define LSR_ROOM 0x20u
#define UART_INTERRUPT 10u

#define WATCHDOG_REFRESH REGISTER(0x4000500Cu)
#define WATCHDOG_KEY 0xAC15DE42u

#define EMAC(offset) REGISTER(0x40041000u + (offset))
#define EMAC_CFG1 EMAC(0x000)
#define EMAC_CFG2 EMAC(0x004)
#define EMAC_FRAME_MAX EMAC(0x010)
#define EMAC_STA1 EMAC(0x040)
#define EMAC_STA2 EMAC(0x044)
#define EMAC_FIFO_CFG0 EMAC(0x048)
#define EMAC_TX_CTL EMAC(0x180)
#define EMAC_TX_DESC EMAC(0x184)
#define EMAC_TX_STATUS EMAC(0x188)
#define EMAC_RX_CTL EMAC(0x18C)
#define EMAC_RX_DESC EMAC(0x190)
#define EMAC_RX_STATUS EMAC(0x194)
#define EMAC_IRQ_MASK EMAC(0x198)
#define CFG1_RUN 0x5u /* receive and transmit */
#define CFG1_RESET (1u << 31)
#define FIFO_ENABLE 0x1F00u
#define STATUS_FRAME 1u
#define STATUS_OVERFLOW 4u
#define STATUS_UNDERRUN 2u
#define IRQ_RECEIVED 0x10u
#define IRQ_OVERFLOW 0x40u
#define EMAC_INTERRUPT 12u

#define EMPTY (1u << 31)
#define SIZE_MASK 0x7FFu
#define RECEIVE_BUFFERS 2u

struct descriptor {
    volatile uint32_t address;
    volatile uint32_t size;
    volatile uint32_t next;
};

const char fw_board_name[] = "emcraft-sf2";
const uint32_t fw_board_hz = 142000000u;
const uint32_t fw_board_interrupts = 1u << UART_INTERRUPT | 1u << EMAC_INTERRUPT;

static struct descriptor receive[RECEIVE_BUFFERS];
static struct descriptor transmit;
static uint32_t receive_buffer[RECEIVE_BUFFERS][FW_BOARD_FRAME_BYTES_MAX / 4u];
static uint32_t transmit_buffer[FW_BOARD_FRAME_BYTES_MAX / 4u];
static uint32_t receive_next;

void fw_board_start(void)
{
    UART_FCR = 7u; /* queues on, both emptied */
    UART_IER = 1u; /* a received byte interrupts */
}

void fw_board_put(uint8_t byte)
{
    while (!(UART_LSR & LSR_ROOM)) {
    }
    UART_DATA = byte;
}

bool fw_board_get(uint8_t *byte)
{
    if (!(UART_LSR & LSR_RECEIVED)) {
        return false;
    }
    *byte = (uint8_t)UART_DATA;
    return true;
}

void fw_board_watchdog(void)
{
    WATCHDOG_REFRESH = WATCHDOG_KEY;
}

bool fw_board_net_start(const uint8_t mac[FW_BOARD_MAC_BYTES])
{
    EMAC_CFG1 = CFG1_RESET;
    EMAC_CFG1 = 0;
    for (uint32_t i = 0; i < RECEIVE_BUFFERS; i++) {
        receive[i].address = (uint32_t)receive_buffer[i];
        receive[i].size = EMPTY;
        receive[i].next = (uint32_t)&receive[(i + 1u) % RECEIVE_BUFFERS];
    }
    transmit.address = (uint32_t)transmit_buffer;
    transmit.size = EMPTY;
    transmit.next = (uint32_t)&transmit;
    receive_next = 0;
    EMAC_STA1 =
        (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 | (uint32_t)mac[3];
    EMAC_STA2 = (uint32_t)mac[4] << 24 | (uint32_t)mac[5] << 16;
    EMAC_FRAME_MAX = FW_BOARD_FRAME_BYTES_MAX; /* longer ones are not for us, and have no room */
    EMAC_FIFO_CFG0 = FIFO_ENABLE;
    EMAC_TX_DESC = (uint32_t)&transmit;
    EMAC_RX_DESC = (uint32_t)&receive[0];
    EMAC_IRQ_MASK = IRQ_RECEIVED | IRQ_OVERFLOW;
    EMAC_CFG1 = CFG1_RUN;
    EMAC_RX_CTL = 1u;
    return (EMAC_CFG1 & CFG1_RUN) == CFG1_RUN;
}

uint8_t *fw_board_net_room(void)
{
    return (uint8_t *)transmit_buffer;
}

void fw_board_net_send(size_t len)
{
    MT_CHECK(len <= FW_BOARD_FRAME_BYTES_MAX);
    transmit.size = (uint32_t)len;
    __asm__ volatile("dsb" ::: "memory");
    EMAC_TX_CTL = 1u;
    while (!(transmit.size & EMPTY)) {
    }
    EMAC_TX_STATUS = STATUS_FRAME;
    EMAC_TX_STATUS = STATUS_UNDERRUN; /* the ring of one ran empty, as it should */
}

uint8_t *fw_board_net_receive(size_t *len)
{
    const struct descriptor *d = &receive[receive_next];
    if (d->size & EMPTY) {
        return NULL;
    }
    size_t size = d->size & SIZE_MASK;
    *len = size < FW_BOARD_FRAME_BYTES_MAX ? size : FW_BOARD_FRAME_BYTES_MAX;
    return (uint8_t *)receive_buffer[receive_next];
}

void fw_board_net_release(void)
{
    receive[receive_next].size = EMPTY;
    receive_next = (receive_next + 1u) % RECEIVE_BUFFERS;
    EMAC_RX_STATUS = STATUS_FRAME;
    if (EMAC_RX_STATUS & STATUS_OVERFLOW) {
        /* The controller stopped with all buffers full; it starts where we read next. */
        EMAC_RX_STATUS = STATUS_OVERFLOW;
        EMAC_RX_DESC = (uint32_t)&receive[receive_next];
        EMAC_RX_CTL = 1u;
    }
}
