"""Files that go into the guest's RAM, read with what can be wrong said in a line."""

from pathlib import Path

from mttcg.errors import GuestFileError


def check_regular(path: Path, expected: str) -> None:
    """Refuse what is no regular file: another might be waited on for ever.

    `expected`: what is wanted, for the error. Raises `GuestFileError`, OSError.
    """
    if path.is_dir():
        raise GuestFileError(path, "it is a directory", expected)
    if path.exists() and not path.is_file():
        raise GuestFileError(path, "it is not a regular file", expected)


def unreadable(path: Path, error: OSError | ValueError, expected: str) -> GuestFileError:
    """Make the error for a file that can't be read."""
    if isinstance(error, FileNotFoundError):
        return GuestFileError(path, "there is no such file", expected)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return GuestFileError(path, f"it can't be read ({reason})", expected)


def read_file(path: Path, expected: str, most: int) -> bytes:
    """Return a file's content, of at most so many bytes; at least one. Raises `GuestFileError`."""
    try:
        check_regular(path, expected)
        size = path.stat().st_size
        if not size:
            raise GuestFileError(path, "the file is empty", expected)
        if size > most:
            wrong = f"it has {size} bytes, more than the {most} of RAM"
            raise GuestFileError(path, wrong, f"{expected} that fits (see --memory)")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise unreadable(path, error, expected) from error
