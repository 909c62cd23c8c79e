"""What can be attached besides a Python function: counters, tables, streams, probes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mttcg.instrument.api import session
from mttcg.instrument.api.values import whole_number
from mttcg.instrument.errors import BadValueError, DeclarationError
from mttcg.instrument.events import EXECUTIONS, INSTRUCTION_EXECUTIONS
from mttcg.memory.code_pages import HALVES, SLOTS

MOST_WORDS = 1 << 32
"""For each vCPU; memory is taken for what is used."""


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise BadValueError("name", name, "text")


class VcpuWords:
    """Words of memory that each vCPU has for itself, and that anybody may read and sum.

    Declared in `plugin_init` or at module level. What a vCPU writes lies in pages of its own, so
    nothing on a hot path is shared.

    Args:
        name: unique within the plugin.
        words: 64-bit words per vCPU.
    """

    kind = "scoreboard"

    def __init__(self, name: str, words: int) -> None:
        _check_name(name)
        self.name, self.words = name, whole_number(f"words of {name}", words)
        if not 0 < self.words <= MOST_WORDS:
            raise BadValueError(f"words of {name}", self.words, f"1 to {MOST_WORDS}")
        self.plugin = session.declare(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Be declared anew where a function that uses it is unpickled."""
        return type(self), (self.name, self.words)

    def values(self, cpu: int) -> "np.ndarray[Any, np.dtype[np.uint64]]":
        """The words of one vCPU, in place: only that vCPU's process may write them."""
        index = whole_number("cpu", cpu)
        words: np.ndarray[Any, np.dtype[np.uint64]] = session.vcpu_words(self, index)
        return words


class Scoreboard(VcpuWords):
    """Words for a probe to count in: it gets its vCPU's as an array.

    Declared in `plugin_init` or at module level. No report has them by itself: read them in
    `plugin_vcpu_exit`, and emit what an aggregator is to know.

    Args:
        name: unique within the plugin.
        words: 64-bit words per vCPU, zero at the start.
    """


class Counter(VcpuWords):
    """A count of executions or accesses, kept inline by translated code.

    Declared in `plugin_init` or at module level. It is in its plugin's report by itself, under its
    name, per vCPU and in sum.

    Args:
        name: unique within the plugin.
    """

    kind = "counter"

    def __init__(self, name: str) -> None:
        super().__init__(name, COUNTER_WORDS)

    def __reduce__(self) -> tuple[Any, ...]:
        """As for all words."""
        return type(self), (self.name,)

    def value(self, cpu: int) -> int:
        """The count on one vCPU.

        Of everything that this counts without a pc, the block that is running counts as a whole.
        """
        return session.counter_value(self, whole_number("cpu", cpu))


COUNTER_WORDS = 3
"""Counted one by one; instructions retired when counting all began, + 1; blocks likewise."""


def counted(words: Any, instructions: int, blocks: int) -> int:
    """What a Counter has counted.

    Args:
        words: its words of one vCPU.
        instructions: that this vCPU has retired.
        blocks: that it has entered.
    """
    value = int(words[0])
    for base, count in ((int(words[1]), instructions), (int(words[2]), blocks)):
        if base:
            value += count + 1 - base
    return value


BLOCK_TABLE_WORDS = SLOTS * HALVES
"""One per half of every slot of the block cache; memory is taken for what is executed."""


class CodeTable(VcpuWords):
    """A count for each place of code, in each version of its page, kept inline.

    Attached to blocks it counts their executions, to instructions how often each was retired.

    Args:
        name: unique within the plugin.
        less_left: whether what a block left out, when it was left early, is taken off at the place
            from which on it did.
        trapped: whether an instruction that traps is not left out.
    """

    kind = "blocks"

    def __init__(self, name: str, less_left: bool = False, trapped: bool = False) -> None:
        self.less_left, self.trapped = less_left, trapped
        super().__init__(name, BLOCK_TABLE_WORDS)

    def __reduce__(self) -> tuple[Any, ...]:
        """As for all words."""
        return type(self), (self.name, self.less_left, self.trapped)


