"""Miscounts: puts one number wrong, in the memory of a vCPU that ends, or loses a batch."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import Cpu, Stream, events, instrument_memory, option
from mttcg.instrument.api import session
from mttcg.processes.check_counters import ACCESSES, ENTERED, OWNER, RECORDED, RETIRED
from mttcg_bus.subscriber import parts


@dataclass(frozen=True)
class Options:
    """What is to be wrong, and on which vCPU."""

    what: str = option("", help="instructions, blocks, table, accesses, records, place or batch")
    cpu: int = option(1, help="where")


options = Options()
BATCH = 16


def plugin_init(given: Options) -> bool:
    """Record accesses, in many batches."""
    global options
    options = given
    instrument_memory(None, Stream("accesses", events.ACCESS, batch=BATCH))
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    """Put the number wrong."""
    if cpu.index == options.cpu and options.what in WRONG:
        WRONG[options.what](session.guest("a wrong number"))


def words(guest: Any, name: str) -> Any:
    """A board of the check, of this vCPU."""
    return guest.vcpu_words(guest.declarations.things[OWNER, name], guest.index)


def more_instructions(guest: Any) -> None:
    """The hart's own count."""
    guest.hart.instructions += 1


def more_blocks(guest: Any) -> None:
    """The hart's own count."""
    guest.hart.blocks += 1


def more_executions(guest: Any) -> None:
    """Of one block."""
    table = words(guest, ENTERED)
    table[np.flatnonzero(table[: 1 << 14])[0]] += np.uint64(1)


def more_accesses(guest: Any) -> None:
    """The inline count."""
    words(guest, ACCESSES)[0] += np.uint64(1)


def more_records(guest: Any) -> None:
    """In the ring."""
    guest.emitters.producer(guest.declarations.things[RECORDED]).drop(1)


def another_place(guest: Any) -> None:
    """One execution of an instruction, moved to where none is."""
    table = words(guest, RETIRED)
    place = np.flatnonzero(table[: 1 << 14])[-1]
    table[place] -= np.uint64(1)
    table[place + 8] += np.uint64(1)


WRONG = {
    "instructions": more_instructions,
    "blocks": more_blocks,
    "table": more_executions,
    "accesses": more_accesses,
    "records": more_records,
    "place": another_place,
}


class Aggregator(mttcg_bus.Aggregator):
    """Takes what comes; for `batch`, one batch of its vCPU is lost on the way, unseen."""

    def __init__(self, given: Options, run: Any) -> None:
        super().__init__(given, run)
        if given.what == "batch":
            self.lose(given.cpu)

    @staticmethod
    def lose(cpu: int) -> None:
        """Let the second batch of a vCPU go by."""
        take = parts.Parts.batch

        def batch(self: Any, message: Any, records: Any) -> Any:
            lost = message.cpu == cpu and message.first == 0
            return iter(()) if lost else take(self, message, records)

        parts.Parts.batch = batch  # type: ignore[method-assign]

    def consume(self, _stream: str, _cpu: int, _records: Any) -> None:
        """Nothing."""

    def report(self) -> dict[str, Any]:
        """Nothing."""
        return {}
