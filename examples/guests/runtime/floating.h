/* What floating-point guests need and C does not say. */
#pragma once
#include <stdint.h>

#define MSTATUS_FS_INITIAL (1ul << 13)

static inline void enable_floating_point(void) {
    __asm__ volatile("csrs mstatus, %0" : : "r"(MSTATUS_FS_INITIAL));
}

static inline double square_root(double number) {
    double root;
    __asm__("fsqrt.d %0, %1" : "=f"(root) : "f"(number));
    return root;
}

static inline uint64_t bits_of(double number) {
    uint64_t bits;
    __asm__("fmv.x.d %0, %1" : "=r"(bits) : "f"(number));
    return bits;
}
