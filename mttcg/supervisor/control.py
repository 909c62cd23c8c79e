"""What is done from outside while the guest runs: the commands of PROTOCOL.md, "Control".

A command is done at once; or in its turn, one after the other, in the order in which they came. One
that has to wait for the vCPUs is a task, a generator that yields what it waits for.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from mttcg.errors import MttcgError
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import ENDED, Activity
from mttcg.supervisor.delivery import Delivery
from mttcg.supervisor.inspection import Inspection
from mttcg.supervisor.loading import Answer, CommandError, Condition, Loading, Task
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.messages import (
    InstrumentsTold,
    PluginRefused,
    ProcessMessage,
    TellInstruments,
    expect,
)
from mttcg.vcpu.shared import Ending
from mttcg_bus.errors import BusError
from mttcg_bus.publisher.process import PublisherEvent
from mttcg_bus.ring.ring import ledger_of
from mttcg_bus.wire import plain
from mttcg_bus.wire.control import Command
from mttcg_bus.wire.limits import LONGEST_PAUSE

Given: TypeAlias = Mapping[str, Any]
Work: TypeAlias = Callable[[], Answer]

PAUSE_MILLISECONDS = 30_000
"""How long vCPUs may take to come to a stop."""


class RunControl:
    """The commands of one run.

    Args:
        run: what is controlled.
        watch: its loop, which calls `look` after everything that happens.
        delivery: its publisher brings the commands, and takes the answers.
    """

    def __init__(self, run: RunState, watch: Watch, delivery: Delivery) -> None:
        self.run, self.watch, self.publisher = run, watch, delivery.publisher
        ram = GuestRam(run.board.ram_base, run.maps["ram"])
        self.inspection = Inspection(run.harts.harts, ram, self, run.isa.system)
        self.pauses = itertools.count(1)
        self.paused_ns: int | None = None
        self.waiting: deque[tuple[int, Task | Work]] = deque()
        self.waits_for: Condition | None = None
        self.loading = Loading(run, watch, delivery)
        self.question = 0
        self.told: dict[int, InstrumentsTold] = {}
        self.at_once: dict[str, Callable[[Given], Answer]] = {
            "run": self._run,
            "status": self._status,
            "plugins": self._plugins,
            "stop": self._stop,
        }
        self.in_turn: dict[str, Callable[[Given], Answer]] = {
            "resume": self._resume,
            "read_registers": self._read_registers,
            "write_registers": self._write_registers,
            "read_memory": self._read_memory,
            "write_memory": self._write_memory,
        }
        self.tasks: dict[str, Callable[[Given], Task]] = {
            "pause": self._pause,
            "instruments": self._instruments,
            "load": lambda given: self.loading.load(plain.take_text(given, "spec")),
            "unload": lambda given: self.loading.unload(plain.take_text(given, "plugin")),
            "reload": self._reload,
        }
        self.publisher.command = self.take

    def take(self, command: Command) -> None:
        """Do a command, or begin with it."""
        if command.name in self.at_once:
            work = partial(self.at_once[command.name], command.arguments)
            self._answer(command.question, work)
        elif command.name in self.in_turn:
            self.waiting.append(
                (command.question, partial(self.in_turn[command.name], command.arguments))
            )
        elif command.name in self.tasks:
            self._answer(command.question, partial(self._begin, command))
        else:
            known = ", ".join(sorted((*self.at_once, *self.in_turn, *self.tasks)))
            wrong = f"there is no command {command.name!r}; expected one of {known}"
            self.publisher.answer(command.question, wrong)

    def _begin(self, command: Command) -> None:
        self.waiting.append((command.question, self.tasks[command.name](command.arguments)))

    def look(self) -> None:
        """Go on with what waits for its turn, as far as what a task waits for has happened."""
        while self.waiting and (self.waits_for is None or self.waits_for()):
            question, task = self.waiting[0]
            self.waits_for = None
            self._answer(question, partial(self._go_on, task))
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

    def _answer(self, question: int, work: Callable[[], Answer | None]) -> None:
        """Answer with what some work gives, or with its error; not yet if it gives None."""
        try:
            answer = work()
        except (MttcgError, BusError) as error:
            self.publisher.answer(question, " ".join(str(error).split()))
        else:
            if answer is not None:
                self.publisher.answer(question, "", answer)

    def end(self) -> None:
        """The guest has ended: nothing more is done."""
        self.publisher.command = None
        for question, _ in self.waiting:
            self.publisher.answer(question, "the guest has ended before it was done")
        self.waiting.clear()

    def hear(self, cpu: int, message: ProcessMessage) -> None:
        """Take in what a vCPU says."""
        if isinstance(message, PluginRefused):
            self.loading.refusals.append(message.reason)
        elif (told := expect(message, InstrumentsTold)).question == self.question:
            self.told[cpu] = told

    def hear_host(self, message: ProcessMessage) -> None:
        """Take in what the vCPU host says of a plugin that it tried."""
        self.loading.hear_host(message)

    def hear_publisher(self, event: PublisherEvent) -> None:
        """Take in what the publisher has done."""
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
            "paused": int(self.paused_ns is not None),
            "vcpus": self._vcpus(),
        }

    def _vcpus(self) -> list[Answer]:
        return [
            {
                "cpu": hart.index,
                "state": Activity(hart.state).name.lower(),
                "instructions": hart.instructions,
                "pc": hart.pc if hart.state == Activity.PAUSED else hart.block_pc,
            }
            for hart in self.run.harts.harts
        ]

    def _plugins(self, _given: Given) -> Answer:
        return {"plugins": self.loading.plugins()}

    def _stop(self, _given: Given) -> Answer:
        self.watch.stop(Ending.SUPERVISOR, interrupted=True)
        return {}

    def _reload(self, given: Given) -> Task:
        spec = plain.take_text(given, "spec") if "spec" in given else ""
        return self.loading.reload(plain.take_text(given, "plugin"), spec)

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
        if self.paused_ns is not None:
            raise CommandError("the guest is paused already; expected it to run")
        wanted = 0
        if "milliseconds" in given:
            wanted = plain.take_integer(given, "milliseconds", LONGEST_PAUSE)
        limit = time.monotonic() + (wanted or PAUSE_MILLISECONDS) / 1000
        machine, number = self.run.machine, next(self.pauses)
        machine.pause = number
        self.run.harts.request_all()
        self.run.call_devices()
        yield lambda: not self._moving(number) or time.monotonic() > limit
        moving = ", ".join(self._moving(number))
        if moving:
            self._let_go()
            raise CommandError(f"{moving} did not come to a stop in time; the guest goes on")
        self.paused_ns = time.monotonic_ns()
        return {"vcpus": self._vcpus()}

    def _moving(self, number: int) -> list[str]:
        """What does not stand still yet."""
        harts = (h for h in self.run.harts.harts if h.held != number and h.state not in ENDED)
        moving = [f"vCPU {hart.index}" for hart in harts]
        if self.run.device_fds and self.run.machine.devices.held != number:
            moving.append("the device process")
        return moving

    def _let_go(self) -> None:
        self.run.machine.pause = 0
        self.run.harts.request_all()
        self.run.call_devices()

    def _resume(self, _given: Given) -> Answer:
        stood = time.monotonic_ns() - self._check_paused()
        self.run.machine.shift_clock(stood)
        self.paused_ns = None
        self._let_go()
        return {"paused_ms": stood // 1_000_000}

    def time(self) -> int:
        """The guest's clock, which stands still while paused."""
        machine = self.run.machine
        return machine.time() if self.paused_ns is None else machine.time_at(self.paused_ns)

    def _check_paused(self) -> int:
        """The monotonic clock when the guest was paused, in nanoseconds; raises CommandError."""
        if self.paused_ns is None:
            raise CommandError("the guest is not paused; expected `pause` before")
        return self.paused_ns

    def _read_registers(self, given: Given) -> Answer:
        self._check_paused()
        names = plain.take_texts(given, "names") if "names" in given else ()
        cpu = plain.take_integer(given, "cpu")
        return {"registers": self.inspection.read_registers(cpu, names)}

    def _write_registers(self, given: Given) -> Answer:
        self._check_paused()
        values = plain.take_mapping(given, "values")
        cpu = plain.take_integer(given, "cpu")
        return {"registers": self.inspection.write_registers(cpu, values)}

    def _read_memory(self, given: Given) -> Answer:
        self._check_paused()
        place = *_space_of(given), plain.take_integer(given, "address")
        data, physical = self.inspection.read_memory(*place, plain.take_integer(given, "size"))
        return {"data": data, "physical": physical}

    def _write_memory(self, given: Given) -> Answer:
        self._check_paused()
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
