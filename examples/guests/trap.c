/* trap: every hart raises each synchronous exception that machine mode knows and checks mcause, mepc, mtval and what
   mstatus holds in the handler and after mret. Hart 0 prints a line for each. Exit status 0 if all are right, else 1. */
#include "runtime/trap.h"

#include "runtime/board.h"
#include "runtime/console.h"
#include "runtime/csr.h"
#include "runtime/harts.h"

/* The first instruction of each case traps, with a0 the address it is called with; the handler returns to the
   caller, so what stands behind it never runs. */
#define CASE(name, instruction) \
    void case_##name(uint64_t address); \
    __asm__(".text\n.balign 4\n.option push\n.option norvc\n" \
            "case_" #name ": " instruction "\n ret\n.option pop\n")
CASE(ecall, "ecall");
CASE(ebreak, "ebreak");
CASE(short_ebreak, ".half 0x9002");
CASE(illegal, ".word 0xffffffff");
CASE(short_illegal, ".half 0x0000");
CASE(no_such_csr, "csrr a0, 0x123");
CASE(read_only_csr, "csrw mhartid, a0");
CASE(load, "ld a0, (a0)");
CASE(store, "sd a0, (a0)");
CASE(jump, "jr a0");
CASE(misaligned_amo, "amoadd.w a1, a1, (a0)");
CASE(misaligned_lr, "lr.w a1, (a0)");

/* One that goes on behind its ecall, to show that mepc can be moved and that registers survive a trap. */
uint64_t case_ecall_goes_on(uint64_t value);
__asm__(".text\n.balign 4\ncase_ecall_goes_on: .option push\n.option norvc\n ecall\n.option pop\n"
        " addi a0, a0, 1\n ret\n");

/* What mtval may hold. Zero is allowed by the privileged specification where it says so in the table below. */
enum tval { ZERO, ADDRESS, PC_OR_ZERO, INSTRUCTION_OR_ZERO };

static const struct expectation {
    const char *name;
    void (*run)(uint64_t address);
    uint64_t cause;
    enum tval tval;
    uint64_t address;
    uint32_t instruction;
} expectations[] = {
    {"ecall", case_ecall, 11, ZERO, 0, 0},
    {"ebreak", case_ebreak, 3, PC_OR_ZERO, 0, 0},
    {"c.ebreak", case_short_ebreak, 3, PC_OR_ZERO, 0, 0},
    {"illegal instruction", case_illegal, 2, INSTRUCTION_OR_ZERO, 0, 0xffffffff},
    {"illegal 16-bit", case_short_illegal, 2, ZERO, 0, 0},
    {"csr that is not there", case_no_such_csr, 2, INSTRUCTION_OR_ZERO, 0, 0x12302573},
    {"write to mhartid", case_read_only_csr, 2, INSTRUCTION_OR_ZERO, 0, 0xf1451073},
    {"load, unmapped", case_load, 5, ADDRESS, UNMAPPED_ADDRESS, 0},
    {"store, unmapped", case_store, 7, ADDRESS, UNMAPPED_ADDRESS, 0},
    {"jump, unmapped", case_jump, 1, ADDRESS, UNMAPPED_ADDRESS, 0},
    {"amoadd, misaligned", case_misaligned_amo, 6, ADDRESS, 0, 0},
    {"lr, misaligned", case_misaligned_lr, 4, ADDRESS, 0, 0},
};
#define EXPECTATIONS (sizeof expectations / sizeof expectations[0])

static struct record {
    _Alignas(HART_LINE) volatile uint64_t traps;
    volatile int go_on;
    uint64_t cause, pc, tval, status;
    /* Misaligned atomics point one byte into here. */
    uint64_t target[2];
} records[MAXIMUM_HARTS];

void guest_trap(struct trap_frame *frame) {
    struct record *record = &records[hart_number()];
    record->traps++;
    record->cause = read_csr(mcause);
    record->tval = read_csr(mtval);
    record->status = read_csr(mstatus);
    record->pc = frame->pc;
    frame->pc = record->go_on ? frame->pc + 4 : frame->return_address;
}

static int tval_fits(const struct expectation *expected, const struct record *record, uint64_t address) {
    switch (expected->tval) {
    case ZERO:
        return record->tval == 0;
    case ADDRESS:
        return record->tval == address;
    case PC_OR_ZERO:
        return record->tval == 0 || record->tval == record->pc;
    default:
        return record->tval == 0 || record->tval == expected->instruction;
    }
}

/* In the handler interrupts are off, MPIE says they were on, and MPP says machine mode; after mret they are on. */
static int status_fits(const struct record *record) {
    uint64_t bits = MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP;
    return (record->status & bits) == (MSTATUS_MPIE | MSTATUS_MPP) && (read_csr(mstatus) & MSTATUS_MIE);
}

static void print_outcome(const struct expectation *expected, const struct record *record, uint64_t wrong) {
    print_column(expected->name, 24);
    print_text("mcause ");
    print_number(record->cause);
    /* By meaning, so that the line does not depend on where the guest was linked. */
    print_text(record->tval == 0              ? " mtval zero"
               : record->tval == record->pc   ? " mtval pc"
               : expected->instruction != 0   ? " mtval instruction"
                                              : " mtval address");
    print_text(wrong ? " WRONG\n" : " ok\n");
}

static uint64_t check(uint64_t hart, const struct expectation *expected) {
    struct record *record = &records[hart];
    uint64_t address = expected->address ? expected->address : (uint64_t)record->target + 1;
    uint64_t pc = expected->run == case_jump ? address : (uint64_t)expected->run;
    uint64_t traps = record->traps;
    set_csr(mstatus, MSTATUS_MIE);
    expected->run(address);
    uint64_t wrong = record->traps != traps + 1 || record->cause != expected->cause || record->pc != pc ||
                     !tval_fits(expected, record, address) || !status_fits(record);
    clear_csr(mstatus, MSTATUS_MIE);
    if (hart == 0 || wrong) {
        console_lock();
        print_outcome(expected, record, wrong);
        console_unlock();
    }
    return wrong;
}

static uint64_t check_going_on(uint64_t hart) {
    records[hart].go_on = 1;
    uint64_t wrong = case_ecall_goes_on(41) != 42;
    if (hart == 0 || wrong) {
        console_lock();
        print_column("mret behind the ecall", 24);
        print_text(wrong ? "WRONG\n" : "ok\n");
        console_unlock();
    }
    return wrong;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t wrong = 0;
    for (unsigned i = 0; i < EXPECTATIONS; i++) {
        wrong |= check(hart, &expectations[i]);
    }
    return wrong | check_going_on(hart);
}
