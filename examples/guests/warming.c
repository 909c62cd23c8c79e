/* warming: how long it takes until the guest is fast. First come phases, each with a function of its own, no two alike, in
   which some time goes by; then rounds of a few others. Hart 0 takes the time of each round; the others do the same work. Exit
   status 0 if the results of all agree, else 1. */
#include "runtime/board.h"
#include "runtime/clint.h"
#include "runtime/console.h"
#include "runtime/harts.h"

#define MOST_ROUNDS 4096
#define PHASES 56
#define FUNCTIONS 64

volatile uint64_t rounds = 2500;
/* Of a function in its phase, and of one in a round: about 20 instructions each. */
volatile uint64_t phase_steps = 400000, round_steps = 20000;

static uint64_t results[MAXIMUM_HARTS];
static uint64_t ends[MOST_ROUNDS];

/* A loop with branches and constants of its own, of about 30 instructions. */
#define WORK(n) \
    __attribute__((noinline)) static uint64_t work_##n(uint64_t value, uint64_t steps) { \
        uint64_t other = value ^ (0x9e3779b97f4a7c15u + 0x##n##u * 0x10001u); \
        while (steps-- > 0) { \
            other = other * (2 * 0x##n##u + 3) + (value >> 7); \
            value = value & (1u << (0x##n##u & 15)) ? value + other : (value << 3) ^ other; \
            if ((other & 0xff) < (0x##n##u & 0xff)) { \
                value += other * 0x##n##u; \
            } else { \
                value ^= other + 0x##n##u; \
            } \
            other ^= value - (other >> (0x##n##u & 31)); \
        } \
        return value + other; \
    }
#define FOR_16(what, n) \
    what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7) \
    what(n##8) what(n##9) what(n##a) what(n##b) what(n##c) what(n##d) what(n##e) what(n##f)
#define FOR_64(what) FOR_16(what, 0) FOR_16(what, 1) FOR_16(what, 2) FOR_16(what, 3)
#define NAME(n) work_##n,

FOR_64(WORK)

static uint64_t (*const works[FUNCTIONS])(uint64_t, uint64_t) = {FOR_64(NAME)};

static uint64_t run_all(uint64_t value, int first, int end, uint64_t steps) {
    for (int at = first; at < end; at++) {
        value = works[at](value, steps);
    }
    return value;
}

/* Ticks until a round took at most ten ninths of the shortest: from there on it ran at nine tenths of its speed. */
static uint64_t ticks_to_speed(uint64_t begin, uint64_t count) {
    uint64_t shortest = ~0ull;
    for (uint64_t round = 0, before = begin; round < count; before = ends[round++]) {
        shortest = ends[round] - before < shortest ? ends[round] - before : shortest;
    }
    uint64_t before = begin;
    for (uint64_t round = 0; round < count; before = ends[round++]) {
        if (9 * (ends[round] - before) <= 10 * shortest) {
            break;
        }
    }
    return before - begin;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count(), value = 1, count = rounds < MOST_ROUNDS ? rounds : MOST_ROUNDS;
    value = run_all(value, 0, PHASES, phase_steps);
    uint64_t begin = read_mtime();
    for (uint64_t round = 0; round < count; round++) {
        value = run_all(value, PHASES, FUNCTIONS, round_steps);
        if (hart == 0) {
            ends[round] = read_mtime();
        }
    }
    results[hart] = value;
    if (hart == 0) {
        print_text("until fast: ");
        print_number(ticks_to_speed(begin, count) * (1000000000000 / TIMEBASE_FREQUENCY));
        print_text(" ps\n");
    }
    barrier(harts);
    return results[hart] != results[0];
}
