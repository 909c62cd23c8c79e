/* trees: a library of sorted containers: AVL trees with insertion and removal, a heap, quicksort and merge sort of records. */
#include "program.h"

#define NODES 1024
#define NONE 0

volatile uint64_t rounds = 4;

struct node {
    uint64_t key;
    uint16_t left, right;
    int16_t height;
};

struct record {
    uint32_t key, place;
};

static struct node nodes[NODES];
static uint16_t unused[NODES];
static int unused_count;
static struct record records[NODES], spare[NODES];

static int height(uint16_t node) {
    return nodes[node].height;
}

static void measure(uint16_t node) {
    int left = height(nodes[node].left), right = height(nodes[node].right);
    nodes[node].height = (int16_t)(1 + (left > right ? left : right));
}

static uint16_t turn_right(uint16_t node) {
    uint16_t top = nodes[node].left;
    nodes[node].left = nodes[top].right;
    nodes[top].right = node;
    measure(node);
    measure(top);
    return top;
}

static uint16_t turn_left(uint16_t node) {
    uint16_t top = nodes[node].right;
    nodes[node].right = nodes[top].left;
    nodes[top].left = node;
    measure(node);
    measure(top);
    return top;
}

static uint16_t balanced(uint16_t node) {
    uint16_t left = nodes[node].left, right = nodes[node].right;
    measure(node);
    if (height(left) > height(right) + 1) {
        if (height(nodes[left].right) > height(nodes[left].left)) {
            nodes[node].left = turn_left(left);
        }
        return turn_right(node);
    }
    if (height(right) > height(left) + 1) {
        if (height(nodes[right].left) > height(nodes[right].right)) {
            nodes[node].right = turn_right(right);
        }
        return turn_left(node);
    }
    return node;
}

static uint16_t insert(uint16_t node, uint64_t key) {
    if (node == NONE) {
        if (unused_count == 0) {
            return NONE;
        }
        node = unused[--unused_count];
        nodes[node] = (struct node){key, NONE, NONE, 1};
        return node;
    }
    if (key < nodes[node].key) {
        nodes[node].left = insert(nodes[node].left, key);
    } else if (key > nodes[node].key) {
        nodes[node].right = insert(nodes[node].right, key);
    }
    return balanced(node);
}

static uint16_t removed(uint16_t node, uint64_t key) {
    if (node == NONE) {
        return NONE;
    }
    if (key < nodes[node].key) {
        nodes[node].left = removed(nodes[node].left, key);
    } else if (key > nodes[node].key) {
        nodes[node].right = removed(nodes[node].right, key);
    } else if (nodes[node].left == NONE || nodes[node].right == NONE) {
        uint16_t child = nodes[node].left == NONE ? nodes[node].right : nodes[node].left;
        unused[unused_count++] = node;
        return child;
    } else {
        uint16_t next = nodes[node].right;
        while (nodes[next].left != NONE) {
            next = nodes[next].left;
        }
        nodes[node].key = nodes[next].key;
        nodes[node].right = removed(nodes[node].right, nodes[next].key);
    }
    return balanced(node);
}

static uint64_t walked(uint16_t node, uint64_t sum) {
    if (node == NONE) {
        return sum;
    }
    sum = walked(nodes[node].left, sum);
    return walked(nodes[node].right, mixed(sum, nodes[node].key));
}

static int before(const struct record *one, const struct record *other) {
    return one->key != other->key ? one->key < other->key : one->place < other->place;
}

static void quick(struct record *low, struct record *high) {
    while (high - low > 1) {
        struct record pivot = low[(high - low) / 2], *left = low, *right = high - 1;
        while (left <= right) {
            while (before(left, &pivot)) {
                left++;
            }
            while (before(&pivot, right)) {
                right--;
            }
            if (left <= right) {
                struct record kept = *left;
                *left++ = *right;
                *right-- = kept;
            }
        }
        quick(low, right + 1);
        low = left;
    }
}

static void merge(struct record *from, int count) {
    if (count < 2) {
        return;
    }
    int half = count / 2, left = 0, right = half;
    merge(from, half);
    merge(from + half, count - half);
    for (int at = 0; at < count; at++) {
        int first = right >= count || (left < half && !before(from + right, from + left));
        spare[at] = from[first ? left++ : right++];
    }
    for (int at = 0; at < count; at++) {
        from[at] = spare[at];
    }
}

static void sink(int at, int count) {
    for (int child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(records + child, records + child + 1)) {
            child++;
        }
        if (!before(records + at, records + child)) {
            return;
        }
        struct record kept = records[at];
        records[at] = records[child];
        records[child] = kept;
    }
}

static void heap(void) {
    for (int at = NODES / 2; at-- > 0;) {
        sink(at, NODES);
    }
    for (int last = NODES - 1; last > 0; last--) {
        struct record kept = records[0];
        records[0] = records[last];
        records[last] = kept;
        sink(0, last);
    }
}

static uint64_t sorted(int how) {
    for (int at = 0; at < NODES; at++) {
        records[at] = (struct record){(uint32_t)(next_random() % 500), (uint32_t)at};
    }
    if (how == 0) {
        quick(records, records + NODES);
    } else if (how == 1) {
        merge(records, NODES);
    } else {
        heap();
    }
    uint64_t sum = 0;
    for (int at = 0; at < NODES; at++) {
        sum = mixed(sum, (uint64_t)records[at].key << 32 | records[at].place);
    }
    return sum;
}

static uint64_t work(uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t round = 0; round < count; round++) {
        uint16_t root = NONE;
        unused_count = 0;
        for (int at = NODES - 1; at > 0; at--) {
            unused[unused_count++] = (uint16_t)at;
        }
        for (int at = 0; at < 3 * NODES; at++) {
            uint64_t key = next_random() % 1500;
            root = at % 3 == 2 ? removed(root, key) : insert(root, key);
        }
        sum = walked(root, mixed(sum, (uint64_t)height(root)));
        for (int how = 0; how < 3; how++) {
            sum = mixed(sum, sorted(how));
        }
    }
    return sum;
}
