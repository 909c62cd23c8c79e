"""A run that is debugged: who connects, and the guest as a session of `mttcg.debugger` sees it."""

import selectors
import socket
from collections.abc import Callable, Collection, Sequence

from mttcg.attached import DebugPlace, parse_place
from mttcg.config import Config
from mttcg.debugger.guest import Point, RefusedError, Then, WentBack
from mttcg.debugger.packets import PacketReader, encode
from mttcg.debugger.session import Phase, Session
from mttcg.isa.context import EVERYWHERE, Scope, scope_of
from mttcg.isa.debug_description import DebugDescription
from mttcg.memory.address import Virtual
from mttcg.state.vcpu_state import Activity
from mttcg.supervisor.control.control import Given, RunControl
from mttcg.supervisor.debugging.debug_door import DebugDoor
from mttcg.supervisor.debugging.debug_monitor import OwnVerb, monitor
from mttcg.supervisor.debugging.history import RunHistory
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.tasks import Answer, CommandError, Task
from mttcg.supervisor.watch import Watch
from mttcg.terminal import tell
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.protocol.orders import ChangeStops, GoOn
from mttcg.vcpu.protocol.stop_point import Motion, StopPoint
from mttcg.vcpu.protocol.vcpu_messages import HartStopped
from mttcg_bus.wire import plain

UPPER_HALF = 1 << 63
"""From here on addresses are negative, and those of kernels."""
RECEIVED_BYTES = 1 << 16
SEND_SECONDS = 10.0
"""How long a debugger may take nothing of what it is sent."""
MOST_REFUSED = 8
"""Connections that may wait to be told so; the oldest is ended for another."""
FOR_EVER = 1e9
"""Seconds that vCPUs may take to start."""


def description_of(run: RunState) -> DebugDescription:
    """What a debugger is told of the guest's ISA; CommandError if there is no debugger for it."""
    load = run.isa.load_debug_description
    if load is None:
        raise CommandError(f"{run.isa.title} has no debugger; expected another ISA")
    return load()


