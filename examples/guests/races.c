/* races: all harts count in one counter, `rounds` times each. With fault=0 under a lock of each kind in turn, with fault=1
   without one. Exit status 0, but 1 if counting under the locks lost something. */
#include "runtime/console.h"
#include "runtime/harts.h"
#include "runtime/lock.h"

volatile uint64_t rounds = 1000;
volatile uint64_t fault __attribute__((section(".data"))) = 0;

_Alignas(HART_LINE) static volatile uint32_t swap_lock;
_Alignas(HART_LINE) static volatile uint32_t reservation_lock;
_Alignas(HART_LINE) static volatile uint64_t raced_counter;

static __attribute__((noinline)) void count_without_lock(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        raced_counter = raced_counter + 1; /* the race */
    }
}

static void count_with_locks(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        lock_by_swap(&swap_lock);
        lock_by_reservation(&reservation_lock);
        raced_counter = raced_counter + 1;
        unlock_by_store(&reservation_lock);
        unlock_by_swap(&swap_lock);
    }
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    uint64_t count = rounds;
    uint64_t without = fault;
    barrier(harts);
    (without ? count_without_lock : count_with_locks)(count);
    barrier(harts);
    if (hart != 0) {
        return 0;
    }
    print_text("counted ");
    print_number(raced_counter);
    print_text("\n");
    return !without && raced_counter != count * harts;
}
