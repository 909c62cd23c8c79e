"""Whether a kernel of Linux is where its names say: it may have moved itself otherwise (KASLR)."""

from collections.abc import Callable

from mttcg.linux.errors import KernelDataError
from mttcg.linux.registry import kernel_isa
from mttcg.supervisor.run_state import RunState

STEP = 2 << 20
"""Bytes: kernels move by a multiple, and other handlers than the usual are not so far from it."""


class KernelPlace:
    """Warns of a kernel that is elsewhere, as soon as it says where its handler of traps is.

    Args:
        run: the run.
        warn: tells the user something.
    """

    def __init__(self, run: RunState, warn: Callable[[str], None]) -> None:
        self.run, self.warn = run, warn
        self.is_known = not (run.boot.below_firmware or run.boot.has_firmware)

    def before(self, other: Callable[[], None]) -> Callable[[], None]:
        """What looks, and then does something else."""

        def both() -> None:
            self.look()
            other()

        return both

    def look(self) -> None:
        """Look at the harts, until it is known; only if somebody wanted names."""
        image = self.run.image
        if self.is_known or not image.has_read_symbols:
            return
        try:
            isa = kernel_isa(image.isa.name)
        except KernelDataError:
            self.is_known = True
            return
        if isa.vector not in image.by_name:
            return
        place = image.by_name[isa.vector].address
        handlers = map(isa.handler, self.run.harts.harts)
        for away in (each - place for each in handlers if each is not None):
            if away % STEP == 0:  # it is none of those that a hart has while it comes up
                self.is_known = True
                if away:
                    self._tell(away)
                return

    def _tell(self, away: int) -> None:
        self.warn(
            f"the kernel has moved itself {away:+#x} bytes from where its names are: what is "
            "looked for, or shown, by the name of a function is not there; start it with nokaslr "
            "(--append)"
        )
