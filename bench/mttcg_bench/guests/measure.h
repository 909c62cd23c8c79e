/* Times that a guest takes itself, by the time CSR, and prints: a line each, "what: N ps". */
#ifndef MEASURE_H
#define MEASURE_H

#include "runtime/board.h"
#include "runtime/console.h"
#include "runtime/csr.h"

#define PICOSECONDS (1000000000000UL / TIMEBASE_FREQUENCY)

static inline uint64_t ticks_now(void) { return read_csr(time); }

static void report(const char *what, int64_t ticks, uint64_t count) {
    int64_t each = ticks * (int64_t)PICOSECONDS / (int64_t)count;
    print_text(what);
    print_text(each < 0 ? ": -" : ": ");
    print_number(each < 0 ? -each : each);
    print_text(" ps\n");
}

#endif
