/* adds: all harts add to one shared word, `rounds` times each, with amoadd and nothing else. Exit status 0 if the total
   is exact, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

volatile uint64_t rounds = 100000;

static _Alignas(128) uint64_t total;

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count(), count = rounds;
    barrier(harts);
    for (uint64_t i = 0; i < count; i++) {
        __atomic_fetch_add(&total, 1, __ATOMIC_RELAXED);
    }
    barrier(harts);
    if (hart != 0) {
        return 0;
    }
    print_number(total);
    print_text(" of ");
    print_number(count * harts);
    print_text(total == count * harts ? " ok\n" : " WRONG\n");
    return total != count * harts;
}
