"""What is done from outside while the guest runs: the commands of PROTOCOL.md, "Control".

A command is done at once; or in its turn, one after the other, in the order in which they came. One
that has to wait for the vCPUs is a task, a generator that yields what it waits for.
"""

from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from mttcg.errors import MttcgError
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.supervisor.control.inspection import Inspection
from mttcg.supervisor.control.kernel import process_rows
from mttcg.supervisor.control.loading import Loading
from mttcg.supervisor.delivery.delivery import Delivery
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.snapshots.standstill import STOP_SECONDS
from mttcg.supervisor.tasks import Answer, CommandError, Condition, Task
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.messages import expect
from mttcg.vcpu.protocol.orders import TellInstruments
from mttcg.vcpu.protocol.vcpu_messages import HartStopped, InstrumentsTold, PluginRefused
from mttcg_bus.errors import BusError
from mttcg_bus.publisher.process import PublisherEvent
from mttcg_bus.ring.ring import ledger_of
from mttcg_bus.wire import plain
from mttcg_bus.wire.control import Command
from mttcg_bus.wire.limits import LONGEST_PAUSE

if TYPE_CHECKING:
    from mttcg.supervisor.snapshots.snapshots import Snapshots

Given: TypeAlias = Mapping[str, Any]
Work: TypeAlias = Callable[[], Answer]
Reply: TypeAlias = Callable[[str, Answer], None]
"""What an answer goes to: its error, or "" and plain data."""


class Debugger(Protocol):
    """What a debugger has to do with a run, see `mttcg.supervisor.debugging.debugging`."""

    @property
    def name(self) -> str:
        """What the debugger that is connected is called, "" if none is."""

    def hart_stopped(self, cpu: int, message: HartStopped) -> None:
        """A hart has stopped for it."""

    def ended(self) -> None:
        """The guest has ended."""


