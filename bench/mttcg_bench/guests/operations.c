/* operations: what a system instruction, a trap or an access to a device takes, loop included: in the fastest of several
   slices of `rounds` each. */
#include "measure.h"
#include "runtime/clint.h"

#define SLICES 8

volatile uint64_t rounds = 5000;

/* Goes on behind an ecall, and turns a software interrupt off; as short as a handler can be. */
__asm__(".text\n.balign 4\nshort_handler:\n"
        "csrw mscratch, t0\n csrr t0, mcause\n bltz t0, 1f\n"
        "csrr t0, mepc\n addi t0, t0, 4\n csrw mepc, t0\n csrr t0, mscratch\n mret\n"
        "1: csrw mie, zero\n csrr t0, mscratch\n mret\n");
extern char short_handler[];

#define MEASURE(what, ...) \
    do { \
        uint64_t least = UINT64_MAX; \
        for (int slice = 0; slice < SLICES; slice++) { \
            uint64_t began = ticks_now(); \
            for (uint64_t round = 0; round < rounds; round++) { \
                __VA_ARGS__; \
            } \
            uint64_t taken = ticks_now() - began; \
            least = taken < least ? taken : least; \
        } \
        report(what, (int64_t)least, rounds); \
    } while (0)
#define INSTRUCTION(text) __asm__ volatile(text : : : "memory")

uint64_t guest_main(uint64_t hart) {
    if (hart != 0 || rounds == 0) {
        return 0;
    }
    uint64_t handler = read_csr(mtvec);
    uint64_t value = 0;
    write_csr(mtvec, short_handler);
    MEASURE("loop", INSTRUCTION("nop"));
    MEASURE("csrr mscratch", value += read_csr(mscratch));
    MEASURE("csrw mscratch", write_csr(mscratch, round));
    MEASURE("csrr mstatus", value += read_csr(mstatus));
    MEASURE("interrupts on and off", set_csr(mstatus, MSTATUS_MIE); clear_csr(mstatus, MSTATUS_MIE));
    MEASURE("csrr mhartid", value += hart_number());
    MEASURE("csrr minstret", value += read_csr(minstret));
    MEASURE("csrr time", value += read_csr(time));
    MEASURE("ecall and mret", INSTRUCTION("ecall"));
    MEASURE("read UART status", value += *device_byte(UART_BASE + 5));
    MEASURE("read mtime", value += read_mtime());
    MEASURE("write mtimecmp", write_mtimecmp(0, UINT64_MAX));
    MEASURE("software interrupt", *device_word(CLINT_BASE) = 1; write_csr(mie, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
            set_csr(mstatus, MSTATUS_MIE); INSTRUCTION("nop\n nop"); clear_csr(mstatus, MSTATUS_MIE);
            *device_word(CLINT_BASE) = 0);
    MEASURE("fence.i", fence_instruction());
    MEASURE("fence", fence_all());
    MEASURE("rounding to nearest, ties away", INSTRUCTION("fadd.s ft0, ft1, ft2, rmm"));
    write_csr(mtvec, handler);
    return value == 1;
}
