"""Platform-level interrupt controller (PLIC specification 1.0.0; as SiFive's in its registers).

| offset | what |
|---|---|
| 0x0 + 4 n | priority of source n, 0 to 7; 0 never interrupts |
| 0x1000 + 4 i | pending bits of sources 32 i to 32 i + 31, read-only |
| 0x2000 + 0x80 c + 4 i | enable bits of context c |
| 0x200000 + 0x1000 c | threshold of context c, 0 to 7 |
| 0x200004 + 0x1000 c | claim (read) and complete (write) |

Context 2 h is machine mode of hart h, context 2 h + 1 its supervisor mode, as on QEMU's virt board.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mttcg.errors import MttcgError
from mttcg.hardware.interrupts.ports import Line
from mttcg.memory.lock import LOCK_BYTES, SharedLock
from mttcg.memory.native_registers import NativeRegisters, RegisterKind
from mttcg.state.vcpu_state import MOST_VCPUS
from mttcg.state.words import WORD_BYTES

SOURCES = 96
"""Sources are 1 to 96; there is no source 0."""
HIGHEST = 7
"""Priorities and thresholds have so many levels beside 0, in the low bits of their registers."""
CONTEXTS_PER_HART = 2
MOST_CONTEXTS = CONTEXTS_PER_HART * MOST_VCPUS
SIZE = 0x60_0000
REGISTER = 4
"""Bytes of a register, all of which are read and written whole."""
PENDING, ENABLE, ENABLE_STRIDE = 0x1000, 0x2000, 0x80
CONTEXT, CONTEXT_STRIDE = 0x20_0000, 0x1000
THRESHOLD, CLAIM = 0, 4

BITS, REGISTER_BITS = 64, 32
SOURCE_WORDS = -(-(SOURCES + 1) // BITS)
"""Words in which each source has a bit."""


class PlicWord(NamedTuple):
    """Where each part of the shared state begins, in words of 8 bytes."""

    lock: int = 0
    level: int = LOCK_BYTES // WORD_BYTES
    """A bit for each source: its line is raised."""
    pending: int = level + SOURCE_WORDS
    """A bit for each source: its gateway has passed on a request that nobody has claimed."""
    claimed: int = pending + SOURCE_WORDS
    """A bit for each source: it was claimed and is not completed, so its gateway is shut."""
    priority: int = claimed + SOURCE_WORDS
    """A word for each source."""
    threshold: int = priority + SOURCE_WORDS * BITS
    """A word for each context."""
    enable: int = threshold + MOST_CONTEXTS
    """SOURCE_WORDS for each context."""
    edges: int = enable + MOST_CONTEXTS * SOURCE_WORDS
    """A bit for each edge source; what follows is as the board has it."""
    inputs: int = edges + SOURCE_WORDS
    """The number of a hart's input for each of its contexts."""
    end: int = inputs + CONTEXTS_PER_HART


WORD = PlicWord()
STATE_SIZE = WORD.end * WORD_BYTES
"""Bytes of shared memory that the controller needs, zeroed and prepared."""
VALID = ((1 << SOURCES) - 1) << 1
"""Bits of the sources that there are."""
NATIVE = NativeRegisters(
    RegisterKind.FUNCTION,
    CONTEXT,
    REGISTER,
    places=(SIZE - CONTEXT) // REGISTER,
    function=("mttcg.hardware.interrupts.plic_native", "access"),
)
"""Claims and completions; thresholds are left to the class."""


