"""Where the machine is kept that is ready for any program: a snapshot beside the image.

The first process has loaded the kernel's modules by then, and is about to ask for its task. There
is one such machine for each number of vCPUs, size of memory, and number of shared folders.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from mttcg.attached import Share
from mttcg.images.catalogue import ORIGIN
from mttcg.memory.address import Virtual
from mttcg.programs.boot import INIT
from mttcg.programs.executable import section_address
from mttcg.programs.program import COMMAND_LINE, BootedProgram
from mttcg.version import VERSION

READY = ".ready"
"""The section of the first process that begins where the snapshot is taken."""
SUFFIX = ".snap"
UNUSED_SECONDS = 30 * 24 * 3600
"""After which what nobody has used goes."""


def ready_address() -> Virtual:
    """Return where the first process is when the machine is ready."""
    return section_address(INIT, READY)


def ready_snapshot(booted: BootedProgram, smp: int, memory: int) -> Path:
    """Return the path of the snapshot, whose name is other for all that makes another machine."""
    kernel = booted.kernel.stat()
    own = Path(__file__).parents[1]
    sources = [(str(path.relative_to(own)), path.stat()) for path in sorted(own.rglob("*.py"))]
    made_of = repr(
        (
            *(VERSION, COMMAND_LINE, kernel.st_size, kernel.st_mtime_ns),
            [(name, found.st_size, found.st_mtime_ns) for name, found in sources],
        )
    ).encode()
    origin = (booted.kernel.parent / ORIGIN).read_bytes()
    digest = blake2b(made_of + origin + booted.initrd, digest_size=8).hexdigest()
    name = f"ready-{smp}-{memory >> 20}M-{len(booted.shares)}-{digest}{SUFFIX}"
    return booted.kernel.parent / name


def ready_shares(booted: BootedProgram) -> tuple[Share, ...]:
    """Return folders in place of a program's; nobody mounts them."""
    return tuple(Share(booted.kernel.parent, tag=share.tag) for share in booted.shares)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only one who makes a snapshot; others wait. Raises OSError where it can't be kept."""
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def used(path: Path) -> None:
    """Say that a snapshot is used."""
    with suppress(OSError):
        os.utime(path)


def remove_unused(path: Path) -> None:
    """Remove snapshots, beside this one, that nobody has used for long."""
    for other in path.parent.glob(f"ready-*{SUFFIX}"):
        with suppress(OSError):
            if other != path and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
                other.unlink()
                other.with_suffix(".lock").unlink(missing_ok=True)
