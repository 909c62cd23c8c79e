"""What a run is asked to do, checked once, before anything is started."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from mttcg.attached import (
    WRITTEN,
    Drive,
    Net,
    ProgramStreams,
    Share,
    check_tags,
    parse_drive,
    parse_net,
    parse_place,
    parse_share,
)
from mttcg.errors import OptionError
from mttcg.memory.page import PAGE
from mttcg.option_values import (
    GIB,
    MIB,
    SECONDS_MAX,
    SMP_MAX,
    check_interim,
    check_number,
    check_output,
    check_policy,
    check_record_limit,
    check_seconds,
    check_shards,
    check_size,
    check_word,
)

T = TypeVar("T")
MEMORY_MIN, MEMORY_MAX = 1 * MIB, 64 * GIB
MEMORY_DEFAULT = 128 * MIB
CODE_CACHE_MIN = 4 * MIB
CODE_CACHE_MAX = 2 * GIB - PAGE
"""References between code and its constants span 31 bits."""
CODE_CACHE_DEFAULT = 64 * MIB
STALL_LIMIT_DEFAULT = 60.0
ENGINES = ("auto", "unicorn", "llvm")
DEFAULT_ENGINE = "llvm"
"""What `auto` stands for."""

TIERS = ("interpreter,optimised", "interpreter")
"""How the llvm engine may run code: what is met for the first time, and what time is spent in."""
DEFAULT_TIERS = TIERS[0]

TERMINALS = ("auto", "raw", "cooked")
"""Whose a terminal's keys are that mean something to its driver, such as Ctrl-C: the guest's from
when it asks to be interrupted for input, or from the start if it has a kernel or firmware; from the
start; or never."""
DEFAULT_TERMINAL = TERMINALS[0]

CONSOLES = ("uart", "virtio")
"""What the terminal's keys go to: the serial port, or a virtio console beside it."""
DEFAULT_CONSOLE = CONSOLES[0]

QUANTUM_DEFAULT, QUANTUM_MAX = 100_000, 1 << 32
"""Instructions of a turn; fewer switch harts more often, more let them wait for each other."""
SEED_MAX = (1 << 63) - 1

NO_GUEST = Path()
"""In place of a guest's file."""


