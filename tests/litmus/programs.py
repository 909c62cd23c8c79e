"""Guest programs of litmus tests: each hart of a test has a page with a loop over many rounds.

Before each round the harts of a test look for each other, then each waits for a pseudo-random
moment, so that their instructions overlap in all ways that there are. They do so by plain accesses,
which order nothing. Each round has locations of its own, in lines of their own, which its harts
have loaded the round before: a store then takes a while to reach the others, and that is when
reordering shows.
"""

import re
from itertools import count

from assembler import assemble
from shapes import Litmus

PAGE = 4096
CODE = 0x8000_0000
BATCH = 2048
"""Rounds at a time."""
LOCATIONS, ROUND = 3, 1024
"""Of one round, and bytes from one to the next."""
DISTANCE = 256
"""Bytes from one location to the next; never side by side, as hosts fetch lines in pairs."""
REGISTERS, RESULT = 3, 4
"""That an outcome may name, and bytes of what they have at the end of a round."""
MOST_HARTS = 4
CODE_SIZE = 1 << 20
PROGRESS = CODE + CODE_SIZE
"""How many rounds each hart has begun, in a line of its own."""
RESULTS = PROGRESS + PAGE
MEMORY = RESULTS + MOST_HARTS * BATCH * RESULT
SIZE = MEMORY + (BATCH + 4) * ROUND - CODE
"""With a round for trials, and what is loaded a round ahead."""
ALIAS = 1 << 30
"""Under translation, bytes from one virtual address of a page to the next."""

MACROS = """
.macro address from
    xor t0, \\from, \\from
    add t1, t0, a0
.endm
.macro data from
    xor t0, \\from, \\from
    addi t1, t0, 1
.endm
.macro control from
    bne \\from, a5, 9f
9:
.endm
"""
NAMES = {
    "x": "0(a0)", "y": f"{DISTANCE}(a0)", "z": f"{2 * DISTANCE}(a0)",
    "&x": "a0", "&y": "a1", "&z": "a2",
    "x[t1]": "0(t1)", "y[t1]": f"{DISTANCE}(t1)", "z[t1]": f"{2 * DISTANCE}(t1)",
    "one": "a5", "two": "a6", "nil": "a7",
    "r0": "s2", "r1": "s3", "r2": "s4",
}  # fmt: skip
IN_ALIAS = {
    "x": "0(a3)", "y": f"{DISTANCE}(a3)", "z": f"{2 * DISTANCE}(a3)", "&x": "a3", "&y": "a4",
}  # fmt: skip
"""The same locations, by another virtual address."""
_NAME = re.compile(r"&?\b(?:[xyz](?:\[t1\])?|one|two|nil|r[012])(?!\w)")


def body(text: str, aliased: bool = False) -> str:
    """What a hart of a test does in a round, for the assembler.

    aliased: whether every second access is by another virtual address of its location.
    """
    turn = count()

    def register(found: re.Match[str]) -> str:
        name = found[0]
        if aliased and name in IN_ALIAS and next(turn) % 2:
            return IN_ALIAS[name]
        return NAMES[name]

    return _NAME.sub(register, text)


def _meeting(hart: int, harts: int, label: str) -> str:
    """Both leave here at nearly the same time."""
    looks = "".join(
        f"""
    mv t0, s5
{label}_poll{other}:
    ld t1, {DISTANCE * other}(s9)
    bgeu t1, s0, {label}_met{other}
    addi t0, t0, -1
    bnez t0, {label}_poll{other}
{label}_met{other}:"""
        for other in range(harts)
        if other != hart
    )
    return f"    addi s0, s0, 1\n    sd s0, {DISTANCE * hart}(s9){looks}"


def _page(litmus: Litmus, hart: int, label: str, aliased: bool) -> str:
    """The loop of one hart. s1: rounds left; s5: polls; s10: where results go; s11: random."""
    following = "".join(
        f"    lw t0, {ROUND + DISTANCE * place}(a0)\n" for place in range(LOCATIONS)
    )
    results = "".join(f"    sb s{2 + place}, {place}(s10)\n" for place in range(REGISTERS))
    return f"""
    .balign {PAGE}
{label}:
{following}{_meeting(hart, len(litmus.harts), label)}
    mul s11, s11, s6
    add s11, s11, s7
    srli t0, s11, 58
    srli t1, s11, 55
    andi t1, t1, 4
    srl t0, t0, t1
{label}_wait:
    addi t0, t0, -1
    bgez t0, {label}_wait
    li s2, 0
    li s3, 0
    li s4, 0
    {body(litmus.harts[hart], aliased)}
{results}    addi a0, a0, {ROUND}
    addi a1, a1, {ROUND}
    addi a2, a2, {ROUND}
    addi a3, a3, {ROUND}
    addi a4, a4, {ROUND}
    addi s10, s10, {RESULT}
    addi s1, s1, -1
    bnez s1, {label}
    ecall
"""


class Programs:
    """The code of litmus tests.

    Args:
        shapes: the tests.
        aliased: whether each hart sees memory at two addresses, neither of them another hart's.

    Attributes:
        code: all of it, to be at CODE.
    """

    def __init__(self, shapes: tuple[Litmus, ...], aliased: bool = False) -> None:
        self.aliased = aliased
        self.places: dict[tuple[str, int], int] = {}
        texts = [MACROS, ".option norvc"]
        for litmus in shapes:
            for hart in range(len(litmus.harts)):
                number = len(self.places)
                self.places[litmus.name, hart] = CODE + number * PAGE
                texts.append(_page(litmus, hart, f"hart{number}", aliased))
        self.code = assemble("\n".join(texts), CODE)
        assert len(self.places) == -(-len(self.code) // PAGE), "a page each"
        assert len(self.code) <= CODE_SIZE

    def registers(self, hart: int, begun: int, polls: int, trial: bool = False) -> list[int]:
        """What a hart starts a batch with, after so many rounds; or one round that nobody sees.

        polls: how often it looks for another hart at most.
        """
        memory = MEMORY + trial * BATCH * ROUND
        here = there = 0
        if self.aliased:
            here, there = self.aliases_of(hart)
        return registers_of(
            s0=begun,
            s1=1 if trial else BATCH,
            s5=polls,
            s6=6364136223846793005,
            s7=1442695040888963407,
            s9=PROGRESS + here,
            s10=RESULTS + hart * BATCH * RESULT + here,
            s11=begun * MOST_HARTS + hart + 1,
            a0=memory + here,
            a1=memory + DISTANCE + here,
            a2=memory + 2 * DISTANCE + here,
            a3=memory + there,
            a4=memory + DISTANCE + there,
            a5=1,
            a6=2,
        )

    @staticmethod
    def aliases_of(hart: int) -> tuple[int, int]:
        """How far from where it is a hart sees all of RAM: twice."""
        return (1 + 2 * hart) * ALIAS, (2 + 2 * hart) * ALIAS


def registers_of(**named: int) -> list[int]:
    """All integer registers, those that are not named 0."""
    numbers = {"s0": 8, "s1": 9} | {f"s{number}": 16 + number for number in range(2, 12)}
    numbers |= {f"a{number}": 10 + number for number in range(8)}
    x = [0] * 32
    for name, value in named.items():
        x[numbers[name]] = value
    return x
