/* A page that one hart maps anew all the time, in one address space, while others go in and out of that space. When its
   fence of the space is done, what was mapped before is poisoned: whoever still sees it has an old translation. */
#include "sbi.h"

enum { PAGE = 4096, SPACE = 7, OTHER = 8, POISON = -1, GIGABYTE = 30 };
enum { VALID = 1, READ = 2, WRITE = 4, EXECUTE = 8, ACCESSED = 64, DIRTY = 128 };
#define SV39 (8UL << 60)
#define ALL (VALID | READ | WRITE | EXECUTE | ACCESSED | DIRTY)
#define WINDOW (1UL << GIGABYTE)

volatile uint64_t rounds __attribute__((section(".data"))) = 1000;
volatile uint64_t harts __attribute__((section(".data"))) = 4;

typedef uint64_t page[PAGE / sizeof(uint64_t)] __attribute__((aligned(PAGE)));
static page roots[2], middle, leaves, data[2];
static volatile uint64_t ready, done, stale, seen;

static uint64_t entry_of(const void *place, uint64_t bits) { return (uint64_t)place >> 12 << 10 | bits; }

static void use(uint64_t space) {
    write_csr(satp, SV39 | (space << 44) | ((uint64_t)roots[space == OTHER] >> 12));
}

static void look(uint64_t self) {
    volatile uint64_t *window = (volatile uint64_t *)WINDOW;
    uint64_t found = 0, last = 0;
    use(SPACE);
    __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
    for (uint64_t turn = self; !done; turn++) {
        use(OTHER);
        use(SPACE);
        for (uint64_t times = turn % 64; times; times--) {
            uint64_t value = *window;
            stale = stale || value == (uint64_t)POISON;
            found += value != last;
            last = value;
        }
    }
    __atomic_fetch_add(&seen, found, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&ready, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        wfi(); /* a hart that stops while the machine ends would be told of by OpenSBI */
    }
}

/* The fifth argument is the space; -1 as the base of the mask stands for all harts. */
static void fence(uint64_t space) {
    register uint64_t a4 __asm__("a4") = space;
    __asm__ volatile("" : : "r"(a4));
    if (call(RFENCE, 2, 0, -1UL, WINDOW, PAGE).error) {
        finish(1);
    }
}

void guest_main(uint64_t self) {
    uint64_t code = (uint64_t)guest_main >> GIGABYTE;
    for (int space = 0; space < 2; space++) {
        roots[space][0] = entry_of(0, ALL);
        roots[space][code] = entry_of((void *)(code << GIGABYTE), ALL);
    }
    roots[0][WINDOW >> GIGABYTE] = entry_of(middle, VALID);
    middle[0] = entry_of(leaves, VALID);
    leaves[0] = entry_of(data[0], ALL);
    for (uint64_t hart = 0; hart < harts; hart++) {
        if (hart != self && call(HSM, 0, hart, (uint64_t)secondary, (uint64_t)look, 0).error) {
            finish(1);
        }
    }
    while (ready < harts - 1) {
    }
    for (uint64_t round = 1; round <= rounds; round++) {
        volatile uint64_t *next = data[round % 2];
        *next = round;
        __atomic_store_n(&leaves[0], entry_of((const void *)next, ALL), __ATOMIC_RELEASE);
        fence(SPACE);
        data[(round + 1) % 2][0] = (uint64_t)POISON;
    }
    done = 1;
    while (ready) {
    }
    print_number("stale", (long)stale);
    finish(stale || !seen);
}
