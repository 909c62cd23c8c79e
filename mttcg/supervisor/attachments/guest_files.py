"""Semihosting's files, which the supervisor opens for all harts of a guest."""

import base64
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mttcg.vcpu.protocol.orders import FileOperationDone
from mttcg.vcpu.protocol.vcpu_messages import FileOperation

if TYPE_CHECKING:
    from mttcg.semihosting.files import GuestFiles

MOST_TOLD = 16
"""Refused names that are told of."""


class GuestFileService:
    """Does what vCPUs ask for.

    Args:
        folder: below which the guest may use files; None if it may use none.
        warn: tells the user something, once.
    """

    def __init__(self, folder: Path | None, warn: Callable[[str], None]) -> None:
        self.folder, self.warn, self.told = folder, warn, set[str]()

    @cached_property
    def files(self) -> "GuestFiles":
        """Those that the guest has open; few guests use any."""
        from mttcg.host_folder import HostFolder
        from mttcg.semihosting.files import GuestFiles

        folder = HostFolder.at(self.folder) if self.folder is not None else None
        return GuestFiles(folder, self._refused)

    def do(self, asked: FileOperation) -> FileOperationDone:
        """Do one operation."""
        data = base64.b64decode(asked.data)
        answer = self.files.do(asked.operation, asked.handle, asked.number, data)
        return FileOperationDone(answer.value, answer.error, base64.b64encode(answer.data).decode())

    def any_open(self) -> str:
        """Say how many files the guest has open, "" if none."""
        count = len(self.files.open_files) if "files" in vars(self) else 0
        return f"the guest has {count} files open by semihosting" if count else ""

    def close(self) -> None:
        """Close all files."""
        if "files" in vars(self):
            self.files.close()

    def _refused(self, name: str, why: str) -> None:
        if name not in self.told and len(self.told) < MOST_TOLD:
            self.told.add(name)
            self.warn(f"the guest wants the file {name!r} by semihosting, and gets none: {why}")
