"""What of the cases to run: vCPUs, engines, and what is attached."""

from dataclasses import dataclass

ENGINES = ("llvm", "unicorn", "qemu-7.2", "qemu-10.0")
"""What a guest is scaled out on; the last two are peers."""
SMP = (1, 2, 4, 8)


@dataclass(frozen=True)
class CaseChoice:
    """What was asked for on the command line; () for what the cases themselves say.

    smp: numbers of vCPUs, ascending. engines: of ENGINES. plugins: keys of `attached.ATTACHED`, or
    files of plugins.
    """

    smp: tuple[int, ...] = ()
    engines: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    def has_engine(self, engine: str) -> bool:
        """Whether an engine is wanted."""
        return not self.engines or engine in self.engines
