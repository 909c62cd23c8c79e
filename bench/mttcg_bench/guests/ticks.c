/* ticks: what a timer interrupt takes from a loop that computes, at several rates: the median over slices of `rounds` turns
   of the loop, more at a low rate, each once with ticks and once without. */
#include "measure.h"
#include "runtime/clint.h"

#define SLICES 9
#define FULL_RATE 1000 /* Hz from which on `rounds` turns have enough ticks */

volatile uint64_t rounds = 10000000;

static volatile uint64_t ticks, step, due;

__attribute__((interrupt("machine"), aligned(4))) static void tick(void) {
    due += step;
    write_mtimecmp(0, due);
    ticks++;
}

__attribute__((noinline)) static uint64_t slice(uint64_t turns) {
    uint64_t began = ticks_now();
    for (volatile uint64_t turn = turns; turn != 0; turn--) {
    }
    return ticks_now() - began;
}

static uint64_t slice_with_ticks(uint64_t turns) {
    ticks = 0;
    due = ticks_now() + step;
    write_mtimecmp(0, due);
    write_csr(mie, INTERRUPT_BIT(TIMER_INTERRUPT));
    set_csr(mstatus, MSTATUS_MIE);
    uint64_t taken = slice(turns);
    clear_csr(mstatus, MSTATUS_MIE);
    write_csr(mie, 0);
    return taken;
}

/* The middle one, by insertion. */
static int64_t median(int64_t *values) {
    for (int one = 1; one < SLICES; one++) {
        for (int other = one; other > 0 && values[other] < values[other - 1]; other--) {
            int64_t kept = values[other];
            values[other] = values[other - 1];
            values[other - 1] = kept;
        }
    }
    return values[SLICES / 2];
}

static void measure(const char *what, uint64_t rate) {
    int64_t costs[SLICES];
    uint64_t turns = rate < FULL_RATE ? rounds * FULL_RATE / rate : rounds;
    step = TIMEBASE_FREQUENCY / rate;
    for (int number = 0; number < SLICES; number++) {
        uint64_t alone = slice(turns);
        uint64_t together = slice_with_ticks(turns);
        costs[number] = (int64_t)(together - alone) * 1000 / (int64_t)(ticks ? ticks : 1);
    }
    report(what, median(costs), 1000);
}

uint64_t guest_main(uint64_t hart) {
    if (hart != 0 || rounds == 0) {
        return 0;
    }
    uint64_t handler = read_csr(mtvec);
    write_csr(mtvec, tick);
    for (int number = 0; number < SLICES; number++) {
        slice(rounds); /* until its code is the best that it gets */
    }
    measure("a tick at 100 Hz", 100);
    measure("a tick at 1,000 Hz", 1000);
    measure("a tick at 2,000 Hz", 2000);
    write_csr(mtvec, handler);
    return 0;
}
