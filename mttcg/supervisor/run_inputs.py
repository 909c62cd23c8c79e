"""What comes to a run from outside, where harts take turns: it is recorded, or comes from a log."""

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any

from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.guest.boot_files import Blob, BootFiles
from mttcg.hardware.board import Board
from mttcg.input_log import (
    BYTES_AS_TEXT,
    ENDED,
    STOPPED,
    Input,
    InputLog,
    InputLogError,
    LogEnd,
    log_bytes,
    read_log,
    write_log,
)
from mttcg.processes.attachments import attachments
from mttcg.processes.segments import create_segment
from mttcg.snapshot.writer import extents
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.snapshots.saved_machine import digest_of
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.machine.shared import Ending, MachineState
from mttcg.vcpu.machine.turn_inputs import ARRIVALS, DELIVERED, LOG
from mttcg.vcpu.protocol.vcpu_messages import InputTaken
from mttcg.version import VERSION

AS_GIVEN = ("smp", "memory", "append", "quantum", "seed", "args", "semihosting", "console", "rng")
"""Fields of a Config that a log has as they are."""
WINDOW = 1 << 20
"""Bytes of a drive that are looked at, at a time."""
SHOWN = 16
"""Digits of a digest that an error shows."""


class RunInputs:
    """Of one run.

    Args:
        config: of the run.
        machine: says what it is, see `machine_of`.

    Raises OptionError, and InputLogError for a log that is none, or of another machine.
    """

    def __init__(self, config: Config, machine: Callable[[], Mapping[str, Any]]) -> None:
        self.config = config
        paths = config.record_inputs, config.replay_inputs
        self.machine = {} if paths == (None, None) else machine()
        self.taken: dict[int, Input] = {}
        self.log = None if config.replay_inputs is None else self._read()
        path = config.record_inputs
        if path is not None and path.exists() and not path.is_file():
            raise OptionError("--record-inputs", f"{path} is no plain file", "a file to write")

    def _read(self) -> InputLog:
        path = self.config.replay_inputs
        assert path is not None
        log = read_log(path)
        for name in {**self.machine, **log.machine}:
            was, now = log.machine.get(name), self.machine.get(name)
            if was != now:
                wrong = f"its run has {name} {_shown(was)}"
                raise InputLogError(path, wrong, f"{_shown(now)}, as this one")
        if len(log.end.instructions) != self.config.smp:
            wrong = f"it ends with {len(log.end.instructions)} harts"
            raise InputLogError(path, wrong, f"{self.config.smp}")
        return log

    @property
    def come(self) -> bool:
        """Whether anything may come from outside."""
        return self.config.record_inputs is not None or self.log is not None

    def make_descriptors(self, pipe: int, fds: dict[str, int], ours: dict[str, int]) -> None:
        """Make what vCPUs, and the supervisor, need for it.

        pipe: the end that is written to of the one that the guest's console reads.
        """
        if not self.come:
            return
        fds[DELIVERED] = os.dup(pipe)
        if self.log is None:
            fds[ARRIVALS], ours[ARRIVALS] = os.pipe()
            for descriptor in (fds[ARRIVALS], ours[ARRIVALS]):
                os.set_blocking(descriptor, False)
        else:
            fds[LOG] = create_segment(LOG, 0)
            os.pwrite(fds[LOG], log_bytes(self.log), 0)

    def prepare(self, machine: MachineState) -> None:
        """Have harts take turns, and say whether anything may come; before anything runs."""
        machine.turns.take()
        machine.turns.inputs_open = self.come
        if not self.come or self.config.has_virtio_console:
            machine.end_input()  # of the serial port

    def hear(self, told: InputTaken) -> None:
        """Note what a vCPU has taken."""
        data = told.text.encode(BYTES_AS_TEXT)
        self.taken[told.number] = Input(told.turn, told.clock, told.instructions, data or None)

    def finish(self, run: RunState, watch: Watch) -> None:
        """All vCPUs have ended: write the log, or see whether the run was that of the log."""
        if self.log is not None:
            self._compare(self.log, run, watch)
        elif self.config.record_inputs is not None:
            self._write(run, watch)

    def _write(self, run: RunState, watch: Watch) -> None:
        option = f"--record-inputs {self.config.record_inputs}"
        count = run.machine.turns.inputs
        if set(self.taken) != set(range(count)):
            watch.failures.add(
                f"{option}: of {count} inputs only {len(self.taken)} were told of; there is no log",
                follows=True,
            )
            return
        inputs = tuple(self.taken[number] for number in range(count))
        log = InputLog(self.machine, inputs, end_of(run, ended_by_itself(watch)))
        try:
            assert self.config.record_inputs is not None
            write_log(self.config.record_inputs, log)
        except OSError as error:
            watch.failures.add(f"{option}: {error.strerror}; there is no log")

    def _compare(self, log: InputLog, run: RunState, watch: Watch) -> None:
        over = ended_by_itself(watch) or run.machine.ending is Ending.LOG_OVER
        if not over or watch.failures:
            return
        option, end = f"--replay-inputs {self.config.replay_inputs}", end_of(run, True)
        for hart, (now, was) in enumerate(zip(end.instructions, log.end.instructions, strict=True)):
            if now != was:
                wrong = f"hart {hart} retired {now} instructions; expected {was}, as it says"
                watch.failures.add(f"{option}: {wrong}")
                return
        if run.machine.turns.inputs != len(log.inputs):
            wrong = f"{run.machine.turns.inputs} inputs came; expected {len(log.inputs)}"
            watch.failures.add(f"{option}: {wrong}, as it says")


