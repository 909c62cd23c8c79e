/* compress: finds what is repeated (LZ77 with chains of equal hashes), writes it with a code of Huffman, and reads it back. */
#include "program.h"

#define TEXT 8192
#define HASHES 1024
#define SYMBOLS 512 /* 0..255 are bytes, 256 + length is a copy */
#define LEAST 3
#define MOST 200
#define FAR 4096

volatile uint64_t rounds = 4;

struct symbol {
    uint64_t code;
    int length;
};

static uint8_t text[TEXT], seen[TEXT];
static int16_t newest[HASHES], older[TEXT];
static uint32_t tokens[TEXT]; /* symbol, and how far back */
static int token_count;
static uint32_t weights[2 * SYMBOLS];
static int16_t parents[2 * SYMBOLS], children[2 * SYMBOLS][2];
static struct symbol symbols[SYMBOLS];
static uint64_t stream[TEXT];
static uint64_t bits_written, bits_read;
static int root;

static uint32_t hash(int at) {
    return ((uint32_t)text[at] << 10 ^ (uint32_t)text[at + 1] << 5 ^ text[at + 2]) * 2654435761u >> 22;
}

static int common(int one, int other) {
    int length = 0;
    while (length < MOST && other + length < TEXT && text[one + length] == text[other + length]) {
        length++;
    }
    return length;
}

static void remember(int at) {
    if (at + LEAST <= TEXT) {
        uint32_t row = hash(at);
        older[at] = newest[row];
        newest[row] = (int16_t)at;
    }
}

static void find_repeated(void) {
    for (int row = 0; row < HASHES; row++) {
        newest[row] = -1;
    }
    token_count = 0;
    for (int at = 0; at < TEXT;) {
        int best = 0, distance = 0, tries = 32;
        int one = at + LEAST <= TEXT ? newest[hash(at)] : -1;
        for (; one >= 0 && at - one < FAR && tries-- > 0; one = older[one]) {
            int length = common(one, at);
            if (length > best) {
                best = length;
                distance = at - one;
            }
        }
        int length = best >= LEAST ? best : 1;
        tokens[token_count++] = length == 1 ? text[at] : (uint32_t)(256 + length) | (uint32_t)distance << 16;
        while (length-- > 0) {
            remember(at++);
        }
    }
}

static int lightest(int count) {
    int found = -1;
    for (int node = 0; node < count; node++) {
        if (weights[node] && parents[node] < 0 && (found < 0 || weights[node] < weights[found])) {
            found = node;
        }
    }
    return found;
}

static void make_codes(void) {
    int count = SYMBOLS;
    for (int node = 0; node < 2 * SYMBOLS; node++) {
        weights[node] = 0;
        parents[node] = -1;
    }
    for (int one = 0; one < token_count; one++) {
        weights[tokens[one] & 0xffff]++;
    }
    for (;;) {
        int one = lightest(count);
        parents[one] = 0;
        int other = lightest(count);
        if (other < 0) {
            root = one;
            break;
        }
        weights[count] = weights[one] + weights[other];
        children[count][0] = (int16_t)one;
        children[count][1] = (int16_t)other;
        parents[one] = parents[other] = (int16_t)count++;
    }
    parents[root] = -1;
    for (int one = 0; one < SYMBOLS; one++) {
        symbols[one] = (struct symbol){0, 0};
        for (int node = one; weights[one] && node != root; node = parents[node]) {
            symbols[one].code |= (uint64_t)(children[parents[node]][1] == node) << symbols[one].length++;
        }
    }
}

static void put(uint64_t value, int count) {
    while (count-- > 0) {
        uint64_t *word = stream + bits_written / 64;
        *word = (bits_written % 64 ? *word : 0) | (value >> count & 1) << bits_written % 64;
        bits_written++;
    }
}

static uint64_t get(int count) {
    uint64_t value = 0;
    while (count-- > 0) {
        value = value << 1 | (stream[bits_read / 64] >> bits_read % 64 & 1);
        bits_read++;
    }
    return value;
}

static void encode(void) {
    bits_written = 0;
    for (int one = 0; one < token_count; one++) {
        struct symbol symbol = symbols[tokens[one] & 0xffff];
        put(symbol.code, symbol.length);
        if ((tokens[one] & 0xffff) >= 256) {
            put(tokens[one] >> 16, 12);
        }
    }
}

static int decode(void) {
    bits_read = 0;
    for (int at = 0; at < TEXT;) {
        int node = root;
        while (node >= SYMBOLS) {
            node = children[node][get(1)];
        }
        if (node < 256) {
            seen[at++] = (uint8_t)node;
            continue;
        }
        int from = at - (int)get(12);
        for (int length = node - 256; length > 0; length--) {
            seen[at++] = seen[from++];
        }
    }
    for (int at = 0; at < TEXT; at++) {
        if (seen[at] != text[at]) {
            return 0;
        }
    }
    return 1;
}

static void write_text(void) {
    for (int at = 0; at < TEXT;) {
        if (at > 100 && next_random() % 3) {
            int from = (int)(next_random() % (uint64_t)at), length = 3 + (int)(next_random() % 20);
            while (length-- > 0 && at < TEXT) {
                text[at++] = text[from++];
            }
        } else {
            text[at++] = (uint8_t)('a' + next_random() % 20 * (next_random() % 2));
        }
    }
}

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        write_text();
        find_repeated();
        make_codes();
        encode();
        sum = mixed(mixed(mixed(sum, bits_written), (uint64_t)token_count), (uint64_t)decode());
    }
    return sum;
}
