/* bytecode: a machine with a stack, whose loop is one switch; its program finds primes, sorts them, and adds digits. */
#include "program.h"

#define STACK 64
#define CELLS 512

volatile uint64_t rounds = 10;

enum operation { PUSH, POP_TO, PUSH_FROM, LOAD, STORE, ADD, SUBTRACT, MULTIPLY, DIVIDE, REMAINDER, LESS, EQUAL, NOT, GO, GO_IF, DUPLICATE, SWAP, CALL, RETURN, END };

static int64_t variables[16], cells[CELLS];
static int32_t program[256];
static int size;

static int add(int operation, int argument) {
    program[size] = operation | argument << 8;
    return size++;
}

static void land(int from) {
    program[from] |= size << 8;
}

/* variables[to] = variables[left] OPERATION right, a number. */
static void compute(int to, int left, int operation, int right) {
    add(PUSH_FROM, left);
    add(PUSH, right);
    add(operation, 0);
    add(POP_TO, to);
}

/* Go elsewhere unless variables[left] < variables[right]; to be landed. */
static int unless_less(int left, int right) {
    add(PUSH_FROM, left);
    add(PUSH_FROM, right);
    add(LESS, 0);
    add(NOT, 0);
    return add(GO_IF, 0);
}

/* Sieve: cells[n] is 1 where n is not prime. 0 is the limit, 1 the number, 2 its multiples. */
static void write_sieve(void) {
    add(PUSH, 2);
    add(POP_TO, 1);
    int outer = size, out = unless_less(1, 0);
    compute(2, 1, ADD, 0);
    add(PUSH_FROM, 1);
    add(PUSH_FROM, 1);
    add(ADD, 0);
    add(POP_TO, 2);
    int inner = size, inner_out = unless_less(2, 0);
    add(PUSH, 1);
    add(PUSH_FROM, 2);
    add(STORE, 0);
    add(PUSH_FROM, 2);
    add(PUSH_FROM, 1);
    add(ADD, 0);
    add(POP_TO, 2);
    add(GO, inner);
    land(inner_out);
    compute(1, 1, ADD, 1);
    add(GO, outer);
    land(out);
}

/* Sum of digits of variable 3, in variable 4: a function. */
static int write_digits(void) {
    int begin = size;
    add(PUSH, 0);
    add(POP_TO, 4);
    int again = size;
    add(PUSH_FROM, 3);
    add(PUSH, 10);
    add(REMAINDER, 0);
    add(PUSH_FROM, 4);
    add(ADD, 0);
    add(POP_TO, 4);
    compute(3, 3, DIVIDE, 10);
    add(PUSH_FROM, 3);
    add(GO_IF, again);
    add(RETURN, 0);
    return begin;
}

/* For all primes: 5 += digits(n * n). */
static void write_program(void) {
    int over = add(GO, 0);
    int digits = write_digits();
    land(over);
    write_sieve();
    add(PUSH, 0);
    add(POP_TO, 5);
    add(PUSH, 2);
    add(POP_TO, 1);
    int again = size, out = unless_less(1, 0);
    add(PUSH_FROM, 1);
    add(LOAD, 0);
    int composite = add(GO_IF, 0);
    add(PUSH_FROM, 1);
    add(DUPLICATE, 0);
    add(MULTIPLY, 0);
    add(POP_TO, 3);
    add(CALL, digits);
    add(PUSH_FROM, 5);
    add(PUSH_FROM, 4);
    add(ADD, 0);
    add(POP_TO, 5);
    land(composite);
    compute(1, 1, ADD, 1);
    add(GO, again);
    land(out);
    add(END, 0);
}

static void run(void) {
    int64_t stack[STACK], *top = stack, kept;
    int returns[16], depth = 0;
    for (const int32_t *at = program;;) {
        int32_t now = *at++;
        int argument = now >> 8;
        switch (now & 0xff) {
        case PUSH: *top++ = argument; break;
        case POP_TO: variables[argument] = *--top; break;
        case PUSH_FROM: *top++ = variables[argument]; break;
        case LOAD: top[-1] = cells[top[-1]]; break;
        case STORE: top -= 2; cells[top[1]] = top[0]; break;
        case ADD: top--; top[-1] += *top; break;
        case SUBTRACT: top--; top[-1] -= *top; break;
        case MULTIPLY: top--; top[-1] *= *top; break;
        case DIVIDE: top--; top[-1] /= *top; break;
        case REMAINDER: top--; top[-1] %= *top; break;
        case LESS: top--; top[-1] = top[-1] < *top; break;
        case EQUAL: top--; top[-1] = top[-1] == *top; break;
        case NOT: top[-1] = !top[-1]; break;
        case GO: at = program + argument; break;
        case GO_IF: if (*--top) at = program + argument; break;
        case DUPLICATE: *top = top[-1]; top++; break;
        case SWAP: kept = top[-1]; top[-1] = top[-2]; top[-2] = kept; break;
        case CALL: returns[depth++] = (int)(at - program); at = program + argument; break;
        case RETURN: at = program + returns[--depth]; break;
        default: return;
        }
    }
}

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    write_program();
    for (uint64_t round = 0; round < count; round++) {
        for (int at = 0; at < CELLS; at++) {
            cells[at] = 0;
        }
        variables[0] = (int64_t)(CELLS - round % 64);
        run();
        sum = mixed(sum, (uint64_t)variables[5]);
    }
    return sum;
}
