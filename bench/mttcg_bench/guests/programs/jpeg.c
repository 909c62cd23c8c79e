/* jpeg: what a baseline JPEG coder does with one component (ITU-T T.81): cosine transform of blocks of 8 x 8, quantisation,
   zigzag, run lengths, codes of different length; then all of it backwards, and how far the picture has moved. */
#include "program.h"

#define SIDE 64
#define BLOCK 8
#define AREA (BLOCK * BLOCK)
#define BITS 13

volatile uint64_t rounds = 4;

static int16_t picture[SIDE][SIDE], seen[SIDE][SIDE];
static uint8_t stream[SIDE * SIDE * 4], zigzag[AREA];
static uint64_t bits_written, bits_read;

/* cos(k pi / 16) * 2^13. */
static const int32_t cosines[9] = {8192, 8035, 7568, 6811, 5793, 4551, 3135, 1598, 0};

static int32_t cosine(int number) {
    number &= 31;
    if (number > 16) {
        number = 32 - number;
    }
    return number > 8 ? -cosines[16 - number] : cosines[number];
}

static void order(void) {
    int row = 0, column = 0;
    for (int at = 0; at < AREA; at++) {
        zigzag[at] = (uint8_t)(row * BLOCK + column);
        if ((row + column) % 2 == 0) {
            if (column == BLOCK - 1) {
                row++;
            } else if (row == 0) {
                column++;
            } else {
                row--, column++;
            }
        } else if (row == BLOCK - 1) {
            column++;
        } else if (column == 0) {
            row++;
        } else {
            row++, column--;
        }
    }
}

static void transform(const int32_t *from, int32_t *to, int step) {
    for (int frequency = 0; frequency < BLOCK; frequency++) {
        int32_t sum = 0;
        for (int at = 0; at < BLOCK; at++) {
            sum += from[at * step] * cosine((2 * at + 1) * frequency);
        }
        to[frequency * step] = (frequency ? sum : sum / 1448 * 1024) >> (BITS + 1);
    }
}

static void back(const int32_t *from, int32_t *to, int step) {
    for (int at = 0; at < BLOCK; at++) {
        int32_t sum = from[0] * 5793;
        for (int frequency = 1; frequency < BLOCK; frequency++) {
            sum += from[frequency * step] * cosine((2 * at + 1) * frequency);
        }
        to[at * step] = sum >> (BITS + 1);
    }
}

static void put(uint64_t value, int count) {
    while (count-- > 0) {
        uint8_t *byte = stream + bits_written / 8;
        if (bits_written % 8 == 0) {
            *byte = 0;
        }
        *byte |= (uint8_t)((value >> count & 1) << (7 - bits_written % 8));
        bits_written++;
    }
}

static uint64_t get(int count) {
    uint64_t value = 0;
    while (count-- > 0) {
        value = value << 1 | (stream[bits_read / 8] >> (7 - bits_read % 8) & 1);
        bits_read++;
    }
    return value;
}

static int size_of(int32_t value) {
    int size = 0;
    for (uint32_t rest = (uint32_t)(value < 0 ? -value : value); rest; rest >>= 1) {
        size++;
    }
    return size;
}

/* A run of zeros in unary with a stop, a size in four bits, the value as JPEG writes it. */
static void put_symbol(int run, int32_t value) {
    int size = size_of(value);
    while (run-- > 0) {
        put(1, 1);
    }
    put(0, 1);
    put((uint64_t)size, 4);
    put((uint64_t)(value < 0 ? value + (1 << size) - 1 : value), size);
}

static int32_t get_value(void) {
    int size = (int)get(4);
    int32_t value = (int32_t)get(size);
    return size && !(value >> (size - 1)) ? value - (1 << size) + 1 : value;
}

static int32_t quantum(int at, int quality) {
    return 1 + (1 + at / BLOCK + at % BLOCK) * quality;
}

static void encode(int top, int left, int quality) {
    int32_t block[AREA], turned[AREA];
    for (int at = 0; at < AREA; at++) {
        block[at] = picture[top + at / BLOCK][left + at % BLOCK] - 128;
    }
    for (int at = 0; at < BLOCK; at++) {
        transform(block + at * BLOCK, turned + at * BLOCK, 1);
    }
    for (int at = 0; at < BLOCK; at++) {
        transform(turned + at, block + at, BLOCK);
    }
    int run = 0;
    for (int at = 0; at < AREA; at++) {
        int32_t value = block[zigzag[at]] / quantum(zigzag[at], quality);
        if (value == 0) {
            run++;
        } else {
            put_symbol(run, value);
            run = 0;
        }
    }
    put_symbol(0, 0);
}

static void decode(int top, int left, int quality) {
    int32_t block[AREA] = {0}, turned[AREA];
    for (int at = 0;; at++) {
        while (get(1)) {
            at++;
        }
        int32_t value = get_value();
        if (value == 0) {
            break;
        }
        block[zigzag[at]] = value * quantum(zigzag[at], quality);
    }
    for (int at = 0; at < BLOCK; at++) {
        back(block + at, turned + at, BLOCK);
    }
    for (int at = 0; at < BLOCK; at++) {
        back(turned + at * BLOCK, block + at * BLOCK, 1);
    }
    for (int at = 0; at < AREA; at++) {
        seen[top + at / BLOCK][left + at % BLOCK] = (int16_t)(block[at] + 128);
    }
}

static void draw(uint64_t round) {
    for (int row = 0; row < SIDE; row++) {
        for (int column = 0; column < SIDE; column++) {
            int far = (row - 32) * (row - 32) + (column - (int)(round % SIDE)) * (column - 32);
            picture[row][column] = (int16_t)((far / 16 + row * 2 + (column & row)) & 0xff);
        }
    }
}

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    order();
    for (uint64_t round = 0; round < count; round++) {
        int quality = 1 + (int)(round % 4);
        draw(round);
        bits_written = bits_read = 0;
        for (int at = 0; at < SIDE * SIDE / AREA; at++) {
            encode(at / (SIDE / BLOCK) * BLOCK, at % (SIDE / BLOCK) * BLOCK, quality);
        }
        for (int at = 0; at < SIDE * SIDE / AREA; at++) {
            decode(at / (SIDE / BLOCK) * BLOCK, at % (SIDE / BLOCK) * BLOCK, quality);
        }
        uint64_t moved = 0;
        for (int at = 0; at < SIDE * SIDE; at++) {
            int32_t by = picture[at / SIDE][at % SIDE] - seen[at / SIDE][at % SIDE];
            moved += (uint64_t)(by * by);
        }
        sum = mixed(mixed(sum, bits_written), moved);
    }
    return sum;
}
