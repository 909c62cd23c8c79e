/* timer: every hart takes `rounds` timer interrupts, one millisecond apart, and sleeps in wfi between them. Checked: the
   cause, that none comes before its time, that mtime never goes back, and that the time CSR shows the same clock.
   Exit status 0 if all of it holds, else 1. */
#include "runtime/clint.h"
#include "runtime/console.h"
#include "runtime/harts.h"
#include "runtime/trap.h"

#define INTERVAL (TIMEBASE_FREQUENCY / 1000)

volatile uint64_t rounds = 20;

static struct {
    _Alignas(HART_LINE) volatile uint64_t taken;
    volatile uint64_t wrong_cause;
    volatile uint64_t too_early;
    volatile uint64_t went_back;
    volatile uint64_t clocks_differ;
    uint64_t last;
} state[MAXIMUM_HARTS];

static void check_clock(uint64_t hart) {
    uint64_t before = read_mtime();
    uint64_t between = read_csr(time);
    uint64_t after = read_mtime();
    state[hart].went_back += before < state[hart].last || after < before;
    state[hart].clocks_differ += between < before || between > after;
    state[hart].last = after;
}

void guest_trap(struct trap_frame *frame) {
    (void)frame;
    uint64_t hart = hart_number();
    if (read_csr(mcause) != INTERRUPT_CAUSE(TIMER_INTERRUPT)) {
        state[hart].wrong_cause++;
    }
    uint64_t due = read_mtimecmp(hart);
    state[hart].too_early += read_mtime() < due;
    check_clock(hart);
    state[hart].taken++;
    /* From this interrupt's own time on, so that a late one does not shift those after it. */
    write_mtimecmp(hart, state[hart].taken < rounds ? due + INTERVAL : UINT64_MAX);
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    barrier(harts);
    check_clock(hart);
    if (rounds > 0) {
        write_mtimecmp(hart, read_mtime() + INTERVAL);
        write_csr(mie, INTERRUPT_BIT(TIMER_INTERRUPT));
    }
    while (state[hart].taken < rounds) {
        /* wfi returns for a pending interrupt even while mstatus.MIE keeps it back: none is lost before it. */
        wait_for_interrupt();
        set_csr(mstatus, MSTATUS_MIE);
        clear_csr(mstatus, MSTATUS_MIE);
    }
    write_csr(mie, 0);
    uint64_t wrong = state[hart].wrong_cause + state[hart].too_early + state[hart].went_back +
                     state[hart].clocks_differ + (state[hart].taken != rounds);
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" timer interrupts ");
    print_number(state[hart].taken);
    print_text(wrong ? " WRONG\n" : " ok\n");
    console_unlock();
    return wrong != 0;
}
