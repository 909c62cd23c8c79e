/* What an example guest needs of the runtime when it is built for the host: one hart. */
#pragma once
#include <stdint.h>

#define MAXIMUM_HARTS 64

static inline uint64_t hart_count(void) {
    return 1;
}

static inline void barrier(uint64_t harts) {
    (void)harts;
}
