"""What supervisor and vCPU host tell each other; docs/process-messages.md."""

from typing import Any, ClassVar

from mttcg.config import Config
from mttcg.memory.address import Physical, Virtual
from mttcg.vcpu.protocol.facts import ProgramFacts
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.needs import Needs, Place

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
