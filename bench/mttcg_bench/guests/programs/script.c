/* script: a language with dynamic types: reads source text, makes a tree of it, and walks that. Numbers, tables with any key,
   functions, while, if, and operators with precedence, as in Lua. */
#include "program.h"

#define NODES 512
#define NAMES 64
#define CELLS 4096
#define DEPTH 32

volatile uint64_t rounds = 4;

enum kind { NUMBER, NAME, INDEX, CALL, BINARY, ASSIGN, WHILE, IF, RETURN, TABLE, BODY };
enum type { NIL, INTEGER, REFERENCE };

struct value {
    enum type type;
    int64_t number;
};

struct node {
    enum kind kind;
    int operation, first, second, third, next;
    int64_t number;
};

struct cell {
    int64_t table;
    struct value key, value;
};

struct function {
    int body, parameters[4], parameter_count;
};

static const char *source;
static struct node nodes[NODES];
static int node_count, table_count;
static struct cell cells[CELLS];
static struct function functions[NAMES];
static const char *names[NAMES];
static int name_lengths[NAMES], name_count;

struct frame {
    struct value locals[NAMES];
    struct value returned;
    int done;
};

static struct frame frames[DEPTH];
static int depth;

static void skip(void) {
    while (*source == ' ' || *source == '\n') {
        source++;
    }
}

static int is_letter(char one) {
    return (one >= 'a' && one <= 'z') || one == '_';
}

static int is(const char *word) {
    int at = 0;
    while (word[at] && source[at] == word[at]) {
        at++;
    }
    return !word[at] && !(is_letter(word[0]) && is_letter(source[at]));
}

static int taken(const char *word) {
    skip();
    if (!is(word)) {
        return 0;
    }
    while (*word++) {
        source++;
    }
    skip();
    return 1;
}

static int name(void) {
    int length = 0, at;
    skip();
    while (is_letter(source[length])) {
        length++;
    }
    for (at = 0; at < name_count; at++) {
        int same = 0;
        while (same < length && name_lengths[at] == length && names[at][same] == source[same]) {
            same++;
        }
        if (same == length) {
            break;
        }
    }
    if (at == name_count) {
        names[name_count] = source;
        name_lengths[name_count++] = length;
    }
    source += length;
    return at;
}

static int make(enum kind kind, int operation, int first, int second) {
    nodes[node_count] = (struct node){.kind = kind, .operation = operation, .first = first, .second = second};
    return node_count++;
}

static int expression(int level);

static int primary(void) {
    int self;
    skip();
    if (taken("(")) {
        self = expression(0);
        taken(")");
    } else if (taken("{}")) {
        self = make(TABLE, 0, 0, 0);
    } else if (*source >= '0' && *source <= '9') {
        self = make(NUMBER, 0, 0, 0);
        while (*source >= '0' && *source <= '9') {
            nodes[self].number = nodes[self].number * 10 + *source++ - '0';
        }
    } else {
        self = make(NAME, name(), 0, 0);
    }
    for (;;) {
        if (taken("[")) {
            self = make(INDEX, 0, self, expression(0));
            taken("]");
        } else if (taken("(")) {
            int last = 0, called = make(CALL, nodes[self].operation, 0, 0);
            while (!taken(")")) {
                int argument = make(BODY, 0, expression(0), 0);
                *(last ? &nodes[last].next : &nodes[called].first) = argument;
                last = argument;
                taken(",");
            }
            self = called;
        } else {
            return self;
        }
    }
}

static const char *const operators[] = {"==", "<", "+", "-", "*", "/", "%"};
static const int levels[] = {1, 1, 2, 2, 3, 3, 3};

static int expression(int level) {
    int left = primary();
    for (;;) {
        int found = -1;
        skip();
        for (int one = 0; one < 7; one++) {
            if (is(operators[one]) && levels[one] > level) {
                found = one;
                break;
            }
        }
        if (found < 0) {
            return left;
        }
        taken(operators[found]);
        left = make(BINARY, found, left, expression(levels[found]));
    }
}

static int body(void);

static int statement(void) {
    if (taken("while")) {
        int condition = expression(0);
        taken("do");
        return make(WHILE, 0, condition, body());
    }
    if (taken("if")) {
        int condition = expression(0);
        taken("then");
        int self = make(IF, 0, condition, body());
        nodes[self].third = taken("else") ? body() : 0;
        return self;
    }
    if (taken("return")) {
        return make(RETURN, 0, expression(0), 0);
    }
    int target = primary();
    if (taken("=")) {
        return make(ASSIGN, 0, target, expression(0));
    }
    return target;
}

static int body(void) {
    int first = 0, last = 0;
    while (!taken("end")) {
        skip();
        if (is("else")) {
            break;
        }
        int one = make(BODY, 0, statement(), 0);
        *(last ? &nodes[last].next : &first) = one;
        last = one;
    }
    return first;
}

