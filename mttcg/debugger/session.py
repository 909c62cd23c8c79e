"""One debugger, from the time that it connects: its packets, and what it is told (all-stop).

While harts run, a debugger waits for the first that stops, or asks for a stop; then all stand, and
it is told of one. Others that had stopped meanwhile are told of as soon as they would go on.
"""

from collections.abc import Callable
from enum import Enum, auto
from functools import partial

from mttcg.debugger.documents import memory_map, target_description, thread_list
from mttcg.debugger.guest import DebuggedGuest, WentBack
from mttcg.debugger.memory import MemoryPackets, place_of
from mttcg.debugger.packets import ACCEPTED, LONGEST, REFUSED, Packet, PacketReader, encode
from mttcg.debugger.points import Points
from mttcg.debugger.registers import RegisterPackets
from mttcg.debugger.resumption import OFFERED, thread_of, ways_of
from mttcg.errors import UserError
from mttcg.vcpu.protocol.stop_point import Motion, Reason
from mttcg.vcpu.protocol.vcpu_messages import HartStopped

TRAPPED, INTERRUPTED = 5, 2
"""Signals that stand for the reasons of stops: SIGTRAP and SIGINT, as GDB numbers them."""
MOST_QUEUED = 64
"""Packets that may wait for harts to stand: a debugger waits for most answers."""
OK = b"OK"
WRONG, WRONG_PLAIN = b"E.%s", b"E01"
BEFORE_STEP = (b"z", b"Z", b"m", b"H", b"vCont;", b"bs")
"""What a debugger sends from a stop behind an access to the step that it takes to be needed."""
PLAIN = (b"m", b"M", b"X", b"g", b"G", b"H", b"T")
"""What is answered by a plain error: a debugger would take a text for data."""
FEATURES = (
    "PacketSize=%x;QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;"
    "qXfer:memory-map:read+;vContSupported+;swbreak+;hwbreak+;error-message+"
)


class Phase(Enum):
    """What the guest does, as far as the debugger is concerned."""

    RUNNING = auto()
    STOPPING = auto()
    STANDING = auto()


