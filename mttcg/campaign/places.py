"""Where the files of tasks are, on the machine that executes them: by content, not by name."""

import hashlib
import threading
from collections.abc import Mapping
from pathlib import Path

from mttcg.campaign.task import File
from mttcg.errors import MttcgError


class ContentMissingError(MttcgError):
    """A file is not here, or is another one by now, and nobody gave its content."""

    def __init__(self, file: File) -> None:
        super().__init__(f"{file.path}: not here with SHA-256 {file.digest}")
        self.file = file


class Places:
    """Finds files; what is not where it was when the campaign was planned is written to `scratch`.

    `contents` are the files' contents by digest, as far as they are known. Any thread may ask.
    """

    def __init__(self, scratch: Path, contents: Mapping[str, bytes]) -> None:
        self.scratch, self.contents = scratch, contents
        self.lock = threading.Lock()

    def find(self, file: File) -> Path:
        """Give a path with the file's content, and those beside it; ContentMissingError."""
        if all(has_content(Path(each.path), each.digest) for each in file.all):
            return Path(file.path)
        # a plugin is called what its file is called, or the folder of a package
        folder = self.scratch / file.key / file.folder.name
        with self.lock:
            for each in file.all:
                self._keep(each, folder / Path(each.path).relative_to(file.folder))
        return folder / file.name

    def _keep(self, file: File, kept: Path) -> None:
        if not has_content(kept, file.digest):
            if file.digest not in self.contents:
                raise ContentMissingError(file)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(self.contents[file.digest])


def has_content(path: Path, digest: str) -> bool:
    """Whether there is a regular file with that SHA-256."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == digest
    except OSError:
        return False
