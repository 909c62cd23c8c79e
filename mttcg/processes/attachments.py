"""What a run attaches to the slots of its board, and the descriptors that go with it."""

from collections.abc import Sequence
from typing import NamedTuple

from mttcg.attached import Drive
from mttcg.config import Config
from mttcg.errors import OptionError
from mttcg.hardware.board import Board

BELL = "bell "
"""What the names of the eventfds begin with."""


def bell_of(row: str) -> str:
    """Name of the eventfd by which the back end of a row is notified."""
    return BELL + row


class DeviceAttachment(NamedTuple):
    """A device in a slot.

    Attributes:
        row: of the board.
        kind: "block" or "entropy".
        drive: of a block device.
    """

    row: str
    kind: str
    drive: Drive | None = None

    @property
    def bell(self) -> str:
        """Name of the eventfd by which its back end is notified."""
        return bell_of(self.row)

    @property
    def file(self) -> str:
        """Name of the descriptor of a drive's file."""
        return f"file {self.row}"

    @property
    def overlay(self) -> str:
        """Name of the descriptor of what lies above that, unless it is written itself."""
        return f"overlay {self.row}"

    @property
    def source(self) -> str:
        """What is behind it, as users know it."""
        return str(self.drive.path) if self.drive is not None else ""


def attachments(config: Config, board: Board) -> list[DeviceAttachment]:
    """The devices of a run, each in its slot; OptionError if there are more than slots."""
    wanted: Sequence[tuple[str, Drive | None]] = [
        *(("block", drive) for drive in config.drives),
        *([("entropy", None)] if config.rng else []),
    ]
    if len(wanted) > len(board.slots):
        wrong = f"{len(wanted)} devices, with --rng, do not fit the board"
        raise OptionError("--drive", wrong, f"at most {len(board.slots)}")
    places = zip(board.slots, wanted, strict=False)
    return [DeviceAttachment(row, kind, drive) for row, (kind, drive) in places]