class NoSourceError(MttcgError):
    """A device's interrupt goes to a source that the controller does not have."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the PLIC has no source {number}; expected 1 to {SOURCES}")
        self.number = number


class SourceLine:
    """The line of a device to a source."""

    def __init__(self, plic: "Plic", number: int) -> None:
        self.plic, self.number = plic, number

    @property
    def high(self) -> bool:
        """Whether it is raised."""
        return self.plic.level(self.number)

    def raise_(self) -> None:
        """Raise it."""
        self.plic.drive(self.number, True)

    def lower(self) -> None:
        """Lower it."""
        self.plic.drive(self.number, False)


class Plic:
    """The controller: any process of the machine may raise its lines and access its registers.

    The gateway of a source passes on one request as long as the line is raised, and no other before
    that one is completed; a request stays pending when the line is lowered. That of an edge source
    passes on one each time that the line is raised, be it high already; one that comes before the
    last is completed waits until then. A claim takes the
    pending source with the highest priority of those that the context enables, the lowest number
    of several, whatever the threshold is, so that each request is claimed once. A completion for a
    source that the context does not enable is ignored.

    Registers are 4 bytes wide; an 8-byte access is one to two of them, others read as 0 and write
    nothing, as do contexts and sources that are not there.

    Args:
        state: STATE_SIZE bytes of shared memory, prepared.
        machine, supervisor: lines to the external interrupts of each hart, in their order.
        claimed: told of each request that is claimed.
    """

    name = "plic"
    size = SIZE
    in_ram = False

    def __init__(
        self,
        state: memoryview,
        machine: Sequence[Line],
        supervisor: Sequence[Line],
        claimed: Callable[[int], None] = lambda _source: None,
    ) -> None:
        self._claimed = claimed
        # Shared: whoever holds the lock writes, in any order; lines to the harts change under it,
        # too, so they always are what the rest of the state says once it is free.
        self._state = state.cast("Q")
        self._lock = SharedLock(state[:LOCK_BYTES])
        self._edges = self._bits(WORD.edges)
        self._lines = [line for pair in zip(machine, supervisor, strict=True) for line in pair]

    def line(self, number: int) -> SourceLine:
        """The line to a source; raises NoSourceError."""
        if not 1 <= number <= SOURCES:
            raise NoSourceError(number)
        return SourceLine(self, number)

    def level(self, number: int) -> bool:
        """Whether a source's line is raised."""
        return bool(self._bits(WORD.level) >> number & 1)

    def drive(self, number: int, raised: bool) -> None:
        """Raise or lower a source's line."""
        with self._lock:
            changed = self._set_bit(WORD.level, number, raised)
            if raised and (changed or self._edges >> number & 1):
                self._pass_on(number)

    def read(self, offset: int, size: int) -> int:
        """Return the register at `offset`, or two."""
        if offset % REGISTER or size not in (REGISTER, 2 * REGISTER):
            return 0
        high = self._read(offset + REGISTER) << REGISTER_BITS if size > REGISTER else 0
        return self._read(offset) | high

    def write(self, offset: int, size: int, value: int) -> None:
        """Write the register at `offset`, or two."""
        if offset % REGISTER or size not in (REGISTER, 2 * REGISTER):
            return
        for at in range(0, size, REGISTER):
            self._write(offset + at, value >> 8 * at & 0xFFFF_FFFF)

    def _read(self, offset: int) -> int:
        index = offset // REGISTER
        if offset < PENDING:
            return self._state[WORD.priority + index] if index <= SOURCES else 0
        if offset < ENABLE:
            return _register(self._bits(WORD.pending), offset - PENDING)
        if offset < CONTEXT:
            context, at = divmod(offset - ENABLE, ENABLE_STRIDE)
            return _register(self._enabled(context), at) if context < len(self._lines) else 0
        context, at = divmod(offset - CONTEXT, CONTEXT_STRIDE)
        if context >= len(self._lines):
            return 0
        if at == THRESHOLD:
            return self._state[WORD.threshold + context]
        return self._claim(context) if at == CLAIM else 0

    def _write(self, offset: int, value: int) -> None:
        index = offset // REGISTER
        if offset < PENDING:
            if 1 <= index <= SOURCES:
                self._set_number(WORD.priority + index, value, range(len(self._lines)))
        elif ENABLE <= offset < CONTEXT:
            context, at = divmod(offset - ENABLE, ENABLE_STRIDE)
            if context < len(self._lines):
                self._enable(context, at, value)
        elif offset >= CONTEXT:
            context, at = divmod(offset - CONTEXT, CONTEXT_STRIDE)
            if context < len(self._lines) and at == THRESHOLD:
                self._set_number(WORD.threshold + context, value, (context,))
            elif context < len(self._lines) and at == CLAIM:
                self._complete(context, value)

    def _set_number(self, at: int, value: int, contexts: Iterable[int]) -> None:
        with self._lock:
            self._state[at] = value & HIGHEST
            self._look(contexts)

    def _enable(self, context: int, at: int, value: int) -> None:
        """Set the enable bits of the register at an offset."""
        shift = 8 * at
        mask = VALID & 0xFFFF_FFFF << shift
        with self._lock:
            bits = self._enabled(context) & ~mask | value << shift & mask
            self._set_bits(WORD.enable + SOURCE_WORDS * context, bits)
            self._look((context,))

    def _claim(self, context: int) -> int:
        """Take a request; 0 if there is none."""
        with self._lock:
            source = self._most_urgent(context)
            if source:
                self._set_bit(WORD.claimed, source, True)
                self._set_bit(WORD.pending, source, False)
                self._look(self._contexts_of(source))
        if source:
            self._claimed(source)
        return source

    def _complete(self, context: int, source: int) -> None:
        with self._lock:
            if not (VALID & self._enabled(context)) >> source & 1:
                return
            if not self._set_bit(WORD.claimed, source, False):
                return
            if self.level(source) and not self._edges >> source & 1:
                self._set_bit(WORD.pending, source, True)
            self._look(self._contexts_of(source))

    def _pass_on(self, source: int) -> None:
        """Let a source's gateway pass on a request; one that is shut keeps that of an edge."""
        if not (self._bits(WORD.claimed) & ~self._edges) >> source & 1:
            self._set_bit(WORD.pending, source, True)
            self._look(self._contexts_of(source))

    def _look(self, contexts: Iterable[int]) -> None:
        """Raise or lower the lines to harts as the rest of the state has become."""
        for context in contexts:
            source = self._most_urgent(context)
            priority = self._state[WORD.priority + source] if source else 0
            line, due = self._lines[context], priority > self._state[WORD.threshold + context]
            if due != line.high:
                (line.raise_ if due else line.lower)()

    def _most_urgent(self, context: int) -> int:
        """The source that the context would claim, 0 if there is none."""
        bits = self._bits(WORD.pending) & ~self._bits(WORD.claimed) & self._enabled(context)
        best, highest = 0, 0
        while bits:
            source = (bits & -bits).bit_length() - 1
            bits &= bits - 1
            priority = self._state[WORD.priority + source]
            if priority > highest:
                best, highest = source, priority
        return best

    def _contexts_of(self, source: int) -> list[int]:
        """Those that enable a source."""
        first = WORD.enable + source // BITS
        words = self._state[first : first + SOURCE_WORDS * len(self._lines) : SOURCE_WORDS].tolist()
        bit = 1 << source % BITS
        return [context for context, word in enumerate(words) if word & bit]

    def _enabled(self, context: int) -> int:
        return self._bits(WORD.enable + SOURCE_WORDS * context)

    def _bits(self, at: int) -> int:
        """The bits of all sources that begin at a word."""
        words = self._state[at : at + SOURCE_WORDS]
        return sum(word << BITS * index for index, word in enumerate(words))

    def _set_bits(self, at: int, bits: int) -> None:
        for index in range(SOURCE_WORDS):
            self._state[at + index] = bits >> BITS * index & (1 << BITS) - 1

    def _set_bit(self, at: int, source: int, value: bool) -> bool:
        """Set a source's bit; whether it was another."""
        word, bit = at + source // BITS, 1 << source % BITS
        before = self._state[word]
        self._state[word] = before | bit if value else before & ~bit
        return self._state[word] != before


def prepare(state: memoryview, edges: Iterable[int] = (), inputs: Iterable[int] = ()) -> None:
    """Make the state ready, before any process uses it.

    edges: the edge sources. inputs: numbers of a hart's inputs, for native code alone.
    """
    SharedLock(state[:LOCK_BYTES]).prepare()
    words = state.cast("Q")
    for source in edges:
        words[WORD.edges + source // BITS] |= 1 << source % BITS
    for place, number in enumerate(inputs):
        words[WORD.inputs + place] = number


def restore(state: memoryview, _stood_ns: int) -> None:
    """Make the state of another machine's ready, before any process uses it."""
    SharedLock(state[:LOCK_BYTES]).prepare()


def _register(bits: int, at: int) -> int:
    """The register of bits at an offset."""
    return bits >> 8 * at & 0xFFFF_FFFF
