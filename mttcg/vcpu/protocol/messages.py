"""What the processes of a machine tell each other through channels; docs/process-messages.md.

A message is a JSON mapping with its `type` and the type's fields. Both ends are of the same version
and start together, so nothing here is published, and every field is checked: what is not as it
should be is a fault of ours.
"""

import json
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from mttcg.config import Config
from mttcg.errors import MttcgError
from mttcg.memory.address import Physical, PhysicalPage, Virtual
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.protocol.facts import ProgramFacts, TrapFacts
from mttcg.vcpu.protocol.needs import Needs, Place
from mttcg.vcpu.protocol.stop_point import StopPoint
from mttcg.vcpu.protocol.typed_reading import WrongValueError, read_fields
from mttcg.vcpu.protocol.typed_value import TypedValue


class MessageError(MttcgError):
    """A message that is none, or that its receiver does not expect."""

    def __init__(self, name: str, wrong: str, expected: str) -> None:
        super().__init__(f"message {name!r}: {wrong}; expected {expected}")
        self.name, self.wrong, self.expected = name, wrong, expected


class ProcessMessage(TypedValue):
    """Root of all messages; TYPE is the `type` in the text."""

    TYPE: ClassVar[str] = ""

    @property
    def descriptors_along(self) -> tuple[str, ...]:
        """What the file descriptors are that come along, in their order."""
        return ()


# supervisor to vCPU host


class Prepare(ProcessMessage):
    """Supervisor to host, first: load the plugins, and say what they need.

    config: for the vCPUs and the translator as well, which get it by the fork. reach: a Reach,
    plain, None if code may be anywhere. run: a RunInfo, plain, None if nothing is aggregated.
    symbols, run: empty, and None, if there is no plugin, and none may come. supervisor: its process
    id. isa: the guest's, by name.
    """

    TYPE: ClassVar[str] = "prepare"
    config: Config
    symbols: dict[str, Virtual]
    reach: dict[str, Any] | None
    run: dict[str, Any] | None
    supervisor: int
    isa: str


class Start(ProcessMessage):
    """Supervisor to host, when everything is there: fork the vCPUs; they get this, too.

    isa, board: their names. information: for the guest's firmware, where it finds what to start,
    0 if there is none. below_firmware: the host is the guest's firmware. device_symbols: those
    of the guest's symbols at which the board has devices. program: of semihosting, none if the
    guest has none. kernel: KernelFacts, plain, or none, and kernel_unknown why. restored: the
    harts' states are those of a snapshot. descriptors: the names of those that come along.
    """

    TYPE: ClassVar[str] = "start"
    isa: str
    board: str
    entry: Virtual
    device_tree: Physical
    information: Physical
    below_firmware: bool
    device_symbols: dict[str, Physical]
    program: ProgramFacts | None
    kernel: dict[str, Any] | None
    kernel_unknown: str
    restored: bool
    streams: tuple[Place, ...]
    scoreboards: tuple[Place, ...]
    descriptors: tuple[str, ...]

    @property
    def descriptors_along(self) -> tuple[str, ...]:
        """Segments, eventfds, pipes, channels."""
        return self.descriptors


class Rehearse(ProcessMessage):
    """Supervisor to host: try a plugin in a process of its own, and say what it needs."""

    TYPE: ClassVar[str] = "rehearse"
    spec: str
    number: int


# vCPU host to supervisor


class Ready(ProcessMessage):
    """Host: the plugins are loaded; ticks_per_second: of the clock of records, 0 without one."""

    TYPE: ClassVar[str] = "ready"
    needs: Needs
    ticks_per_second: int
    warnings: tuple[str, ...]


class HostRefused(ProcessMessage):
    """Host: it ends, as a plugin can't be loaded or a limit of the host is reached."""

    TYPE: ClassVar[str] = "host_refused"
    reason: str


class VcpuEnded(ProcessMessage):
    """Host: a vCPU's process ended; status: as of Popen.returncode."""

    TYPE: ClassVar[str] = "vcpu_ended"
    cpu: int
    status: int


class TranslatorEnded(ProcessMessage):
    """Host: the translator ended."""

    TYPE: ClassVar[str] = "translator_ended"
    status: int


class DevicesEnded(ProcessMessage):
    """Host: the device process ended."""

    TYPE: ClassVar[str] = "devices_ended"
    status: int


class HostWarning(ProcessMessage):
    """Host: the run does without something that was wanted."""

    TYPE: ClassVar[str] = "host_warning"
    text: str


class DeviceWarning(ProcessMessage):
    """Device process, over the host's channel: something goes otherwise than wanted."""

    TYPE: ClassVar[str] = "device_warning"
    text: str


class RehearsalEnded(ProcessMessage):
    """Host: a process that tried a plugin ended."""

    TYPE: ClassVar[str] = "rehearsal_ended"
    status: int


class Rehearsed(ProcessMessage):
    """Rehearsal: the plugin can be loaded."""

    TYPE: ClassVar[str] = "rehearsed"
    number: int
    needs: Needs


class RehearsalRefused(ProcessMessage):
    """Rehearsal: the plugin can't be loaded."""

    TYPE: ClassVar[str] = "rehearsal_refused"
    number: int
    reason: str


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


