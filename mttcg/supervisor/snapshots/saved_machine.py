"""What a snapshot's index says of the machine, and whether a run can have that machine."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mttcg.attached import Drive
from mttcg.config import Config
from mttcg.guest.image import GuestImage
from mttcg.memory.address import Physical, Virtual
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.reader import SnapshotFile
from mttcg.supervisor.snapshots.saved_turns import SavedTurns
from mttcg.vcpu.protocol.typed_reading import WrongValueError, read_fields
from mttcg.vcpu.protocol.typed_value import TypedValue
from mttcg.version import VERSION

MACHINE_FIELDS = (
    *("guest", "smp", "memory", "kernel", "initrd", "append", "bios", "dtb", "loads"),
    *("drives", "rng", "console", "nets", "semihosting", "args"),
)
"""Of a Config: what is so for as long as there is the machine, whatever run it is in."""
INHERITED = (*MACHINE_FIELDS, "shares", "engine", "symbols", "kernel_types", "sysroot")
"""Fields of Config that a run has from its snapshot, unless it says otherwise."""
OF_TURNS = ("quantum", "seed")
"""Those that it has from there, too, if harts take turns in both."""
RAM = "ram"
"""The name of guest RAM among a snapshot's memories."""
EXPECTED = "a file that `snapshot` has written"


class SavedBoot(TypedValue):
    """How the harts started; see `mttcg.guest.boot.BootState`."""

    entry: Virtual
    device_tree: Physical
    information: Physical
    below_firmware: bool


class SavedImage(TypedValue):
    """A file that was loaded; digest: SHA-256 of what of it was."""

    path: str
    digest: str


class SavedDrive(TypedValue):
    """The file of a drive; changed_ns: when it was changed last."""

    path: str
    size: int
    changed_ns: int

    @classmethod
    def of(cls, drive: Drive, snapshot: Path) -> "SavedDrive":
        """The file as it is now; raises SnapshotError."""
        try:
            found = drive.path.stat()
        except OSError as error:
            wrong = f"--drive {drive.path}: {error.strerror}"
            raise SnapshotError(snapshot, wrong, "the file that it was") from error
        return cls(str(drive.path), found.st_size, found.st_mtime_ns)


class SavedMachine(TypedValue):
    """A machine that stood still.

    mttcg: the version. extensions: that the harts have. config: of the run. boot: how the harts
    started. clock_ns: the guest's clock. host_ns: the real time, since 1970. harts: their states,
    words by field. turns: whose it was, of harts that take some. devices: the states of the board's
    devices by row, in base64. drives: their files, which are not in the snapshot; what was written
    to them is one of the memories. models: what the device process keeps of its devices, by row.
    console_input: what had come to the console and was not taken yet, in base64. memories: RAM and
    others, with their names and sizes.
    """

    mttcg: str
    isa: str
    board: str
    extensions: tuple[str, ...]
    config: Config
    images: tuple[SavedImage, ...]
    boot: SavedBoot
    clock_ns: int
    host_ns: int
    harts: tuple[dict[str, tuple[int, ...]], ...]
    turns: SavedTurns | None
    devices: dict[str, str]
    drives: tuple[SavedDrive, ...]
    models: dict[str, dict[str, Any]]
    console_input: str
    memories: tuple[dict[str, Any], ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Give what `saved_machine` reads; `memories` is what the file's writer says."""
        plain: dict[str, Any] = json.loads(json.dumps(vars(self), default=_plain))
        del plain["memories"]
        return plain


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else vars(value)


def saved_machine(file: SnapshotFile) -> SavedMachine:
    """Read what a snapshot says; raises SnapshotError."""
    version = file.machine.get("mttcg")
    if version != VERSION:
        wrong = f"it is of mttcg {version}"
        raise SnapshotError(file.path, wrong, f"one of {VERSION}, as this one")
    try:
        return read_fields(SavedMachine, file.machine, "index")
    except WrongValueError as error:
        raise SnapshotError(file.path, f"{error.place}: {error.wrong}", error.expected) from error


def to_text(data: bytes) -> str:
    """Bytes as the index has them."""
    return base64.b64encode(data).decode()


def to_bytes(text: str) -> bytes:
    """What `to_text` was given."""
    return base64.b64decode(text)


def digest_of(image: GuestImage) -> str:
    """The SHA-256 of what an image has loaded, and where."""
    digest = hashlib.sha256()
    for segment in image.segments:
        digest.update(
            f"{segment.address:x} {segment.memory_size:x} {len(segment.data):x};".encode()
        )
        digest.update(segment.data)
    return digest.hexdigest()


def inherit(path: Path, options: Mapping[str, Any]) -> Config:
    """The Config of a run from a snapshot; raises SnapshotError, OptionError.

    options: fields of Config that the run itself says.
    """
    with SnapshotFile(path) as file:
        saved = saved_machine(file).config
    drawn = options.get("deterministic") and saved.deterministic
    kept = {name: getattr(saved, name) for name in (*INHERITED, *(OF_TURNS if drawn else ()))}
    given = {name: value for name, value in options.items() if name != "from_snapshot"}
    return Config(**(kept | given), from_snapshot=path)


def check_same_machine(path: Path, saved: SavedMachine, config: Config) -> None:
    """Raise SnapshotError if a run is to have another machine than its snapshot has."""
    for name in MACHINE_FIELDS:
        there, wanted = getattr(saved.config, name), getattr(config, name)
        if there != wanted and not is_same_path(there, wanted):
            what = name.replace("_", "-")
            raise SnapshotError(path, f"it has {what} {shown(there)}", f"{shown(wanted)}, as given")


def is_same_path(one: Any, other: Any) -> bool:
    """Whether two paths lead to the same place."""
    return isinstance(one, Path) and isinstance(other, Path) and one.absolute() == other.absolute()


def shown(value: Any) -> str:
    """A value of a Config as an error has it."""
    if isinstance(value, tuple):
        return ", ".join(map(shown, value)) or "none"
    return str(getattr(value, "path", value))


def check_drives(path: Path, saved: SavedMachine, config: Config) -> None:
    """Raise SnapshotError if the file of a drive was changed since."""
    for was, drive in zip(saved.drives, config.drives, strict=True):
        now = SavedDrive.of(drive, path)
        if (now.size, now.changed_ns) != (was.size, was.changed_ns):
            wrong = f"--drive {drive.path} had {was.size} bytes, changed at {was.changed_ns} ns"
            raise SnapshotError(path, wrong, f"{now.size} and {now.changed_ns}, as it has now")


def check_images(path: Path, saved: SavedMachine, images: tuple[GuestImage, ...]) -> None:
    """Raise SnapshotError if the files of the guest are others than when the machine started."""
    for was, image in zip(saved.images, images, strict=True):
        digest = digest_of(image)
        if digest != was.digest:
            wrong = f"its guest {was.path} had the SHA-256 {was.digest[:16]}..."
            raise SnapshotError(path, wrong, f"{digest[:16]}..., as {image.path} has now")
