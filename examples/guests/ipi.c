/* ipi: hart 0 sends a software interrupt to each hart in turn, `rounds` times; that hart's handler counts it and answers
   with one to hart 0, whose handler counts the answers. With one hart, hart 0 sends to itself. All wait in wfi.
   Exit status 0 if every interrupt arrived exactly once, else 1. */
#include "runtime/clint.h"
#include "runtime/console.h"
#include "runtime/harts.h"
#include "runtime/trap.h"

volatile uint64_t rounds = 100;

static struct {
    _Alignas(HART_LINE) volatile uint64_t received;
    volatile uint64_t unexpected;
} state[MAXIMUM_HARTS];

void guest_trap(struct trap_frame *frame) {
    (void)frame;
    uint64_t hart = hart_number();
    if (read_csr(mcause) != INTERRUPT_CAUSE(SOFTWARE_INTERRUPT)) {
        state[hart].unexpected++;
        finish(2);
    }
    clear_software_interrupt(hart);
    state[hart].received++;
    if (hart != 0) {
        send_software_interrupt(0);
    }
}

/* Interrupts are let in only behind wfi, which returns for a pending interrupt even while mstatus.MIE keeps it from
   trapping. Were they let in all the time, the last one could come between the check and wfi, which then never returns. */
static void wait_until_received(uint64_t hart, uint64_t count) {
    while (state[hart].received < count) {
        wait_for_interrupt();
        set_csr(mstatus, MSTATUS_MIE);
        clear_csr(mstatus, MSTATUS_MIE);
    }
}

static void ring_all(uint64_t harts, uint64_t count) {
    uint64_t answers = 0;
    for (uint64_t round = 0; round < count; round++) {
        for (uint64_t hart = harts > 1; hart < harts; hart++) {
            send_software_interrupt(hart);
            wait_until_received(0, ++answers);
        }
    }
}

static void print_received(uint64_t harts) {
    for (uint64_t hart = 0; hart < harts; hart++) {
        print_text("hart ");
        print_number(hart);
        print_text(hart == 0 && harts > 1 ? " answers " : " interrupts ");
        print_number(state[hart].received);
        print_text("\n");
    }
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    uint64_t count = rounds;
    uint64_t expected = hart == 0 && harts > 1 ? count * (harts - 1) : count;
    barrier(harts);
    write_csr(mie, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
    if (hart == 0) {
        ring_all(harts, count);
    } else {
        wait_until_received(hart, count);
    }
    barrier(harts);
    if (hart == 0) {
        print_received(harts);
    }
    return state[hart].received != expected;
}