def ended_by_itself(watch: Watch) -> bool:
    """Whether a run ended as its guest has it, and nobody stopped it."""
    ending = watch.run.machine.ending
    return ending is Ending.GUEST or (ending is Ending.SUPERVISOR and not watch.interrupted)


def end_of(run: RunState, by_itself: bool) -> LogEnd:
    """Where a run has ended."""
    turns, harts = run.machine.turns, run.harts.harts
    counts = tuple(hart.instructions for hart in harts)
    return LogEnd(ENDED if by_itself else STOPPED, turns.ended, turns.hart, turns.now, counts)


def machine_of(
    config: Config, boot: BootFiles, board: Board, fds: Mapping[str, int]
) -> dict[str, Any]:
    """What a run is that its inputs belong to, as JSON has it. fds: descriptors by name."""
    drives = [(each.drive, fds[each.file]) for each in attachments(config, board) if each.drive]
    isa = boot.image.isa
    blobs = {"initrd": boot.initrd, "dtb": boot.tree}
    return {
        "mttcg": VERSION,
        "isa": isa.system.isa_text(isa.system.extensions[config.engine_name]),
        "board": board.name,
        "guest": [digest_of(image) for image in boot.images],
        **{name: _digest(blob) for name, blob in blobs.items()},
        "load": [[address, _digest(blob)] for address, blob in boot.loads],
        "drives": [[drive.access, *file_digest(file)] for drive, file in drives],
        "set": dict(sorted(config.symbols_set.items())),
        **{name: getattr(config, name) for name in AS_GIVEN},
    }


def file_digest(file: int) -> tuple[int, str]:
    """Size and SHA-256 of what is in a file; windows of zeros count as their number alone.

    So a sparse file is read as fast as it has content, and is the same as one that is not.
    """
    digest, size, zeros = hashlib.sha256(), os.lseek(file, 0, os.SEEK_END), bytes(WINDOW)
    for start, end in extents(file, size):
        for at in range(start // WINDOW * WINDOW, end, WINDOW):
            content = os.pread(file, WINDOW, at)
            if content != zeros[: len(content)]:
                digest.update(at.to_bytes(8, "little") + content)
    return size, digest.hexdigest()


def _digest(blob: Blob | None) -> str | None:
    return None if blob is None else hashlib.sha256(blob.data).hexdigest()


def _shown(value: Any) -> str:
    """A value as an error has it."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_shown(one)}" for name, one in value.items()) or "none"
    text = "none" if value is None else str(value)
    return text if len(text) < 4 * SHOWN or " " in text else f"{text[:SHOWN]}..."