static void read_functions(const char *text) {
    source = text;
    node_count = 1;
    name_count = 0;
    while (taken("function")) {
        struct function *made = functions + name();
        made->parameter_count = 0;
        taken("(");
        while (!taken(")")) {
            made->parameters[made->parameter_count++] = name();
            taken(",");
        }
        made->body = body();
    }
}

static struct value *slot(struct value table, struct value key) {
    uint64_t at = mixed(mixed((uint64_t)table.number, (uint64_t)key.type), (uint64_t)key.number);
    for (at ^= at >> 29;; at++) {
        struct cell *cell = cells + at % CELLS;
        if (cell->table == 0) {
            *cell = (struct cell){table.number, key, {NIL, 0}};
        }
        if (cell->table == table.number && cell->key.type == key.type && cell->key.number == key.number) {
            return &cell->value;
        }
    }
}

static struct value evaluate(int self, struct frame *frame);
static void execute(int self, struct frame *frame);

static struct value call(int self, struct frame *frame) {
    const struct function *function = functions + nodes[self].operation;
    struct frame *inner = frames + depth++;
    inner->done = 0;
    inner->returned = (struct value){NIL, 0};
    for (int one = 0; one < name_count; one++) {
        inner->locals[one] = (struct value){NIL, 0};
    }
    int parameter = 0;
    for (int one = nodes[self].first; one; one = nodes[one].next) {
        inner->locals[function->parameters[parameter++]] = evaluate(nodes[one].first, frame);
    }
    execute(function->body, inner);
    depth--;
    return inner->returned;
}

static int64_t compute(int operation, int64_t left, int64_t right) {
    switch (operation) {
    case 0: return left == right;
    case 1: return left < right;
    case 2: return left + right;
    case 3: return left - right;
    case 4: return left * right;
    case 5: return right ? left / right : 0;
    default: return right ? left % right : 0;
    }
}

static struct value evaluate(int self, struct frame *frame) {
    const struct node *node = nodes + self;
    switch (node->kind) {
    case NUMBER:
        return (struct value){INTEGER, node->number};
    case NAME:
        return frame->locals[node->operation];
    case INDEX:
        return *slot(evaluate(node->first, frame), evaluate(node->second, frame));
    case CALL:
        return call(self, frame);
    case TABLE:
        return (struct value){REFERENCE, ++table_count};
    default: {
        struct value left = evaluate(node->first, frame), right = evaluate(node->second, frame);
        return (struct value){INTEGER, compute(node->operation, left.number, right.number)};
    }
    }
}

static void execute(int self, struct frame *frame) {
    for (; self && !frame->done; self = nodes[self].next) {
        const struct node *node = nodes + nodes[self].first;
        switch (node->kind) {
        case ASSIGN: {
            const struct node *target = nodes + node->first;
            struct value value = evaluate(node->second, frame);
            if (target->kind == NAME) {
                frame->locals[target->operation] = value;
            } else {
                *slot(evaluate(target->first, frame), evaluate(target->second, frame)) = value;
            }
            break;
        }
        case WHILE:
            while (!frame->done && evaluate(node->first, frame).number) {
                execute(node->second, frame);
            }
            break;
        case IF:
            execute(evaluate(node->first, frame).number ? node->second : node->third, frame);
            break;
        case RETURN:
            frame->returned = evaluate(node->first, frame);
            frame->done = 1;
            break;
        default:
            evaluate(nodes[self].first, frame);
        }
    }
}

static const char text[] =
    "function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end "
    "function fill(t, n) i = 0 while i < n do t[i] = (i * 7919 + 13) % 257 i = i + 1 end return t end "
    "function sort(t, n) i = 1 while i < n do j = i while 0 < j * (t[j] < t[j - 1]) do "
    "k = t[j] t[j] = t[j - 1] t[j - 1] = k j = j - 1 end i = i + 1 end return t end "
    "function total(t, n) s = 0 i = 0 while i < n do s = s * 31 % 1000003 + t[i] i = i + 1 end return s end "
    "function main(n) return total(sort(fill({}, n), n), n) + fib(n / 4) * 10 end ";

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        for (int at = 0; at < CELLS; at++) {
            cells[at].table = 0;
        }
        read_functions(text);
        source = "main";
        int called = make(CALL, name(), 0, 0);
        nodes[called].first = make(BODY, 0, make(NUMBER, 0, 0, 0), 0);
        nodes[nodes[nodes[called].first].first].number = 40 + (int64_t)(round % 16);
        depth = 1;
        sum = mixed(sum, (uint64_t)call(called, frames).number);
    }
    return sum;
}
