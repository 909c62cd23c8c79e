"""Count instructions and blocks per vCPU, inline.

    mttcg run examples/guests/counter.elf --smp 2 --plugin icount

    icount
      total         instructions 9183446   blocks 1600962
      cpu 0         instructions 4591801   blocks  800492
      cpu 1         instructions 4591645   blocks  800470

An instruction counts when it retires: one that traps does not. A block counts when it is entered.
"""

from mttcg.instrument import Counter, instrument, instrument_block


def plugin_init(_options: object) -> bool:
    """Count everything on every vCPU."""
    instrument(None, None, Counter("instructions"))
    instrument_block(None, None, Counter("blocks"))
    return True
