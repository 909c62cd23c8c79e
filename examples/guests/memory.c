/* memory: bound by the memory, not by the computing. Each hart follows a chain of pointers through a buffer that does
   not fit in the caches, and streams through it; each does the same work, so their results must agree. Exit status 0 if
   they do, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

#define ALL (64ul << 20)
#define MULTIPLIER 1664525ul
#define INCREMENT 1013904223ul

volatile uint64_t rounds = 4;

/* A line of the host's caches. */
struct line {
    struct line *next;
    uint64_t values[7];
};

/* Shared out to the harts, which write what they read. */
static _Alignas(4096) struct line lines[ALL / sizeof(struct line)] __attribute__((section(".bss.noinit")));
static uint64_t results[MAXIMUM_HARTS];

/* The largest power of two of lines that each hart can have. */
static uint64_t lines_of_each(uint64_t harts) {
    const uint64_t all = sizeof lines / sizeof *lines;
    uint64_t count = all;
    while (count * harts > all) {
        count /= 2;
    }
    return count;
}

/* One chain through all lines, in an order that no prefetcher guesses: a congruential generator of full period. */
__attribute__((noinline)) static void make_chain(struct line *own, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        own[i].next = &own[(i * MULTIPLIER + INCREMENT) & (count - 1)];
        for (int n = 0; n < 7; n++) {
            own[i].values[n] = i + (uint64_t)n;
        }
    }
}

__attribute__((noinline)) static uint64_t follow(const struct line *own, uint64_t count) {
    uint64_t sum = 0;
    while (count-- > 0) {
        sum = sum * 31 + own->values[0];
        own = own->next;
    }
    return sum;
}

__attribute__((noinline)) static uint64_t stream(struct line *own, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        for (int n = 0; n < 7; n++) {
            sum ^= own[i].values[n]++;
        }
    }
    return sum;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count(), count = lines_of_each(harts), result = 0;
    struct line *own = lines + hart * count;
    make_chain(own, count);
    for (uint64_t round = 0; round < rounds; round++) {
        result += follow(own, count);
        result ^= stream(own, count);
    }
    results[hart] = result;
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" result ");
    print_hexadecimal(result);
    print_text("\n");
    console_unlock();
    barrier(harts);
    return results[hart] != results[0];
}
