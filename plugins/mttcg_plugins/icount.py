"""Count instructions and blocks per vCPU, inline.

    mttcg run examples/guests/counter.elf --smp 2 --plugin icount

    cpu  instructions     blocks
      0     4,290,559  2,427,160
      1     3,827,284  2,007,456

An instruction counts when it retires: one that traps does not. A block counts when it is entered.
"""

from mttcg.instrument import Counter, instrument, instrument_block


def plugin_init(_options: object) -> bool:
    """Count everything on every vCPU."""
    instrument(None, None, Counter("instructions"))
    instrument_block(None, None, Counter("blocks"))
    return True
