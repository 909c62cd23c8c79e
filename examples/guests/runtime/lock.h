/* Two spin locks: LR/SC with a plain store as unlock, and amoswap (both as in the A extension's examples). */
#ifndef RUNTIME_LOCK_H
#define RUNTIME_LOCK_H

#include <stdint.h>

static inline void lock_by_reservation(volatile uint32_t *lock) {
    uint32_t held;
    __asm__ volatile("1: lr.w.aq %0, (%1)\n"
                     "   bnez %0, 1b\n"
                     "   sc.w %0, %2, (%1)\n"
                     "   bnez %0, 1b\n"
                     : "=&r"(held)
                     : "r"(lock), "r"(1)
                     : "memory");
}

/* The plain store is the point: whoever emulates SC must notice it in a sibling's reservation. */
static inline void unlock_by_store(volatile uint32_t *lock) {
    __asm__ volatile("fence rw, w\n   sw zero, (%0)" : : "r"(lock) : "memory");
}

static inline void lock_by_swap(volatile uint32_t *lock) {
    uint32_t held;
    __asm__ volatile("1: lw %0, (%1)\n"
                     "   bnez %0, 1b\n"
                     "   amoswap.w.aq %0, %2, (%1)\n"
                     "   bnez %0, 1b\n"
                     : "=&r"(held)
                     : "r"(lock), "r"(1)
                     : "memory");
}

static inline void unlock_by_swap(volatile uint32_t *lock) {
    __asm__ volatile("amoswap.w.rl zero, zero, (%0)" : : "r"(lock) : "memory");
}

#endif
