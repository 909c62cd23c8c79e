"""What can be wrong with a campaign before and beside its runs."""

from pathlib import Path

from mttcg.errors import MttcgError, UserError


class CampaignFileError(UserError):
    """A campaign file says something that can't be; names the line and the key."""

    def __init__(
        self, path: Path, line: int, key: str, wrong: str, expected: str | None = None
    ) -> None:
        place = f"{path}:{line}: " + (f"{key}: " if key else "")
        super().__init__(place + wrong + (f"; expected {expected}" if expected else ""))
        self.path, self.line, self.key = path, line, key
        self.wrong, self.expected = wrong, expected


class OutputDirectoryError(UserError):
    """The directory of the results can't be used."""

    def __init__(self, directory: Path, wrong: str) -> None:
        super().__init__(f"{directory}: {wrong}")
        self.directory, self.wrong = directory, wrong


class ExtraMissingError(UserError):
    """A package is needed that is not there."""

    def __init__(self, purpose: str, package: str) -> None:
        super().__init__(
            f"{purpose} needs {package}; install it with: pip install 'mttcg[campaign]'"
        )
        self.purpose, self.package = purpose, package


class SchedulerError(UserError):
    """The scheduler can't be used: its address is refused, nobody answers, or workers don't fit."""

    def __init__(self, url: str, wrong: str) -> None:
        super().__init__(f"--scheduler {url}: {wrong}")
        self.url, self.wrong = url, wrong


class SchedulerLostError(MttcgError):
    """The scheduler went away in the middle of a campaign."""

    def __init__(self, url: str) -> None:
        super().__init__(f"--scheduler {url}: it went away; the same command goes on from here")
        self.url = url


class WorkersLostError(MttcgError):
    """A campaign's runs wait, and for too long there was no worker."""

    def __init__(self, url: str, seconds: float) -> None:
        super().__init__(
            f"--scheduler {url}: there was no worker for {seconds:g} s (--worker-limit); "
            "the same command goes on from here"
        )
        self.url, self.seconds = url, seconds
