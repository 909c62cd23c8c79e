"""How what is typed gets to the guest: to its serial port, its virtio console, or its turns."""

import os
import selectors
from collections.abc import Callable
from dataclasses import dataclass

from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.served_devices import ServedDevices
from mttcg.supervisor.terminal.console import ConsoleInput
from mttcg.supervisor.terminal.keyboard import Keyboard
from mttcg.vcpu.machine.turn_inputs import ARRIVALS


def _nothing() -> None:
    """Where the other end sees by itself that input has come."""


@dataclass(frozen=True)
class TypedInput:
    """The way.

    Attributes:
        pipe: what is typed is written to.
        end: says that there will be no more.
        begin: called before anything is written.
        came: called after something was.
        opened: told what says whether there may be more.
    """

    pipe: int
    end: Callable[[], None]
    begin: Callable[[], None] = _nothing
    came: Callable[[], None] = _nothing
    opened: Callable[[ConsoleInput], None] = lambda _source: None

    def connect(
        self, selector: selectors.BaseSelector, source: int | None, keyboard: Keyboard | None
    ) -> None:
        """Carry what a descriptor gives; None: nothing is typed."""
        if source is None:
            self.end()
            return
        sift = () if keyboard is None else (keyboard.take,)
        told = self.begin, self.end, self.came, *sift
        self.opened(ConsoleInput(selector, source, self.pipe, *told))


def typed_input(run: RunState, ours: dict[str, int], devices: ServedDevices) -> TypedInput:
    """The way that a run has. ours: ends of pipes, by name, of which those are closed that end."""
    machine, config = run.machine, run.config

    def close(name: str) -> Callable[[], None]:
        return lambda: os.close(ours.pop(name))

    if config.deterministic:
        devices.input_is_open = lambda: machine.turns.inputs_open
        if ARRIVALS not in ours:  # nothing comes, or what the log has
            return TypedInput(-1, _nothing)
        return TypedInput(ours[ARRIVALS], close(ARRIVALS))
    if config.has_virtio_console:
        machine.end_input()  # the serial port's
        return TypedInput(ours["keys"], close("keys"))

    def opened(source: ConsoleInput) -> None:
        devices.input_is_open = lambda: source.is_open

    told = machine.end_input, machine.begin_input, devices.input_came, opened
    return TypedInput(ours["console_input"], *told)
