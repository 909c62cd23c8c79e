/* mix: plain computing, nothing shared. Every hart does the same work in buffers of its own (table look-ups, byte and
   word loads and stores, calls, multiplications), so their results must agree. Exit status 0 if they do, else 1. */
#include "runtime/console.h"
#include "runtime/harts.h"

#define SIEVE_SIZE 65536
#define MATRIX_SIZE 32
#define MATRICES_EACH_ROUND 10
#define FIBONACCI_NUMBER 20

volatile uint64_t rounds = 20;

struct buffers {
    _Alignas(4096) uint32_t table[256];
    _Alignas(4096) uint8_t bytes[SIEVE_SIZE];
    _Alignas(4096) uint64_t left[MATRIX_SIZE][MATRIX_SIZE];
    uint64_t right[MATRIX_SIZE][MATRIX_SIZE];
    uint64_t product[MATRIX_SIZE][MATRIX_SIZE];
};

/* Whole pages for each hart, which writes every byte before it reads it. */
static struct buffers buffers_of[MAXIMUM_HARTS] __attribute__((section(".bss.noinit")));
static uint64_t results[MAXIMUM_HARTS];

/* Functions of their own, so that a profile shows what the time goes to. */
__attribute__((noinline)) static void make_table(uint32_t *table) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t remainder = i;
        for (int bit = 0; bit < 8; bit++) {
            /* The compiler knows this loop and would replace it by a table of its own. */
            __asm__("" : "+r"(remainder));
            remainder = remainder & 1 ? 0xedb88320u ^ (remainder >> 1) : remainder >> 1;
        }
        table[i] = remainder;
    }
}

__attribute__((noinline)) static uint32_t crc32(const uint32_t *table, const uint8_t *bytes, int count) {
    uint32_t remainder = ~0u;
    while (count-- > 0) {
        remainder = table[(remainder ^ *bytes++) & 255] ^ (remainder >> 8);
    }
    return ~remainder;
}

/* Counts the primes below size; leaves 1 at their places in the bytes, else 0. */
__attribute__((noinline)) static uint64_t sieve(uint8_t *bytes, int size) {
    uint64_t primes = 0;
    for (int i = 0; i < size; i++) {
        bytes[i] = 1;
    }
    for (int i = 2; i < size; i++) {
        if (bytes[i]) {
            primes++;
            for (int multiple = i * 2; multiple < size; multiple += i) {
                bytes[multiple] = 0;
            }
        }
    }
    return primes;
}

__attribute__((noinline)) static uint64_t fibonacci(uint64_t n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((noinline)) static uint64_t multiply_matrices(struct buffers *own) {
    uint64_t all = 0;
    for (int i = 0; i < MATRIX_SIZE; i++) {
        for (int j = 0; j < MATRIX_SIZE; j++) {
            own->left[i][j] = (uint64_t)(i * j + 1);
            own->right[i][j] = (uint64_t)(i ^ j);
        }
    }
    for (int i = 0; i < MATRIX_SIZE; i++) {
        for (int j = 0; j < MATRIX_SIZE; j++) {
            uint64_t sum = 0;
            for (int k = 0; k < MATRIX_SIZE; k++) {
                sum += own->left[i][k] * own->right[k][j];
            }
            own->product[i][j] = sum;
            all ^= sum;
        }
    }
    return all;
}

static uint64_t work(struct buffers *own, uint64_t count) {
    uint64_t result = 0;
    make_table(own->table);
    for (uint64_t round = 0; round < count; round++) {
        result += sieve(own->bytes, SIEVE_SIZE);
        result ^= crc32(own->table, own->bytes, SIEVE_SIZE);
        result += fibonacci(FIBONACCI_NUMBER);
        for (int i = 0; i < MATRICES_EACH_ROUND; i++) {
            /* Without the barrier the compiler could see that all ten are the same. */
            __asm__ volatile("" : : : "memory");
            result = result * 31 ^ multiply_matrices(own);
        }
    }
    return result;
}

uint64_t guest_main(uint64_t hart) {
    uint64_t harts = hart_count();
    results[hart] = work(&buffers_of[hart], rounds);
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