# supervisor to a vCPU


class HartStopped(ProcessMessage):
    """vCPU: its hart has stopped for a debugger, see `mttcg.vcpu.stops`; it stands until told.

    reason: a Reason. address: of the access that is the reason.
    """

    TYPE: ClassVar[str] = "hart_stopped"
    reason: str
    pc: Virtual
    address: Virtual


class FileOperationDone(ProcessMessage):
    """Supervisor: what came of the operation; error: 0 or an errno. data: what was read."""

    TYPE: ClassVar[str] = "file_operation_done"
    value: int
    error: int
    data: str


# supervisor to every vCPU


class Order(ProcessMessage):
    """What every vCPU does between two blocks, in the order of the epochs."""

    epoch: int


class MakeChange(Order):
    """Supervisor: make the change that vCPU `sender` asked for."""

    TYPE: ClassVar[str] = "make_change"
    sender: int
    change: str
    number: int


class BeginProgram(Order):
    """Supervisor: attach what plugins have for the program, in its space, or 0 for everywhere."""

    TYPE: ClassVar[str] = "begin_program"
    space: int


class LoadPlugin(Order):
    """Supervisor: load a plugin; its scoreboards come along, and the vCPU's rings."""

    TYPE: ClassVar[str] = "load_plugin"
    spec: str
    scoreboards: tuple[Place, ...]
    rings: tuple[Place, ...]

    @property
    def descriptors_along(self) -> tuple[str, ...]:
        """Scoreboards, then rings."""
        scoreboards = (f"scoreboard {plugin}.{name}" for plugin, name in self.scoreboards)
        return *scoreboards, *(f"ring {plugin}.{name}" for plugin, name in self.rings)


class ReloadPlugin(Order):
    """Supervisor: let a plugin end, and load it anew; its new scoreboards come along."""

    TYPE: ClassVar[str] = "reload_plugin"
    plugin: str
    spec: str
    scoreboards: tuple[Place, ...]

    @property
    def descriptors_along(self) -> tuple[str, ...]:
        """Scoreboards."""
        return tuple(f"scoreboard {plugin}.{name}" for plugin, name in self.scoreboards)


class UnloadPlugin(Order):
    """Supervisor: let a plugin end."""

    TYPE: ClassVar[str] = "unload_plugin"
    plugin: str


class TellInstruments(Order):
    """Supervisor: say what is attached."""

    TYPE: ClassVar[str] = "tell_instruments"
    question: int


class ChangeStops(Order):
    """Supervisor: have harts stop at other places."""

    TYPE: ClassVar[str] = "change_stops"
    added: tuple[StopPoint, ...]
    removed: tuple[StopPoint, ...]


class GoOn(Order):
    """Supervisor: how each hart goes on, by its vCPU: a Motion."""

    TYPE: ClassVar[str] = "go_on"
    ways: tuple[str, ...]


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


MESSAGES: dict[str, type[ProcessMessage]] = {
    kind.TYPE: kind
    for kind in (
        Prepare,
        Start,
        Rehearse,
        Ready,
        HostRefused,
        VcpuEnded,
        TranslatorEnded,
        DevicesEnded,
        HostWarning,
        DeviceWarning,
        RehearsalEnded,
        Rehearsed,
        RehearsalRefused,
        VcpuFailure,
        VcpuWarning,
        TrapLoopFound,
        SpinFound,
        ZerosFound,
        UnsupportedFound,
        NothingAttached,
        AskChange,
        ProgramBegins,
        FileOperation,
        PluginRefused,
        InstrumentsTold,
        HartStopped,
        FileOperationDone,
        MakeChange,
        BeginProgram,
        LoadPlugin,
        ReloadPlugin,
        UnloadPlugin,
        TellInstruments,
        ChangeStops,
        GoOn,
        SamplesWait,
        PageOfPlace,
    )
}

M = TypeVar("M", bound=ProcessMessage)


def _plain(value: Any) -> Any:
    """What JSON has no form of itself, as a text or mapping."""
    return str(value) if isinstance(value, Path) else vars(value)


def encode(message: ProcessMessage) -> bytes:
    """A message as it goes through a channel."""
    return json.dumps({"type": message.TYPE} | vars(message), default=_plain).encode()


def decode(text: bytes | bytearray) -> ProcessMessage:
    """The message that `encode` gave that text; MessageError if none can have."""
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise MessageError("", str(error), "JSON") from error
    name = plain.pop("type", None) if isinstance(plain, dict) else None
    if not isinstance(name, str) or name not in MESSAGES:
        raise MessageError(str(name), "there is no such type", f"one of {', '.join(MESSAGES)}")
    try:
        return read_fields(MESSAGES[name], plain, name)
    except WrongValueError as error:
        raise MessageError(name, f"{error.place}: {error.wrong}", error.expected) from error


def expect(message: ProcessMessage, kind: type[M]) -> M:
    """The message itself, which is to be of a type; MessageError if it is another."""
    if not isinstance(message, kind):
        raise MessageError(message.TYPE, "it is not expected here", kind.__name__)
    return message
