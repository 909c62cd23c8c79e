"""An instruction as an assembler spells it.

A row's syntax is a template: what it names is replaced by that operand.
"""

import re
from collections.abc import Callable, Mapping

from mttcg.isa.table.row import Decoded

_WORD = re.compile(r"[a-z]+\d?")


def operands_of(instruction: Decoded, spelt: Mapping[str, Callable[[Decoded], str]]) -> str:
    """The operands, as `spelt` spells each that the syntax names."""
    return _WORD.sub(lambda word: spelt[word[0]](instruction), instruction.row.syntax)
