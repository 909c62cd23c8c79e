"""Tiers change at random moments, by what the engine itself looks at.

The frame says how many instructions are left until code looks, and slow code then takes a sample.
`Switches` sets that to a few, and stands in the place of a translator that sleeps, and is woken by
the sample. Where a plan tells of each block, it makes a request at one, which is seen in any tier:
at the next look, or before the next block where the plan calls Python. Exits are used as well.
"""

import random
from collections import Counter
from typing import Any

from engine_harness import Bare

from mttcg.engine.llvm.frame import ONE_INSTRUCTION, Word
from mttcg.engine.llvm.translate import PageVersion
from mttcg.memory.address import Virtual

MOST_INSTRUCTIONS, MOST_BLOCKS = 60, 8
MOST_TRANSLATIONS = 3
"""Of a program: they take the most time by far."""


class Switches:
    """Changes the tier in which a vCPU runs its code.

    Args:
        bare: the vCPU.
        seed: decides when, and how.

    Attributes:
        made: how often each change was made.
    """

    def __init__(self, bare: Bare, seed: int) -> None:
        self.bare, self.random = bare, random.Random(seed)
        self.llvm: Any = bare.engine.llvm
        self.llvm.tiering.link = self
        self.made: Counter[str] = Counter()
        self.translations = self.blocks = 0
        self.changes = (self.translate, self.translate_page, self.forget, self.lose, self.nothing)

    def begin(self) -> None:
        """A program was loaded."""
        self.translations = MOST_TRANSLATIONS

    def arm(self) -> None:
        """Have the next change made soon."""
        frame, draw = self.llvm.frame, self.random.randrange
        frame[Word.SINCE] = -ONE_INSTRUCTION * (1 + draw(MOST_INSTRUCTIONS)) % (1 << 64)
        self.llvm.samples.asleep = True
        self.blocks = 1 + draw(MOST_BLOCKS)

    def wake(self) -> None:
        """See TranslatorLink: there is a sample."""
        self.change(self.bare.hart.pc)

    def describe(self, pc: Virtual, version: PageVersion | None, better: bool) -> None:
        """See TranslatorLink: it never asks."""

    def at_block(self) -> None:
        """A block was entered, and the plan was told of it."""
        self.blocks -= 1
        if not self.blocks:
            self.bare.hart.request = 1

    def change(self, pc: Virtual) -> None:
        """Change something before what is at pc runs."""
        self.bare.hart.request = 0
        change = self.random.choice(self.changes)
        change(pc)
        self.made[change.__name__] += 1
        self.arm()

    def nothing(self, pc: Virtual) -> None:
        """Go on as before."""

    def translate(self, pc: Virtual) -> None:
        """Go on in better code of the function at pc, when control next comes to its beginning."""
        self._improve(pc, whole=False)

    def translate_page(self, pc: Virtual) -> None:
        """Go on in better code of the page."""
        self._improve(pc, whole=True)

    def _improve(self, pc: Virtual, whole: bool) -> None:
        if self.translations and self.bare.has(pc):
            self.translations -= 1
            self.bare.improve(pc, whole)

    def lose(self, pc: Virtual) -> None:
        """Go back to the first tier everywhere, as if all code had been reclaimed."""
        self.llvm.arena.rows["key"] = 0
        self.llvm.jumps.clear()
        self.llvm.code.forget_pages()

    def forget(self, pc: Virtual) -> None:
        """Come back for every page and block."""
        self.llvm.jumps.clear()
        self.llvm.code.forget_pages()