@dataclass(frozen=True)
class Config:
    """The options of one run; every one is checked when the object is made.

    It goes as it is to every process of the run. So its values are of the declared types: paths may
    be given as texts, tuples as lists.

    Raises `OptionError`, which names the option, for a value that it can't have. The guest file is
    checked by the ELF loader, plugins by theirs, the bus address by the bus.
    """

    guest: Path = NO_GUEST
    """The ELF file to run; none with `kernel` or `bios`, of which it is the one that is shown."""
    smp: int = 1
    """Number of harts, 1 to 64."""
    memory: int = MEMORY_DEFAULT
    """Guest RAM in bytes, a multiple of 4096 from 1 MiB to 64 GiB."""
    engine: str = "auto"
    """One of `ENGINES`."""
    tiers: str = DEFAULT_TIERS
    """One of `TIERS`; another than the first is for the llvm engine alone."""
    code_cache: int = CODE_CACHE_DEFAULT
    """Bytes for the code that the llvm engine makes, a multiple of 4096; the oldest goes first."""
    code_store: Path | None = None
    """Folder in which code that the llvm engine makes is kept for later runs; None: it is not."""
    plugins: tuple[str, ...] = ()
    """Plugin specs, as "name-or-path,key=value,..."."""
    bus: str | None = None
    """Address the bus binds to; None: one of its own."""
    kernel: Path | None = None
    """Kernel to start below firmware: Linux's Image, compressed or not, or an ELF file."""
    initrd: Path | None = None
    """The kernel's initial RAM disk."""
    append: str = ""
    """The kernel's command line."""
    bios: Path | None = None
    """Firmware to start in place of the host's: an ELF file, or raw for the start of RAM."""
    dtb: Path | None = None
    """Device tree in place of the board's; /chosen is added to."""
    dump_dtb: Path | None = None
    """File the device tree is written to before the start."""
    symbols: Path | None = None
    """System.map or vmlinux of the kernel, in place of the names that it has in itself."""
    kernel_types: Path | None = None
    """BTF or vmlinux of the kernel, in place of the types that it has in itself."""
    sysroot: Path | None = None
    """Folder with files of a Linux guest's programs, for their names."""
    loads: Mapping[str, int] = field(default_factory=dict)
    """Files loaded as they are, each to a physical address."""
    drives: tuple[Drive, ...] = ()
    """Image files that are the guest's disks; may be given as texts."""
    rng: bool = False
    """Give the guest a source of random numbers."""
    console: str = DEFAULT_CONSOLE
    """One of `CONSOLES`."""
    shares: tuple[Share, ...] = ()
    """Folders of the host that the guest can mount; may be given as texts."""
    nets: tuple[Net, ...] = ()
    """The guest's network devices; may be given as texts."""
    from_snapshot: Path | None = None
    """Snapshot that the machine goes on from, which says what the machine is."""
    snapshot: Path | None = None
    """File that a snapshot is written to when a hart first comes to that place:"""
    snapshot_at: str = ""
    """SYMBOL, SYMBOL+OFFSET, or an address as 0x...."""
    streams: ProgramStreams | None = None
    """Those of a program in the guest, see `mttcg.hardware.devices.virtio.ports`."""
    for_program: bool = False
    """Plugins see one program in the guest alone, as its first process says, see `mttcg exec`."""
    program: Path | None = None
    """The file of that program, whose functions have names then: it is known where it will be."""
    symbols_set: Mapping[str, int] = field(default_factory=dict)
    """64-bit values written at ELF symbols before the start; negative ones as two's complement."""
    semihosting: bool = True
    """Let the guest call its host by its ISA's sequence of instructions."""
    args: str = ""
    """Arguments that it is told then, behind its name."""
    semihosting_files: Path | None = None
    """Folder below which it may use files then; None: it may use none."""
    deterministic: bool = False
    """Let harts take turns, so that the run repeats; the clock is what they have retired then."""
    quantum: int = QUANTUM_DEFAULT
    """Instructions of a turn."""
    seed: int | None = None
    """What lengths and order of turns are drawn from; None: all are as long, and in order."""
    record_inputs: Path | None = None
    """File that what comes from outside is written to then, with the instructions before it."""
    replay_inputs: Path | None = None
    """File of that kind whose inputs come again."""
    check: bool = False
    """Compare what was counted in one way with what another gives, at the end."""
    pin: bool = False
    """Pin every vCPU process to a processor."""
    aggregate: bool = True
    """Start an aggregator process for each plugin that has one."""
    shards: Mapping[str, int] = field(default_factory=dict)
    """Into how many processes an aggregator is divided, by plugin; "" for those not named."""
    interim: float = 0.0
    """Seconds between interim results, 0 for none."""
    wait_subscribers: int = 0
    """Start the guest only when so many subscribers are there."""
    policies: Mapping[str, str] = field(default_factory=dict)
    """Policies of streams, by "plugin.stream", or by "plugin" for all of its streams."""
    stall_limit: float = STALL_LIMIT_DEFAULT
    """Seconds that a subscriber with records to acknowledge may acknowledge none; 0: for ever."""
    terminal: str = DEFAULT_TERMINAL
    """One of `TERMINALS`."""
    stop_on_trap_loop: bool = False
    """End the run when a hart takes the same trap for ever; it is warned of in any case."""
    quiet: bool = False
    """Show no live status line."""
    keys: Path | None = None
    """File of the bus's keys; with them it may be reached from other machines."""
    allow: tuple[Path, ...] = ()
    """Files of the public keys of those who may subscribe then."""
    control: bool = False
    """Take commands while the guest runs, from those who may."""
    allow_control: tuple[Path, ...] = ()
    """Files of the public keys of those who may, with keys; who has the bus's own may anyhow."""
    gdb: str | None = None
    """Where a debugger connects, as HOST:PORT or a path, "" for one of its own; None: none does."""
    wait_gdb: bool = False
    """Run the guest's first instruction only when a debugger lets it."""
    record: Path | None = None
    """File that everything published is recorded to."""
    record_limit: int = 0
    """Bytes that it may have, 0 for any number; recording stops before more."""
    json: Path | None = None
    """File the result is written to."""
    html: Path | None = None
    """File the result is written to as a page."""

    def __post_init__(self) -> None:
        """Check every option that can be checked by itself."""
        several = {"--plugin": self.plugins, "--drive": self.drives}
        several |= {"--share": self.shares, "--net": self.nets}
        for option, given in several.items():
            if isinstance(given, str):
                raise OptionError(option, f"{given!r} is one text", "a tuple of specs")
        self._take_declared_types()
        self._check_guest()
        check_number("--smp", self.smp, 1, SMP_MAX)
        check_size("--memory", self.memory, MEMORY_MIN, MEMORY_MAX, "1M to 64G")
        check_size(
            "--code-cache", self.code_cache, CODE_CACHE_MIN, CODE_CACHE_MAX, "4M to below 2G"
        )
        check_number("--wait-subscribers", self.wait_subscribers, 0, 1 << 16)
        check_seconds("--stall-limit", self.stall_limit, SECONDS_MAX)
        check_interim(self.interim)
        for count in self.shards.values():
            check_shards(count)
        for stream, policy in self.policies.items():
            check_policy(stream, policy)
        if self.engine not in ENGINES:
            raise OptionError("--engine", f"{self.engine!r} is not known", " or ".join(ENGINES))
        if self.terminal not in TERMINALS:
            wrong = f"{self.terminal!r} is not known"
            raise OptionError("--terminal", wrong, " or ".join(TERMINALS))
        if self.console not in CONSOLES:
            wrong = f"{self.console!r} is not known"
            raise OptionError("--console", wrong, " or ".join(CONSOLES))
        check_tags(self.shares)
        self._check_tiers()
        for symbol, value in self.symbols_set.items():
            check_word(symbol, value)
        check_record_limit(self.record_limit)
        if self.record_limit and self.record is None:
            raise OptionError("--record-limit", "there is no --record", "both, or neither")
        self._check_semihosting()
        if self.allow and self.keys is None:
            raise OptionError("--allow", "there are no --keys", "both, or neither")
        self._check_control()
        self._check_gdb()
        self._check_turns()
        for option, path in self._outputs():
            if path is not None:
                check_output(option, path)

    @property
    def engine_name(self) -> str:
        """The engine that was asked for, or what `auto` stands for."""
        return DEFAULT_ENGINE if self.engine == "auto" else self.engine

    @property
    def raw_at_once(self) -> bool:
        """Whether a terminal is the guest's from the start on."""
        asked_for = self.kernel or self.bios or self.has_virtio_console
        return self.terminal == "raw" or (self.terminal == "auto" and bool(asked_for))

    @property
    def has_virtio_console(self) -> bool:
        """Whether there is a virtio console."""
        return self.console != DEFAULT_CONSOLE

    @property
    def takes_input(self) -> bool:
        """Whether the guest gets what is typed while it runs."""
        return not self.deterministic or self.record_inputs is not None

    def has_tier(self, tier: str) -> bool:
        """Whether the llvm engine has a tier: "interpreter" or "optimised"."""
        return self.engine_name == "llvm" and tier in self.tiers.split(",")

    def _check_guest(self) -> None:
        """Have one guest: an ELF file of its own, or a kernel, firmware, or both."""
        booted = self.kernel or self.bios
        if booted is None:
            if self.guest == NO_GUEST:
                raise OptionError("GUEST", "there is none", "an ELF file, --kernel or --bios")
        elif self.guest not in (NO_GUEST, booted):
            option = "--kernel" if self.kernel else "--bios"
            raise OptionError(option, f"there is a guest, {self.guest}", "one of them")
        else:
            object.__setattr__(self, "guest", booted)
        if self.initrd is not None and self.kernel is None:
            raise OptionError("--initrd", "there is no --kernel", "both, or neither")
        if self.sysroot is not None and not self.sysroot.is_dir():
            raise OptionError("--sysroot", f"{self.sysroot} is no folder", "the guest's files")
        for option, given in (("--symbols", self.symbols), ("--kernel-types", self.kernel_types)):
            if given is not None and booted is None:
                raise OptionError(option, "there is no --kernel", "both, or neither")

    def _check_tiers(self) -> None:
        if self.tiers not in TIERS:
            raise OptionError("--tiers", f"{self.tiers!r} is not known", " or ".join(TIERS))
        if self.tiers != DEFAULT_TIERS and self.engine_name != "llvm":
            raise OptionError("--tiers", f"{self.engine_name} has none", "--engine llvm")

    def _take_declared_types(self) -> None:
        for each in fields(self):
            value, make = getattr(self, each.name), CONVERSIONS.get(each.type)
            if make is not None and value is not None:
                object.__setattr__(self, each.name, make(value))

    def _check_semihosting(self) -> None:
        """Refuse a folder that is none, and what only a guest that may call its host can use."""
        if not isinstance(self.args, str) or "\0" in self.args:
            raise OptionError("--args", f"{self.args!r} is no text", "arguments, in one text")
        for option, given in (
            ("--args", self.args),
            ("--semihosting-files", self.semihosting_files),
        ):
            if given and not self.semihosting:
                raise OptionError(option, "there is --no-semihosting", "one of them")
        folder = self.semihosting_files
        if folder is not None and not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
            wrong = f"{folder} is no folder that can be used"
            raise OptionError("--semihosting-files", wrong, "a folder")

    def _check_control(self) -> None:
        """Refuse control for whom nobody has allowed it."""
        if self.allow_control and (self.keys is None or not self.control):
            absent = "--control" if not self.control else "--keys"
            raise OptionError("--allow-control", f"there is no {absent}", "both, or neither")
        if self.control and self.keys is None and (self.bus or "").startswith("tcp:"):
            wrong = f"{self.bus} has a token, and no keys"
            raise OptionError("--control", wrong, "an ipc:// address, or --keys")

    def _check_turns(self) -> None:
        check_number("--quantum", self.quantum, 1, QUANTUM_MAX)
        if self.seed is not None:
            check_number("--seed", self.seed, 0, SEED_MAX)
        given = [("--quantum", self.quantum != QUANTUM_DEFAULT), ("--seed", self.seed is not None)]
        for option, is_given in given:
            if is_given and not self.deterministic:
                raise OptionError(option, "there is no --deterministic", "both, or neither")
        if self.deterministic and self.engine_name != "llvm":
            wrong = f"{self.engine_name} can't stop after a number of instructions"
            raise OptionError("--deterministic", wrong, "--engine llvm")
        self._check_inputs()
        for option in filter(lambda _option: self.deterministic, self._from_outside()):
            wrong = "what comes from there comes at no fixed instruction"
            raise OptionError(option, wrong, f"no {option} with --deterministic")

    def _check_inputs(self) -> None:
        options = {"--record-inputs": self.record_inputs, "--replay-inputs": self.replay_inputs}
        given = [option for option, path in options.items() if path is not None]
        if given and not self.deterministic:
            raise OptionError(given[0], "there is no --deterministic", "both, or neither")
        given += ["--from"] if self.from_snapshot is not None else []
        if len(given) > 1 and given[0] in options:
            raise OptionError(given[0], f"there is {given[1]}", "one of them")

    def _from_outside(self) -> list[str]:
        """The options by which something comes from outside while the guest runs."""
        written = [drive for drive in self.drives if drive.access == WRITTEN]
        given: dict[str, object] = {"--drive with `write`": written}
        given |= {"--share": self.shares, "--net": self.nets}
        given |= {"--semihosting-files": self.semihosting_files, "exec": self.streams}
        return [option for option, value in given.items() if value]

    def _check_gdb(self) -> None:
        if (self.snapshot is None) != (not self.snapshot_at):
            raise OptionError("--snapshot", "--snapshot-at belongs to it", "both, or neither")
        if self.gdb is not None:
            parse_place(self.gdb)
        elif self.wait_gdb:
            raise OptionError("--wait-gdb", "there is no --gdb", "both, or neither")

    def _outputs(self) -> tuple[tuple[str, Path | None], ...]:
        return (
            ("--json", self.json),
            ("--html", self.html),
            ("--record", self.record),
            ("--record-inputs", self.record_inputs),
            ("--dump-dtb", self.dump_dtb),
        )


CONVERSIONS: Mapping[Any, Callable[[Any], Any]] = {
    bool: bool,
    Path: Path,
    Path | None: Path,
    tuple[Path, ...]: lambda paths: tuple(map(Path, paths)),
    tuple[str, ...]: tuple,
    tuple[Drive, ...]: lambda given: _attached(given, Drive, parse_drive),
    tuple[Share, ...]: lambda given: _attached(given, Share, parse_share),
    tuple[Net, ...]: lambda given: _attached(given, Net, parse_net),
    Mapping[str, int]: lambda given: {
        name: int(value) if isinstance(value, bool) else value for name, value in given.items()
    },
    Mapping[str, str]: dict,
}
"""By the type of a field, what makes its value of one like it."""


def _attached(given: Iterable[Any], kind: type[T], parse: Callable[[str], T]) -> tuple[T, ...]:
    """What is to be attached, some of which may be texts."""
    return tuple(each if isinstance(each, kind) else parse(str(each)) for each in given)
