/* Reads a flattened device tree (Devicetree Specification v0.4, section 5). All its words are big-endian. */
#include "device_tree.h"

#define MAGIC 0xd00dfeedu
#define TOKEN_BEGIN_NODE 1u
#define TOKEN_END_NODE 2u
#define TOKEN_PROPERTY 3u
#define TOKEN_NOTHING 4u
/* The root is at depth 1, /cpus at 2, /cpus/cpu@0 at 3. */
#define CPU_DEPTH 3

static uint32_t word_at(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t aligned(uint64_t length) { return (length + 3) & ~3UL; }

static uint64_t text_length(const uint8_t *text) {
    uint64_t length = 0;
    while (text[length]) {
        length++;
    }
    return length;
}

static int names_a_cpu(const uint8_t *name) {
    return name[0] == 'c' && name[1] == 'p' && name[2] == 'u' && name[3] == '@';
}

uint64_t count_harts(const void *device_tree) {
    const uint8_t *tree = device_tree;
    if (tree == 0 || word_at(tree) != MAGIC) {
        return 0;
    }
    const uint8_t *at = tree + word_at(tree + 8);
    uint64_t harts = 0;
    unsigned depth = 0;
    for (;;) {
        uint32_t token = word_at(at);
        at += 4;
        if (token == TOKEN_BEGIN_NODE) {
            depth++;
            harts += depth == CPU_DEPTH && names_a_cpu(at);
            at += aligned(text_length(at) + 1);
        } else if (token == TOKEN_END_NODE) {
            depth--;
        } else if (token == TOKEN_PROPERTY) {
            at += 8 + aligned(word_at(at));
        } else if (token != TOKEN_NOTHING) {
            return harts; /* the end, or a tree that is broken from here on */
        }
    }
}
