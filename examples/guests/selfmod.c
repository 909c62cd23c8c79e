/* selfmod: hart 0 rewrites code that the other harts run, and announces it as RISC-V wants it: stores, fence, a software
   interrupt to each of them, whose handler does fence.i and acknowledges. From then on a hart must run the new code.

   First one instruction is rewritten `rounds` times while the others call its function all the time; then the whole
   body of a function, whose length changes, while the others wait in wfi. Every other version is the same old one, so
   that going back to known code is tried as much as going on to new code. With one hart, hart 0 does fence.i and runs
   its code itself, which it also does when there are more.
   Exit status 0 if no hart ever ran a version that it must not run any more, else 1. */
#include "runtime/clint.h"
#include "runtime/console.h"
#include "runtime/harts.h"
#include "runtime/trap.h"

volatile uint64_t rounds = 200;

/* addi a0, zero, 0: the immediate field (bits 31:20) is what is rewritten. */
#define LOAD_IMMEDIATE 0x00000513u
/* addi a0, a0, 1 */
#define ADD_ONE 0x00150513u
/* jalr zero, 0(ra) */
#define RETURN 0x00008067u
#define LONGEST_BODY 64

uint64_t one_instruction(void);
extern volatile uint32_t rewritten_instruction;
__asm__(".text\n.balign 4\n.option push\n.option norvc\n"
        "one_instruction: nop\n"
        "rewritten_instruction: addi a0, zero, 0\n"
        " ret\n.option pop\n");

/* A page of its own, so that nothing else is in it. */
static uint32_t body[1024] __attribute__((aligned(4096)));

static struct {
    _Alignas(HART_LINE) volatile uint64_t acknowledged; /* versions that the hart's handler knows of */
    volatile uint64_t confirmed;                        /* the last version that the hart has run */
    volatile uint64_t stale[2]; /* in each part, how often it ran what it must not run any more */
} state[MAXIMUM_HARTS];

/* Version 0 is what the guest was linked with. */
static uint64_t value_of(uint64_t version) {
    return version == 0 ? 0 : version % 2 == 1 ? 1 : 2 + version / 2 % (LONGEST_BODY - 4);
}

void guest_trap(struct trap_frame *frame) {
    (void)frame;
    uint64_t hart = hart_number();
    if (read_csr(mcause) != INTERRUPT_CAUSE(SOFTWARE_INTERRUPT)) {
        finish(2);
    }
    clear_software_interrupt(hart);
    fence_instruction();
    state[hart].acknowledged++;
}

static void write_instruction(uint64_t version) {
    *(&rewritten_instruction) = LOAD_IMMEDIATE | (uint32_t)value_of(version) << 20;
}

/* As many additions of one as the value is large: another length and another place of the return each time. */
static void write_body(uint64_t version) {
    uint64_t length = 0;
    body[length++] = LOAD_IMMEDIATE;
    while (length <= value_of(version)) {
        body[length++] = ADD_ONE;
    }
    body[length] = RETURN;
}

static uint64_t call_body(void) {
    uint64_t (*function)(void) = (uint64_t(*)(void))(uintptr_t)body;
    return function();
}

enum { INSTRUCTION, BODY };
static const struct part {
    void (*write)(uint64_t version);
    uint64_t (*call)(void);
} parts[2] = {{write_instruction, one_instruction}, {write_body, call_body}};

static void expect(uint64_t hart, int part, uint64_t value, uint64_t version) {
    state[hart].stale[part] += value != value_of(version);
}

static void confirm(uint64_t hart, uint64_t version) {
    __atomic_store_n(&state[hart].confirmed, version, __ATOMIC_RELEASE);
    send_software_interrupt(0);
}

/* wfi returns for a pending interrupt even while mstatus.MIE keeps it back, so that none is missed before it; only here
   interrupts are let in. */
static void wait_and_take_interrupt(void) {
    wait_for_interrupt();
    set_csr(mstatus, MSTATUS_MIE);
    clear_csr(mstatus, MSTATUS_MIE);
}

/* Hart 0 writes no further version before all harts have run this one: each is at most one version behind. */
static void publish(uint64_t harts, uint64_t version) {
    fence_all();
    for (uint64_t hart = 1; hart < harts; hart++) {
        send_software_interrupt(hart);
    }
    for (uint64_t hart = 1; hart < harts; hart++) {
        while (__atomic_load_n(&state[hart].confirmed, __ATOMIC_ACQUIRE) != version) {
            wait_and_take_interrupt();
        }
    }
}

static void rewrite(uint64_t harts, uint64_t count, int part) {
    uint64_t version = state[0].confirmed;
    for (uint64_t last = version + count; version < last;) {
        parts[part].write(++version);
        fence_instruction();
        expect(0, part, parts[part].call(), version);
        publish(harts, version);
    }
    state[0].confirmed = version;
}

/* A call that begins after version n was acknowledged and before it was confirmed must give n exactly, as hart 0 waits
   for the confirmation. A call after that may see n or, while hart 0 is writing it, n + 1. */
static void run_one_instruction(uint64_t hart, uint64_t last) {
    set_csr(mstatus, MSTATUS_MIE);
    while (state[hart].confirmed != last) {
        uint64_t version = state[hart].acknowledged;
        uint64_t value = one_instruction();
        if (version != state[hart].confirmed) {
            expect(hart, INSTRUCTION, value, version);
            confirm(hart, version);
        } else if (value != value_of(version)) {
            expect(hart, INSTRUCTION, value, version + 1);
        }
    }
    clear_csr(mstatus, MSTATUS_MIE);
}

/* Interrupts are let in only behind wfi: the body is never half written while a hart runs it. */
static void run_body(uint64_t hart, uint64_t last) {
    while (state[hart].confirmed != last) {
        wait_and_take_interrupt();
        uint64_t version = state[hart].acknowledged;
        if (version != state[hart].confirmed) {
            expect(hart, BODY, call_body(), version);
            confirm(hart, version);
        }
    }
}

static uint64_t report(uint64_t hart) {
    uint64_t stale = state[hart].stale[INSTRUCTION] + state[hart].stale[BODY];
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" versions ");
    print_number(state[hart].confirmed);
    print_text(" stale instruction ");
    print_number(state[hart].stale[INSTRUCTION]);
    print_text(" stale body ");
    print_number(state[hart].stale[BODY]);
    print_text(stale ? " WRONG\n" : " ok\n");
    console_unlock();
    return stale != 0;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    uint64_t count = rounds;
    barrier(harts);
    write_csr(mie, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
    if (hart == 0) {
        rewrite(harts, count, INSTRUCTION);
    } else {
        run_one_instruction(hart, count);
    }
    barrier(harts);
    if (hart == 0) {
        rewrite(harts, count, BODY);
    } else {
        run_body(hart, 2 * count);
    }
    barrier(harts);
    return report(hart);
}
