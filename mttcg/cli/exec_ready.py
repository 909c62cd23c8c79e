"""The machine that `mttcg exec` goes on from: made at first use, and anew when it is of no use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from mttcg.attached import ProgramStreams
from mttcg.config import Config
from mttcg.programs.outcome import KernelLog
from mttcg.programs.program import BootedProgram
from mttcg.programs.ready import (
    alone,
    ready_address,
    ready_shares,
    ready_snapshot,
    remove_unused,
    used,
)
from mttcg.programs.task import NO_PROGRAM
from mttcg.supervisor.start.host_process import started_host


def ready_machine(config: Config, booted: BootedProgram) -> Path | None:
    """Return the snapshot for a run, made if there is none; None where it can't be kept."""
    try:
        path = ready_snapshot(booted, config.smp, config.memory)
        if not path.exists():
            with alone(path):
                if not path.exists():  # nobody was quicker
                    make_ready(path, config, booted)
                    remove_unused(path)
    except OSError:  # a folder that can't be written: Linux starts each time
        return None
    used(path)
    return path if path.exists() else None


def drop_ready(path: Path) -> None:
    """Remove a snapshot that was damaged; who makes it anew may have been quicker."""
    with suppress(OSError):
        path.unlink()


def make_ready(path: Path, config: Config, booted: BootedProgram) -> None:
    """Boot Linux to where it is ready, and take the snapshot."""
    from mttcg.supervisor.machine import Machine

    with no_streams() as streams:
        boots = Config(
            kernel=config.kernel,
            initrd=config.initrd,
            append=config.append,
            smp=config.smp,
            memory=config.memory,
            code_store=config.code_store,
            shares=ready_shares(booted),
            streams=streams,
            quiet=True,
            snapshot=path,
            snapshot_at=hex(ready_address()),
        )
        with started_host(boots) as host_process:
            Machine(boots).run(console=KernelLog(), host_process=host_process)


@contextmanager
def no_streams() -> Iterator[ProgramStreams]:
    """Streams for no program."""
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    task = os.memfd_create("task", os.MFD_CLOEXEC)
    try:
        os.write(task, NO_PROGRAM)
        yield ProgramStreams(nothing, nothing, nothing, nothing, task)
    finally:
        os.close(task)
        os.close(nothing)


def going_on(config: Config, path: Path) -> Config:
    """The Config of a run that goes on from the snapshot."""
    from mttcg.supervisor.snapshots.saved_machine import inherit

    saved = inherit(path, {})
    return replace(config, from_snapshot=path, initrd=saved.initrd)
