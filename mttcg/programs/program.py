"""A program of Linux, and how it is to be run."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mttcg.attached import Share
from mttcg.errors import OptionError
from mttcg.images.catalogue import CACHE, IMAGES, KERNEL, folder_of, is_there
from mttcg.isa.base import Isa
from mttcg.isa.registry import isa_named
from mttcg.linux.program_place import load_bias
from mttcg.linux.registry import kernel_isa
from mttcg.programs.boot import base_archive
from mttcg.programs.errors import EXIT_NOT_FOUND, ProgramError
from mttcg.programs.executable import check_executable, expected_of
from mttcg.programs.folders import guest_folders
from mttcg.programs.task import ProgramTask

IMAGE = next(iter(IMAGES.values()))
"""Whose kernel runs programs."""
LEFT_OUT = (
    "jent_mod_init",  # a source of random numbers; there is the seed that the device tree has
    "check_unaligned_access_all_cpus",  # measures how fast those are
    "trace_eval_init",  # names in the format of trace events
    "load_system_certificate_list",  # keys of modules
    "blake2s_mod_init",  # a test of itself
    "crypto_kdf108_init",  # the same
    "bpf_tcp_ca_kfunc_init",  # congestion control by BPF programs
    "bpf_dummy_struct_ops_init",
)
"""Functions of the kernel's start that take long, and that no program has a use for."""
COMMAND_LINE = (
    "console=ttyS0 quiet panic=-1 norandmaps cryptomgr.notests=1 "
    f"initcall_blacklist={','.join(LEFT_OUT)}"
)
"""Of the kernel: it says what is wrong, ends when it fails, and has no addresses at random."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "HOME": "/root"}


@dataclass(frozen=True)
class LinuxProgram:
    """A program and what it gets.

    Attributes:
        words: its name, with a path, and its arguments.
        folder: the working directory, which it can read.
        shares: other folders of the host, or the same, with the right to write there.
        sysroot: libraries, and whatever else is at the top of its file system.
        environment: variables beside `ENVIRONMENT`.
        joins_errors: whether its errors go where its output goes.
        is_seen: whether plugins see it alone, which begins before it runs.
    """

    words: Sequence[str]
    folder: Path
    shares: Sequence[Share] = ()
    sysroot: Path | None = None
    environment: Mapping[str, str] = field(default_factory=ENVIRONMENT.copy)
    joins_errors: bool = False
    is_seen: bool = False


@dataclass(frozen=True)
class BootedProgram:
    """What a run starts for a program.

    Attributes:
        kernel: that of the image.
        initrd: the initial RAM disk, the same for all programs.
        task: what the guest's first process does for this one.
        shares: its folders.
        placed: the program's file, if it is an ELF file of which it is known where it will be.
    """

    kernel: Path
    initrd: bytes
    task: bytes
    shares: tuple[Share, ...]
    placed: Path | None = None


def image_folder() -> Path:
    """Return where the kernel is; raises OptionError if nobody has fetched it."""
    cache = CACHE.expanduser()
    if not is_there(IMAGE, cache):
        wrong = f"there is no Linux in {folder_of(IMAGE, cache)}"
        raise OptionError("exec", wrong, f"one (mttcg images get {IMAGE.name}, or make linux)")
    return folder_of(IMAGE, cache)


def boot_program(program: LinuxProgram) -> BootedProgram:
    """Prepare a program's start. Raises ProgramError, OptionError, TooLongError."""
    name, isa = program.words[0], isa_named(IMAGE.isa)
    if program.sysroot is not None and not program.sysroot.is_dir():
        raise OptionError("--sysroot", f"{program.sysroot} is no folder", "a folder with libraries")
    path, guest_path = _place_of(program, isa)
    loader = check_executable(name, path, isa)
    needed = [program.folder]
    if guest_path == str(path):  # and not in the sysroot
        needed += [path.parent, Path(os.path.realpath(path)).parent]
    folders = guest_folders(program.shares, needed, program.sysroot)
    if loader and program.sysroot is None and not folders.holds(PurePosixPath(loader)):
        wrong = f"it is linked dynamically, and {loader} is not in the guest"
        raise ProgramError(name, wrong, "--sysroot DIR, or a static program", EXIT_NOT_FOUND)
    image = image_folder()
    task = ProgramTask(
        folders=folders,
        folder=str(program.folder),
        program=guest_path,
        arguments=program.words,
        environment=program.environment,
        joins_errors=program.joins_errors,
        is_seen=program.is_seen,
    )
    placed = None if load_bias(path, kernel_isa(isa.name)) is None else path
    shares = tuple(mount.share for mount in folders.mounts)
    return BootedProgram(image / KERNEL, base_archive(image), task.content(), shares, placed)


def _place_of(program: LinuxProgram, isa: Isa) -> tuple[Path, str]:
    """Where a program is on the host, and in the guest; a name alone is looked for in a sysroot."""
    name = program.words[0]
    if "/" in name:
        place = Path(os.path.normpath(program.folder / name))
        return place, str(place)
    for folder in program.environment.get("PATH", PATH).split(":"):
        if program.sysroot is not None and folder.startswith("/"):
            place = program.sysroot / folder.removeprefix("/") / name
            if place.is_file():
                return place, f"{folder}/{name}"
    wrong = "there is no such program in the sysroot" if program.sysroot else "it has no path"
    raise ProgramError(name, wrong, f"{expected_of(isa)}, as ./{name}", EXIT_NOT_FOUND)
