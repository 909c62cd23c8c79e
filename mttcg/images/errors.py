"""What can be wrong when images are fetched and made."""

from pathlib import Path

from mttcg.errors import MttcgError, UserError


class ImageError(UserError):
    """An image can't be fetched, or made of what was fetched."""

    def __init__(self, image: str, wrong: str, expected: str) -> None:
        super().__init__(f"image {image}: {wrong}; expected {expected}")
        self.image, self.wrong, self.expected = image, wrong, expected


class ArchiveError(MttcgError):
    """What should be an archive of files is none."""

    def __init__(self, at: int) -> None:
        super().__init__(f"there is no archive at byte {at}")
        self.at = at


class PackageError(UserError):
    """A file is no Debian package, or it lacks what it should have."""

    def __init__(self, path: Path, wrong: str) -> None:
        super().__init__(f"{path}: {wrong}; expected a Debian package (deb(5))")
        self.path, self.wrong = path, wrong
