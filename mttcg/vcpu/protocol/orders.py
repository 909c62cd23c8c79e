"""What the supervisor tells vCPUs; docs/process-messages.md."""

from typing import ClassVar

from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.needs import Place
from mttcg.vcpu.protocol.stop_point import StopPoint

# supervisor to a vCPU


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
