/* json: reads JSON (RFC 8259) into a tree, changes it, writes it, and reads what it wrote. */
#include "program.h"

#define TEXT 32768
#define VALUES 2048

volatile uint64_t rounds = 10;

enum kind { NOTHING, FALSE, TRUE, NUMBER, STRING, LIST, OBJECT };

struct value {
    enum kind kind;
    int next, first, length; /* the next member, the first of its own, characters of a string */
    int64_t number;
    const char *text, *name;
    int name_length;
};

static struct value values[VALUES];
static int used;
static char texts[2][TEXT];
static const char *at;
static char *out;

static void skip(void) {
    while (*at == ' ' || *at == '\n' || *at == '\t') {
        at++;
    }
}

static int parse(void);

static int string(const char **text) {
    *text = ++at;
    while (*at != '"') {
        at += *at == '\\' ? 2 : 1;
    }
    return (int)(at++ - *text);
}

static int64_t number(void) {
    int64_t value = 0, sign = 1;
    if (*at == '-') {
        sign = -1;
        at++;
    }
    while (*at >= '0' && *at <= '9') {
        value = value * 10 + *at++ - '0';
    }
    return sign * value;
}

static void members(int parent, char end) {
    int *last = &values[parent].first;
    at++;
    skip();
    while (*at != end) {
        const char *name = 0;
        int length = 0;
        if (end == '}') {
            length = string(&name);
            skip();
            at++;
        }
        int child = parse();
        values[child].name = name;
        values[child].name_length = length;
        *last = child;
        last = &values[child].next;
        skip();
        if (*at == ',') {
            at++;
            skip();
        }
    }
    at++;
}

static int parse(void) {
    int self = used++;
    struct value *value = values + self;
    *value = (struct value){0};
    skip();
    switch (*at) {
    case '{':
        value->kind = OBJECT;
        members(self, '}');
        break;
    case '[':
        value->kind = LIST;
        members(self, ']');
        break;
    case '"':
        value->kind = STRING;
        value->length = string(&value->text);
        break;
    case 't':
        value->kind = TRUE;
        at += 4;
        break;
    case 'f':
        value->kind = FALSE;
        at += 5;
        break;
    case 'n':
        at += 4;
        break;
    default:
        value->kind = NUMBER;
        value->number = number();
    }
    return self;
}

static void put(const char *text, int length) {
    for (int one = 0; one < length; one++) {
        *out++ = text[one];
    }
}

static void put_number(int64_t value) {
    char digits[20];
    int count = 0;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    if (value < 0) {
        *out++ = '-';
    }
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    while (count > 0) {
        *out++ = digits[--count];
    }
}

static void put_string(const char *text, int length) {
    *out++ = '"';
    put(text, length);
    *out++ = '"';
}

static void write_value(int self) {
    static const char *const words[] = {"null", "false", "true"};
    static const int lengths[] = {4, 5, 4};
    const struct value *value = values + self;
    switch (value->kind) {
    case NUMBER:
        put_number(value->number);
        break;
    case STRING:
        put_string(value->text, value->length);
        break;
    case LIST:
    case OBJECT:
        *out++ = value->kind == LIST ? '[' : '{';
        for (int child = value->first; child; child = values[child].next) {
            if (values[child].name) {
                put_string(values[child].name, values[child].name_length);
                *out++ = ':';
            }
            write_value(child);
            if (values[child].next) {
                *out++ = ',';
            }
        }
        *out++ = value->kind == LIST ? ']' : '}';
        break;
    default:
        put(words[value->kind], lengths[value->kind]);
    }
}

/* Every number grows by one, every list is turned around. */
static void change(int self) {
    struct value *value = values + self;
    if (value->kind == NUMBER) {
        value->number++;
    }
    int turned = 0;
    for (int child = value->first, next; child; child = next) {
        next = values[child].next;
        change(child);
        if (value->kind == LIST) {
            values[child].next = turned;
            turned = child;
        }
    }
    if (value->kind == LIST) {
        value->first = turned;
    }
}

static void make(int depth) {
    uint64_t kind = next_random() % 8;
    if (depth > 0 && kind < 4) {
        *out++ = kind < 2 ? '[' : '{';
        uint64_t count = 1 + next_random() % 5;
        for (uint64_t one = 0; one < count; one++) {
            if (kind >= 2) {
                put_string("member", 6 - (int)(one % 3));
                *out++ = ':';
            }
            make(depth - 1);
            put(", ", one + 1 < count ? 2 : 0);
        }
        *out++ = kind < 2 ? ']' : '}';
    } else if (kind < 6) {
        put_number((int64_t)next_random() >> 40);
    } else {
        put_string("some \\\" text", (int)(5 + 8 * (kind % 2)) - 1);
    }
}

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        out = texts[0];
        put("[", 1);
        for (int one = 0; one < 4; one++) {
            make(3);
            put(",", 1);
        }
        put("true, false, null]", 19);
        for (int turn = 0; turn < 4; turn++) {
            used = 1;
            at = texts[turn % 2];
            change(parse());
            out = texts[1 - turn % 2];
            write_value(1);
            *out = 0;
            for (const char *one = texts[1 - turn % 2]; *one; one++) {
                sum = mixed(sum, (uint64_t)*one);
            }
        }
    }
    return sum;
}
