"""What a run attaches to the slots of its board, and the descriptors that go with it."""

from collections import Counter
from dataclasses import fields
from typing import NamedTuple

from mttcg.attached import PASST, Drive, Net, ProgramStreams, Share
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.hardware.board import Board

FIELDS = {"block": "drive", "share": "share", "network": "net"}
"""Fields of an attachment that say more of it, by its kind."""
STREAMS = tuple(each.name for each in fields(ProgramStreams))
BELL = "bell "
"""What the names of the eventfds begin with."""


OVERLAY = "overlay "
"""What the names of descriptors begin with that have what was written to a drive."""
SERVED = "served"
"""Name of the eventfd by which the device process tells who waits for it that it has nothing to
do."""


def bell_of(row: str) -> str:
    """Name of the eventfd by which the back end of a row is notified."""
    return BELL + row


class DeviceAttachment(NamedTuple):
    """A device in a slot.

    Attributes:
        row: of the board.
        kind: "block", "entropy", "console", "share", "network" or "ports".
        drive: of a block device.
        share: of a shared folder.
        net: of a network device.
        number: among those of its kind.
    """

    row: str
    kind: str
    drive: Drive | None = None
    share: Share | None = None
    net: Net | None = None
    number: int = 0

    @property
    def bell(self) -> str:
        """Name of the eventfd by which its back end is notified."""
        return bell_of(self.row)

    @property
    def file(self) -> str:
        """Name of the descriptor of a drive's file, a shared folder, or a network's socket."""
        return f"file {self.row}"

    @property
    def overlay(self) -> str:
        """Name of the descriptor of what lies above a file, unless it is written itself."""
        return OVERLAY + self.row

    @property
    def streams(self) -> tuple[str, ...]:
        """Names of the descriptors of ports, by the fields of `attached.ProgramStreams`."""
        return tuple(f"{name} {self.row}" for name in STREAMS) if self.kind == "ports" else ()

    @property
    def descriptors(self) -> tuple[str, ...]:
        """Names of all that there may be, besides the eventfd's."""
        return (self.file, self.overlay, *self.streams)

    @property
    def source(self) -> str:
        """What is behind it, as users know it."""
        if self.net is not None:
            net = self.net
            return net.peer if net.peer == PASST else f"{net.peer}={net.path}"
        behind = self.drive or self.share
        return str(behind.path) if behind is not None else ""


def attachments(config: Config, board: Board) -> list[DeviceAttachment]:
    """The devices of a run, each in its slot; OptionError if there are more than slots."""
    wanted: list[tuple[str, Drive | Share | Net | None]] = [
        *(("block", drive) for drive in config.drives),
        *([("entropy", None)] if config.rng else []),
        *([("console", None)] if config.has_virtio_console else []),
        *([("ports", None)] if config.streams is not None else []),
        *(("share", share) for share in config.shares),
        *(("network", net) for net in config.nets),
    ]
    if len(wanted) > len(board.slots):
        options = {"block": "--drive", "share": "--share", "network": "--net"}
        kinds = [kind for kind, _ in wanted if kind in options]
        wrong = f"{len(wanted)} devices, with all others, do not fit the board"
        raise OptionError(options[kinds[-1]], wrong, f"at most {len(board.slots)}")
    numbers, found = Counter[str](), list[DeviceAttachment]()
    for row, (kind, what) in zip(board.slots, wanted, strict=False):
        given = {FIELDS[kind]: what} if kind in FIELDS else {}
        found.append(DeviceAttachment(row, kind, number=numbers[kind], **given))  # type: ignore[arg-type]
        numbers[kind] += 1
    return found
