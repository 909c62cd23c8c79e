/* caches: hart 0 walks over arrays line by line, four times each: over one that fits into a first cache of 32 KiB, one for a
   second of 256 KiB, one for a last of 2 MiB, and one for none, the largest first. Then harts 0 and 1 hand a number to
   each other `rounds` times, through one line. Exit status 0 if the number is as it should be, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

#define LINE_WORDS 8
#define PASSES 4
#define PLAYERS 2

volatile uint64_t rounds = 100;

_Alignas(HART_LINE) static uint64_t small[(16 << 10) / 8];
_Alignas(HART_LINE) static uint64_t middle[(128 << 10) / 8];
_Alignas(HART_LINE) static uint64_t large[(1 << 20) / 8];
_Alignas(HART_LINE) static uint64_t huge[(4 << 20) / 8];
static struct {
    _Alignas(HART_LINE) volatile uint64_t handed;
} ball;

#define WALK(array)                                                                                  \
    __attribute__((noinline)) static void walk_##array(void) {                                       \
        for (uint64_t pass = 0; pass < PASSES; pass++) {                                             \
            for (uint64_t i = 0; i < sizeof array / sizeof *array; i += LINE_WORDS) {                \
                (void)*(volatile uint64_t *)&array[i];                                               \
            }                                                                                        \
        }                                                                                            \
    }
WALK(small)
WALK(middle)
WALK(large)
WALK(huge)

__attribute__((noinline)) static void play(uint64_t hart, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        while (ball.handed % PLAYERS != hart) {
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* recorded as after the load that ended the loop */
        ball.handed = ball.handed + 1;
    }
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    uint64_t count = rounds;
    if (hart == 0) {
        walk_huge();
        walk_large();
        walk_middle();
        walk_small();
    }
    barrier(harts);
    if (harts > 1 && hart < PLAYERS) {
        play(hart, count);
    }
    barrier(harts);
    if (hart != 0) {
        return 0;
    }
    print_text("handed over ");
    print_number(ball.handed);
    print_text(" times\n");
    return ball.handed != (harts > 1 ? PLAYERS * count : 0);
}
