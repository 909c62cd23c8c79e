"""Every error of the package, under one root; each carries its facts as attributes."""

import signal
from pathlib import Path

EXIT_USER = 2
"""Exit status for a mistake of the user's."""
EXIT_REFUSED = 69
"""Exit status of a process of ours that a limit of the host ended (EX_UNAVAILABLE)."""
EXIT_FAULT = 70
"""Exit status for a fault of ours, or of a plugin (EX_SOFTWARE of sysexits.h)."""
EXIT_SIGNAL = 128
"""Exit status after a signal, as shells give it: this and the signal's number."""
EXIT_INTERRUPTED = EXIT_SIGNAL + signal.SIGINT
"""Exit status after Ctrl-C."""


class MttcgError(Exception):
    """Root of all errors; `exit_status` is what the command line returns for it."""

    exit_status = EXIT_FAULT


class UserError(MttcgError):
    """A mistake of the user's: one line on stderr, exit status 2."""

    exit_status = EXIT_USER


class GuestFileError(UserError):
    """The guest file is not one that this board can run."""

    def __init__(self, path: Path, wrong: str, expected: str) -> None:
        super().__init__(f"{path}: {wrong}; expected {expected}")
        self.path, self.wrong, self.expected = path, wrong, expected


class OptionError(UserError):
    """An option has a value it can't have."""

    def __init__(self, option: str, wrong: str, expected: str) -> None:
        super().__init__(f"{option}: {wrong}; expected {expected}")
        self.option, self.wrong, self.expected = option, wrong, expected


class PluginError(UserError):
    """A plugin can't be found or loaded, refuses to start, or was given a wrong option."""

    def __init__(self, plugin: str, wrong: str) -> None:
        super().__init__(f"plugin {plugin}: {wrong}")
        self.plugin, self.wrong = plugin, wrong


class HostLimitError(UserError):
    """The host does not give what a machine of this size needs."""

    def __init__(self, smp: int, memory: int, wrong: str) -> None:
        super().__init__(f"--smp {smp} with {memory >> 20} MiB of memory: {wrong}")
        self.smp, self.memory, self.wrong = smp, memory, wrong


class OutputError(MttcgError):
    """There is no room for what a run or a verb writes; `what` names it."""

    def __init__(self, what: str, error: OSError) -> None:
        super().__init__(f"{what}: {error.strerror}")
        self.what, self.error = what, error


class BusAddressError(UserError):
    """The bus can't be bound to, or reached at, an address."""

    def __init__(self, url: str, wrong: str) -> None:
        super().__init__(f"bus {url}: {wrong}")
        self.url, self.wrong = url, wrong
