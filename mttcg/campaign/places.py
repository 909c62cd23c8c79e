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
        """Give a path with the file's content; ContentMissingError if there is none."""
        path = Path(file.path)
        if has_content(path, file.digest):
            return path
        kept = self.scratch / file.digest / file.name  # a plugin is called what its file is called
        with self.lock:
            if not has_content(kept, file.digest):
                if file.digest not in self.contents:
                    raise ContentMissingError(file)
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(self.contents[file.digest])
        return kept


def has_content(path: Path, digest: str) -> bool:
    """Whether there is a regular file with that SHA-256."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == digest
    except OSError:
        return False
