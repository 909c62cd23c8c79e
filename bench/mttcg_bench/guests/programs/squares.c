/* squares: what makes a QR code (ISO/IEC 18004): Reed-Solomon over GF(256), modules in a field of bits, eight masks and their
   penalties. Small blocks and small functions, spread. */
#include "program.h"

#define SIDE 33
#define DATA 80
#define CHECK 20
#define WORDS (DATA + CHECK)

volatile uint64_t rounds = 4;

static uint8_t logs[256], powers[512], words[WORDS], generator[CHECK + 1];
static uint8_t modules[(SIDE * SIDE + 7) / 8], fixed[(SIDE * SIDE + 7) / 8], best[(SIDE * SIDE + 7) / 8];

static __attribute__((noinline)) int bit_of(const uint8_t *field, int column, int row) {
    int at = row * SIDE + column;
    return field[at / 8] >> at % 8 & 1;
}

static __attribute__((noinline)) void set_bit(uint8_t *field, int column, int row, int value) {
    int at = row * SIDE + column;
    field[at / 8] = (uint8_t)((field[at / 8] & ~(1 << at % 8)) | value << at % 8);
}

static __attribute__((noinline)) uint8_t multiplied(uint8_t one, uint8_t other) {
    return one && other ? powers[logs[one] + logs[other]] : 0;
}

static void make_field(void) {
    int value = 1;
    for (int at = 0; at < 255; at++) {
        powers[at] = powers[at + 255] = (uint8_t)value;
        logs[value] = (uint8_t)at;
        value <<= 1;
        if (value & 0x100) {
            value ^= 0x11d;
        }
    }
    generator[0] = 1;
    for (int root = 0; root < CHECK; root++) {
        for (int at = root + 1; at > 0; at--) {
            generator[at] = (uint8_t)(generator[at] ^ multiplied(generator[at - 1], powers[root]));
        }
    }
}

static void append_check(void) {
    uint8_t rest[WORDS];
    for (int at = 0; at < WORDS; at++) {
        rest[at] = at < DATA ? words[at] : 0;
    }
    for (int at = 0; at < DATA; at++) {
        uint8_t factor = rest[at];
        for (int place = 0; place <= CHECK; place++) {
            rest[at + place] ^= multiplied(generator[place], factor);
        }
    }
    for (int at = DATA; at < WORDS; at++) {
        words[at] = rest[at];
    }
}

static void draw_finder(int left, int top) {
    for (int row = -1; row < 8; row++) {
        for (int column = -1; column < 8; column++) {
            int x = left + column, y = top + row;
            if (x < 0 || y < 0 || x >= SIDE || y >= SIDE) {
                continue;
            }
            int ring = (column == 0 || column == 6) && row >= 0 && row <= 6;
            ring |= (row == 0 || row == 6) && column >= 0 && column <= 6;
            int core = column >= 2 && column <= 4 && row >= 2 && row <= 4;
            set_bit(modules, x, y, ring || core);
            set_bit(fixed, x, y, 1);
        }
    }
}

static void draw(void) {
    for (uint64_t at = 0; at < sizeof modules; at++) {
        modules[at] = fixed[at] = 0;
    }
    draw_finder(0, 0);
    draw_finder(SIDE - 7, 0);
    draw_finder(0, SIDE - 7);
    for (int at = 8; at < SIDE - 8; at++) {
        set_bit(modules, at, 6, !(at % 2));
        set_bit(modules, 6, at, !(at % 2));
        set_bit(fixed, at, 6, 1);
        set_bit(fixed, 6, at, 1);
    }
    int bit = 0;
    for (int right = SIDE - 1; right > 0; right -= 2) {
        right -= right == 6;
        for (int step = 0; step < SIDE; step++) {
            int row = right / 2 % 2 ? step : SIDE - 1 - step;
            for (int column = right; column > right - 2; column--) {
                if (!bit_of(fixed, column, row)) {
                    set_bit(modules, column, row, bit < WORDS * 8 && (words[bit / 8] >> (7 - bit % 8) & 1));
                    bit++;
                }
            }
        }
    }
}

static __attribute__((noinline)) int is_masked(int mask, int column, int row) {
    switch (mask) {
    case 0: return !((row + column) % 2);
    case 1: return !(row % 2);
    case 2: return !(column % 3);
    case 3: return !((row + column) % 3);
    case 4: return !((row / 2 + column / 3) % 2);
    case 5: return !(row * column % 2 + row * column % 3);
    case 6: return !((row * column % 2 + row * column % 3) % 2);
    default: return !(((row + column) % 2 + row * column % 3) % 2);
    }
}

static void apply(int mask) {
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            if (!bit_of(fixed, column, row) && is_masked(mask, column, row)) {
                set_bit(modules, column, row, !bit_of(modules, column, row));
            }
        }
    }
}

static int runs(int across) {
    int penalty = 0;
    for (int line = 0; line < SIDE; line++) {
        int length = 0, last = -1;
        for (int at = 0; at < SIDE; at++) {
            int now = across ? bit_of(modules, at, line) : bit_of(modules, line, at);
            length = now == last ? length + 1 : 1;
            last = now;
            penalty += length == 5 ? 3 : length > 5;
        }
    }
    return penalty;
}

static int squares(void) {
    int penalty = 0;
    for (int row = 1; row < SIDE; row++) {
        for (int column = 1; column < SIDE; column++) {
            int sum = bit_of(modules, column, row) + bit_of(modules, column - 1, row) + bit_of(modules, column, row - 1) +
                      bit_of(modules, column - 1, row - 1);
            penalty += sum % 4 == 0 ? 3 : 0;
        }
    }
    return penalty;
}

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    make_field();
    for (uint64_t round = 0; round < count; round++) {
        for (int at = 0; at < DATA; at++) {
            words[at] = (uint8_t)next_random();
        }
        append_check();
        draw();
        int least = 1 << 30;
        for (int mask = 0; mask < 8; mask++) {
            apply(mask);
            int penalty = runs(0) + runs(1) + squares();
            if (penalty < least) {
                least = penalty;
                for (uint64_t at = 0; at < sizeof modules; at++) {
                    best[at] = modules[at];
                }
            }
            apply(mask);
        }
        for (uint64_t at = 0; at < sizeof best; at++) {
            sum = mixed(sum, best[at]);
        }
    }
    return sum;
}
