#include "trap.h"

#include "console.h"
#include "csr.h"
#include "harts.h"

#define STATUS_OF_UNEXPECTED_TRAP 99

/* No lock around the line: the trap may have come while this very hart held it. */
__attribute__((weak)) void guest_trap(struct trap_frame *frame) {
    print_text("hart ");
    print_number(hart_number());
    print_text(": unexpected trap, mcause ");
    print_hexadecimal(read_csr(mcause));
    print_text(" mepc ");
    print_hexadecimal(frame->pc);
    print_text(" mtval ");
    print_hexadecimal(read_csr(mtval));
    print_text("\n");
    finish(STATUS_OF_UNEXPECTED_TRAP);
}
