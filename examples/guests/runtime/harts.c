#include "harts.h"

#include "board.h"
#include "clint.h"
#include "csr.h"
#include "device_tree.h"

#define FINISHER_PASS 0x5555u
#define FINISHER_FAIL 0x3333u
/* Harts on cores of their own meet while they poll; with fewer cores than harts, sleeping lets the others get on. */
#define POLLS_BEFORE_NAPS 2000
#define SHORTEST_NAP (TIMEBASE_FREQUENCY / 10000)
#define LONGEST_NAP (TIMEBASE_FREQUENCY / 100)

volatile uint64_t harts_expected __attribute__((section(".data"))) = 0;

static uint64_t harts;
static uint64_t harts_done;
static uint64_t highest_status;

static struct {
    _Alignas(HART_LINE) uint64_t arrived;
    _Alignas(HART_LINE) uint64_t generation;
} meeting;

uint64_t hart_count(void) { return harts; }

void finish(uint64_t status) {
    write_csr(mie, 0);
    fence_all();
    *device_word(FINISHER_BASE) = status == 0 ? FINISHER_PASS : (uint32_t)(status << 16) | FINISHER_FAIL;
    /* A board may stop its harts only some time after the store: QEMU executes one wfi more, and stays there. */
    for (;;) {
        wait_for_interrupt();
    }
}

/* Sleeps until this hart's software interrupt is pending and takes it back, no handler involved:
   wfi returns when an interrupt is pending in mip and enabled in mie, whether or not mstatus.MIE lets it trap. */
static void sleep_until_woken(uint64_t hart) {
    uint64_t enabled = read_csr(mie);
    write_csr(mie, INTERRUPT_BIT(SOFTWARE_INTERRUPT));
    while (!(read_csr(mip) & INTERRUPT_BIT(SOFTWARE_INTERRUPT))) {
        wait_for_interrupt();
    }
    clear_software_interrupt(hart);
    write_csr(mie, enabled);
}

void nap(uint64_t ticks) {
    uint64_t hart = hart_number();
    uint64_t enabled = read_csr(mie);
    write_mtimecmp(hart, read_mtime() + ticks);
    write_csr(mie, INTERRUPT_BIT(TIMER_INTERRUPT));
    while (!(read_csr(mip) & INTERRUPT_BIT(TIMER_INTERRUPT))) {
        wait_for_interrupt();
    }
    write_mtimecmp(hart, UINT64_MAX);
    write_csr(mie, enabled);
}

void barrier(uint64_t expected) {
    uint64_t generation = __atomic_load_n(&meeting.generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&meeting.arrived, 1, __ATOMIC_ACQ_REL) == expected) {
        __atomic_store_n(&meeting.arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&meeting.generation, generation + 1, __ATOMIC_RELEASE);
        return;
    }
    uint64_t ticks = SHORTEST_NAP;
    for (unsigned poll = 0; __atomic_load_n(&meeting.generation, __ATOMIC_ACQUIRE) == generation; poll++) {
        if (poll >= POLLS_BEFORE_NAPS) {
            nap(ticks);
            ticks = ticks < LONGEST_NAP ? 2 * ticks : ticks;
        }
    }
}

static void count_and_wake(const void *device_tree) {
    harts = harts_expected ? harts_expected : count_harts(device_tree);
    if (harts < 1) {
        harts = 1;
    }
    if (harts > MAXIMUM_HARTS) {
        harts = MAXIMUM_HARTS;
    }
    for (uint64_t other = 1; other < harts; other++) {
        send_software_interrupt(other);
    }
}

/* Called by start.S on every hart; harts that do not take part are never woken. Returns to where a hart is parked. */
void runtime_main(uint64_t hart, const void *device_tree) {
    if (hart == 0) {
        count_and_wake(device_tree);
    } else {
        sleep_until_woken(hart);
    }
    uint64_t status = guest_main(hart);
    __atomic_fetch_max(&highest_status, status, __ATOMIC_ACQ_REL);
    if (__atomic_add_fetch(&harts_done, 1, __ATOMIC_ACQ_REL) == harts) {
        finish(highest_status);
    }
}
