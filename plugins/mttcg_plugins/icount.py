"""Count instructions and blocks per vCPU, inline.

    mttcg run examples/guests/counter.elf --smp 2 --plugin icount

    cpu  instructions     blocks
      0     4,290,559  2,427,160
      1     3,827,284  2,007,456

An instruction counts when it retires: one that traps does not. A block counts when it is entered.
With `space` or `mode` only what runs there counts, which is decided natively.
"""

from dataclasses import dataclass

from mttcg.instrument import Counter, instrument, instrument_block
from mttcg_plugins._counts.in_scope import InScope


@dataclass(frozen=True)
class Options(InScope):
    """Options of icount."""


def plugin_init(options: Options) -> bool:
    """Count everything on every vCPU."""
    instrument(None, None, Counter("instructions"), **options.scope)
    instrument_block(None, None, Counter("blocks"), **options.scope)
    return True
