"""The directory of a campaign's results: a file per run, written whole or not at all.

campaign.json          that it is one
runs/KEY.json          a run that has ended: its attempts, and what the last one gave
files/KEY/             what its plugins left in its working directory, if anything
results.parquet        the table
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mttcg.campaign.attempt import Attempt
from mttcg.campaign.errors import OutputDirectoryError
from mttcg.campaign.execute import LEFT
from mttcg.version import VERSION

MARK, RUNS, FILES = "campaign.json", "runs", "files"
FORMAT = 1
TABLE = "results.parquet"
PART = ".part"


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended: its key, how many attempts it took, and the last of them."""

    key: str
    attempts: int
    attempt: Attempt

    def to_json(self) -> dict[str, Any]:
        """Give an object that the json module writes."""
        return {
            "format": FORMAT,
            "key": self.key,
            "attempts": self.attempts,
            "attempt": self.attempt.to_json(),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "EndedRun":
        """Make it again from such an object; TypeError, ValueError or KeyError for another."""
        return cls(found["key"], found["attempts"], Attempt.from_json(found["attempt"]))


class Store:
    """The directory, which is ours alone until `close`."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        # absolute: runs have working directories of their own
        whole = directory.absolute()
        self.runs, self.files = whole / RUNS, whole / FILES
        self.scratch = whole / f"scratch{PART}"  # gone when the campaign has ended
        try:
            directory.mkdir(exist_ok=True)
            mark = directory / MARK
            if not mark.exists() and any(
                path.name != f"{MARK}{PART}" for path in directory.iterdir()
            ):
                wrong = "it is not empty, and holds no results of a campaign"
                raise OutputDirectoryError(directory, f"{wrong}; expected a new or empty directory")
            self.lock = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._begin(mark, name)
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise OutputDirectoryError(directory, error.strerror or str(error)) from error

    def _begin(self, mark: Path, name: str) -> None:
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputDirectoryError(
                self.directory, "another campaign is writing there; expected it to end first"
            ) from error
        if not mark.exists():
            write_whole(mark, {"format": FORMAT, "name": name, "mttcg": VERSION})
        remove(self.scratch)
        for folder in (self.runs, self.files):
            folder.mkdir(exist_ok=True)
            for left in folder.glob(f"*{PART}"):  # by a campaign that was killed
                remove(left)

    def close(self) -> None:
        """Let others have it."""
        remove(self.scratch)
        os.close(self.lock)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def records(self, keys: Iterable[str]) -> dict[str, EndedRun]:
        """Read the runs of these keys that have ended."""
        return read_records(self.directory, keys)

    def write(self, record: EndedRun) -> None:
        """Keep what came of a run."""
        write_whole(self.runs / f"{record.key}.json", record.to_json())

    @property
    def table(self) -> Path:
        """Where the table is."""
        return self.directory / TABLE

    @contextlib.contextmanager
    def place(self, key: str) -> Iterator[Path]:
        """Give a run an empty directory for the time it runs; what is `LEFT` in it is kept."""
        part, kept = self.files / f"{key}{PART}", self.files / key
        remove(part)
        part.mkdir()
        try:
            yield part
            remove(kept)
            left = part / LEFT
            if left.is_dir() and any(left.iterdir()):
                left.rename(kept)
        finally:
            remove(part)


def read_records(directory: Path, keys: Iterable[str]) -> dict[str, EndedRun]:
    """Read the runs of these keys that have ended; one whose file can't be read has not."""
    found: dict[str, EndedRun] = {}
    for key in keys:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            found[key] = EndedRun.from_json(
                json.loads((directory / RUNS / f"{key}.json").read_bytes())
            )
    return found


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """Write a file so that there is, whenever we are killed, the old one or the new one."""
    part = path.with_name(path.name + PART)
    part.write_text(json.dumps(content) + "\n", encoding="utf-8")
    part.replace(path)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
