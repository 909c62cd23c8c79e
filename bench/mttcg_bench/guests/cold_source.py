"""Prints cold.c: functions with many branches, no two alike, each of which is called once.

The guest says how long all first calls took and how long the longest of them did, and the same of
the second calls.
"""

import random
from collections.abc import Iterator

FUNCTIONS, STEPS = 400, 12
HEAD = '#include "measure.h"\n\nvolatile uint64_t rounds = 1;\n'
MAIN = """
static void all(const char *calls, const char *longest, uint64_t *value) {
    uint64_t most = 0, began = ticks_now();
    for (uint64_t number = 0; number < COUNT; number++) {
        uint64_t start = ticks_now();
        *value += functions[number](*value, number * 77777);
        uint64_t taken = ticks_now() - start;
        most = taken > most ? taken : most;
    }
    report(calls, (int64_t)(ticks_now() - began), 1);
    report(longest, (int64_t)most, 1);
}

uint64_t guest_main(uint64_t hart) {
    uint64_t value = 1;
    if (hart != 0 || rounds == 0) {
        return 0;
    }
    all("first calls", "longest first call", &value);
    all("second calls", "longest second call", &value);
    return value == 0;
}
"""


def steps(draw: random.Random) -> Iterator[str]:
    """The body of a function of x and y: shapes and numbers as they are drawn."""
    shapes = (
        "if (x & {bit}) x = x * {number} + y; else y ^= x >> {shift};",
        "if (x < y) {{ y -= x ^ {number}; x = (x << {shift}) | (y >> {back}); }}",
        "for (int i = 0; i < {few}; i++) x += y >> i;",
        "switch (y & 3) {{ case 0: x += {number}; break; case 1: x ^= y; break; default: y++; }}",
        "table[x % 16] += y; y ^= table[y % 16];",
        "if ((int32_t)x > {number}) x = ~x; else if (y & {bit}) x -= y / {number};",
    )
    for _ in range(STEPS):
        shift = draw.randrange(1, 32)
        yield "    " + draw.choice(shapes).format(
            bit=1 << draw.randrange(20),
            number=draw.randrange(1, 2000),
            shift=shift,
            back=64 - shift,
            few=draw.randrange(1, 4),
        )


def functions(draw: random.Random) -> Iterator[str]:
    """The functions f0, f1, ..., and what they share."""
    yield "static uint64_t table[16];\n"
    for number in range(FUNCTIONS):
        body = "\n".join(steps(draw))
        yield (
            "__attribute__((noinline, aligned(16))) static uint64_t "
            f"f{number}(uint64_t x, uint64_t y) {{\n{body}\n    return x ^ y;\n}}\n"
        )


def source(seed: int = 7) -> str:
    """The whole program; the same for the same seed."""
    parts = [HEAD, *functions(random.Random(seed))]
    names = ", ".join(f"f{number}" for number in range(FUNCTIONS))
    parts.append(f"#define COUNT {FUNCTIONS}UL")
    parts.append(f"static uint64_t (*const functions[COUNT])(uint64_t, uint64_t) = {{{names}}};")
    return "\n".join([*parts, MAIN])


if __name__ == "__main__":
    print(source())
