/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lwIP as a meter needs it: UDP over IPv4 over Ethernet, one peer, everything in fixed memory. */
#ifndef FIRMWARE_PORT_CORTEX_M_LWIPOPTS_H
#define FIRMWARE_PORT_CORTEX_M_LWIPOPTS_H

#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0 /* one thread, and no interrupt calls it */
#define LWIP_SOCKET 0
#define LWIP_NETCONN 0
#define LWIP_IPV4 1
#define LWIP_IPV6 0
#define LWIP_UDP 1
#define LWIP_TCP 0
#define LWIP_RAW 0
#define LWIP_ICMP 0
#define LWIP_ARP 1
#define ARP_TABLE_SIZE 4
#define ARP_QUEUEING 0
#define IP_REASSEMBLY 0
#define IP_FRAG 0
#define IP_OPTIONS_ALLOWED 0
#define LWIP_STATS 0
#define LWIP_CHECKSUM_ON_COPY 0
#define MEM_ALIGNMENT 4
#define MEM_SIZE 2048 /* one datagram that waits for its address, and a few headers */
#define MEMP_NUM_PBUF 4
#define MEMP_NUM_UDP_PCB 1
#define MEMP_NUM_SYS_TIMEOUT 2
#define PBUF_POOL_SIZE 0

#endif
