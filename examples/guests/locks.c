/* locks: twice in each round hart 0 takes a lock, by amoswap and by LR/SC, and gives it back only some time after all others
   have come to want one. With fault=1 the others want the same locks, and wait; with
   fault=0 each hart has locks of its own, and nobody does. Exit status 0 if the counts under the locks are exact, else 1. */
#include "runtime/clint.h"
#include "runtime/console.h"
#include "runtime/harts.h"
#include "runtime/lock.h"

#define HELD_TICKS (TIMEBASE_FREQUENCY / 2000)

volatile uint64_t rounds = 20;
volatile uint64_t fault __attribute__((section(".data"))) = 0;

static struct {
    _Alignas(HART_LINE) volatile uint32_t lock;
} swap_locks[MAXIMUM_HARTS], reservation_locks[MAXIMUM_HARTS];
static struct {
    _Alignas(HART_LINE) volatile uint64_t count;
} swap_counts[MAXIMUM_HARTS], reservation_counts[MAXIMUM_HARTS];
_Alignas(HART_LINE) static uint64_t wanting;

typedef void change_lock(volatile uint32_t *lock);

static void hold_until_wanted(uint64_t times) {
    while (__atomic_load_n(&wanting, __ATOMIC_ACQUIRE) < times) {
    }
    uint64_t end = read_mtime() + HELD_TICKS;
    while (read_mtime() < end) {
    }
}

/* All harts take and give back a lock, hart 0 as the first; `times` is how often a lock was wanted when all others do. */
static void take_turns(change_lock *take, change_lock *give, volatile uint32_t *lock, volatile uint64_t *uses, uint64_t times) {
    uint64_t harts = hart_count();
    if (hart_number() == 0) {
        take(lock);
        barrier(harts);
        hold_until_wanted(times);
    } else {
        barrier(harts);
        __atomic_fetch_add(&wanting, 1, __ATOMIC_RELEASE);
        take(lock);
    }
    *uses = *uses + 1;
    give(lock);
    barrier(harts);
}

static uint64_t total(uint64_t harts) {
    uint64_t sum = 0;
    for (uint64_t hart = 0; hart < harts; hart++) {
        sum += swap_counts[hart].count + reservation_counts[hart].count;
    }
    return sum;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t which = fault ? 0 : hart;
    uint64_t count = rounds;
    uint64_t others = hart_count() - 1;
    for (uint64_t round = 0; round < count; round++) {
        uint64_t before = 2 * round * others;
        take_turns(lock_by_swap, unlock_by_swap, &swap_locks[which].lock, &swap_counts[which].count, before + others);
        take_turns(
            lock_by_reservation, unlock_by_store, &reservation_locks[which].lock, &reservation_counts[which].count,
            before + 2 * others
        );
    }
    if (hart != 0) {
        return 0;
    }
    print_text("locked ");
    print_number(total(hart_count()));
    print_text(" times\n");
    return total(hart_count()) != 2 * count * hart_count();
}
