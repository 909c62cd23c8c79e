"""Taking a snapshot of a machine: it stands still while its RAM is copied, and goes on meanwhile.

RAM is memory that all vCPUs share, so neither a fork nor a private mapping keeps it as it was:
what others store there is seen in both. So it is copied, twice: once while the guest runs, which
takes what the copy costs most, new pages; and once while it stands, over the same pages, as fast as
memory is written. What is compressed and written then is the copy.
"""

import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mttcg.attached import WRITTEN
from mttcg.config import NO_GUEST, Config
from mttcg.hardware.devices.virtio.backend import NotKeptError
from mttcg.processes.attachments import OVERLAY
from mttcg.processes.kept_models import MODELS, KeptModels, read_kept
from mttcg.processes.segments import create_segment
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.reader import write_all
from mttcg.snapshot.writer import Content, SnapshotWriter, extents
from mttcg.state.kept_state import words_of
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.snapshots.saved_machine import (
    MACHINE_FIELDS,
    RAM,
    SavedBoot,
    SavedDrive,
    SavedImage,
    SavedMachine,
    digest_of,
    to_text,
)
from mttcg.supervisor.snapshots.saved_turns import SavedTurns, clock_of, day_of
from mttcg.supervisor.snapshots.standstill import Standstill
from mttcg.supervisor.tasks import Answer, Task, Work
from mttcg.version import VERSION

MOST_INPUT = 1 << 20
"""Bytes; no pipe of a console has more."""


class InThread:
    """Work in a thread, which holds no lock of the interpreter for long; raises what that raised.

    told: is called at its end.
    """

    def __init__(self, work: Callable[[], Any], told: Callable[[], None]) -> None:
        self.work, self.told = work, told
        self.result: Any = None
        self.error: Exception | None = None
        self.ended = False
        self.thread = threading.Thread(target=self._run, name="snapshot")
        self.thread.start()

    def _run(self) -> None:
        try:
            self.result = self.work()
        except Exception as error:
            self.error = error
        finally:
            self.ended = True
            self.told()

    def is_done(self) -> bool:
        """Whether it has come to its end."""
        return self.ended

    def end(self) -> Any:
        """Wait for its end, and give what it gives."""
        self.thread.join()
        if self.error is not None:
            raise self.error
        return self.result


class MemoryCopy:
    """A copy of a memory, of which only what is no hole is taken.

    Args:
        name: among the snapshot's memories.
        view: where it is mapped.
        file: which file that is of.

    Raises OSError.
    """

    PART = 8 << 20
    """Bytes that a thread copies at a time."""

    def __init__(self, name: str, view: memoryview, file: int) -> None:
        self.name, self.view, self.source = name, view, file
        self.file = create_segment(f"snapshot of {name}", view.nbytes)

    def take(self) -> None:
        """Copy all that is there; what was copied before is overwritten."""
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for _ in pool.map(self._take_part, self._parts()):
                continue

    def _parts(self) -> Iterator[tuple[int, int]]:
        for start, end in extents(self.source, self.view.nbytes):
            for at in range(start, end, self.PART):
                yield at, min(at + self.PART, end)

    def _take_part(self, part: tuple[int, int]) -> None:
        write_all(self.file, self.view[part[0] : part[1]], part[0])

    def content(self) -> Content:
        """The copy, to be written."""
        view = memoryview(mmap.mmap(self.file, self.view.nbytes, prot=mmap.PROT_READ))
        return Content(self.name, view, self.file)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.file)


