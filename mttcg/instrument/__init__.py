"""What a plugin author imports: instrument, uninstrument, targets, events, options.

A plugin is a Python module. It may have any of these functions, in either shape of the 2018
proposals for QEMU:

- `plugin_init(options) -> bool`: once, before the guest starts; False refuses to run.
- `plugin_pre_translate(cpu, pc)`: each instruction, before its first execution on a vCPU.
- `plugin_needs_before_insn(pc, cpu) -> bool` and `plugin_before_insn(pc, cpu)`: asked once per
  instruction and vCPU; called before every execution of those that said yes.
- `plugin_vcpu_start(cpu)`, `plugin_vcpu_idle(cpu)`, `plugin_vcpu_resume(cpu)`,
  `plugin_vcpu_exit(cpu)`: the life of a vCPU.
- `plugin_trap(cpu, cause, pc, interrupt)`: an exception or interrupt is taken.
- `plugin_mmio(cpu, device, address, size, value, write)`: a device register was accessed.
- `plugin_exit()`: in each vCPU process, last.

A class `Options` makes its options, a class `Aggregator` its second half.
"""

from mttcg.instrument import events
from mttcg.instrument.api import (
    instrument,
    instrument_block,
    instrument_memory,
    symbol,
    uninstrument,
    uninstrument_block,
    uninstrument_memory,
)
from mttcg.instrument.cpu import Cpu
from mttcg.instrument.disassembly import disassemble
from mttcg.instrument.options import option
from mttcg.instrument.targets import BlockTable, Counter, Probe, Scoreboard, Stream, probe
from mttcg.instrument.ticket import Ticket

__all__ = [
    "BlockTable",
    "Counter",
    "Cpu",
    "Probe",
    "Scoreboard",
    "Stream",
    "Ticket",
    "disassemble",
    "events",
    "instrument",
    "instrument_block",
    "instrument_memory",
    "option",
    "probe",
    "symbol",
    "uninstrument",
    "uninstrument_block",
    "uninstrument_memory",
]
