/* calls: calls, returns and jumps from page to page all the time. Who calls and who is called lie in different pages;
   each hart does the same work, so their results must agree. Exit status 0 if they do, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

#define APART __attribute__((noinline, aligned(4096)))
#define BESIDE __attribute__((noinline))
#define NUMBERS 256
#define PROGRAM_STEPS 4096

volatile uint64_t rounds = 20;

static uint64_t results[MAXIMUM_HARTS];

/* Recursion in which the pages take turns. */
static uint64_t odd_turn(uint64_t depth, uint64_t value);

APART static uint64_t even_turn(uint64_t depth, uint64_t value) {
    return depth == 0 ? value : odd_turn(depth - 1, value * 3) + 1;
}

APART static uint64_t odd_turn(uint64_t depth, uint64_t value) {
    return depth == 0 ? value ^ 1 : even_turn(depth - 1, value + 7) ^ depth;
}

/* A sort that calls its comparison through a pointer. */
BESIDE static int in_order(uint64_t left, uint64_t right) {
    return left <= right;
}

BESIDE static int in_order_of_low_bits(uint64_t left, uint64_t right) {
    return (left & 0xffff) <= (right & 0xffff);
}

APART static void sort(uint64_t *numbers, int count, int (*before)(uint64_t, uint64_t)) {
    for (int gap = count / 2; gap > 0; gap /= 2) {
        for (int i = gap; i < count; i++) {
            uint64_t moved = numbers[i];
            int j = i;
            for (; j >= gap && !before(numbers[j - gap], moved); j -= gap) {
                numbers[j] = numbers[j - gap];
            }
            numbers[j] = moved;
        }
    }
}

/* An interpreter whose operations are functions in a table. */
struct machine {
    uint64_t accumulator;
    uint64_t counter;
};

APART static void operation_add(struct machine *machine, uint64_t operand) {
    machine->accumulator += operand;
}

BESIDE static void operation_rotate(struct machine *machine, uint64_t operand) {
    uint64_t by = operand % 63 + 1;
    machine->accumulator = machine->accumulator << by | machine->accumulator >> (64 - by);
}

APART static void operation_multiply(struct machine *machine, uint64_t operand) {
    machine->accumulator *= operand | 1;
}

BESIDE static void operation_count(struct machine *machine, uint64_t operand) {
    machine->counter += operand & 3;
}

typedef void (*operation)(struct machine *, uint64_t);

static const operation operations[] = {operation_add, operation_rotate, operation_multiply, operation_count};

APART static uint64_t interpret(uint64_t seed) {
    struct machine machine = {seed, 0};
    uint64_t code = seed;
    for (int step = 0; step < PROGRAM_STEPS; step++) {
        code = code * 6364136223846793005u + 1442695040888963407u;
        operations[code >> 62](&machine, code >> 32 & 0xffff);
    }
    return machine.accumulator ^ machine.counter;
}

BESIDE static uint64_t work(uint64_t count) {
    uint64_t numbers[NUMBERS];
    uint64_t result = 1;
    for (uint64_t round = 0; round < count; round++) {
        for (int i = 0; i < NUMBERS; i++) {
            result = result * 6364136223846793005u + 1442695040888963407u;
            numbers[i] = result >> 20;
        }
        sort(numbers, NUMBERS, in_order);
        result ^= numbers[NUMBERS / 2];
        sort(numbers, NUMBERS, in_order_of_low_bits);
        result ^= numbers[NUMBERS / 3];
        result += interpret(result);
        for (int i = 0; i < 64; i++) {
            result += even_turn(64, result);
        }
    }
    return result;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    results[hart] = work(rounds);
    console_lock();
    print_text("hart ");
    print_number(hart);
    print_text(" result ");
    print_hexadecimal(results[hart]);
    print_text("\n");
    console_unlock();
    barrier(harts);
    return results[hart] != results[0];
}