class Session:
    """One debugger's.

    Args:
        guest: what is debugged.
        send: sends bytes to the debugger.
        leave: ends the connection.
    """

    def __init__(
        self, guest: DebuggedGuest, send: Callable[[bytes], None], leave: Callable[[], None]
    ) -> None:
        self.guest, self.send, self.leave = guest, send, leave
        self.registers, self.memory = RegisterPackets(guest), MemoryPackets(guest)
        self.reader = PacketReader()
        self.queue: list[Packet] = []
        self.acknowledges = True
        self.is_over = False
        self.cpu = self.going = 0
        self.ways = [Motion.GO] * guest.count
        self.points = Points()
        self.stopped: dict[int, HartStopped] = {}
        self.interrupted = False
        self.behind_access: int | None = None
        self.last_stop = b""
        self.answers: dict[bytes, Callable[[bytes], bytes | None]] = {
            b"?": lambda _: self.last_stop,
            b"!": lambda _: b"",
            b"g": lambda _: self.registers.read_all(self.cpu),
            b"G": partial(self._do, self.registers.write_all),
            b"p": lambda rest: self.registers.read(self.cpu, int(rest, 16)),
            b"P": partial(self._do, self.registers.write),
            b"m": lambda rest: self.memory.read(self.cpu, rest),
            b"M": partial(self._do, self.memory.write, in_digits=True),
            b"X": partial(self._do, self.memory.write, in_digits=False),
            b"H": self._choose,
            b"T": self._is_alive,
            b"z": lambda rest: OK if self.points.change(False, rest) else b"",
            b"Z": lambda rest: OK if self.points.change(True, rest) else b"",
            b"c": lambda _: self._go_from(Motion.GO),
            b"s": lambda _: self._go_from(Motion.STEP),
            b"C": lambda _: self._go_from(Motion.GO),
            b"S": lambda _: self._go_from(Motion.STEP),
            b"bc": lambda _: self._back(None),
            b"bs": lambda _: self._back(self.going),
            b"D": self._detach,
            b"k": self._kill,
            b"vKill": self._kill,
            b"vCont?": lambda _: OFFERED,
            b"vCont;": lambda rest: self._go(ways_of(rest, guest.count)),
            b"qSupported": self._supported,
            b"QStartNoAckMode": self._without_acknowledgement,
            b"qXfer:features:read:target.xml:": partial(
                self._document, lambda: target_description(guest.description)
            ),
            b"qXfer:threads:read::": partial(self._document, self._threads),
            b"qXfer:memory-map:read::": partial(self._document, memory_map),
            b"qC": lambda _: b"QC%x" % (self.cpu + 1),
            b"qAttached": lambda _: b"1",
            b"qfThreadInfo": lambda _: b"m" + b",".join(self._numbers()),
            b"qsThreadInfo": lambda _: b"l",
            b"qThreadExtraInfo,": self._extra,
            b"qSymbol": lambda _: OK,
            b"qRcmd,": self._monitor,
        }
        self.phase = Phase.STOPPING
        guest.stand(self._stand)

    # from and to the debugger

    def take(self, data: bytes) -> None:
        """Take what the debugger sent; ValueError for what can be no debugger's."""
        for packet in self.reader.take(data):
            self._take(packet)
        self._serve()
        if len(self.queue) > MOST_QUEUED:
            raise ValueError(f"{len(self.queue)} packets wait; expected at most {MOST_QUEUED}")

    def _take(self, packet: Packet) -> None:
        if packet.damaged:
            self.send(REFUSED)
            return
        if self.acknowledges and not packet.interrupt:
            self.send(ACCEPTED)
        self.queue.append(packet)

    def _serve(self) -> None:
        """Do what waits, in its order: answer while all stand, stop while some run."""
        while self.queue and self.phase is not Phase.STOPPING and not self.is_over:
            is_interrupt = self.queue[0].interrupt
            if self.phase is Phase.RUNNING and not is_interrupt:
                return
            packet = self.queue.pop(0)
            if is_interrupt:
                self._interrupt()
                continue
            answer = self._answer(packet.content)
            if answer is not None:
                self.send(encode(answer))

    def _answer(self, content: bytes) -> bytes | None:
        """What a packet is answered by; None if by nothing, or later."""
        known = [name for name in self.answers if content.startswith(name)]
        if not known:
            return b""  # as the protocol has it for what is not known
        name = max(known, key=len)
        if name not in BEFORE_STEP:
            self.behind_access = None
        try:
            return self.answers[name](content[len(name) :])
        except UserError as error:
            if name in PLAIN:
                return WRONG_PLAIN
            return WRONG % " ".join(str(error).split()).encode("ascii", "replace")
        except ValueError:
            return WRONG % b"this packet can't be read"

    # stops

    def _stand(self) -> None:
        """All stand: tell of one that stopped, or of the request; or serve a new debugger."""
        if self.is_over:
            return
        was_told, self.phase = bool(self.last_stop), Phase.STANDING
        self.last_stop = self._next_stop()
        if was_told:
            self.send(encode(self.last_stop))
        self._serve()

    def _next_stop(self) -> bytes:
        """What is told of the first stop that was not told of, of those that went on last."""
        for cpu in self.stopped:
            if self.ways[cpu] is not Motion.STAND:
                return self._stop_of(cpu)
        signal = INTERRUPTED if self.interrupted else TRAPPED
        self.interrupted = False
        return b"T%02xthread:%x;" % (signal, self.cpu + 1)

    def _stop_of(self, cpu: int) -> bytes:
        """What is told of a hart that stopped, whose thread is the current one then."""
        stop, self.cpu = self.stopped.pop(cpu), cpu
        if stop.reason == Reason.ACCESS and self.guest.description.steps_over_access:
            self.behind_access = cpu
        return self._stop_reply(cpu, self.points.of(stop) or b"")

    def _stop_reply(self, cpu: int, why: bytes) -> bytes:
        number, digits, _ = self.registers.counter_of(cpu)
        return b"T%02xthread:%x;%x:%s;%s" % (TRAPPED, cpu + 1, number, digits, why)

    def hart_stopped(self, cpu: int, stop: HartStopped) -> None:
        """A hart has stopped, and stands."""
        self.stopped[cpu] = stop
        if self.phase is Phase.RUNNING:
            self.phase = Phase.STOPPING
            self.guest.stand(self._stand)

    def _interrupt(self) -> None:
        if self.phase is Phase.RUNNING:
            self.interrupted, self.phase = True, Phase.STOPPING
            self.guest.stand(self._stand)

    def _go_from(self, way: Motion) -> None:
        """The older way to go on: all, or one step of the thread that was chosen."""
        ways = [Motion.GO if way is Motion.GO else Motion.STAND] * self.guest.count
        ways[self.going] = way
        self._go(ways)

    def _go(self, ways: list[Motion]) -> None:
        """Let harts go on; not at all if one of them has a stop that is still to be told of."""
        passed, self.behind_access = self.behind_access, None
        stepping = [cpu for cpu, way in enumerate(ways) if way is not Motion.STAND]
        if stepping == [passed] and ways[stepping[0]] is Motion.STEP:
            self.send(encode(self._stop_reply(stepping[0], b"")))  # it is behind it already
            return
        for cpu in [cpu for cpu in self.stopped if ways[cpu] is not Motion.STAND]:
            if self.points.of(self.stopped[cpu]) is not None:
                self.last_stop = self._stop_of(cpu)
                self.send(encode(self.last_stop))
                return
            del self.stopped[cpu]  # the debugger does not want it to stop there any more
        if self.guest.takes_turns:  # none can be held while another runs
            ways = [Motion.GO if way is Motion.STAND else way for way in ways]
        self.phase, self.ways = Phase.RUNNING, ways
        self.guest.go(ways, self.points.wanted)

    def _back(self, cpu: int | None) -> bytes | None:
        """Go back, by one step of a hart, or to the last point before."""
        if not self.guest.takes_turns:
            return b""
        if cpu is not None and cpu == self.behind_access:
            self.behind_access = None
            return self._stop_reply(cpu, b"")  # it is before it already
        self.behind_access = None

        def went_back(found: WentBack) -> None:
            if self.is_over:
                return
            self.phase, self.cpu = Phase.STANDING, found.cpu
            if found.stop is not None:
                self.stopped[found.cpu] = found.stop
                self.last_stop = self._stop_of(found.cpu)
            else:
                why = b"replaylog:begin;" if found.at_beginning else b""
                self.last_stop = self._stop_reply(found.cpu, why)
            self.send(encode(self.last_stop))
            self._serve()

        self.stopped.clear()
        self.phase = Phase.RUNNING
        try:
            self.guest.go_back(cpu, self.points.wanted, went_back)
        except UserError:
            self.phase = Phase.STANDING
            raise
        return None

    def ended(self, status: int) -> None:
        """The guest has ended with a status."""
        if not self.is_over:
            self.send(encode(b"W%02x" % (status & 0xFF)))
            self.is_over = True

    def gone(self) -> None:
        """The debugger is gone: the guest goes on."""
        if not self.is_over:
            self.is_over = True
            self._let_go()

    def _let_go(self) -> None:
        everything = [Motion.GO] * self.guest.count
        self.guest.stand(lambda: self.guest.go(everything, ()))

    def _do(self, work: Callable[..., None], rest: bytes, **how: bool) -> bytes:
        """Do what has no answer of its own, for the current thread."""
        work(self.cpu, rest, **how)
        return OK

    # threads

    def _numbers(self) -> list[bytes]:
        return [b"%x" % (cpu + 1) for cpu in range(self.guest.count)]

    def _choose(self, rest: bytes) -> bytes:
        cpu = thread_of(rest[1:], self.guest.count)
        if cpu is None:
            cpu = self.cpu
        if rest.startswith(b"c"):
            self.going = cpu
        else:
            self.cpu = cpu
        return OK

    def _is_alive(self, rest: bytes) -> bytes:
        thread_of(rest, self.guest.count)
        return OK

    def _extra(self, rest: bytes) -> bytes:
        cpu = thread_of(rest, self.guest.count)
        return self.guest.describe(self.cpu if cpu is None else cpu).encode().hex().encode()

    def _threads(self) -> str:
        harts = range(self.guest.count)
        return thread_list((cpu + 1, f"vCPU {cpu}", self.guest.describe(cpu)) for cpu in harts)

    # the rest

    def _supported(self, rest: bytes) -> bytes:
        back = ";ReverseStep+;ReverseContinue+" if self.guest.takes_turns else ""
        return (FEATURES % LONGEST + back).encode()

    def _without_acknowledgement(self, _rest: bytes) -> bytes:
        self.acknowledges = False
        return OK

    def _document(self, make: Callable[[], str], rest: bytes) -> bytes:
        begin, size = place_of(rest)
        text = make().encode()
        piece = text[begin : begin + size]
        return (b"m" if begin + size < len(text) else b"l") + piece

    def _monitor(self, rest: bytes) -> None:
        line = bytes.fromhex(rest.decode()).decode("utf-8", "replace")
        self.phase = Phase.STOPPING
        self.guest.command(line, self._monitored)

    def _monitored(self, text: str) -> None:
        if self.is_over:
            return
        self.phase = Phase.STANDING
        self.send(encode(f"{text}\n".encode().hex().encode() if text else OK))
        self._serve()

    def _detach(self, _rest: bytes) -> None:
        self.send(encode(OK))
        self.gone()
        self.leave()

    def _kill(self, _rest: bytes) -> None:
        self.is_over = True
        self.guest.end()
        self.leave()
