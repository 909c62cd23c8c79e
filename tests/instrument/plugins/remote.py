"""vCPU 0 attaches things on another vCPU and takes them away again, many times.

Each time it waits until the ticket says that the thing is attached, until the other vCPU has met
it, and until the ticket says that it is gone. From then on nothing may be counted any more,
however long the other vCPU runs. vCPU 0 does so in a callback of its own, so that every step of
it is one visit.
"""

import json
from collections.abc import Callable, Iterator
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

LATER = 2000
"""Instructions of the other vCPU after which something late would have shown."""

counts = Scoreboard("counts", 1)
counter = Counter("counter")
progress = Counter("progress")
wrong: list[str] = []
steps: list[Iterator[None]] = []
done: list[str] = []


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for what was found, a line for each vCPU")
    target: int = option(1, help="the vCPU to attach on, -1 for all")
    times: int = option(1, help="how often each thing")


options: Options


def count(cpu: Cpu) -> None:
    counts.values(cpu.index)[0] += 1
    if cpu.index != options.target >= 0:
        wrong.append(f"called on {cpu.index}")


def on_instruction(cpu: Cpu, opaque: Any) -> None:
    if cpu.pc != site() or opaque != ("any", 1, [2]):
        wrong.append(f"instruction at {cpu.pc:#x} with {opaque}")
    count(cpu)


def on_block(cpu: Cpu, block: Any, _opaque: Any) -> None:
    if not block.pc == cpu.pc == symbol("round"):
        wrong.append(f"block at {block.pc:#x}")
    count(cpu)


def on_access(cpu: Cpu, access: Any, _opaque: Any) -> None:
    if access.address != symbol("stop") or access.write or access.size != 8:
        wrong.append(f"access {access}")
    count(cpu)


@probe
def probe_instruction(cpu, pc, words):
    words[0] += 1


@probe
def probe_block(cpu, pc, instructions, words):
    words[0] += 1


@probe
def probe_access(cpu, pc, address, size, value, write, words):
    words[0] += 1


def site() -> int:
    return symbol("steps") + 4 * 3


def everything() -> dict[str, tuple[Any, ...]]:
    """Functions to attach and take away, their arguments, by name."""
    instructions = (instrument, uninstrument)
    blocks = (instrument_block, uninstrument_block)
    accesses = (instrument_memory, uninstrument_memory)
    block = symbol("round")
    return {
        "python instruction": (*instructions, site(), on_instruction, ("any", 1, [2])),
        "python block": (*blocks, block, on_block),
        "python access": (*accesses, on_access),
        "probe instruction": (*instructions, site(), probe_instruction, counts),
        "probe every instruction": (*instructions, None, probe_instruction, counts),
        "probe every block": (*blocks, None, probe_block, counts),
        "probe access": (*accesses, probe_access, counts),
        "counter instruction": (*instructions, site(), counter),
        "counter every instruction": (*instructions, None, counter),
        "counter every block": (*blocks, None, counter),
        "counter block": (*blocks, block, counter),
        "counter access": (*accesses, counter),
    }


def counted(cpu: int) -> int:
    return int(counts.values(cpu)[0]) + counter.value(cpu)


def waiting(true: Callable[[], bool]) -> Iterator[None]:
    while not true():
        yield


def walk(cpu: Cpu) -> Iterator[None]:
    """All that is to be done, a visit between two steps."""
    target = None if options.target < 0 else options.target
    watched = [n for n in range(cpu.count) if target in (None, n)]
    others = [n for n in range(cpu.count) if n not in watched]
    kept = [counted(n) for n in others]
    for name, (attach, detach, *arguments) in everything().items():
        for _ in range(options.times):
            before = [counted(n) for n in watched]
            ticket: Ticket = attach(target, *arguments)
            yield from waiting(lambda ticket=ticket: ticket.done)
            yield from waiting(lambda b=before: all(map(int.__lt__, b, map(counted, watched))))
            ticket = detach(target, *arguments)
            yield from waiting(lambda ticket=ticket: ticket.done)
            after = [counted(n) for n in watched]
            limits = {n: progress.value(n) + LATER for n in watched}
            yield from waiting(
                lambda limits=limits: all(progress.value(n) > limits[n] for n in limits)
            )
            if after != [counted(n) for n in watched]:
                wrong.append(f"{name}: counted after its end")
            if kept != [counted(n) for n in others]:
                wrong.append(f"{name}: counted on another vCPU")
        done.append(name)
    cpu.write_memory(symbol("stop"), b"\1")


def on_round(cpu: Cpu, _opaque: Any) -> None:
    if not steps:
        steps.append(walk(cpu))
    next(steps[0], None)


def plugin_init(given: Options) -> bool:
    global options
    options = given
    instrument(None, None, progress)
    instrument(0, symbol("round"), on_round)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    line = {"cpu": cpu.index, "wrong": wrong, "done": done, "counted": counted(cpu.index)}
    with options.out.open("a") as file:
        file.write(json.dumps(line) + "\n")
