/* The core-local interruptor: software interrupts between harts, and the timer. */
#ifndef RUNTIME_CLINT_H
#define RUNTIME_CLINT_H

#include "board.h"
#include "csr.h"

#define CLINT_MTIMECMP 0x4000UL
#define CLINT_MTIME 0xbff8UL

static inline void send_software_interrupt(uint64_t hart) {
    fence_all();
    *device_word(CLINT_BASE + 4 * hart) = 1;
}

static inline void clear_software_interrupt(uint64_t hart) {
    *device_word(CLINT_BASE + 4 * hart) = 0;
    fence_all();
}

static inline uint64_t read_mtime(void) { return *device_double(CLINT_BASE + CLINT_MTIME); }

static inline uint64_t read_mtimecmp(uint64_t hart) {
    return *device_double(CLINT_BASE + CLINT_MTIMECMP + 8 * hart);
}

static inline void write_mtimecmp(uint64_t hart, uint64_t ticks) {
    *device_double(CLINT_BASE + CLINT_MTIMECMP + 8 * hart) = ticks;
}

/* Sleeps in wfi for about so many ticks, no handler involved; the timer interrupt is off afterwards. */
void nap(uint64_t ticks);

#endif
