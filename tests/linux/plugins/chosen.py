"""Counts for one process what is attached with `space=`, and in Python what the kernel switches.

For each vCPU a row of what one has seen and what the other.
"""

from dataclasses import dataclass

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    BlockTable,
    Counter,
    Scoreboard,
    Stream,
    events,
    instrument,
    instrument_block,
    option,
    processes,
    symbol,
)


@dataclass(frozen=True)
class Options:
    """What is chosen."""

    space: str = option(help="a process")


SUMS = np.dtype(
    [
        (name, "<u8")
        for name in ("cpu", "chosen", "blocks", "seen", "blocks_seen", "there", "anywhere")
    ]
)
options = None
current = None
began = [0, 0]
python = Scoreboard("python", 2)
born = Scoreboard("born", 1)
reads = {"there": 0, "anywhere": 0}


def plugin_init(given):
    global options, everything, blocks, chosen, chosen_blocks, sums
    options, sums = given, Stream("sums", SUMS)
    everything, blocks = Counter("everything"), Counter("blocks")
    chosen, chosen_blocks = Counter("chosen"), Counter("chosen_blocks")
    instrument(None, None, everything)
    instrument_block(None, None, blocks)
    instrument(None, None, chosen, space=given.space)
    instrument_block(None, None, chosen_blocks, space=given.space)
    table = BlockTable("table", Stream("executed", events.INSTRUCTION_EXECUTIONS))
    instrument_block(None, None, table, space=given.space)
    instrument(None, symbol("vfs_read"), there, space=given.space)
    instrument(None, symbol("vfs_read"), anywhere)
    instrument(None, symbol("perf_event_comm"), renamed)
    return True


def is_chosen(cpu, process, leaders):
    """Whether a thread is of the chosen process; of a number the first that has it."""
    if options.space.startswith("pid:"):
        number = int(options.space[4:])
        return process.tgid == number and is_first(cpu)
    return leaders.get(process.tgid, process.comm) == options.space


def is_first(cpu):
    """Whether no other process had the number before: those that start with it are counted."""
    return sum(int(born.values(index)[0]) for index in range(cpu.count)) == 1


def there(cpu, _opaque):
    assert current is not None
    reads["there"] += 1


def anywhere(cpu, _opaque):
    reads["anywhere"] += current is not None


def go_on(cpu, process):
    """Add up what ran until now; a thread is of the process whose first thread has the name."""
    global current
    counts = everything.value(cpu.index), blocks.value(cpu.index)
    if current is not None:
        words = python.values(cpu.index)
        for column, (count, before) in enumerate(zip(counts, began, strict=True)):
            words[column] += count - before
    began[:] = counts
    leaders = {}
    if process is not None and process.pid != process.tgid:
        leaders = {each.pid: each.comm for each in processes()}
    chosen_now = process is not None and is_chosen(cpu, process, leaders)
    current = process if chosen_now else None


def renamed(cpu, _opaque):
    if not cpu.read_register("a1"):  # else by exec
        go_on(cpu, cpu.process)


def plugin_switch(cpu, before, after):
    go_on(cpu, after)


def plugin_process_exec(cpu, process):
    go_on(cpu, process)


def plugin_process_start(cpu, process):
    if options.space == f"pid:{process.pid}":
        born.values(cpu.index)[0] += 1


def plugin_vcpu_exit(cpu):
    go_on(cpu, None)
    native = [chosen.value(cpu.index), chosen_blocks.value(cpu.index)]
    seen = python.values(cpu.index).tolist()
    sums.emit(cpu, (cpu.index, *native, *seen, reads["there"], reads["anywhere"]))


class Aggregator(mttcg_bus.Aggregator):
    """Adds up what the tables have counted."""

    def __init__(self, options, run):
        super().__init__(options, run)
        self.instructions, self.sums = 0, []

    def consume(self, stream, cpu, records):
        if stream == "sums":
            self.sums += records.tolist()
        else:
            self.instructions += int(records["executions"].sum())

    def report(self):
        return {"instructions": self.instructions, "sums": self.sums}
