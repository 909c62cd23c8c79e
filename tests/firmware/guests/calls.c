/* Calls every function, and prints the answers, one a line; two harts or more. */
#include "sbi.h"

enum { STARTED, STOPPED, START_PENDING, STOP_PENDING, SUSPENDED };
#define NON_RETENTIVE 0x80000000UL

static volatile uint64_t phase, seen_hart, seen_argument, seen_translation, seen_status, resumed;

static void wait_phase(uint64_t wanted) {
    while (phase != wanted) {
    }
}

static void wait_status(uint64_t hart, uint64_t wanted) {
    while (call(HSM, 2, hart, 0, 0, 0).value != wanted) {
    }
}

static void base(void) {
    static const struct { const char *name; long extension; } extensions[] = {
        {"probe base", BASE}, {"probe time", TIME}, {"probe ipi", IPI}, {"probe rfence", RFENCE}, {"probe hsm", HSM},
        {"probe srst", SRST}, {"probe dbcn", DBCN}, {"probe nothing", 0x0A123456}};
    print_number("major version", (long)(call(BASE, 0, 0, 0, 0, 0).value >> 24));
    for (unsigned i = 0; i < sizeof extensions / sizeof *extensions; i++) {
        print_number(extensions[i].name, call(BASE, 3, (uint64_t)extensions[i].extension, 0, 0, 0).value != 0);
    }
    print_number("vendor", call(BASE, 4, 0, 0, 0, 0).error);
    print_answer("no function", call(BASE, 99, 0, 0, 0, 0));
    print_answer("no extension", call(0x0A123456, 0, 0, 0, 0, 0));
}

static void console(void) {
    static char taken[16];
    print_answer("byte", call(DBCN, 2, '*', 0, 0, 0));
    print_answer("read", call(DBCN, 1, sizeof taken, (uint64_t)taken, 0, 0));
    print_answer("no function", call(DBCN, 9, 0, 0, 0, 0));
    print_number("legacy", call(1, 0, '+', 0, 0, 0).error);
    print_number("legacy read", call(2, 0, 0, 0, 0, 0).error);
}

static void timer(void) {
    print_answer("timer", call(TIME, 0, read_csr(time) + 1000, 0, 0, 0));
    print_number("pending", wait_for(BIT(TIMER)) == BIT(TIMER));
    call(TIME, 0, ~0UL, 0, 0, 0);
    print_number("pending", (read_csr(sip) & BIT(TIMER)) != 0);
    print_answer("no function", call(TIME, 1, 0, 0, 0, 0));
}

static void interrupts(uint64_t self) {
    print_answer("ipi", call(IPI, 0, BIT(self), 0, 0, 0));
    print_number("pending", wait_for(BIT(SOFTWARE)) == BIT(SOFTWARE));
    clear_csr(sip, BIT(SOFTWARE));
    print_number("pending", (read_csr(sip) & BIT(SOFTWARE)) != 0);
    set_csr(sip, BIT(SOFTWARE));
    print_number("own", (read_csr(sip) & BIT(SOFTWARE)) != 0);
    write_csr(sip, 0);
    print_answer("ipi none", call(IPI, 0, 0, 0, 0, 0));
    print_answer("ipi all", call(IPI, 0, 0, ~0UL, 0, 0));
    print_number("pending", wait_for(BIT(SOFTWARE)) == BIT(SOFTWARE));
    write_csr(sip, 0);
    print_number("pending", (read_csr(sip) & BIT(SOFTWARE)) != 0);
}

static void fences(uint64_t self) {
    print_answer("fence.i", call(RFENCE, 0, BIT(self), 0, 0, 0));
    print_answer("sfence.vma", call(RFENCE, 1, 0, ~0UL, 0, ~0UL));
    print_answer("sfence.vma asid", call(RFENCE, 2, BIT(self), 0, 0x1000, 0x1000));
    print_answer("no function", call(RFENCE, 77, 0, 0, 0, 0));
}

static void other(uint64_t hart, uint64_t argument, uint64_t translation, uint64_t status, uint64_t enabled) {
    seen_hart = hart;
    seen_argument = argument == (uint64_t)other;
    seen_translation = translation;
    seen_status = (status >> 1 & 1) | enabled;
    __sync_synchronize();
    phase = 1;
    wait_for(BIT(SOFTWARE));
    clear_csr(sip, BIT(SOFTWARE));
    phase = 2;
}

static void after_suspend(uint64_t hart, uint64_t argument) {
    (void)argument;
    resumed = hart;
    clear_csr(sip, BIT(SOFTWARE));
    __sync_synchronize();
    phase = 4;
}

static void sleeper(void) {
    write_csr(sie, BIT(SOFTWARE));
    phase = 1;
    seen_status = (uint64_t)call(HSM, 3, 0, 0, 0, 0).error;
    clear_csr(sip, BIT(SOFTWARE));
    __sync_synchronize();
    phase = 3;
    call(HSM, 3, NON_RETENTIVE, (uint64_t)secondary, (uint64_t)after_suspend, 0);
}

static void harts(uint64_t self) {
    uint64_t hart = !self;
    print_number("self", (long)call(HSM, 2, self, 0, 0, 0).value);
    print_answer("status", call(HSM, 2, hart, 0, 0, 0));
    print_answer("status of none", call(HSM, 2, 1000, 0, 0, 0));
    print_answer("start none", call(HSM, 0, 1000, (uint64_t)secondary, 0, 0));
    print_answer("start self", call(HSM, 0, self, (uint64_t)secondary, 0, 0));
    print_answer("start", call(HSM, 0, hart, (uint64_t)secondary, (uint64_t)other, 0));
    wait_phase(1);
    print_number("hart", seen_hart == hart);
    print_number("argument", (long)seen_argument);
    print_number("satp", (long)seen_translation);
    print_number("interrupts on", (long)seen_status);
    print_answer("status", call(HSM, 2, hart, 0, 0, 0));
    print_answer("start again", call(HSM, 0, hart, (uint64_t)secondary, 0, 0));
    print_answer("ipi", call(IPI, 0, BIT(hart), 0, 0, 0));
    wait_phase(2);
    wait_status(hart, STOPPED);
    phase = 0;
    print_answer("ipi off", call(IPI, 0, BIT(hart), 0, 0, 0));
    print_answer("fence off", call(RFENCE, 0, BIT(hart), 0, 0, 0));
    print_answer("start", call(HSM, 0, hart, (uint64_t)secondary, (uint64_t)sleeper, 0));
    wait_phase(1);
    wait_status(hart, SUSPENDED);
    print_answer("status", call(HSM, 2, hart, 0, 0, 0));
    call(IPI, 0, BIT(hart), 0, 0, 0);
    wait_phase(3);
    print_number("woken", (long)seen_status);
    wait_status(hart, SUSPENDED);
    call(IPI, 0, BIT(hart), 0, 0, 0);
    wait_phase(4);
    print_number("resumed", resumed == hart);
    wait_status(hart, STOPPED);
    print_answer("no way", call(HSM, 3, 5, 0, 0, 0));
    print_answer("no function", call(HSM, 9, 0, 0, 0, 0));
}

void guest_main(uint64_t self) {
    base();
    print_number("counters of programs", (long)read_csr(scounteren));
    console();
    timer();
    interrupts(self);
    fences(self);
    harts(self);
    print_answer("no reset", call(SRST, 0, 5, 0, 0, 0));
    print_answer("no reason", call(SRST, 0, 0, 7, 0, 0));
    finish(0);
}
