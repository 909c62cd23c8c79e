"""What can go wrong when a plugin asks for instrumentation."""

from pathlib import Path

from mttcg.errors import MttcgError, UserError

LONGEST_SHOWN = 60
"""Characters of a value in a message."""
MOST_IN_DECIMAL = 9999


def shown(value: object) -> str:
    """A value as text, on one line and not long, whatever it is; large numbers in hexadecimal."""
    if isinstance(value, int) and abs(value) > MOST_IN_DECIMAL:
        text = hex(value)
    else:
        text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


class InstrumentError(MttcgError):
    """Root of the errors that a plugin meets."""


class NoGuestError(InstrumentError):
    """Instrumentation was asked for where there is no guest, such as in an aggregator."""

    def __init__(self, asked: str) -> None:
        super().__init__(f"{asked}: there is no guest in this process")
        self.asked = asked


class StateUnavailableError(InstrumentError):
    """Registers or memory were asked for at a moment when they are not exact."""

    def __init__(self, asked: str, moment: str) -> None:
        super().__init__(f"{asked} can't be had {moment}")
        self.asked, self.moment = asked, moment


class UnknownRegisterError(InstrumentError):
    """A register name that the guest's ISA does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no register {name!r}; known are x0..x31, f0..f31, ABI names, pc")
        self.name = name


class UnknownSymbolError(InstrumentError):
    """A symbol that the guest file, or what a process has mapped, does not have."""

    def __init__(self, name: str, where: str = "the guest") -> None:
        super().__init__(f"{where} has no symbol {name!r}")
        self.name = name


class BadValueError(InstrumentError):
    """A plugin gave a value that can't be: no number, of too many bits, of no vCPU."""

    def __init__(self, what: str, value: object, expected: str) -> None:
        super().__init__(f"{what}: {shown(value)}; expected {expected}")
        self.what, self.value, self.expected = what, value, expected


class NotRamError(InstrumentError):
    """Memory was asked for that is not guest RAM."""

    def __init__(self, address: int, size: int) -> None:
        super().__init__(f"{shown(size)} bytes at {shown(address)} are not guest RAM")
        self.address, self.size = address, size


class TargetError(InstrumentError):
    """What was to be attached does not fit where it was to be attached."""

    def __init__(self, target: object, where: str, wrong: str) -> None:
        super().__init__(f"{target!r} {where}: {wrong}")
        self.target, self.where, self.wrong = target, where, wrong


class ProbeError(InstrumentError):
    """A probe that can't be compiled. `reason` is numba's, in one line, or ours."""

    def __init__(self, probe: str, place: str, reason: str) -> None:
        super().__init__(f"probe {probe} ({place}) can't be compiled: {reason}")
        self.probe, self.place, self.reason = probe, place, reason


class OutsidePluginError(InstrumentError):
    """Instrumentation was asked for by code that belongs to no plugin, such as a thread's."""

    def __init__(self, asked: str) -> None:
        super().__init__(f"{asked}: called from outside of a plugin's functions")
        self.asked = asked


class NotPortableError(InstrumentError):
    """A change for other vCPUs names something that only this process has."""

    def __init__(self, what: str, expected: str) -> None:
        super().__init__(f"{what} can't go to the other vCPUs; expected {expected}")
        self.what, self.expected = what, expected


class TicketTimeoutError(InstrumentError):
    """A change was not in force everywhere within the time limit."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the change is not in force on every vCPU after {seconds} s")
        self.seconds = seconds


class DeclarationError(InstrumentError):
    """A stream or scoreboard was declared too late or twice."""

    def __init__(self, name: str, wrong: str) -> None:
        super().__init__(f"{name}: {wrong}")
        self.name, self.wrong = name, wrong


class CallbackError(InstrumentError):
    """A plugin's function raised while the guest ran.

    `trace` is the Python traceback as text; of one of these errors it is the error and its place,
    in one line.
    """

    def __init__(self, plugin: str, cpu: int, pc: int, trace: str) -> None:
        failed = f"plugin {plugin} failed on vCPU {cpu} at pc {pc:#x}"
        trace = trace.rstrip()
        super().__init__(f"{failed}\n{trace}" if "\n" in trace else f"{failed}: {trace}")
        self.plugin, self.cpu, self.pc, self.trace = plugin, cpu, pc, trace


class NoKernelError(InstrumentError):
    """Processes were asked for, and the guest is no Linux of which they are known."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the guest's processes are not known: {reason}")
        self.reason = reason


class OptionRefusedError(InstrumentError, UserError):
    """An option of a plugin has a value that it can't use; for a plugin to raise."""

    def __init__(self, option: str, wrong: str, expected: str) -> None:
        super().__init__(f"option {option}: {wrong}; expected {expected}")
        self.option, self.wrong, self.expected = option, wrong, expected


class ElfFileError(InstrumentError, UserError):
    """The guest's ELF file, or its line table, can't be read."""

    def __init__(self, path: Path, wrong: str) -> None:
        super().__init__(f"{path}: {wrong}; expected the ELF file that was run")
        self.path, self.wrong = path, wrong
