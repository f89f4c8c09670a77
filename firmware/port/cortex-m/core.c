/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Vectors, reset, SysTick, sleep, and newlib's heap; see core.h. */
#include "firmware/port/cortex-m/core.h"

#include <errno.h>
#include <stdbool.h>

#include "firmware/port/cortex-m/board.h"
#include "firmware/port/cortex-m/say.h"
#include "firmware/port/cortex-m/semihost.h"

#define TICKS_PER_S 100u
#define TICK_US (1000000u / TICKS_PER_S)
#define PAINT 0xA5A5A5A5u
#define EXTERNAL_INTERRUPTS 32u
#define STATUS_FAULT 70

/* ARMv7-M Architecture Reference Manual, B3. */
#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define ICSR REGISTER(0xE000ED04u)
#define VTOR REGISTER(0xE000ED08u)
#define NVIC_ISER0 REGISTER(0xE000E100u)
#define NVIC_ICER0 REGISTER(0xE000E180u)
#define ICSR_PENDSTSET (1u << 26)
#define SYST_ENABLE 7u /* counter, interrupt, the core's own clock */

/* From the linker script. */
extern uint32_t fw_link_data[], fw_link_data_end[], fw_link_data_load[];
extern uint32_t fw_link_bss[], fw_link_bss_end[];
extern uint32_t fw_link_heap[], fw_link_stack_floor[], fw_link_stack_top[];

static uint64_t tick_count;
static char *heap_end;

_Noreturn void fw_core_reset(void);
void fw_core_fault(void);
void *_sbrk(ptrdiff_t more);

static void on_tick(void)
{
    tick_count++;
}

/* A level that nobody served would interrupt for ever: mask it, the main loop looks and unmasks. */
static void on_interrupt(void)
{
    uint32_t number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    NVIC_ICER0 = 1u << ((number - 16u) & 31u);
}

__attribute__((used)) void fw_core_fault(void)
{
    fw_say_text("fault");
    fw_say_end();
    fw_semihost_exit(STATUS_FAULT);
}

typedef void (*handler)(void);

__attribute__((section(".vectors"),
               used)) static const handler vectors[16 + EXTERNAL_INTERRUPTS] = {
    [0] = (handler)(uintptr_t)fw_link_stack_top,
    [1] = (handler)fw_core_reset,
    [2 ... 14] = fw_core_fault,
    [15] = on_tick,
    [16 ... 15 + EXTERNAL_INTERRUPTS] = on_interrupt,
};

_Noreturn void fw_core_reset(void)
{
    VTOR = (uint32_t)vectors;
    const uint32_t *from = fw_link_data_load;
    for (uint32_t *to = fw_link_data; to < fw_link_data_end;) {
        *to++ = *from++;
    }
    for (uint32_t *to = fw_link_bss; to < fw_link_bss_end;) {
        *to++ = 0;
    }
    uint32_t *here;
    __asm__ volatile("mov %0, sp" : "=r"(here));
    for (uint32_t *to = fw_link_heap; to < here - 16;) {
        *to++ = PAINT;
    }
    heap_end = (char *)fw_link_heap;
    fw_main();
}

void fw_core_start(void)
{
    SYST_RVR = fw_board_hz / TICKS_PER_S - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_ENABLE;
}

uint64_t fw_core_time_us(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    uint32_t left = SYST_CVR;
    uint64_t ticks = tick_count;
    if (ICSR & ICSR_PENDSTSET) {
        /* It wrapped and the tick was not counted yet. */
        left = SYST_CVR;
        ticks++;
    }
    __asm__ volatile("cpsie i" ::: "memory");
    uint32_t gone = fw_board_hz / TICKS_PER_S - 1u - left;
    return ticks * TICK_US + gone / (fw_board_hz / 1000000u);
}

void fw_core_sleep(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    NVIC_ISER0 = fw_board_interrupts;
    /* A masked interrupt that is pending ends the sleep at once, so none is slept through. */
    __asm__ volatile("dsb\n\twfi\n\tcpsie i\n\tisb" ::: "memory");
}

uint32_t fw_core_stack_peak(void)
{
    const uint32_t *at = fw_link_stack_floor;
    while (at < fw_link_stack_top && *at == PAINT) {
        at++;
    }
    return (uint32_t)(fw_link_stack_top - at) * (uint32_t)sizeof(*at);
}

uint32_t fw_core_heap_peak(void)
{
    return (uint32_t)(heap_end - (char *)fw_link_heap);
}

/* newlib asks here for memory; it never gives any back. */
void *_sbrk(ptrdiff_t more)
{
    char *was = heap_end;
    if (more < 0 || more > (char *)fw_link_stack_floor - was) {
        errno = ENOMEM;
        return (void *)-1;
    }
    heap_end += more;
    return was;
}
