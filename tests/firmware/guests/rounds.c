/* Harts are started and stopped again and again, and sleep in between; all harts start the next one, so that several
   want the same. */
#include "sbi.h"

volatile uint64_t rounds __attribute__((section(".data"))) = 200;
volatile uint64_t harts __attribute__((section(".data"))) = 4;
static volatile uint64_t runs[64], started;

static void run(uint64_t self) { __atomic_fetch_add(&runs[self], 1, __ATOMIC_SEQ_CST); }

/* Two starters that want the same: one of them gets it, and each start is one run. */
static void starter(uint64_t self) {
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint64_t hart = 2; hart < harts; hart++) {
            if (!call(HSM, 0, hart, (uint64_t)secondary, (uint64_t)run, 0).error) {
                __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
            }
        }
    }
    if (self) {
        run(1);
    }
}

void guest_main(uint64_t self) {
    (void)self;
    call(HSM, 0, 1, (uint64_t)secondary, (uint64_t)starter, 0);
    starter(0);
    uint64_t total = 0;
    for (uint64_t hart = 1; hart < harts; hart++) {
        while (call(HSM, 2, hart, 0, 0, 0).value != 1) {
        }
        total += runs[hart];
    }
    print_number("started", started > 0);
    finish(total != started + 1);
}
