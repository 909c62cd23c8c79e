"""What `--check` counts in a second way, declared as a plugin would, before the plugins are loaded.

`mttcg.supervisor.results.check` compares it at the end of the run.
"""

from typing import Any

from mttcg.instrument import events
from mttcg.instrument.api import session
from mttcg.instrument.api.attach import instrument, instrument_block, instrument_memory
from mttcg.instrument.api.targets import CodeTable, Counter, Stream
from mttcg_bus.wire.stream import StreamSpec

OWNER = "(check)"
"""The owner of the check's scoreboards and rings, in place of a plugin; no plugin has this name."""
ENTERED, LEFT, RETIRED, ACCESSES = "entered", "left", "retired", "accesses"
RING = StreamSpec("check.accesses", events.ACCESS, policy="drop")
"""Nobody takes its records, so what does not fit is dropped; how many there were is counted."""


def attach(declarations: Any) -> None:
    """Count everything, on every vCPU, in a second way.

    Args:
        declarations: a `session.Guest` that takes what is declared and attached.
    """
    session.set_guest(declarations)
    with session.calling(OWNER):
        instrument_block(None, None, CodeTable(ENTERED))
        CodeTable(LEFT, less_left=True)
        instrument(None, None, CodeTable(RETIRED))
        instrument_memory(None, Counter(ACCESSES))
        instrument_memory(None, Stream(ACCESSES + "_recorded", RING.dtype, RING.policy))


RECORDED = (OWNER, ACCESSES + "_recorded")
"""The ring of accesses, by plugin and stream."""
