"""`--check`: what a run counted in one way, compared at its end with what another way gives.

What is counted for it is declared in `mttcg.processes.check_counters`; it is read from shared
memory when the vCPUs have ended. See the invariants in docs/architecture.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mttcg.memory.code_pages import HALVES
from mttcg.processes.check_counters import ACCESSES, ENTERED, LEFT, OWNER, RETIRED, RING
from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.supervisor.run_state import RunState
from mttcg.tbcache.cache import BlockCache
from mttcg.vcpu.instrumentation.tables import CodePlace, executions_of_blocks, pc_of
from mttcg.vcpu.machine.shared import Ending, MachineState
from mttcg_bus.ring.ring import create_ring, ledger_of
from mttcg_bus.wire.stream import Received


def make_rings(smp: int) -> list[int]:
    """The rings of `RECORDED`, which are no stream's on the bus."""
    return [create_ring(RING) for _ in range(smp)]


@dataclass(frozen=True)
class Counted:
    """What was counted on a vCPU, each in two ways or more.

    `executions`: of each instruction, those of its blocks less what was left early; `retired`: of
    each offset in a slot, as counted one by one. `left`: instructions that were left early.
    `covered` and `executed`: addresses of the instructions in blocks that were entered, and of
    those that were retired.
    """

    cpu: int
    instructions: int
    blocks: int
    entries: int
    left: int
    accesses: int
    records: int
    executions: dict[CodePlace, int]
    retired: dict[tuple[int, int], int]
    covered: frozenset[int]
    executed: frozenset[int]

    @property
    def by_blocks(self) -> int:
        """Instructions, as blocks say."""
        return sum(self.executions.values())

    @property
    def by_instruction(self) -> int:
        """Instructions, as counted one by one."""
        return sum(self.retired.values())

    def to_json(self) -> dict[str, Any]:
        """All numbers that were compared."""
        return {
            "cpu": self.cpu,
            "instructions": {
                "retired": self.instructions,
                "by blocks": self.by_blocks,
                "left early": self.left,
                "one by one": self.by_instruction,
            },
            "blocks": {"entered": self.blocks, "by block": self.entries},
            "accesses": {"counted": self.accesses, "recorded": self.records},
            "addresses": {"covered": len(self.covered), "executed": len(self.executed)},
        }


@dataclass
class Checked:
    """The outcome: what differs, the first of it in a line, and the numbers.

    `skipped` says in a line each what could not be compared.
    """

    vcpus: list[Counted] = field(default_factory=list)
    streams: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    difference: str = ""

    def to_json(self) -> dict[str, Any]:
        """The object `check` of a result."""
        return {
            "vcpus": [counted.to_json() for counted in self.vcpus],
            "streams": self.streams,
            "skipped": self.skipped,
            "difference": self.difference,
        }


def check(run: RunState) -> Checked:
    """Compare all that a run counted, when its vCPUs have ended and its streams are delivered."""
    found = Checked()
    cache = run.cache()
    recycled = bool(np.any(cache.slots["generation"] > 1))
    if recycled:
        found.skipped.append("blocks and instructions: slots of code pages were used again")
    for hart in run.harts.harts:
        if not ended_in_order(hart, run.machine):
            state = Activity(hart.state).name.lower()
            found.skipped.append(f"vCPU {hart.index}: it did not end in order ({state})")
            continue
        found.vcpus.append(read_counts(run, hart, cache))
    differences = [
        difference
        for counted in found.vcpus
        for difference in compare(counted, cache, run.symbol_at, recycled)
    ]
    streams = list(stream_counts(run))
    found.streams = [stream.to_json() for stream in streams]
    differences += [stream.difference for stream in streams if stream.difference]
    if differences:
        found.difference = f"check: {differences[0]}"
    return found


def ended_in_order(hart: VcpuState, machine: MachineState) -> bool:
    """Whether a vCPU came to the end of its run loop; one whose callback raised does."""
    failed = hart.state == Activity.FAILED and machine.ending == Ending.CALLBACK
    return failed or hart.state == Activity.STOPPED


def read_counts(run: RunState, hart: VcpuState, cache: BlockCache) -> Counted:
    """What is in the shared memory of a vCPU that has ended."""
    cpu = hart.index
    words = {name: run.scoreboards.words(OWNER, name, cpu) for name in (ENTERED, LEFT, RETIRED)}
    accesses = run.scoreboards.words(OWNER, ACCESSES, cpu)
    records = ledger_of(run.check_rings[cpu]).emitted
    return count(hart, cache, words, int(accesses[0]), records)


