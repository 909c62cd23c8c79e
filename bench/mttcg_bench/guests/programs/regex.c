/* regex: a machine that matches regular expressions by going back, compiled from their text: . * + ? | ( ) [a-z]. */
#include "program.h"

#define CODE 256
#define TEXT 1200
#define NONE 0xffff

volatile uint64_t rounds = 10;

enum kind { CHARACTER, ANY, SET, SPLIT, JUMP, MATCH };

struct instruction {
    enum kind kind;
    uint16_t first, second; /* where to go on; a character; a set */
};

static struct instruction code[CODE];
static uint64_t sets[16][4];
static int length, set_count;
static const char *pattern;
static char text[TEXT + 1];
static uint64_t steps;

static int emit(enum kind kind, int first, int second) {
    code[length] = (struct instruction){kind, (uint16_t)first, (uint16_t)second};
    return length++;
}

/* Make room for one instruction at a place; those behind it move, and where they go. */
static void insert(int at) {
    for (int one = length++; one > at; one--) {
        code[one] = code[one - 1];
        if (code[one].kind == SPLIT || code[one].kind == JUMP) {
            code[one].first = (uint16_t)(code[one].first + (code[one].first >= at));
            code[one].second = (uint16_t)(code[one].second + (code[one].second >= at));
        }
    }
}

static void alternatives(void);

static void add_range(int set, int low, int high) {
    for (int one = low; one <= high; one++) {
        sets[set][one / 64] |= 1ul << one % 64;
    }
}

static void parse_set(void) {
    int set = set_count++;
    sets[set][0] = sets[set][1] = sets[set][2] = sets[set][3] = 0;
    while (*pattern != ']') {
        int low = *pattern++, high = low;
        if (*pattern == '-' && pattern[1] != ']') {
            high = pattern[1];
            pattern += 2;
        }
        add_range(set, low, high);
    }
    pattern++;
    emit(SET, set, 0);
}

static void atom(void) {
    char one = *pattern++;
    if (one == '(') {
        alternatives();
        pattern++;
    } else if (one == '[') {
        parse_set();
    } else if (one == '.') {
        emit(ANY, 0, 0);
    } else {
        emit(CHARACTER, one, 0);
    }
}

static void repeated(void) {
    int begin = length;
    atom();
    switch (*pattern) {
    case '*':
        insert(begin);
        emit(JUMP, begin, 0);
        code[begin] = (struct instruction){SPLIT, (uint16_t)(begin + 1), (uint16_t)length};
        pattern++;
        break;
    case '+':
        emit(SPLIT, begin, length + 1);
        pattern++;
        break;
    case '?':
        insert(begin);
        code[begin] = (struct instruction){SPLIT, (uint16_t)(begin + 1), (uint16_t)length};
        pattern++;
        break;
    default:
        break;
    }
}

static void alternatives(void) {
    int begin = length;
    while (*pattern && *pattern != ')' && *pattern != '|') {
        repeated();
    }
    if (*pattern == '|') {
        pattern++;
        insert(begin);
        int jump = emit(JUMP, 0, 0);
        code[begin] = (struct instruction){SPLIT, (uint16_t)(begin + 1), (uint16_t)length};
        alternatives();
        code[jump].first = (uint16_t)length;
    }
}

static void compile(const char *source) {
    length = set_count = 0;
    pattern = source;
    alternatives();
    emit(MATCH, 0, 0);
}

/* Where a match that begins at a place ends, or null. */
static const char *match(int at, const char *place) {
    for (;;) {
        struct instruction now = code[at];
        steps++;
        switch (now.kind) {
        case CHARACTER:
            if (*place != (char)now.first) {
                return 0;
            }
            at++, place++;
            break;
        case ANY:
            if (!*place) {
                return 0;
            }
            at++, place++;
            break;
        case SET: {
            uint8_t one = (uint8_t)*place;
            if (!(sets[now.first][one / 64] >> one % 64 & 1)) {
                return 0;
            }
            at++, place++;
            break;
        }
        case SPLIT: {
            const char *found = match(now.first, place);
            if (found) {
                return found;
            }
            at = now.second;
            break;
        }
        case JUMP:
            at = now.first;
            break;
        case MATCH:
            return place;
        }
    }
}

static uint64_t find_all(void) {
    uint64_t sum = 0;
    for (const char *place = text; *place;) {
        const char *end = match(0, place);
        if (end && end > place) {
            sum = mixed(sum, (uint64_t)(place - text) << 32 | (uint64_t)(end - place));
            place = end;
        } else {
            place++;
        }
    }
    return sum;
}

static uint64_t work(uint64_t count) {
    static const char *const patterns[] = {
        "[a-z]+@[a-z]+\\.(com|org|net)", "(ab|a)(c|bcd)(d?)", "[0-9]+(\\.[0-9]+)?(e[0-9]+)?", "(x+x+)+y",
        "(the|a|an) [a-z]+(ing|ed|s)?", "[A-Z][a-z]*( [A-Z][a-z]*)*"};
    static const char alphabet[] = "abcdefghij xyz@.the an ing 0123 ABC com org";
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        for (int at = 0; at < TEXT; at++) {
            text[at] = alphabet[next_random() % (sizeof alphabet - 1)];
        }
        for (uint64_t one = 0; one < sizeof patterns / sizeof *patterns; one++) {
            compile(patterns[one]);
            sum = mixed(sum, find_all());
        }
    }
    return mixed(sum, steps);
}
