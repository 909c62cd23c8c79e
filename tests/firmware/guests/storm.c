/* Harts interrupt each other as fast as they can. A message is a bit in a word; who is interrupted takes all that there
   are, after it has cleared the interrupt, and interrupts those that they come from. Each sleeps until its own was taken:
   were an interrupt lost, it would sleep for ever. */
#include "sbi.h"

#define LINE 128
volatile uint64_t rounds __attribute__((section(".data"))) = 1000;
volatile uint64_t harts __attribute__((section(".data"))) = 4;

static struct {
    _Alignas(LINE) volatile uint64_t messages;
    volatile uint64_t taken;
} boxes[64];
static volatile uint64_t ready, done;

static void interrupt(uint64_t mask) {
    if (mask && call(IPI, 0, mask, 0, 0, 0).error) {
        finish(1);
    }
}

static void take(uint64_t self) {
    if (read_csr(sip) & BIT(SOFTWARE)) {
        clear_csr(sip, BIT(SOFTWARE));
        uint64_t found = __atomic_exchange_n(&boxes[self].messages, 0, __ATOMIC_RELAXED);
        boxes[self].taken += (uint64_t)__builtin_popcountl(found);
        interrupt(found);
    } else {
        wfi();
    }
}

static void send(uint64_t self, uint64_t other) {
    __atomic_fetch_or(&boxes[other].messages, BIT(self), __ATOMIC_SEQ_CST);
    interrupt(BIT(other));
    while (boxes[other].messages & BIT(self)) {
        set_csr(sip, BIT(9)); /* a bit that can't be written: the others must not be touched */
        take(self);
    }
}

static void work(uint64_t self) {
    write_csr(sie, BIT(SOFTWARE));
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    while (ready < harts) {
    }
    for (uint64_t round = 0; round < rounds; round++) {
        send(self, (self + 1 + round % (harts - 1)) % harts);
    }
    __atomic_fetch_add(&done, 1, __ATOMIC_SEQ_CST);
    interrupt(BIT(harts) - 1);
    while (done < harts) {
        take(self);
    }
}

void guest_main(uint64_t self) {
    for (uint64_t hart = 0; hart < harts; hart++) {
        if (hart != self && call(HSM, 0, hart, (uint64_t)secondary, (uint64_t)work, 0).error) {
            finish(1);
        }
    }
    work(self);
    uint64_t taken = 0;
    for (uint64_t hart = 0; hart < harts; hart++) {
        while (hart != self && call(HSM, 2, hart, 0, 0, 0).value != 1) {
        }
        taken += boxes[hart].taken;
    }
    print_number("taken", (long)taken);
    finish(taken != harts * rounds);
}
