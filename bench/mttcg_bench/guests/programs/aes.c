/* aes: AES-128 (FIPS 197) in counter mode, by the S-box alone; what is decrypted must be the text. */
#include "program.h"

#define BLOCK 16
#define ROUND_KEYS 11
#define TEXT 4096

volatile uint64_t rounds = 10;

static uint8_t box[256], keys[ROUND_KEYS][BLOCK], text[TEXT];

static uint8_t doubled(uint8_t value) {
    return (uint8_t)(value << 1 ^ (value & 0x80 ? 0x1b : 0));
}

static uint8_t rotated(uint8_t value, int by) {
    return (uint8_t)(value << by | value >> (8 - by));
}

/* 3 generates all of the field: one goes up by it, the other down. */
static void make_box(void) {
    uint8_t up = 1, down = 1;
    do {
        up = (uint8_t)(up ^ doubled(up));
        down ^= (uint8_t)(down << 1);
        down ^= (uint8_t)(down << 2);
        down ^= (uint8_t)(down << 4);
        down ^= down & 0x80 ? 0x09 : 0;
        box[up] = (uint8_t)(down ^ rotated(down, 1) ^ rotated(down, 2) ^ rotated(down, 3) ^ rotated(down, 4) ^ 0x63);
    } while (up != 1);
    box[0] = 0x63;
}

static void expand(const uint8_t *key) {
    uint8_t constant = 1, *words = keys[0];
    for (int at = 0; at < BLOCK; at++) {
        words[at] = key[at];
    }
    for (int at = BLOCK; at < BLOCK * ROUND_KEYS; at += 4) {
        uint8_t last[4] = {words[at - 4], words[at - 3], words[at - 2], words[at - 1]};
        if (at % BLOCK == 0) {
            uint8_t first = last[0];
            last[0] = (uint8_t)(box[last[1]] ^ constant);
            last[1] = box[last[2]];
            last[2] = box[last[3]];
            last[3] = box[first];
            constant = doubled(constant);
        }
        for (int byte = 0; byte < 4; byte++) {
            words[at + byte] = (uint8_t)(words[at + byte - BLOCK] ^ last[byte]);
        }
    }
}

static void add_key(uint8_t *state, const uint8_t *key) {
    for (int at = 0; at < BLOCK; at++) {
        state[at] ^= key[at];
    }
}

static void substitute_and_shift(uint8_t *state) {
    uint8_t old[BLOCK];
    for (int at = 0; at < BLOCK; at++) {
        old[at] = box[state[at]];
    }
    for (int at = 0; at < BLOCK; at++) {
        state[at] = old[(at + 4 * (at % 4)) % BLOCK];
    }
}

static void mix_columns(uint8_t *state) {
    for (uint8_t *column = state; column < state + BLOCK; column += 4) {
        uint8_t first = column[0], all = (uint8_t)(column[0] ^ column[1] ^ column[2] ^ column[3]);
        for (int at = 0; at < 4; at++) {
            uint8_t next = at < 3 ? column[at + 1] : first;
            column[at] ^= (uint8_t)(all ^ doubled((uint8_t)(column[at] ^ next)));
        }
    }
}

static void encrypt(uint8_t *state) {
    add_key(state, keys[0]);
    for (int round = 1; round < ROUND_KEYS; round++) {
        substitute_and_shift(state);
        if (round < ROUND_KEYS - 1) {
            mix_columns(state);
        }
        add_key(state, keys[round]);
    }
}

static void apply(uint64_t nonce) {
    for (uint64_t at = 0; at < TEXT; at += BLOCK) {
        uint8_t counter[BLOCK];
        for (int byte = 0; byte < BLOCK; byte++) {
            counter[byte] = (uint8_t)((byte < 8 ? nonce : at) >> 8 * (byte % 8));
        }
        encrypt(counter);
        add_key(text + at, counter);
    }
}

static uint64_t work(uint64_t count) {
    static const uint8_t key[BLOCK] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    uint64_t sum = 0;
    make_box();
    for (uint64_t round = 0; round < count; round++) {
        expand(key);
        apply(round);
        for (int at = 0; at < TEXT; at += 8) {
            sum = mixed(sum, *(uint64_t *)(void *)(text + at));
        }
        if (round % 2) {
            apply(round - 1);
            apply(round);
        }
    }
    return sum;
}
