/* The platform-level interrupt controller: lines of devices to the external interrupts of the harts. */
#ifndef RUNTIME_PLIC_H
#define RUNTIME_PLIC_H

#include "board.h"

#define PLIC_BASE 0x0c000000UL
#define UART_SOURCE 10
/* Each hart has two contexts, one for machine mode and one for supervisor mode. */
#define PLIC_CONTEXT(hart, supervisor) (2 * (hart) + (supervisor))

static inline void plic_set_priority(unsigned source, uint32_t priority) {
    *device_word(PLIC_BASE + 4 * source) = priority;
}

/* For sources 0 to 31. */
static inline void plic_enable(uint64_t context, uint32_t sources) {
    *device_word(PLIC_BASE + 0x2000 + 0x80 * context) = sources;
}

static inline void plic_set_threshold(uint64_t context, uint32_t threshold) {
    *device_word(PLIC_BASE + 0x200000 + 0x1000 * context) = threshold;
}

/* The source whose request this hart now has; 0 if there is none. */
static inline uint32_t plic_claim(uint64_t context) { return *device_word(PLIC_BASE + 0x200004 + 0x1000 * context); }

static inline void plic_complete(uint64_t context, uint32_t source) {
    *device_word(PLIC_BASE + 0x200004 + 0x1000 * context) = source;
}

#endif
