"""Putting a machine that stood still into the memory of a new run."""

import os
import time
from collections.abc import Mapping
from typing import Any

from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.guest.boot import BootState
from mttcg.guest.boot_files import BootFiles
from mttcg.guest.image import set_symbols
from mttcg.hardware.board import Board
from mttcg.memory.address import Virtual
from mttcg.processes.kept_models import write_kept
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.reader import SnapshotFile
from mttcg.state.kept_state import take_words
from mttcg.state.vcpu_state import VcpuState
from mttcg.supervisor.snapshots.saved_machine import (
    EXPECTED,
    RAM,
    check_drives,
    check_images,
    check_same_machine,
    saved_machine,
    to_bytes,
)
from mttcg.supervisor.snapshots.saved_outside import check_outside
from mttcg.supervisor.snapshots.saved_turns import day_of, fill_turns
from mttcg.vcpu.machine.shared import Harts, MachineState


class Restoring:
    """A snapshot that a run goes on from.

    Args:
        config: of the run.
        boot: what the run has loaded to know its guest.
        board: of the run.

    Raises SnapshotError for a file that is none, or has another machine than the run is to have.

    Attributes:
        clock_ns: how long the guest's clock had run.
    """

    def __init__(self, config: Config, boot: BootFiles, board: Board) -> None:
        assert config.from_snapshot is not None
        if config.dump_dtb is not None:
            raise OptionError("--dump-dtb", "there is --from, and the tree in it", "one of them")
        self.path, self.config, self.board = config.from_snapshot, config, board
        self.image, self.system = boot.image, boot.image.isa.system
        self.file = SnapshotFile(self.path)
        try:
            self.saved = saved = saved_machine(self.file)
            self.clock_ns = saved.clock_ns
            check_same_machine(self.path, saved, config)
            self._check_fitting()
            check_drives(self.path, saved, config)
            check_outside(self.path, saved, config, board)
            check_images(self.path, saved, boot.images)
        except BaseException:
            self.file.close()
            raise

    def _check_fitting(self) -> None:
        saved, extensions = self.saved, self.system.extensions[self.config.engine_name]
        if (saved.isa, saved.board) != (self.image.isa.name, self.board.name):
            wrong = f"it has {saved.isa} on {saved.board}"
            raise self._wrong(wrong, f"{self.image.isa.name} on {self.board.name}")
        if absent := sorted(set(saved.extensions) - set(extensions)):
            wrong = f"its harts have {', '.join(absent)}"
            expected = f"what engine {self.config.engine_name} has"
            raise self._wrong(wrong, f"{expected}: {', '.join(sorted(extensions))}")
        if len(saved.harts) != self.config.smp:
            raise self._wrong(f"it has {len(saved.harts)} harts", f"{self.config.smp}")
        if self.file.size_of(RAM) != self.config.memory:
            size = self.file.size_of(RAM)
            raise self._wrong(f"it has {size} bytes of RAM", f"{self.config.memory}")

    def _wrong(self, wrong: str, expected: str) -> SnapshotError:
        return SnapshotError(self.path, wrong, expected)

    @property
    def takes_turns(self) -> bool:
        """Whether harts took turns in the machine, and do so in the run."""
        return self.saved.turns is not None and self.config.deterministic

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def fill(self, machine: MachineState, harts: Harts, console: int, models: int | None) -> None:
        """Put all beside RAM into memory that no process uses yet.

        console: the pipe into which the guest's input goes. models: the file that has what is kept
        of devices, if there are some.
        """
        if models is not None:
            write_kept(models, self.saved.models)
        self._fill_devices(machine)
        again = self._fill_harts(harts)
        turns = self.saved.turns
        if turns is not None and machine.takes_turns:
            self.clock_ns = self.saved.clock_ns - again[turns.hart]
            fill_turns(machine, turns, again[turns.hart])
        # what had come to the console, and was not taken, comes before all other input
        if waiting := to_bytes(self.saved.console_input):
            machine.begin_input()
            os.write(console, waiting)

    def fill_ram(self, files: Mapping[str, int], ram: Any) -> BootState:
        """Put RAM, and what was written to drives, where they belong; how the harts had started.

        files: descriptors by name, of what is all zeros. ram: a writable buffer of it.
        """
        for memory in self.saved.memories:
            self.file.restore(memory["name"], files[memory["name"]])
        set_symbols(self.image, ram, self.config.symbols_set)
        return BootState(**vars(self.saved.boot))

    def _fill_devices(self, machine: MachineState) -> None:
        """Give the board's devices the states that they had."""
        states = {name: to_bytes(text) for name, text in self.saved.devices.items()}
        now_ns = day_of(self.config, self.clock_ns, time.time_ns())
        stood_ns = now_ns - self.saved.host_ns
        try:
            self.board.restore(machine.device_state, states, stood_ns)
        except ValueError as error:
            raise self._wrong(str(error), EXPECTED) from error

    def _fill_harts(self, harts: Harts) -> list[int]:
        """Give the harts the states that they had, and let all counts begin.

        Returns how many instructions each makes again.
        """
        again = []
        for hart, kept in zip(harts.harts, self.saved.harts, strict=True):
            try:
                take_words(hart, kept)
            except (KeyError, ValueError) as error:
                raise self._wrong(f"hart {hart.index}: {error}", EXPECTED) from error
            before = hart.instructions
            go_back_to_call(hart)
            again.append(before - hart.instructions)
            self.system.begin_counts(hart)
        return again


def go_back_to_call(hart: VcpuState) -> None:
    """Have a hart that waited in a call of its host make that call again."""
    if hart.call_began:
        hart.pc, hart.call_began = hart.call_began, Virtual(0)
        hart.instructions -= 1  # it counts when it is made