class Snapshots:
    """Takes snapshots of one run.

    Args:
        run: what snapshots are of.
        standstill: of the run.
        refusal: says why none can be taken now, "" if one can.
    """

    def __init__(self, run: RunState, standstill: Standstill, refusal: Callable[[], str]) -> None:
        self.run, self.standstill, self.refusal = run, standstill, refusal
        self.writing: InThread | None = None

    def take(self, path: Path, taken: Callable[[], None] = lambda: None) -> Task:
        """Take one; gives its file and size, and for how long the guest stood.

        taken: is called when all is copied, and all stand still. SnapshotError.
        """
        try:
            return (yield from self._take(path, taken))
        except OSError as error:  # of memory for the copy, or of a drive's file
            wrong = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
            raise SnapshotError(path, str(wrong), "room for a copy of the machine") from error
        finally:
            self.writing = None  # it has the copy

    def _take(self, path: Path, taken: Callable[[], None]) -> Task:
        self._check_possible(path)
        with ExitStack() as ends:
            writer = SnapshotWriter(path)
            ends.callback(writer.close)
            copies = []
            for each in self._memories():
                copies.append(MemoryCopy(*each))
                ends.callback(copies[-1].close)

            def copy_all() -> None:
                for copy in copies:
                    copy.take()

            yield from self._in_thread(copy_all, ends)
            stood = yield from self.standstill.during(partial(self._keep, path, copy_all, taken))
            stood_ms = (time.monotonic_ns() - stood["since_ns"]) // 1_000_000
            saved = stood["saved"].to_plain()
            write = partial(writer.write, saved, [copy.content() for copy in copies])
            self.writing = self._thread(write, ends)
            yield self.writing.is_done
            size = self.writing.end()
        return {"file": str(path), "bytes": size, "stood_ms": stood_ms}

    def _memories(self) -> Iterator[tuple[str, memoryview, int]]:
        """What is to be copied: RAM, and what was written to drives."""
        run = self.run
        yield RAM, run.maps["ram"], run.fds["ram"]
        for name, file in run.fds.items():
            if name.startswith(OVERLAY):
                size = os.fstat(file).st_size
                yield name, memoryview(mmap.mmap(file, size, prot=mmap.PROT_READ)), file

    def finish(self) -> None:
        """The guest has ended: wait until the file that is being written is whole."""
        if self.writing is not None:
            self.writing.thread.join()

    def _thread(self, work: Callable[[], Any], ends: ExitStack) -> InThread:
        """Begin with work in a thread, whose end the run's loop is told of."""
        found = InThread(work, partial(os.eventfd_write, self.run.fds["notice"], 1))
        ends.callback(found.thread.join)
        return found

    def _in_thread(self, work: Callable[[], Any], ends: ExitStack) -> Work:
        begun = self._thread(work, ends)
        yield begun.is_done
        begun.end()

    def _check_possible(self, path: Path) -> None:
        if self.run.machine.stopping:
            raise SnapshotError(path, "the guest has ended", "one that runs")
        for what, expected in unkept(self.run.config):
            raise SnapshotError(path, what, expected)
        if why := self.refusal():
            raise SnapshotError(path, why, "a guest without")

    def _keep(self, path: Path, copy: Callable[[], None], taken: Callable[[], None]) -> Answer:
        """While all stand still: copy what changes, and take down the rest."""
        self._check_possible(path)
        copy()
        saved = self._saved(path)
        taken()
        return {"saved": saved, "since_ns": self.standstill.check()}

    def _saved(self, path: Path) -> SavedMachine:
        run, since = self.run, self.standstill.check()
        system, config, clock = run.isa.system, absolute(run.config), clock_of(run, since)
        return SavedMachine(
            mttcg=VERSION,
            isa=run.isa.name,
            board=run.board.name,
            extensions=system.extensions[run.engine],
            config=config,
            images=tuple(
                SavedImage(str(image.path.absolute()), digest_of(image))
                for image in run.boot.images
            ),
            boot=SavedBoot(**vars(run.boot_state)),
            clock_ns=clock,
            host_ns=day_of(config, clock, time.time_ns() - (time.monotonic_ns() - since)),
            harts=tuple(map(words_of, run.harts.harts)),
            turns=SavedTurns.of(run),
            devices={
                name: to_text(state)
                for name, state in run.board.states(run.machine.device_state).items()
            },
            drives=tuple(SavedDrive.of(drive, path) for drive in config.drives),
            models=dict(self._models(path)),
            console_input=to_text(waiting_in(run.fds[run.input_pipe])),
        )

    def _models(self, path: Path) -> KeptModels:
        """What the device process, which stands, keeps of its devices."""
        if MODELS not in self.run.fds:
            return {}
        try:
            return read_kept(self.run.fds[MODELS])
        except NotKeptError as error:
            raise SnapshotError(path, error.wrong, error.expected) from error


def unkept(config: Config) -> Iterator[tuple[str, str]]:
    """What of a machine no snapshot keeps, and what is expected in its place."""
    for drive in config.drives:
        if drive.access == WRITTEN:
            wrong = f"--drive {drive.path},write: what is in the file changes later"
            yield wrong, "drives whose files stay as they are"
    if config.nets:
        yield "--net: a part of the device is outside of the machine", "a guest without"


def absolute(config: Config) -> Config:
    """A Config whose paths name the same files from anywhere."""
    said: dict[str, Any] = {
        name: value.absolute()
        for name in MACHINE_FIELDS
        if isinstance(value := getattr(config, name), Path) and value != NO_GUEST
    }
    for name in ("drives", "shares"):
        attached = getattr(config, name)
        said[name] = tuple(replace(each, path=each.path.absolute()) for each in attached)
    said["loads"] = {str(Path(path).absolute()): at for path, at in config.loads.items()}
    return replace(config, **said, from_snapshot=None)


def waiting_in(pipe: int) -> bytes:
    """What is in a pipe, from which nobody else reads now; it stays there."""
    waiting = bytearray()
    with suppress(BlockingIOError):
        while data := os.read(pipe, MOST_INPUT):
            waiting += data
    if waiting:
        back = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(back, waiting)
        finally:
            os.close(back)
    return bytes(waiting)