def count(
    hart: VcpuState,
    cache: BlockCache,
    words: "dict[str, np.ndarray[Any, Any]]",
    accesses: int,
    records: int,
) -> Counted:
    """Bring what was counted into a form that can be compared.

    Args:
        hart: the vCPU's hart, which has ended.
        cache: the block cache.
        words: of the tables ENTERED, LEFT and RETIRED.
        accesses: the inline counter's.
        records: of accesses that were emitted.
    """
    slots = int(cache.header["slots"][0])
    used = {name: table[: slots * HALVES] for name, table in words.items()}
    left = executions_of_blocks(used[LEFT], cache)
    entered = executions_of_blocks(used[ENTERED], cache)
    places = np.flatnonzero(used[RETIRED])
    counts = used[RETIRED][places].tolist()
    retired = {
        (number // HALVES, 2 * (number % HALVES)): int(times)
        for number, times in zip(places.tolist(), counts, strict=True)
    }
    executions = {
        place: entered.get(place, 0) + left.get(place, 0) for place in entered.keys() | left.keys()
    }
    return Counted(
        cpu=hart.index,
        instructions=hart.instructions,
        blocks=hart.blocks,
        entries=int(used[ENTERED].sum()),
        left=-sum(left.values()),
        accesses=accesses,
        records=records,
        executions=executions,
        retired=retired,
        covered=frozenset(pc_of(place, cache) for place in entered),
        executed=frozenset(pc_of(CodePlace(slot, at, 0), cache) for slot, at in retired),
    )


def compare(
    counted: Counted, cache: BlockCache, symbol_at: Callable[[int], str], recycled: bool = False
) -> Iterator[str]:
    """What differs on a vCPU, in a line each.

    Args:
        counted: what was counted there.
        cache: the block cache.
        symbol_at: name of what is at an address.
        recycled: whether slots were used again, so that what is counted by place is of several.
    """
    on = f"vCPU {counted.cpu}"
    places = [] if recycled else different_places(counted, cache, symbol_at)
    first = f"; first {places[0]}" if places else ""
    by_blocks, left = counted.by_blocks, counted.left
    if not recycled and by_blocks != counted.instructions:
        yield (
            f"{on}: {by_blocks:,} instructions by executions of blocks, less {left:,} left early; "
            f"{counted.instructions:,} retired{first}"
        )
    if counted.entries != counted.blocks:
        yield (
            f"{on}: {counted.entries:,} executions of blocks in all; {counted.blocks:,} entered by "
            "the hart's count"
        )
    if counted.accesses != counted.records:
        yield f"{on}: {counted.accesses:,} accesses counted; {counted.records:,} recorded"
    if places:
        covered, executed = len(counted.covered), len(counted.executed)
        yield (
            f"{on}: {covered:,} addresses in executed blocks, {executed:,} executed one by one"
            f"{first}"
        )
    if counted.by_instruction != counted.instructions:
        yield (
            f"{on}: {counted.by_instruction:,} instructions one by one; "
            f"{counted.instructions:,} retired"
        )


def different_places(
    counted: Counted, cache: BlockCache, symbol_at: Callable[[int], str]
) -> list[str]:
    """Where blocks say otherwise than the instructions themselves, in order of the address."""
    by_blocks = {
        (place.slot, place.offset): executions
        for place, executions in counted.executions.items()
        if executions
    }
    found = []
    for slot, offset in by_blocks.keys() | counted.retired.keys():
        one, other = by_blocks.get((slot, offset), 0), counted.retired.get((slot, offset), 0)
        if one != other:
            pc = pc_of(CodePlace(slot, offset, 0), cache)
            found.append((pc, slot, one, other))
    lines = []
    for pc, _, one, other in sorted(found):
        name = symbol_at(pc)
        at = f"{pc:#x} ({name})" if name else f"{pc:#x}"
        lines.append(f"at {at}: {one:,} by blocks, {other:,} one by one")
    return lines


@dataclass(frozen=True)
class StreamCount:
    """A vCPU's part of a stream: records by its ring, and those that the aggregator was given.

    `whole`: nothing may be missing.
    """

    stream: str
    cpu: int
    emitted: int
    in_flight: int
    received: Received
    whole: bool

    @property
    def difference(self) -> str:
        """What differs, in a line; "" if nothing does."""
        on, got = f"stream {self.stream} of vCPU {self.cpu}", self.received
        if got.records + got.missed + got.dropped != self.emitted or self.in_flight:
            return (
                f"{on}: {self.emitted:,} records emitted, {self.in_flight:,} of them in flight; "
                f"{got.records:,} received, {got.missed:,} missed and {got.dropped:,} dropped"
            )
        if self.whole and got.missed:
            return f"{on}: {self.emitted:,} records emitted; {got.records:,} received"
        return ""

    def to_json(self) -> dict[str, Any]:
        """All numbers."""
        return {
            "stream": self.stream,
            "cpu": self.cpu,
            "emitted": self.emitted,
            "received": self.received.records,
            "missed": self.received.missed,
            "dropped": self.received.dropped,
        }


def stream_counts(run: RunState) -> Iterator[StreamCount]:
    """Each vCPU's part of each stream that an aggregator has seen the end of."""
    streams = run.streams
    for aggregator in run.aggregators:
        for (stream, cpu), received in sorted(aggregator.received.items()):
            if stream in streams.ring_fds:
                ledger = ledger_of(streams.ring_fds[stream][cpu])
                whole = streams.known[stream].how.whole
                yield StreamCount(stream, cpu, ledger.emitted, ledger.in_flight, received, whole)
