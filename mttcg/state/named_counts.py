"""Counts by name in a hart's state: of what its engine lacks, and of what is left to the host.

They can be read live, and when the vCPU's process is dead. A table has rows of a name, padded with
zeros, and a count; the hart's own vCPU writes them, the count of a new row after its name.
"""

from mttcg.state.vcpu_state import COUNT_ROW_WORDS as ROW_WORDS
from mttcg.state.vcpu_state import VcpuState

NAME_BYTES = 8 * (ROW_WORDS - 1)
REST = "others"
"""The last row takes what has no row of its own."""


class NamedCounts:
    """One table.

    Args:
        words: of it, in the hart's state.
    """

    def __init__(self, words: memoryview) -> None:
        self.words = words
        self.last = len(words) // ROW_WORDS - 1
        self.rows = {name: row for row, name in enumerate(self.to_dict())}

    def add(self, name: str) -> None:
        """Count one."""
        row = self.rows.get(name)
        if row is None:
            row = self._new_row(name)
        self.words[row * ROW_WORDS + ROW_WORDS - 1] += 1

    def _new_row(self, name: str) -> int:
        # the vCPU and its engine both count, each with an object of its own
        self.rows |= {name: row for row, name in enumerate(self.to_dict())}
        if name in self.rows:
            return self.rows[name]
        row = len(set(self.rows.values()))
        if row >= self.last:
            row, shown = self.last, REST
        else:
            shown = name
        text = shown.encode()[:NAME_BYTES].ljust(NAME_BYTES, b"\0")
        for number in range(ROW_WORDS - 1):
            part = text[8 * number : 8 * number + 8]
            self.words[row * ROW_WORDS + number] = int.from_bytes(part, "little")
        self.rows[name] = row
        return row

    def to_dict(self) -> dict[str, int]:
        """The counts by name, in the order in which there was something to count."""
        found: dict[str, int] = {}
        for at in range(0, len(self.words), ROW_WORDS):
            *name, count = self.words[at : at + ROW_WORDS]
            if count:
                text = b"".join(word.to_bytes(8, "little") for word in name)
                found[text.rstrip(b"\0").decode(errors="replace")] = count
        return found


class UnsupportedCounts(NamedCounts):
    """How often a hart met each instruction or system register that its engine lacks."""

    def __init__(self, hart: VcpuState) -> None:
        super().__init__(hart.unsupported)


class HostWork(NamedCounts):
    """How often a hart's engine left each kind of work to the host."""

    def __init__(self, hart: VcpuState) -> None:
        super().__init__(hart.host_work)
