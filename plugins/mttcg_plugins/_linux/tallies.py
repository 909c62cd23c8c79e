"""Instructions by block and process, counted natively: a table in words of each vCPU.

The table is found in by open addressing; a row is a block's pc, the number of its process and 1,
and instructions. A block that is left early, as by a trap, was counted as a whole when it was
entered; what is too much is known from the vCPU's own count, and taken from the block that was
entered last.
"""

from typing import Any

import numpy as np

from mttcg.instrument import probe

NUMBER, SUM, LAST, USED, LOST = range(5)
"""Words before the table: the process that runs, instructions of all blocks so far, the row that
was counted in last, rows that are used, and instructions for which there was no row."""
HEAD = 8
WORD_MASK = (1 << 64) - 1
ROWS = 1 << 18
ROW_WORDS = 4
WORDS = HEAD + ROWS * ROW_WORDS
MANY = ROWS // 2
"""Rows used from which on the table is emptied when it can be."""
PC, WHO, INSTRUCTIONS = range(3)


@probe
def tally(cpu: Any, pc: Any, instructions: Any, words: Any) -> None:
    """Count a block for the process that runs."""
    words[SUM] += instructions
    who = words[NUMBER] + np.uint64(1)
    mixed = (pc >> np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15) ^ who * np.uint64(
        0xC2B2AE3D27D4EB4F
    )
    row = (mixed >> np.uint64(40)) % np.uint64(ROWS)
    for _ in range(64):
        at = np.uint64(HEAD) + row * np.uint64(ROW_WORDS)
        if words[at + np.uint64(WHO)] == np.uint64(0):
            words[at] = pc
            words[at + np.uint64(WHO)] = who
            words[USED] += np.uint64(1)
        if words[at] == pc and words[at + np.uint64(WHO)] == who:
            words[at + np.uint64(INSTRUCTIONS)] += instructions
            words[LAST] = at
            return
        row = (row + np.uint64(1)) % np.uint64(ROWS)
    words[LOST] += instructions
    words[LAST] = np.uint64(0)


class Tallies:
    """The table of one vCPU, for who runs there.

    Args:
        words: the vCPU's.
    """

    def __init__(self, words: "np.ndarray[Any, np.dtype[np.uint64]]") -> None:
        self.words = words

    def correct(self, retired: int) -> None:
        """Take off what blocks have left out; `retired`: instructions of the vCPU so far."""
        excess = int(self.words[SUM]) - retired
        if excess:
            last = int(self.words[LAST])
            at = last + INSTRUCTIONS if last else LOST
            self.words[at] = np.uint64(int(self.words[at]) - excess & WORD_MASK)
            self.words[SUM] = np.uint64(retired)

    @property
    def is_full(self) -> bool:
        """Whether it should be emptied."""
        return int(self.words[USED]) > MANY

    def take(self) -> "tuple[np.ndarray[Any, Any], int]":
        """Empty it; its rows (pc, process, instructions), and instructions that are in none."""
        table = self.words[HEAD:].reshape(ROWS, ROW_WORDS)
        used = table[table[:, WHO] != 0].copy()
        used[:, WHO] -= np.uint64(1)
        lost = int(self.words[LOST])
        table[:] = 0
        self.words[USED] = self.words[LOST] = self.words[LAST] = 0
        return used, lost
