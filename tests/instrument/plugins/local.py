"""vCPU 0 attaches things on itself for a number of rounds, each of which has to count exactly.

It does so in a callback at the first instruction of each round. What is attached there is in force
from the round's second block on, and is gone from the next one's second block on: so each thing is
met in each round once as often as the guest executes it.
"""

import json
from collections import Counter as Tally
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.instrument import (
    Counter,
    Cpu,
    Scoreboard,
    Ticket,
    instrument,
    instrument_block,
    instrument_memory,
    option,
    probe,
    symbol,
    uninstrument,
    uninstrument_block,
    uninstrument_memory,
)

STEPS = 256
BLOCKS, INSTRUCTIONS, ACCESSES = 3, STEPS + 5, 1
"""In each round."""
SIZES = (1, 15, 16, 17, 199, 200, 201, 256, 16, 2)
"""Numbers of sites, to change between a hook for each, one for all, and back."""

counts = Scoreboard("counts", 1)
counter = Counter("counter")
called: Tally[Any] = Tally()
found: dict[str, list[int]] = {}
sites: dict[str, bool] = {}
walks: list[Iterator[None]] = []


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was found")


options: Options


def on_instruction(_cpu: Cpu, opaque: Any) -> None:
    called[opaque] += 1


def on_block(_cpu: Cpu, _block: Any, opaque: Any) -> None:
    called[opaque] += 1


def on_access(_cpu: Cpu, _access: Any, opaque: Any) -> None:
    called[opaque] += 1


@probe
def probe_instruction(cpu, pc, words):
    words[0] += 1


@probe
def probe_block(cpu, pc, instructions, words):
    words[0] += 1


@probe
def probe_access(cpu, pc, address, size, value, write, words):
    words[0] += 1


def step(number: int) -> int:
    return symbol("steps") + 4 * number


def everything() -> dict[str, tuple[Any, ...]]:
    """How often in a round, functions to attach and take away, their arguments; by name."""
    instructions, blocks = (instrument, uninstrument), (instrument_block, uninstrument_block)
    accesses, block = (instrument_memory, uninstrument_memory), symbol("round")
    return {
        "python instruction": (1, *instructions, step(0), on_instruction),
        "python last instruction": (1, *instructions, step(STEPS), on_instruction),
        "python every instruction": (INSTRUCTIONS, *instructions, None, on_instruction),
        "python block": (1, *blocks, block, on_block),
        "python no block": (0, *blocks, step(9), on_block),
        "python every block": (BLOCKS, *blocks, None, on_block),
        "python access": (ACCESSES, *accesses, on_access),
        "probe instruction": (1, *instructions, step(5), probe_instruction, counts),
        "probe every instruction": (INSTRUCTIONS, *instructions, None, probe_instruction, counts),
        "probe block": (1, *blocks, block, probe_block, counts),
        "probe every block": (BLOCKS, *blocks, None, probe_block, counts),
        "probe access": (ACCESSES, *accesses, probe_access, counts),
        "counter instruction": (1, *instructions, step(7), counter),
        "counter every instruction": (INSTRUCTIONS, *instructions, None, counter),
        "counter block": (1, *blocks, block, counter),
        "counter every block": (BLOCKS, *blocks, None, counter),
        "counter access": (ACCESSES, *accesses, counter),
        "outside of RAM": (0, *instructions, 0x1000, on_instruction),
        "where no code is": (0, *instructions, symbol("words"), on_instruction),
        "in the middle of an instruction": (0, *instructions, step(3) + 2, on_instruction),
    }


def counted(cpu: Cpu) -> int:
    return int(counts.values(cpu.index)[0]) + counter.value(cpu.index) + called[None]


def each_thing(cpu: Cpu) -> Iterator[None]:
    for rounds in (1, 3):
        for name, (each_round, attach, detach, *arguments) in everything().items():
            before = counted(cpu)
            ticket: Ticket = attach(cpu, *arguments)
            again: Ticket = attach(cpu.index, *arguments)
            assert not ticket.done, "it can't be in force before this block has ended"
            for _ in range(rounds):
                yield
                assert ticket.done
                assert again.done
            gone: Ticket = detach(cpu, *arguments)
            assert not gone.done
            yield
            assert gone.done
            assert detach(cpu, *arguments).done, "it is gone already"
            found[f"{name}, {rounds}"] = [counted(cpu) - before, each_round * rounds]


def many_sites(cpu: Cpu) -> Iterator[None]:
    """Attach at more and fewer sites, two functions at each fifth."""
    expected: Tally[Any] = Tally()
    for size in SIZES:
        for number in range(STEPS):
            change = instrument if number < size else uninstrument
            change(cpu, step(number), on_instruction, number)
            if number % 5 == 0:
                change(cpu, step(number), on_instruction, -number - 1)
        expected.update(range(size))
        expected.update(-number - 1 for number in range(0, size, 5))
        yield
    calls = {site: called[site] for site in expected}
    sites["exact"] = calls == dict(expected)
    sites["no others"] = len([site for site in called if site is not None]) == len(expected)


def walk(cpu: Cpu) -> Iterator[None]:
    yield from each_thing(cpu)
    yield from many_sites(cpu)
    cpu.write_memory(symbol("stop"), b"\1")


def on_round(cpu: Cpu, _opaque: Any) -> None:
    if not walks:
        walks.append(walk(cpu))
    next(walks[0], None)


def plugin_init(given: Options) -> bool:
    global options
    options = given
    instrument(0, symbol("round"), on_round)
    return True


def plugin_vcpu_exit(_cpu: Cpu) -> None:
    options.out.write_text(json.dumps({"found": found, "sites": sites}))
