"""What a vCPU tells the supervisor, and the translator; docs/process-messages.md."""

from typing import Any, ClassVar

from mttcg.memory.address import PhysicalPage, Virtual
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.protocol.facts import TrapFacts
from mttcg.vcpu.protocol.message import ProcessMessage

# vCPU to supervisor


class VcpuFailure(ProcessMessage):
    """vCPU: it leaves, as something failed; limit: of the host, which others reach as well."""

    TYPE: ClassVar[str] = "vcpu_failure"
    text: str
    ending: Ending
    limit: bool = False


class VcpuWarning(ProcessMessage):
    """vCPU: something goes otherwise than wanted."""

    TYPE: ClassVar[str] = "vcpu_warning"
    text: str


class TrapLoopFound(ProcessMessage):
    """vCPU: its hart takes the same trap for ever.

    handler: as its register has it. before: another trap that is taken before it.
    """

    TYPE: ClassVar[str] = "trap_loop_found"
    handler: int
    trap: TrapFacts
    before: TrapFacts | None


class SpinFound(ProcessMessage):
    """vCPU: its hart goes round in so many instructions, from a pc on; text: of the first."""

    TYPE: ClassVar[str] = "spin_found"
    pc: Virtual
    instructions: int
    loads: bool
    text: str


class ZerosFound(ProcessMessage):
    """vCPU: its hart came to a pc from which on memory is zero."""

    TYPE: ClassVar[str] = "zeros_found"
    pc: Virtual


class UnsupportedFound(ProcessMessage):
    """vCPU: the guest has an instruction, at a pc, that the hart lacks."""

    TYPE: ClassVar[str] = "unsupported_found"
    name: str
    extension: str
    pc: Virtual


class NothingAttached(ProcessMessage):
    """vCPU: it leaves, and these plugins have never attached anything to it, nor been called."""

    TYPE: ClassVar[str] = "nothing_attached"
    plugins: tuple[str, ...]


class AskChange(ProcessMessage):
    """vCPU: give this change of instrumentation an epoch, and send it to every vCPU.

    change: its text, see `mttcg.instrument.api.changes`. number: the vCPU's own.
    """

    TYPE: ClassVar[str] = "ask_change"
    change: str
    number: int


class ProgramBegins(ProcessMessage):
    """vCPU: the program that plugins are to see is about to run, in this space, or 0: unknown."""

    TYPE: ClassVar[str] = "program_begins"
    space: int


class FileOperation(ProcessMessage):
    """vCPU: do an operation of semihosting on files; it waits for the answer.

    number: a mode, a place or a size. data: what is written, or names, in base64.
    """

    TYPE: ClassVar[str] = "file_operation"
    operation: int
    handle: int
    number: int
    data: str


class InputTaken(ProcessMessage):
    """vCPU: what came from outside was given to the guest, between two turns.

    number: of how many came before. turn, clock, instructions: when, see `mttcg.input_log.Input`.
    text: a character a byte; empty: there will be no more.
    """

    TYPE: ClassVar[str] = "input_taken"
    number: int
    turn: int
    clock: int
    instructions: int
    text: str


class PluginRefused(ProcessMessage):
    """vCPU: it could not load the plugin that it was to load at an epoch."""

    TYPE: ClassVar[str] = "plugin_refused"
    epoch: int
    reason: str


class InstrumentsTold(ProcessMessage):
    """vCPU: what is attached, and what callbacks cost, as in the answer to `instruments`."""

    TYPE: ClassVar[str] = "instruments_told"
    question: int
    attachments: tuple[dict[str, Any], ...]
    callbacks: tuple[dict[str, Any], ...]


class HartStopped(ProcessMessage):
    """vCPU: its hart has stopped for a debugger, see `mttcg.vcpu.stops`; it stands until told.

    reason: a Reason. address: of the access that is the reason.
    """

    TYPE: ClassVar[str] = "hart_stopped"
    reason: str
    pc: Virtual
    address: Virtual


# vCPU to translator


class SamplesWait(ProcessMessage):
    """vCPU: there are samples, and the translator sleeps."""

    TYPE: ClassVar[str] = "samples_wait"


class PageOfPlace(ProcessMessage):
    """vCPU: the page of the place that the translator asked for.

    pc: the place. page: a PageVersion, plain; none if it is not worth better code now. better:
    whether there is some for the place, which was missed. device_pages: those of RAM in which a
    device lies.
    """

    TYPE: ClassVar[str] = "page_of_place"
    pc: Virtual
    page: dict[str, Any] | None
    better: bool
    device_pages: tuple[PhysicalPage, ...]
