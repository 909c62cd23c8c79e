"""What a plugin author imports: instrument, uninstrument, targets, events, options.

A plugin is a Python module. It may have any of these functions, in either shape of the 2018
proposals for QEMU:

- `plugin_init(options) -> bool`: once, before the guest starts and its vCPU processes are forked.
  `options` is an instance of the module's `Options`, None if it has none. False refuses to run.
- `plugin_pre_translate(cpu, pc)`: each instruction, before its first execution on a vCPU. The place
  to attach something to it; registers and memory can't be read yet, but `cpu.instruction(pc)` can.
- `plugin_needs_before_insn(pc, cpu) -> bool` and `plugin_before_insn(pc, cpu)`: asked once per
  instruction and vCPU; called before every execution of those that said yes.
- `plugin_vcpu_start(cpu)` and `plugin_vcpu_exit(cpu)`: first and last on a vCPU;
  `plugin_vcpu_idle(cpu)` and `plugin_vcpu_resume(cpu)`: before and after it sleeps until it is
  interrupted.
- `plugin_trap(cpu, cause, pc, interrupt)`: an exception or interrupt was taken at `pc`, and the
  vCPU is about to enter its handler. `cause` is its code, which the guest's ISA defines.
- `plugin_mmio(cpu, device, address, size, value, write)`: a device register was accessed; `device`
  is the device's name.
- `plugin_interrupt(cpu, source)`: an interrupt reached the vCPU: "timer" or "software" when it is
  taken, the name of a device when its handler claims it from the interrupt controller.
- `plugin_dma(cpu, device, address, size, write)`: a device read or wrote guest memory by itself, at
  a physical address, for a request of which the guest is told next. That is in no vCPU: `cpu` is
  vCPU 0, wherever that is by then. What a device does after the guest's end is not told.
- Of a Linux guest: `plugin_switch(cpu, before, after)`, `plugin_process_start(cpu, process)`,
  `plugin_process_exec(cpu, process)`, `plugin_process_exit(cpu, process, status)`,
  `plugin_syscall_enter(cpu, process, number, arguments)` and
  `plugin_syscall_return(cpu, process, number, arguments, result)`, whose answer, if it gives one,
  is the result in place of the kernel's.
- `plugin_exit()`: in each vCPU process, last.

A class `Options` makes its options, a class `Aggregator` its second half. `API_VERSION = 1` states
which version of this API it is written for, see `api_version`.
"""

from mttcg.instrument import events
from mttcg.instrument.api.api_version import API_VERSION, OLDEST_API_VERSION
from mttcg.instrument.api.attach import (
    instrument,
    instrument_block,
    instrument_branch,
    instrument_jump,
    instrument_memory,
    instrument_return,
    mapped_areas,
    mapped_file,
    module_symbols,
    processes,
    symbol,
    symbols,
    uninstrument,
    uninstrument_block,
    uninstrument_branch,
    uninstrument_jump,
    uninstrument_memory,
    uninstrument_return,
)
from mttcg.instrument.api.cpu import Cpu
from mttcg.instrument.api.instruction import GuestInstruction
from mttcg.instrument.api.options import option
from mttcg.instrument.api.process import GuestProcess, MappedArea, ModuleSymbol
from mttcg.instrument.api.targets import BlockTable, Counter, Probe, Scoreboard, Stream, When, probe
from mttcg.instrument.api.ticket import Ticket
from mttcg.instrument.errors import ElfFileError, OptionRefusedError
from mttcg.instrument.native.clock import clock_ticks
from mttcg.instrument.native.compiled import compiled
from mttcg.instrument.program.disassembly import disassemble
from mttcg.instrument.program.elf_functions import elf_functions
from mttcg.instrument.program.elf_segments import ElfSegment, elf_segments
from mttcg.instrument.program.instructions import (
    InstructionClass,
    instruction_class,
    instruction_length,
    is_interprocessor,
    mode_name,
    register_name,
    returns_from_trap,
)
from mttcg.instrument.program.source_lines import SourceLines, source_lines
from mttcg.printable import printable
from mttcg.report import figure_values as figures

__all__ = [
    "API_VERSION",
    "OLDEST_API_VERSION",
    "BlockTable",
    "Counter",
    "Cpu",
    "ElfFileError",
    "ElfSegment",
    "GuestInstruction",
    "GuestProcess",
    "InstructionClass",
    "MappedArea",
    "ModuleSymbol",
    "OptionRefusedError",
    "Probe",
    "Scoreboard",
    "SourceLines",
    "Stream",
    "Ticket",
    "When",
    "clock_ticks",
    "compiled",
    "disassemble",
    "elf_functions",
    "elf_segments",
    "events",
    "figures",
    "instruction_class",
    "instruction_length",
    "instrument",
    "instrument_block",
    "instrument_branch",
    "instrument_jump",
    "instrument_memory",
    "instrument_return",
    "is_interprocessor",
    "mapped_areas",
    "mapped_file",
    "mode_name",
    "module_symbols",
    "option",
    "printable",
    "probe",
    "processes",
    "register_name",
    "returns_from_trap",
    "source_lines",
    "symbol",
    "symbols",
    "uninstrument",
    "uninstrument_block",
    "uninstrument_branch",
    "uninstrument_jump",
    "uninstrument_memory",
    "uninstrument_return",
]
