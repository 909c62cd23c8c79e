/* litmus: what two harts may see of each other's plain loads and stores, and of LR/SC.

   Each shape runs `rounds` times. A round has locations x and y of its own, both 0 before; hart 0 and hart 1 run their
   few instructions on them, and the two values read, r0 and r1, are counted. Rounds come in batches. Within one the harts
   take no lock and make no atomic access of their own: before each round they look for each other, then each waits for a
   pseudo-random moment, so that their instructions overlap in all ways that there are.
   Exit status 0 if no outcome occurred that RVWMO forbids; outcomes that it allows are only counted. */
#include "runtime/console.h"
#include "runtime/csr.h"
#include "runtime/harts.h"

#define BATCH 1024
#define LITMUS_HARTS 2

volatile uint64_t rounds = 100000;

/* x and y in lines of their own, and never next to each other (processors fetch lines in pairs). */
struct slot {
    _Alignas(HART_LINE) volatile uint32_t x;
    _Alignas(HART_LINE) volatile uint32_t y;
};

static struct slot slots[BATCH];
/* What each hart read in each round: bit 1 for r0, bit 0 for r1. */
static struct {
    _Alignas(HART_LINE) uint8_t value[BATCH];
} seen[LITMUS_HARTS];
/* How many rounds each hart has begun, over all batches and shapes. */
static struct {
    _Alignas(HART_LINE) volatile uint64_t begun;
} progress[LITMUS_HARTS];

/* How long a hart looks for the other one at most: if the host runs them one after the other, they never meet. */
#define POLLS 300

/* Both harts leave here at nearly the same time. Plain accesses only, which order nothing. */
static inline void meet(uint64_t hart, uint64_t round) {
    progress[hart].begun = round;
    for (unsigned poll = 0; poll < POLLS && progress[1 - hart].begun < round; poll++) {
    }
}

/* From nothing to about what it takes a store to reach the other hart; every other time much less. */
static inline void delay(uint64_t *random) {
    *random = *random * 6364136223846793005UL + 1442695040888963407UL;
    for (uint64_t left = *random >> 58 >> (*random >> 55 & 4); left > 0; left--) {
        __asm__ volatile("");
    }
}

/* One hart's side of a shape, over a whole batch whose first round is numbered so. The text may use %[r0] %[r1]
   (0 unless written), %[x] %[y] (addresses), %[one] and %[scratch]. */
typedef void side(uint64_t hart, uint64_t first, uint64_t *random);

#define SIDE(name, text) \
    static void name(uint64_t hart, uint64_t first, uint64_t *random) { \
        for (unsigned i = 0; i < BATCH; i++) { \
            uint64_t r0 = 0, r1 = 0, scratch; \
            meet(hart, first + i); \
            delay(random); \
            __asm__ volatile(text \
                             : [r0] "+&r"(r0), [r1] "+&r"(r1), [scratch] "=&r"(scratch) \
                             : [x] "r"(&slots[i].x), [y] "r"(&slots[i].y), [one] "r"(1) \
                             : "memory"); \
            seen[hart].value[i] = (uint8_t)(r0 << 1 | r1); \
        } \
    }

