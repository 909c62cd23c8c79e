/* What the programs share: each defines work(), whose result must be the same wherever it runs. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "runtime/console.h"
#include "runtime/harts.h"

extern volatile uint64_t rounds;

/* Does the program's work so many times; returns a checksum of what came out. */
static uint64_t work(uint64_t count);

static uint64_t random_state = 88172645463325252u;

/* George Marsaglia's xorshift64 (Journal of Statistical Software 8, 14). */
static inline uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* FNV-1a of one word. */
static inline uint64_t mixed(uint64_t sum, uint64_t value) {
    return (sum ^ value) * 1099511628211u;
}

uint64_t guest_main(uint64_t hart) {
    if (hart == 0) {
        print_text("result ");
        print_hexadecimal(work(rounds));
        print_text("\n");
    }
    return 0;
}

#endif
