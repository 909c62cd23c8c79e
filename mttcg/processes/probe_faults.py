"""Who is to blame when a vCPU process touches memory that it must not: mostly a probe.

Nothing checks the index by which a probe accesses its words, as that would cost something each
time. But what lies beside the words can't be accessed, and a process that tries is ended by
SIGSEGV. Before it ends it says which probe of which plugin that was, on which vCPU and where.
"""

import ctypes
import os
import signal
from collections.abc import Callable

from mttcg.instrument.api.changes import Attachment
from mttcg.instrument.api.targets import Probe, VcpuWords
from mttcg.instrument.plan.registry import Registry
from mttcg.processes.scoreboards import MappedScoreboards
from mttcg.processes.segments import guard_bytes

SA_SIGINFO, SA_RESETHAND = 0x4, 0x80000000
"""Of sigaction(2): tell what happened; the second fault ends the process."""
WORD = 8
SECONDS = 5
"""How long saying it may take; the fault may have come while a lock was held."""


class SignalFacts(ctypes.Structure):
    """The head of siginfo_t of sigaction(2), on 64-bit Linux."""

    _fields_ = (
        ("number", ctypes.c_int),
        ("error", ctypes.c_int),
        ("code", ctypes.c_int),
        ("address", ctypes.c_uint64),
    )


HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(SignalFacts), ctypes.c_void_p)


class SignalAction(ctypes.Structure):
    """struct sigaction of glibc, on x86-64."""

    _fields_ = (
        ("handler", HANDLER),
        ("mask", ctypes.c_uint64 * 16),
        ("flags", ctypes.c_uint32),
        ("restorer", ctypes.c_void_p),
    )


class ProbeFaults:
    """Says of a fault which probes may have done it.

    Args:
        registry: what is attached on this vCPU.
        scoreboards: as they are mapped here.
        tell: takes the text.
    """

    def __init__(
        self, registry: Registry, scoreboards: MappedScoreboards, tell: Callable[[str], None]
    ) -> None:
        self.registry, self.scoreboards, self.tell = registry, scoreboards, tell
        self.handler = HANDLER(self._faulted)

    def watch(self) -> None:
        """Say it of the first fault of this process, which then ends as it would have."""
        action = SignalAction(self.handler, flags=SA_SIGINFO | SA_RESETHAND)
        ctypes.CDLL(None).sigaction(signal.SIGSEGV, ctypes.byref(action), None)

    def _faulted(self, _number: int, facts: "ctypes._Pointer[SignalFacts]", _context: int) -> None:
        signal.alarm(SECONDS)
        found = facts.contents
        if found.code <= 0:  # somebody sent it: it does not come again by itself
            os.kill(os.getpid(), signal.SIGSEGV)
        elif text := self.text(found.address):
            self.tell(text)

    def text(self, address: int) -> str:
        """What is to be said of a fault at an address of this process; "" without any probe."""
        found = []
        for (plugin, name, _cpu), words in self.scoreboards.mapped.items():
            index, probes = (address - words.ctypes.data) // WORD, self._probes(plugin, name)
            away = max(-index, index - len(words))
            # another's guard may lie beside its own
            if probes and away * WORD < 2 * guard_bytes():
                of = f"Scoreboard {name!r}, {len(words)} words"
                found.append((away, f"{probes} accessed word {index} of {of}"))
        if found:
            return ", or ".join(text for _, text in sorted(found))
        everything = self._probes()
        return f"{everything}, or what ran beside it, accessed {address:#x}" if everything else ""

    def _probes(self, plugin: str = "", name: str = "") -> str:
        """The probes that have words, or all, in words."""
        found = {
            f"probe {probe.name} of plugin {attachment.plugin}": None
            for attachment in self.registry.attachments
            for probe, words in probes_of(attachment)
            if not name or (words is not None and (words.plugin, words.name) == (plugin, name))
        }
        return ", or ".join(found)


def probes_of(attachment: Attachment) -> list[tuple[Probe, VcpuWords | None]]:
    """The probes of an attachment, each with its words."""
    target, when = attachment.target, attachment.when
    found = [(target, attachment.opaque)] if isinstance(target, Probe) else []
    return [*found, *([(when.probe, when.words)] if when is not None else [])]