class BlockTable(CodeTable):
    """Executions of each block, counted inline, and read as records at the end.

    Declared in `plugin_init` or at module level, its stream before it. With a stream of
    `events.INSTRUCTION_EXECUTIONS` it is executions of instructions: those of their blocks, less
    what was left out when a trap, or the machine's end, came in the middle of one. Such a table
    takes neither `once` nor `when`.

    Args:
        name: unique within the plugin.
        stream: where the records go when a vCPU ends: of `events.EXECUTIONS`, or as above.
        trapped: whether an instruction that traps, and so does not retire, counts as executed; for
            executions of instructions only, as blocks count when they are entered.
    """

    def __init__(self, name: str, stream: "Stream", trapped: bool = False) -> None:
        if not isinstance(stream, Stream):
            raise BadValueError(f"stream of {name}", stream, "a Stream")
        if stream.dtype not in (EXECUTIONS, INSTRUCTION_EXECUTIONS):
            wrong = f"its stream has dtype {stream.dtype}; expected that of executions"
            raise DeclarationError(name, wrong)
        self.stream = stream
        of_instructions = stream.dtype == INSTRUCTION_EXECUTIONS
        if trapped and not of_instructions:
            raise DeclarationError(name, "trapped is for executions of instructions")
        super().__init__(name, less_left=of_instructions, trapped=trapped)

    def __reduce__(self) -> tuple[Any, ...]:
        """As for all words."""
        return type(self), (self.name, self.stream, self.trapped)


class Stream:
    """A stream of records to aggregators, "<plugin>.<name>" on the bus.

    Declared in `plugin_init` or at module level. Attached to something, it records each event
    natively; `emit` sends records of any dtype from Python.

    Args:
        name: unique within the plugin.
        dtype: of one record; one of `events` if translated code is to write it.
        policy: what happens when subscribers are slower than the guest; "block" loses nothing.
        batch: records in a batch, a power of two; 0 for a fitting number.
    """

    def __init__(
        self, name: str, dtype: "np.dtype[Any]", policy: str = "block", batch: int = 0
    ) -> None:
        _check_name(name)
        if not isinstance(policy, str):
            raise BadValueError(f"policy of {name}", policy, "text")
        try:
            self.dtype = np.dtype(dtype)
        except (TypeError, ValueError):
            raise BadValueError(f"dtype of {name}", dtype, "a numpy dtype") from None
        self.name, self.policy = name, policy
        usual = 1 << max(0, (128 * 1024 // max(1, self.dtype.itemsize)).bit_length() - 1)
        self.batch = whole_number(f"batch of {name}", batch) or usual
        self.plugin = session.declare(self)

    def __repr__(self) -> str:
        return f"Stream({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """As for words."""
        return type(self), (self.name, self.dtype, self.policy, self.batch)

    def emit(self, cpu: Any, records: Any) -> None:
        """Send records from a callback on `cpu`: one as a tuple, or an array of the dtype.

        Raises BadValueError for what is no such record, or does not fit its fields.
        """
        if isinstance(records, tuple):
            records = [records]
        session.emit(self, whole_number("cpu", cpu), self._array_of(records))

    def _array_of(self, records: Any) -> "np.ndarray[Any, Any]":
        try:
            array = np.array(records, dtype=self.dtype, ndmin=1)
        except (TypeError, ValueError, OverflowError):
            array = None
        if array is None or array.ndim != 1:
            raise BadValueError(f"records of {self.name}", records, f"a row of {self.dtype}")
        return array


@dataclass(frozen=True)
class Probe:
    """A function in the numba subset, run natively; made by `probe`.

    A Scoreboard given as `opaque` when it is attached is what it gets as `words`.
    """

    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.function.__name__


@dataclass(frozen=True)
class When:
    """A condition: a probe whose answer says, natively, whether the target is to run.

    Args:
        probe: takes what a probe takes at the same place, and returns a truth value.
        words: the Scoreboard that it gets as `words`, if it wants one.
    """

    probe: Probe
    words: Scoreboard | None = None


def probe(function: Callable[..., Any]) -> Probe:
    """Mark a function as a probe: compiled by numba when it is attached, called natively.

    For a block it takes (cpu, pc, instructions, words), for an instruction (cpu, pc, words), for
    an access (cpu, pc, address, size, value, write, words): unsigned 64-bit integers, and a numpy
    array of them for `words`, its vCPU's of the Scoreboard that it was attached with; of a
    floating-point number `int(...)` is stored there. It must not raise, and must stay within its
    words: nothing checks the index, but one past the end ends the run, which names the probe.
    """
    return Probe(function)