class Debugging:
    """The debugger of a run: one at a time.

    Args:
        run: what is debugged.
        watch: its loop.
        control: does what a debugger asks for, in its turn among other commands.
    """

    def __init__(self, run: RunState, watch: Watch, control: RunControl) -> None:
        self.run, self.watch, self.control = run, watch, control
        self.count, self.description = run.harts.count, description_of(run)
        self.takes_turns = run.config.deterministic
        self.history: RunHistory | None = None
        if self.takes_turns:
            self.history = RunHistory(
                control,
                self.go,
                lambda: (
                    self.session is not None
                    and self.session.phase is Phase.RUNNING
                    and not run.machine.stopping
                ),
            )
        self.door: DebugDoor | None = None
        self.is_open = False
        self.session: Session | None = None
        self.connection: socket.socket | None = None
        self.refused: list[socket.socket] = []
        self.name = ""
        self.in_force: set[StopPoint] = set()
        self.users = EVERYWHERE

    # who connects

    def listen(self, place: DebugPlace) -> DebugDoor:
        """Wait for a debugger somewhere; where it waits already, if it does."""
        if self.door is None:
            self.door = DebugDoor(place)
            self._open(self.door)
        return self.door

    def listen_at_start(self, place: DebugPlace, waits: bool) -> None:
        """Wait for a debugger, and say where, as soon as all vCPUs are there; before they start.

        waits: the harts stand then, before their first instruction.
        """
        self.door = door = DebugDoor(place)
        harts = self.run.harts.harts
        work = self.watch.standstill.begin(FOR_EVER) if waits else iter(())
        stand = next(work, lambda: all(hart.state != Activity.STARTING for hart in harts))

        def task() -> Task:
            yield stand
            yield from work
            self._open(door)
            tell(f"gdb is awaited at {door.target}: {door.how}")
            return {}

        self.control.begin(task(), lambda _wrong, _answer: None)

    def _open(self, door: DebugDoor) -> None:
        door.socket.listen()
        self._follow(door.socket, self._connected)
        self.is_open = True

    def _follow(self, source: socket.socket, take: Callable[[], None]) -> None:
        self.watch.selector.register(source, selectors.EVENT_READ, take)

    def _forget(self, source: socket.socket) -> None:
        if self.watch.selector.get_map() is not None:  # else the loop is over
            self.watch.selector.unregister(source)

    def _connected(self) -> None:
        assert self.door is not None
        try:
            connection, name = self.door.accept()
        except OSError as error:
            self.watch.warn(f"a debugger can't connect: {error.strerror}")
            return
        connection.settimeout(SEND_SECONDS)
        if self.session is not None:
            self._refuse(connection, name)
            return
        self.connection, self.name = connection, name
        self._follow(connection, self._received)
        self.session = Session(self, self._send, self._leave)

    def _refuse(self, connection: socket.socket, name: str) -> None:
        """Tell a second debugger who is the first, when it has asked something, and be done."""
        wrong = f"{name} is refused: {self.name} is connected"
        self.watch.warn(wrong)
        if len(self.refused) == MOST_REFUSED:
            self._end_refused(self.refused[0])
        self.refused.append(connection)
        reader = PacketReader()

        def answer() -> None:
            try:
                data = connection.recv(RECEIVED_BYTES)
                if data and not reader.take(data):
                    return  # GDB begins with an acknowledgement, and would take no answer to that
                if data:
                    connection.sendall(b"+" + encode(f"E.{wrong}".encode()))
            except (OSError, ValueError):
                pass
            self._end_refused(connection)

        self._follow(connection, answer)

    def _end_refused(self, connection: socket.socket) -> None:
        self.refused.remove(connection)
        self._forget(connection)
        connection.close()

    def _received(self) -> None:
        assert self.connection is not None and self.session is not None
        try:
            data = self.connection.recv(RECEIVED_BYTES)
            if data:
                self.session.take(data)
                return
        except (OSError, ValueError) as error:
            self.watch.warn(f"{self.name} is let go: {error}")
        self._vanished()

    def _send(self, data: bytes) -> None:
        if self.connection is None:
            return
        try:
            self.connection.sendall(data)
        except OSError as error:
            if isinstance(error, TimeoutError):
                wrong = f"it took nothing of what it was sent for {SEND_SECONDS:g} s"
                self.watch.warn(f"{self.name} is let go: {wrong}")
            self._vanished()

    def _vanished(self) -> None:
        session = self.session
        self._leave()
        if session is not None:
            session.gone()

    def _leave(self) -> None:
        if self.connection is not None:
            self._forget(self.connection)
            self.connection.close()
        self.session = self.connection = None
        self.name = ""

    def ended(self) -> None:
        """The guest has ended."""
        if self.session is not None:
            self.session.ended(self.run.machine.status)
        self._leave()
        self.close()

    def close(self) -> None:
        """Wait for no debugger any more."""
        while self.refused:
            self._end_refused(self.refused[0])
        if self.is_open and self.door is not None:
            self._forget(self.door.socket)
        if self.door is not None:
            self.door.close()
        self.door, self.is_open = None, False

    def hart_stopped(self, cpu: int, message: HartStopped) -> None:
        """A hart has stopped; without a debugger, it goes on."""
        if self.history is not None and self.history.is_going:
            self.history.stopped = cpu, message
        elif self.session is not None:
            self.session.hart_stopped(cpu, message)
        else:
            self._order([Motion.GO] * self.count)

    # the guest

    def stand(self, then: Then) -> None:
        """See DebuggedGuest."""
        self.control.begin(self._stand(), lambda _wrong, _answer: then())

    def _stand(self) -> Task:
        if self.watch.standstill.since_ns is None:
            yield from self.watch.standstill.begin(FOR_EVER)
        return {}

    def go(self, ways: Sequence[Motion], points: Collection[Point]) -> None:
        """See DebuggedGuest."""
        if self.history is not None and not self.history.is_going:
            self.history.follow(ways)
        wanted = {
            StopPoint(str(p.kind), p.size, Virtual(p.address), *self._scope_of(p.address))
            for p in points
        }
        added, removed = wanted - self.in_force, self.in_force - wanted
        if added or removed:
            self.watch.order(lambda epoch: ChangeStops(epoch, tuple(added), tuple(removed)))
            self.in_force = wanted
        self._order(ways)
        if self.watch.standstill.since_ns is not None:
            self.watch.standstill.end()

    def go_back(
        self, cpu: int | None, points: Collection[Point], then: Callable[[WentBack], None]
    ) -> None:
        """See DebuggedGuest."""
        config = self.run.config
        refused = {
            "--check compares counts with what runs, which would run twice": config.check,
            "input does not come twice": config.record_inputs or config.replay_inputs,
            "virtio devices do not go back": self.run.device_fds,
        }
        for why, is_there in refused.items():
            if is_there:
                raise RefusedError(f"{why}; expected a run without")
        assert self.history is not None, "harts take turns"
        self.history.back(cpu, points, then)

    def _scope_of(self, address: int) -> Scope:
        """Where a breakpoint holds: the upper half of addresses is a kernel's, in every space."""
        return EVERYWHERE if address >= UPPER_HALF else self.users

    def choose_space(self, words: list[str]) -> str:
        """`monitor space PID|all`: of which process breakpoints in the lower half are."""
        (wanted,) = words
        if wanted == "all":
            self.users = EVERYWHERE
            return "breakpoints hold in every address space"
        pid = int(wanted, 0)
        found = self.run.linux().processes()
        process = next((each for each in found if each.pid == pid and each.space), None)
        if process is None:
            return f"there is no process {pid} with an address space; monitor processes lists them"
        self.users = scope_of(None, process.space)
        return f"breakpoints below {UPPER_HALF:#x} hold in process {pid} ({process.comm}) alone"

    def _order(self, ways: Sequence[Motion]) -> None:
        self.watch.order(lambda epoch: GoOn(epoch, tuple(ways)))

    def read_register(self, cpu: int, name: str) -> int:
        """See DebuggedGuest."""
        return self.control.inspection.read_registers(cpu, (name,))[name]

    def write_register(self, cpu: int, name: str, value: int) -> None:
        """See DebuggedGuest."""
        self.control.inspection.write_registers(cpu, {name: value})
        if self.history is not None:
            self.history.changed()

    def read_memory(self, cpu: int, address: int, size: int) -> bytes:
        """See DebuggedGuest."""
        return self.control.inspection.read_memory(cpu, "virtual", address, size)[0]

    def write_memory(self, cpu: int, address: int, data: bytes) -> None:
        """See DebuggedGuest."""
        self.control.inspection.write_memory(cpu, "virtual", address, data)
        self.run.machine.written += 1
        if self.history is not None:
            self.history.changed()

    def describe(self, cpu: int) -> str:
        """See DebuggedGuest."""
        hart, system = self.run.harts.harts[cpu], self.run.isa.system
        level = system.level_name(hart)
        return ", ".join(
            filter(None, (f"level {level}" if level else "", self.run.symbol_at(hart.pc)))
        )

    def command(self, line: str, then: Callable[[str], None]) -> None:
        """See DebuggedGuest."""
        space = OwnVerb(
            "space PID|all",
            "in which process breakpoints of programs hold",
            lambda _run, _control, words: self.choose_space(words),
        )
        monitor(self.run, self.control, line, then, {"space": space})

    def end(self) -> None:
        """See DebuggedGuest."""
        self.watch.stop(Ending.SUPERVISOR, interrupted=True)
        if self.watch.standstill.since_ns is not None:
            self.watch.standstill.end()


def debugging_of(control: RunControl) -> Debugging:
    """The debugging of a run, made when it is first asked for; CommandError."""
    if not isinstance(control.debugger, Debugging):
        if control.debugger is not None:
            raise CommandError("harts stop for --snapshot-at; expected that to be over")
        control.debugger = Debugging(control.run, control.watch, control)
    return control.debugger


def listen(control: RunControl, given: Given) -> Answer:
    """The command `gdb`: where a debugger may connect, and how. CommandError, OptionError."""
    place = plain.take_text(given, "place") if "place" in given else ""
    door = debugging_of(control).listen(parse_place(place))
    return {"target": door.target, "connect": door.how}


def open_door(control: RunControl, config: Config) -> Callable[[], None]:
    """Wait for the debugger of --gdb, and say where; before the vCPUs start. What closes it."""
    assert config.gdb is not None, "there is --gdb"
    debugging = debugging_of(control)
    debugging.listen_at_start(parse_place(config.gdb), config.wait_gdb)
    return debugging.close
