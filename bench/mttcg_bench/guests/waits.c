/* waits: how late a hart goes on that waits for its timer: the median of `rounds` waits of a millisecond, with wfi. */
#include "measure.h"
#include "runtime/clint.h"

#define MOST 1000
#define WAITS_PER_SECOND 1000

volatile uint64_t rounds = 300;

static int64_t late[MOST];

uint64_t guest_main(uint64_t hart) {
    if (hart != 0 || rounds == 0 || rounds > MOST) {
        return 0;
    }
    write_csr(mie, INTERRUPT_BIT(TIMER_INTERRUPT)); /* it ends the wait; mstatus keeps it from being taken */
    for (uint64_t number = 0; number < rounds; number++) {
        uint64_t due = ticks_now() + TIMEBASE_FREQUENCY / WAITS_PER_SECOND;
        write_mtimecmp(0, due);
        while (ticks_now() < due) {
            wait_for_interrupt();
        }
        late[number] = (int64_t)(ticks_now() - due);
    }
    write_csr(mie, 0);
    for (uint64_t one = 1; one < rounds; one++) { /* sorted by insertion */
        for (uint64_t other = one; other > 0 && late[other] < late[other - 1]; other--) {
            int64_t kept = late[other];
            late[other] = late[other - 1];
            late[other - 1] = kept;
        }
    }
    report("late after a wait", late[rounds / 2], 1);
    return 0;
}