class RunControl:
    """The commands of one run.

    Args:
        run: what is controlled.
        watch: its loop, which calls `look` after everything that happens.
        delivery: its publisher brings commands, and takes their answers; without one there are only
            those of `do`, and plugins stay as they are.
    """

    def __init__(self, run: RunState, watch: Watch, delivery: Delivery | None) -> None:
        self.run, self.watch = run, watch
        ram = GuestRam(run.board.ram_base, run.maps["ram"])
        self.standstill = watch.standstill
        self.snapshots: Snapshots | None = None
        self.inspection = Inspection(run.harts.harts, ram, self.standstill, run.isa.system)
        self.waiting: deque[tuple[Reply, Task | Work]] = deque()
        self.waits_for: Condition | None = None
        self.question = 0
        self.told: dict[int, InstrumentsTold] = {}
        self.at_once: dict[str, Callable[[Given], Answer]] = {
            "run": self._run,
            "status": self._status,
            "where": self._where,
            "stop": self._stop,
        }
        self.debugger: Debugger | None = None
        self.in_turn: dict[str, Callable[[Given], Answer]] = {
            "resume": self._resume,
            "read_registers": self._read_registers,
            "write_registers": self._write_registers,
            "read_memory": self._read_memory,
            "write_memory": self._write_memory,
        }
        self.tasks: dict[str, Callable[[Given], Task]] = {
            "pause": self._pause,
            "processes": self._processes,
            "snapshot": self._snapshot,
        }
        self.loading: Loading | None = None
        self.publisher = None if delivery is None else delivery.publisher
        if delivery is not None:
            self._let_plugins_change(Loading(run, watch, delivery))
            delivery.publisher.command = self.take

    def _let_plugins_change(self, loading: Loading) -> None:
        """Take the commands of plugins as well."""
        self.loading = loading
        self.at_once["plugins"] = lambda _given: {"plugins": loading.plugins()}
        self.tasks |= {
            "instruments": self._instruments,
            "load": lambda given: loading.load(plain.take_text(given, "spec")),
            "unload": lambda given: loading.unload(plain.take_text(given, "plugin")),
            "reload": lambda given: loading.reload(
                plain.take_text(given, "plugin"),
                plain.take_text(given, "spec") if "spec" in given else "",
            ),
        }

    def take(self, command: Command) -> None:
        """Do a command that the publisher brings, or begin with it."""
        assert self.publisher is not None
        self.do(command.name, command.arguments, partial(self.publisher.answer, command.question))

    def do(self, name: str, given: Given, reply: Reply) -> None:
        """Do a command, or begin with it; reply is called with its error, or "" and the answer."""
        if name in self.at_once:
            self._answer(reply, partial(self.at_once[name], given))
        elif name in self.in_turn:
            self.waiting.append((reply, partial(self.in_turn[name], given)))
        elif name in self.tasks:
            self._answer(reply, partial(self._begin, name, given, reply))
        else:
            known = ", ".join(sorted((*self.at_once, *self.in_turn, *self.tasks)))
            reply(f"there is no command {name!r}; expected one of {known}", {})

    def _begin(self, name: str, given: Given, reply: Reply) -> None:
        self.begin(self.tasks[name](given), reply)

    def begin(self, task: Task, reply: Reply) -> None:
        """Do a task in its turn."""
        self.waiting.append((reply, task))

    def look(self) -> None:
        """Go on with what waits for its turn, as far as what a task waits for has happened."""
        while self.waiting and (self.waits_for is None or self.waits_for()):
            reply, task = self.waiting[0]
            self.waits_for = None
            self._answer(reply, partial(self._go_on, task))
            if self.waits_for is None:
                self.waiting.popleft()

    def _go_on(self, task: Task | Work) -> Answer | None:
        if callable(task):
            return task()
        try:
            self.waits_for = next(task)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        return None

    def _answer(self, reply: Reply, work: Callable[[], Answer | None]) -> None:
        """Answer with what some work gives, or with its error; not yet if it gives None."""
        try:
            answer = work()
        except (MttcgError, BusError) as error:
            reply(" ".join(str(error).split()), {})
        else:
            if answer is not None:
                reply("", answer)

    def end(self) -> None:
        """The guest has ended: nothing more is done, but a snapshot that was taken is written."""
        if self.publisher is not None:
            self.publisher.command = None
        if self.snapshots is not None:
            self.snapshots.finish()
            self.look()
        for reply, _ in self.waiting:
            reply("the guest has ended before it was done", {})
        self.waiting.clear()
        if self.debugger is not None:
            self.debugger.ended()

    def hear(self, cpu: int, message: ProcessMessage) -> None:
        """Take in what a vCPU says."""
        if isinstance(message, PluginRefused) and self.loading is not None:
            self.loading.refusals.append(message.reason)
        elif isinstance(message, HartStopped):
            if self.debugger is not None:  # else who had it stop has let all go on since
                self.debugger.hart_stopped(cpu, message)
        elif (told := expect(message, InstrumentsTold)).question == self.question:
            self.told[cpu] = told

    def hear_host(self, message: ProcessMessage) -> None:
        """Take in what the vCPU host says of a plugin that it tried."""
        if self.loading is not None:
            self.loading.hear_host(message)

    def hear_publisher(self, event: PublisherEvent) -> None:
        """Take in what the publisher has done."""
        if self.loading is not None:
            self.loading.hear_publisher(event)

    # at once

    def _run(self, _given: Given) -> Answer:
        return {"run": self.run.info().to_plain()}

    def _status(self, _given: Given) -> Answer:
        run = self.run
        return {
            "run": run.identifier,
            "guest": str(run.config.guest),
            "engine": run.engine,
            "paused": int(self.standstill.since_ns is not None),
            "vcpus": self._vcpus(),
        }

    def _vcpus(self) -> list[Answer]:
        return [
            {
                "cpu": hart.index,
                "state": Activity(hart.state).name.lower(),
                "instructions": hart.instructions,
                "pc": pc_of(hart),
            }
            for hart in self.run.harts.harts
        ]

    def _where(self, _given: Given) -> Answer:
        """Where each hart is, as of the last block that it told of."""
        run = self.run
        system = run.isa.system
        return {
            "vcpus": [
                {
                    "cpu": hart.index,
                    "state": Activity(hart.state).name.lower(),
                    "pc": pc_of(hart),
                    "level": system.level_name(hart),
                    "interrupts": int(system.may_be_interrupted(hart)),
                    "symbol": run.symbol_at(pc_of(hart)),
                    "source": run.source_at(pc_of(hart)),
                }
                for hart in run.harts.harts
            ]
        }

    def _stop(self, _given: Given) -> Answer:
        self.watch.stop(Ending.SUPERVISOR, interrupted=True)
        return {}

    def _instruments(self, _given: Given) -> Task:
        """Ask every vCPU that runs."""
        self.question += 1
        self.told.clear()
        self.watch.order(lambda epoch: TellInstruments(epoch, self.question))
        yield lambda: self.told.keys() >= self.watch.running - self.watch.silent
        told = sorted(self.told.items())
        return {
            "attachments": [each for _, found in told for each in found.attachments],
            "callbacks": [{"cpu": cpu} | each for cpu, found in told for each in found.callbacks],
            "streams": [
                {"stream": name, "cpu": cpu} | ledger_of(ring).to_plain()
                for name, rings in self.run.streams.ring_fds.items()
                for cpu, ring in enumerate(rings)
            ],
        }

    # pause

    def _pause(self, given: Given) -> Task:
        if self.standstill.since_ns is not None:
            raise CommandError("the guest is paused already; expected it to run")
        wanted = 0
        if "milliseconds" in given:
            wanted = plain.take_integer(given, "milliseconds", LONGEST_PAUSE)
        yield from self.standstill.begin(wanted / 1000 or STOP_SECONDS)
        return {"vcpus": self._vcpus()}

    def _resume(self, _given: Given) -> Answer:
        if self.debugger is not None and self.debugger.name:
            raise CommandError(f"{self.debugger.name} has the guest; expected it to let it go on")
        return {"paused_ms": self.standstill.end() // 1_000_000}

    def _processes(self, given: Given) -> Task:
        """Have the guest stand still, if it does not, and look at its processes."""
        linux = self.run.linux()
        threads = bool(plain.take_integer(given, "threads", 1)) if "threads" in given else False
        rows = partial(process_rows, linux, self.run.isa.system, threads)
        return (yield from self.standstill.during(lambda: {"processes": rows()}))

    def _snapshot(self, given: Given) -> Task:
        """Take a snapshot; the guest stands still only while its RAM is copied."""
        if self.snapshots is None:
            from mttcg.supervisor.snapshots.snapshots import Snapshots  # few runs take some

            self.snapshots = Snapshots(self.run, self.standstill, self.watch.files.any_open)
        return self.snapshots.take(Path(plain.take_text(given, "file")))

    def _read_registers(self, given: Given) -> Answer:
        self.standstill.check()
        names = plain.take_texts(given, "names") if "names" in given else ()
        cpu = plain.take_integer(given, "cpu")
        return {"registers": self.inspection.read_registers(cpu, names)}

    def _write_registers(self, given: Given) -> Answer:
        self.standstill.check()
        values = plain.take_mapping(given, "values")
        cpu = plain.take_integer(given, "cpu")
        return {"registers": self.inspection.write_registers(cpu, values)}

    def _read_memory(self, given: Given) -> Answer:
        self.standstill.check()
        place = *_space_of(given), plain.take_integer(given, "address")
        data, physical = self.inspection.read_memory(*place, plain.take_integer(given, "size"))
        return {"data": data, "physical": physical}

    def _write_memory(self, given: Given) -> Answer:
        self.standstill.check()
        data = plain.take(given, "data")
        if not isinstance(data, bytes):
            raise CommandError("data is no bytes; expected bytes")
        place = *_space_of(given), plain.take_integer(given, "address")
        physical = self.inspection.write_memory(*place, data)
        self.run.machine.written += 1
        return {"size": len(data), "physical": physical}


def _space_of(given: Given) -> tuple[int, str]:
    cpu = plain.take_integer(given, "cpu") if "cpu" in given else 0
    return cpu, plain.take_text(given, "space") if "space" in given else "virtual"


def pc_of(hart: VcpuState) -> int:
    """Where a hart is: its pc if it stands still, else the block that it told of last."""
    return hart.pc if hart.state == Activity.PAUSED else hart.last_pc
