"""What is wrong with a snapshot."""

from pathlib import Path

from mttcg.errors import UserError


class SnapshotError(UserError):
    """A file is no snapshot that can be restored here, or none can be taken."""

    def __init__(self, path: Path, wrong: str, expected: str) -> None:
        super().__init__(f"snapshot {path}: {wrong}; expected {expected}")
        self.path, self.wrong, self.expected = path, wrong, expected
