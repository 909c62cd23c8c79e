/* What floating-point guests need of the runtime when they are built for the host. */
#pragma once
#include <stdint.h>
#include <string.h>

static inline void enable_floating_point(void) {
}

static inline double square_root(double number) {
    return __builtin_sqrt(number);
}

static inline uint64_t bits_of(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}
