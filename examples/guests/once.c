/* once: code that is run once and never again, so that what counts is the time to translate it. 256 functions, no two
   alike, are called in turn; each hart does the same, so their results must agree. `rounds` is how often the whole is
   done. Exit status 0 if the results agree, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

volatile uint64_t rounds = 1;

static uint64_t results[MAXIMUM_HARTS];

/* About 30 instructions, with a loop, branches and constants of its own. */
#define STEP(n) \
    __attribute__((noinline)) static uint64_t step_##n(uint64_t value) { \
        uint64_t other = value ^ (0x9e3779b97f4a7c15u + 0x##n##u * 0x10001u); \
        for (int i = 0; i < 2; i++) { \
            other = other * (2 * 0x##n##u + 3) + (value >> 7); \
            value = value & (1u << (0x##n##u & 15)) ? value + other : (value << 3) ^ other; \
        } \
        if ((other & 0xff) < (0x##n##u & 0xff)) { \
            value += other * 0x##n##u; \
        } else { \
            value ^= other + 0x##n##u; \
        } \
        return value - (other >> (0x##n##u & 31)); \
    }
#define FOR_16(what, n) \
    what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7) \
    what(n##8) what(n##9) what(n##a) what(n##b) what(n##c) what(n##d) what(n##e) what(n##f)
#define FOR_256(what, n) \
    FOR_16(what, n##0) FOR_16(what, n##1) FOR_16(what, n##2) FOR_16(what, n##3) \
    FOR_16(what, n##4) FOR_16(what, n##5) FOR_16(what, n##6) FOR_16(what, n##7) \
    FOR_16(what, n##8) FOR_16(what, n##9) FOR_16(what, n##a) FOR_16(what, n##b) \
    FOR_16(what, n##c) FOR_16(what, n##d) FOR_16(what, n##e) FOR_16(what, n##f)
#define CALL(n) value = step_##n(value);

FOR_256(STEP, 1)

__attribute__((noinline)) static uint64_t all_steps(uint64_t value) {
    FOR_256(CALL, 1)
    return value;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count(), value = 1;
    for (uint64_t round = 0; round < rounds; round++) {
        value = all_steps(value);
    }
    results[hart] = value;
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" result ");
    print_hexadecimal(value);
    print_text("\n");
    console_unlock();
    barrier(harts);
    return results[hart] != results[0];
}
