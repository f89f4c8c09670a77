/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arm's MPS2 board with a Cortex-M3 (application note AN385), the roomy meter: serial port and watchdog of the
 * CMSDK (DDI 0479), SMSC's LAN9118 Ethernet controller. */
#include "firmware/port/cortex-m/board.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define UART(offset) REGISTER(0x40004000u + (offset))
#define UART_DATA UART(0x00)
#define UART_STATE UART(0x04)
#define UART_CTRL UART(0x08)
#define UART_INTCLEAR UART(0x0C)
#define UART_BAUDDIV UART(0x10)
#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CTRL_RUN 0xBu /* transmit, receive, and an interrupt for what was received */
#define CLEAR_RX 2u
#define UART_INTERRUPT 0u
#define BAUD 115200u

#define WATCHDOG(offset) REGISTER(0x40008000u + (offset))
#define WATCHDOG_LOAD WATCHDOG(0x000)
#define WATCHDOG_CONTROL WATCHDOG(0x008)
#define WATCHDOG_CLEAR WATCHDOG(0x00C)
#define WATCHDOG_LOCK WATCHDOG(0xC00)
#define WATCHDOG_KEY 0x1ACCE551u
#define WATCHDOG_RESET 3u /* count, and start the board anew the second time */
#define WATCHDOG_S 10u

#define LAN(offset) REGISTER(0x40200000u + (offset))
#define LAN_RX_DATA LAN(0x00)
#define LAN_TX_DATA LAN(0x20)
#define LAN_RX_STATUS LAN(0x40)
#define LAN_TX_STATUS LAN(0x48)
#define LAN_IRQ_CFG LAN(0x54)
#define LAN_INT_STS LAN(0x58)
#define LAN_INT_EN LAN(0x5C)
#define LAN_BYTE_TEST LAN(0x64)
#define LAN_FIFO_INT LAN(0x68)
#define LAN_TX_CFG LAN(0x70)
#define LAN_RX_FIFO_INF LAN(0x7C)
#define LAN_TX_FIFO_INF LAN(0x80)
#define LAN_MAC_CMD LAN(0xA4)
#define LAN_MAC_DATA LAN(0xA8)
#define BYTE_TEST_VALUE 0x87654321u
#define IRQ_ACTIVE_HIGH 0x111u /* enabled, high, push-pull */
#define INT_RX_STATUS 0x08u
#define TX_ON 2u
#define MAC_BUSY (1u << 31)
#define MAC_CR 1u
#define MAC_ADDRH 2u
#define MAC_ADDRL 3u
#define MAC_CR_RUN 0x0010000Cu /* receive, transmit, full duplex */
#define TX_FIRST_AND_LAST 0x3000u
#define FCS_BYTES 4u
#define LAN_INTERRUPT 13u

const char fw_board_name[] = "mps2-an385";
const uint32_t fw_board_hz = 25000000u;
const uint32_t fw_board_interrupts = 1u << UART_INTERRUPT | 1u << LAN_INTERRUPT;

static uint32_t
    receive_buffer[FW_BOARD_FRAME_BYTES_MAX / 4u + 1u]; /* the check sequence comes too */
static uint32_t transmit_buffer[FW_BOARD_FRAME_BYTES_MAX / 4u];

void fw_board_start(void)
{
    UART_BAUDDIV = fw_board_hz / BAUD;
    UART_CTRL = CTRL_RUN;
    WATCHDOG_LOCK = WATCHDOG_KEY;
    WATCHDOG_LOAD = WATCHDOG_S * fw_board_hz;
    WATCHDOG_CONTROL = WATCHDOG_RESET;
}

void fw_board_put(uint8_t byte)
{
    while (UART_STATE & STATE_TX_FULL) {
    }
    UART_DATA = byte;
}

bool fw_board_get(uint8_t *byte)
{
    UART_INTCLEAR = CLEAR_RX;
    if (!(UART_STATE & STATE_RX_FULL)) {
        return false;
    }
    *byte = (uint8_t)UART_DATA;
    return true;
}

void fw_board_watchdog(void)
{
    WATCHDOG_CLEAR = 1u;
}

static void mac_write(uint32_t number, uint32_t value)
{
    LAN_MAC_DATA = value;
    LAN_MAC_CMD = MAC_BUSY | number;
    while (LAN_MAC_CMD & MAC_BUSY) {
    }
}

bool fw_board_net_start(const uint8_t mac[FW_BOARD_MAC_BYTES])
{
    if (LAN_BYTE_TEST != BYTE_TEST_VALUE) {
        return false;
    }
    mac_write(MAC_ADDRH, (uint32_t)mac[5] << 8 | (uint32_t)mac[4]);
    mac_write(MAC_ADDRL, (uint32_t)mac[3] << 24 | (uint32_t)mac[2] << 16 | (uint32_t)mac[1] << 8 |
                             (uint32_t)mac[0]);
    LAN_TX_CFG = TX_ON;
    LAN_FIFO_INT = 0; /* interrupt at the first frame */
    LAN_INT_EN = INT_RX_STATUS;
    LAN_IRQ_CFG = IRQ_ACTIVE_HIGH;
    mac_write(MAC_CR, MAC_CR_RUN);
    return true;
}

uint8_t *fw_board_net_room(void)
{
    return (uint8_t *)transmit_buffer;
}

void fw_board_net_send(size_t len)
{
    MT_CHECK(len <= FW_BOARD_FRAME_BYTES_MAX);
    LAN_TX_DATA = TX_FIRST_AND_LAST | (uint32_t)len;
    LAN_TX_DATA = (uint32_t)len;
    for (size_t i = 0; i < (len + 3u) / 4u; i++) {
        LAN_TX_DATA = transmit_buffer[i];
    }
    while (LAN_TX_FIFO_INF >> 16 & 0xFFu) {
        (void)
            LAN_TX_STATUS; /* taking a status makes room for the next; a lost frame is sent again above */
    }
}

uint8_t *fw_board_net_receive(size_t *len)
{
    LAN_INT_STS = INT_RX_STATUS;
    if ((LAN_RX_FIFO_INF >> 16 & 0xFFu) == 0) {
        return NULL;
    }
    uint32_t size = LAN_RX_STATUS >> 16 & 0x3FFFu;
    for (uint32_t i = 0; i < (size + 3u) / 4u; i++) {
        uint32_t word = LAN_RX_DATA;
        if (i < sizeof(receive_buffer) / sizeof(receive_buffer[0])) {
            receive_buffer[i] = word;
        }
    }
    if (size < FCS_BYTES || size > sizeof(receive_buffer)) {
        *len = 0; /* longer than what we ever asked for: dropped by the caller */
    } else {
        *len = size - FCS_BYTES;
    }
    return (uint8_t *)receive_buffer;
}

void fw_board_net_release(void)
{
    /* The frame was copied out of the controller. */
}
