/* counter: all harts increment shared counters `rounds` times each, in three ways that are exact only if atomics are:
   amoadd on the counter itself; a plain increment under an LR/SC lock whose unlock is a plain store; the same under an
   amoswap lock. Exit status 0 if all three totals are exact, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"
#include "runtime/lock.h"

volatile uint64_t rounds = 100000;

/* Each in a line of its own; the locked counters are volatile so that each increment really loads and stores. */
static struct {
    _Alignas(HART_LINE) uint64_t added;
    _Alignas(HART_LINE) volatile uint32_t reservation_lock;
    _Alignas(HART_LINE) volatile uint64_t under_reservation;
    _Alignas(HART_LINE) volatile uint32_t swap_lock;
    _Alignas(HART_LINE) volatile uint64_t under_swap;
} shared;

static void add_atomically(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        __atomic_fetch_add(&shared.added, 1, __ATOMIC_RELAXED);
    }
}

static void add_under_reservation_lock(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        lock_by_reservation(&shared.reservation_lock);
        shared.under_reservation++;
        unlock_by_store(&shared.reservation_lock);
    }
}

static void add_under_swap_lock(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        lock_by_swap(&shared.swap_lock);
        shared.under_swap++;
        unlock_by_swap(&shared.swap_lock);
    }
}

static uint64_t report(const char *name, uint64_t total, uint64_t expected) {
    print_column(name, 14);
    print_number(total);
    print_text(" of ");
    print_number(expected);
    print_text(total == expected ? " ok\n" : " WRONG\n");
    return total != expected;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t count = rounds;
    uint64_t harts = hart_count();
    barrier(harts);
    add_atomically(count);
    barrier(harts);
    add_under_reservation_lock(count);
    barrier(harts);
    add_under_swap_lock(count);
    barrier(harts);
    if (hart != 0) {
        return 0;
    }
    uint64_t expected = count * harts;
    uint64_t wrong = report("amoadd", shared.added, expected);
    wrong |= report("lr/sc lock", shared.under_reservation, expected);
    wrong |= report("amoswap lock", shared.under_swap, expected);
    return wrong;
}
