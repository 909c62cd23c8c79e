"""A machine: a guest and how it is to be run."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mttcg.config import NO_GUEST, Config
from mttcg.errors import OptionError
from mttcg.guest.boot import check_device_symbols
from mttcg.guest.boot_files import read_boot_files
from mttcg.hardware.boards import DEFAULT_BOARD, board_named
from mttcg.supervisor.results.notebook import notebook_status
from mttcg.supervisor.results.result import RunResult, Status
from mttcg.supervisor.start.host_process import HostProcess, started_host
from mttcg.supervisor.start.plugin_objects import PluginFiles
from mttcg.supervisor.terminal.console import ConsoleOutput, standard_output
from mttcg.supervisor.terminal.interrupts import Interrupts
from mttcg.supervisor.terminal.keyboard import Keyboard

if TYPE_CHECKING:
    from mttcg.supervisor.snapshots.restoring import Restoring

RUN_OPTIONS = (
    "on_status",
    "stdin_fd",
    "on_bus",
    "on_interim",
    "on_warning",
    "on_started",
    "keyboard",
)
"""Arguments of `Machine.run` besides the console and the host, in their order."""


class Machine:
    """A guest and how it is to be run.

    Args:
        guest: path of the ELF file, or a whole `mttcg.config.Config`; none with `kernel` or `bios`.
        options: as on the command line; the fields of `mttcg.config.Config`. `plugins` has specs as
            on the command line, paths, modules and functions; a function is called as plugin_init,
            with or without options, and may use what its script or notebook has. A pair of one of
            these and a dict is a plugin with its options.

    Raises OptionError for an option that can't be, GuestFileError for a file that can't be run.
    """

    def __init__(self, guest: Path | str | Config = NO_GUEST, **options: Any) -> None:
        self.plugin_files = PluginFiles()
        if "plugins" in options:
            options["plugins"] = self.plugin_files.specs(options["plugins"])
        if isinstance(guest, Config):
            self.config = replace(guest, **options)
        else:
            self.config = Config(guest=Path(guest), **options)
        self.board = board_named(DEFAULT_BOARD)
        self.boot = read_boot_files(self.config, self.board)
        self.image = self.boot.image
        check_device_symbols(self.image, self.board)
        engines, engine = self.image.isa.system.extensions, self.config.engine_name
        if engine not in engines:
            wrong = f"{engine} does not run {self.image.isa.title}"
            raise OptionError("--engine", wrong, " or ".join(engines))
        self.restoring = self._restoring()

    def _restoring(self) -> "Restoring | None":
        """The snapshot that the machine goes on from, None if it begins anew."""
        if self.config.from_snapshot is None:
            return None
        from mttcg.supervisor.snapshots.restoring import Restoring  # most begin anew

        return Restoring(self.config, self.boot, self.board)

    @classmethod
    def from_snapshot(cls, path: Path | str, **options: Any) -> "Machine":
        """The machine that a snapshot is of, which goes on from there when it is run.

        Args:
            path: of the file.
            options: what is to be so in this run, as of `Machine`: plugins, `symbols_set`, outputs.
                What the machine is, as its `smp`, the snapshot says; another is refused.

        Raises SnapshotError for a file that is none, was cut or changed, or is of another version,
        and what `Machine` raises.
        """
        from mttcg.supervisor.snapshots.saved_machine import inherit

        files = PluginFiles()
        if "plugins" in options:
            options["plugins"] = files.specs(options["plugins"])
        machine = cls(inherit(Path(path), options))
        machine.plugin_files = files
        return machine

    def run(
        self,
        console: ConsoleOutput | None = None,
        on_status: Callable[[Status], None] | None = None,
        stdin_fd: int | None = None,
        on_bus: Callable[[str], None] | None = None,
        on_interim: Callable[[RunResult], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
        on_started: Callable[[], None] | None = None,
        keyboard: Keyboard | None = None,
        host_process: HostProcess | None = None,
    ) -> RunResult:
        """Run the guest to its end.

        Args:
            console: takes the guest's output, as a binary file does; standard output if None, as
                bytes or, where that takes only text, as in a notebook, as text.
            on_status: called several times a second while the guest runs; if None, a notebook shows
                how it goes below the cell.
            stdin_fd: descriptor that the guest's UART reads from.
            on_bus: called with the bus's address once subscribers can come, if the run has a bus.
            on_interim: called with the result so far, every `interim` seconds if that is not 0.
            on_warning: called with each warning, a line, when it comes; the result has it, too.
            on_started: called once, when the vCPUs have been told to start: the time to load what
                is needed at the end.
            keyboard: sorts the keys, if stdin_fd is a terminal that is to be the guest's.
            host_process: the vCPU host, if one was started for this configuration already.

        Raises the errors of a user's mistakes before anything runs; what happens during the run
        is in the result. In the main thread, Ctrl-C stops the guest in order; a second one kills
        the vCPUs, a third one gives up and raises KeyboardInterrupt.
        """
        if console is None:
            console = standard_output()
        others = stdin_fd, on_bus, on_interim, on_warning, on_started, keyboard
        with notebook_status() as shown:
            return self._run(Interrupts(), host_process, console, on_status or shown, *others)

    async def run_async(self, console: ConsoleOutput | None = None, **options: Any) -> RunResult:
        """Run the guest to its end while an event loop goes on: `run`, in a thread.

        Args:
            console: as of `run`.
            options: the other arguments of `run`; callbacks are called in the thread.

        When the task is cancelled the guest is stopped in order, before the task ends.
        """
        import asyncio  # most runs are no task, and it takes long to load

        interrupts, host = Interrupts(), options.pop("host_process", None)
        on_status, *others = [options.pop(name, None) for name in RUN_OPTIONS]
        if options:
            raise TypeError(f"run_async() has no argument {', '.join(options)}")
        console = standard_output() if console is None else console
        with notebook_status() as shown:
            given = interrupts, host, console, on_status or shown, *others
            work = asyncio.create_task(asyncio.to_thread(self._run, *given))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                interrupts.interrupt()
                await asyncio.wait([work])
                raise

    def _run(
        self,
        interrupts: Interrupts,
        host_process: HostProcess | None,
        console: ConsoleOutput | None,
        *others: Any,
    ) -> RunResult:
        """Run with these; others: in the order of RUN_OPTIONS."""
        started = nullcontext(host_process) if host_process else started_host(self.config)
        with started as host:
            from mttcg.supervisor.run import Run  # while the host loads what it needs

            parts = self.config, self.boot, self.board
            run = Run(*parts, interrupts, host, self.restoring)
            try:
                return run.run(console, *others)
            finally:
                with run.interrupts:
                    run.close()