/* Both sides of message passing, store buffering and load buffering, with what stands between their two accesses. */
#define MESSAGE_PASSING(name, writer_fence, reader_fence) \
    SIDE(name##_0, "sw %[one], (%[x])\n" writer_fence "\nsw %[one], (%[y])") \
    SIDE(name##_1, "lw %[r0], (%[y])\n" reader_fence "\nlw %[r1], (%[x])")
#define STORE_BUFFERING(name, fence) \
    SIDE(name##_0, "sw %[one], (%[x])\n" fence "\nlw %[r0], (%[y])") \
    SIDE(name##_1, "sw %[one], (%[y])\n" fence "\nlw %[r1], (%[x])")
#define LOAD_BUFFERING(name, fence) \
    SIDE(name##_0, "lw %[r0], (%[x])\n" fence "\nsw %[one], (%[y])") \
    SIDE(name##_1, "lw %[r1], (%[y])\n" fence "\nsw %[one], (%[x])")

MESSAGE_PASSING(mp, "", "")
MESSAGE_PASSING(mp_fenced, "fence rw, rw", "fence rw, rw")
MESSAGE_PASSING(mp_half_fenced, "fence w, w", "fence r, r")
STORE_BUFFERING(sb, "")
STORE_BUFFERING(sb_fenced, "fence rw, rw")
SIDE(sb_swap_0, "amoswap.w.aqrl %[scratch], %[one], (%[x])\n lw %[r0], (%[y])")
SIDE(sb_swap_1, "amoswap.w.aqrl %[scratch], %[one], (%[y])\n lw %[r1], (%[x])")
LOAD_BUFFERING(lb, "")
LOAD_BUFFERING(lb_fenced, "fence rw, rw")

/* Both harts increment x; r0 and r1 are the values that their successful LR read. */
#define INCREMENT(value, lr, sc) \
    "1: " lr " %[" value "], (%[x])\n addi %[scratch], %[" value "], 1\n" \
    " " sc " %[scratch], %[scratch], (%[x])\n bnez %[scratch], 1b"
SIDE(lrsc_0, INCREMENT("r0", "lr.w", "sc.w"))
SIDE(lrsc_1, INCREMENT("r1", "lr.w", "sc.w"))
SIDE(lrsc_ordered_0, INCREMENT("r0", "lr.w.aq", "sc.w.rl"))
SIDE(lrsc_ordered_1, INCREMENT("r1", "lr.w.aq", "sc.w.rl"))

/* Hart 0 adds 2 to x by LR/SC while hart 1 stores 1 to it; r0 is what the LR read. Hart 1 reads nothing: r1 is bit 1 of
   x in the end, whether the addition is still there. Store first: r0 = 1 and x = 3; store last: r0 = 0 and x = 1. */
#define ADD_TWO(lr, sc) \
    "1: " lr " %[r0], (%[x])\n addi %[scratch], %[r0], 2\n" \
    " " sc " %[scratch], %[scratch], (%[x])\n bnez %[scratch], 1b"
SIDE(intruder_0, ADD_TWO("lr.w", "sc.w"))
SIDE(intruder_1, "sw %[one], (%[x])")
SIDE(intruder_ordered_0, ADD_TWO("lr.w.aq", "sc.w.rl"))
SIDE(intruder_ordered_1, "fence rw, rw\n sw %[one], (%[x])\n fence rw, rw")

#define OUTCOME(r0, r1) (1u << ((r0) << 1 | (r1)))

static const struct shape {
    const char *name;
    side *sides[LITMUS_HARTS];
    unsigned forbidden; /* a set of OUTCOMEs */
    int final_bit;      /* whether r1 is bit 1 of x in the end */
} shapes[] = {
    {"MP", {mp_0, mp_1}, 0, 0},
    {"MP+fence.rw.rw", {mp_fenced_0, mp_fenced_1}, OUTCOME(1, 0), 0},
    {"MP+fence.w.w+fence.r.r", {mp_half_fenced_0, mp_half_fenced_1}, OUTCOME(1, 0), 0},
    {"SB", {sb_0, sb_1}, 0, 0},
    {"SB+fence.rw.rw", {sb_fenced_0, sb_fenced_1}, OUTCOME(0, 0), 0},
    {"SB+amoswap.aqrl", {sb_swap_0, sb_swap_1}, OUTCOME(0, 0), 0},
    {"LB", {lb_0, lb_1}, 0, 0},
    {"LB+fence.rw.rw", {lb_fenced_0, lb_fenced_1}, OUTCOME(1, 1), 0},
    {"LRSC", {lrsc_0, lrsc_1}, OUTCOME(0, 0) | OUTCOME(1, 1), 0},
    {"LRSC+aq.rl", {lrsc_ordered_0, lrsc_ordered_1}, OUTCOME(0, 0) | OUTCOME(1, 1), 0},
    {"LRSC+store", {intruder_0, intruder_1}, OUTCOME(0, 1) | OUTCOME(1, 0), 1},
    {"LRSC+store+aq.rl", {intruder_ordered_0, intruder_ordered_1}, OUTCOME(0, 1) | OUTCOME(1, 0), 1},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

/* Hart 0 clears the slots; then both read them all, so that both begin with copies of their own: a store then takes
   a while to reach the other hart, and that is when reordering shows. */
static void clear_slots(void) {
    for (unsigned i = 0; i < BATCH; i++) {
        slots[i].x = 0;
        slots[i].y = 0;
    }
}

static void touch_slots(void) {
    for (unsigned i = 0; i < BATCH; i++) {
        (void)slots[i].x;
        (void)slots[i].y;
    }
}

static void tally(const struct shape *shape, unsigned count, uint64_t outcomes[4]) {
    for (unsigned i = 0; i < count; i++) {
        unsigned outcome = seen[0].value[i] | seen[1].value[i];
        if (shape->final_bit) {
            outcome |= slots[i].x >> 1 & 1;
        }
        outcomes[outcome & 3]++;
    }
}

static uint64_t print_outcomes(const struct shape *shape, const uint64_t outcomes[4]) {
    static const char *const names[4] = {" 00=", " 01=", " 10=", " 11="};
    uint64_t wrong = 0;
    print_column(shape->name, 24);
    for (unsigned i = 0; i < 4; i++) {
        print_text(names[i]);
        print_number(outcomes[i]);
        if (shape->forbidden & 1u << i) {
            wrong += outcomes[i];
            print_text("!");
        }
    }
    print_text(wrong ? " FORBIDDEN\n" : " ok\n");
    return wrong != 0;
}

static uint64_t run_shape(uint64_t hart, const struct shape *shape, uint64_t *round, uint64_t *random) {
    uint64_t outcomes[4] = {0, 0, 0, 0};
    for (uint64_t left = rounds; left > 0;) {
        unsigned count = left < BATCH ? (unsigned)left : BATCH;
        if (hart == 0) {
            clear_slots();
        }
        barrier(LITMUS_HARTS);
        touch_slots();
        shape->sides[hart](hart, *round, random);
        *round += BATCH;
        barrier(LITMUS_HARTS);
        if (hart == 0) {
            tally(shape, count, outcomes);
        }
        left -= count;
    }
    return hart == 0 ? print_outcomes(shape, outcomes) : 0;
}

uint64_t guest_main(uint64_t hart) {
    if (hart_count() < LITMUS_HARTS) {
        print_text("litmus needs two harts\n");
        return 1;
    }
    if (hart >= LITMUS_HARTS) {
        return 0;
    }
    if (hart == 0) {
        print_text("outcomes r0r1; those marked ! are forbidden\n");
    }
    uint64_t wrong = 0, round = 1, random = hart + 1;
    for (unsigned i = 0; i < SHAPES; i++) {
        wrong |= run_shape(hart, &shapes[i], &round, &random);
    }
    return wrong;
}
