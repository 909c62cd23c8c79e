"""Prints many_calls.c: places that call the functions of cold.c, each once a round, on all harts.

The first hart says how long a call took in the first round, and in those behind it.
"""

import random

from mttcg_bench.guests.cold_source import FUNCTIONS, HEAD, functions

CALLS = 2000
"""Places, in pages that have nothing else."""
MAIN = """
uint64_t guest_main(uint64_t hart) {
    uint64_t value = 1, began = ticks_now();
    value = all(value);
    if (hart == 0) {
        report("a first call", (int64_t)(ticks_now() - began), CALLS);
    }
    began = ticks_now();
    for (uint64_t round = 0; round < rounds; round++) {
        value = all(value);
    }
    if (hart == 0) {
        report("a later call", (int64_t)(ticks_now() - began), CALLS * rounds);
    }
    return 0;
}
"""


def source(seed: int = 7) -> str:
    """The whole program; the same for the same seed."""
    draw = random.Random(seed)
    own = (text.replace("table[16]", "table[64][16]") for text in functions(draw))
    parts = [HEAD, *(text.replace("table[x", "table[x >> 58][x") for text in own)]
    parts = [text.replace("table[y", "table[y >> 58][y") for text in parts]
    parts.append(f"#define CALLS {CALLS}UL")
    parts.append("__attribute__((noinline)) static uint64_t all(uint64_t value) {")
    for number in range(CALLS):
        called = number if number < FUNCTIONS else draw.randrange(FUNCTIONS)
        parts.append(f"    value += f{called}(value, {number});")
    return "\n".join([*parts, "    return value;\n}", MAIN])


if __name__ == "__main__":
    print(source())
