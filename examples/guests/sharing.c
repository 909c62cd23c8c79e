/* sharing: each hart counts to `rounds`, in a counter of its own. With fault=0 the counters lie in lines of their own, with
   fault=1 beside each other in one line (false sharing); with fault=2 all count in the same one (true sharing).
   Exit status 0 if the counts are exact, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

volatile uint64_t rounds = 10000;
volatile uint64_t fault __attribute__((section(".data"))) = 0;

_Alignas(HART_LINE) static volatile uint64_t close_counters[MAXIMUM_HARTS];
static struct {
    _Alignas(HART_LINE) volatile uint64_t count;
} distant_counters[MAXIMUM_HARTS];
_Alignas(HART_LINE) static uint64_t common_counter;

static void count_in(volatile uint64_t *counter, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        *counter = *counter + 1;
    }
}

static void count_together(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        __atomic_fetch_add(&common_counter, 1, __ATOMIC_RELAXED);
    }
}

static uint64_t total(uint64_t harts) {
    uint64_t sum = common_counter;
    for (uint64_t hart = 0; hart < harts; hart++) {
        sum += close_counters[hart] + distant_counters[hart].count;
    }
    return sum;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    uint64_t count = rounds;
    uint64_t kind = fault;
    barrier(harts);
    if (kind == 2) {
        count_together(count);
    } else {
        count_in(kind == 1 ? &close_counters[hart] : &distant_counters[hart].count, count);
    }
    barrier(harts);
    if (hart != 0) {
        return 0;
    }
    print_text("counted ");
    print_number(total(harts));
    print_text("\n");
    return total(harts) != count * harts;
}
