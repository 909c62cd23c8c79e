"""How often a hart met each instruction or system register that its engine lacks, by name.

A table in the hart's state, so that it can be read live, and when the vCPU's process is dead. Each
row is a name, padded with zeros, and a count; the hart's own vCPU writes them, the count of a new
row after its name.
"""

from mttcg.state.vcpu_state import UNSUPPORTED_ROW_WORDS as ROW_WORDS
from mttcg.state.vcpu_state import UNSUPPORTED_ROWS, VcpuState

NAME_BYTES = 8 * (ROW_WORDS - 1)
REST = "others"
"""The last row takes what has no row of its own."""


class UnsupportedCounts:
    """The table of one hart."""

    def __init__(self, hart: VcpuState) -> None:
        self.words = hart.unsupported
        self.rows = {name: row for row, name in enumerate(self.to_dict())}

    def add(self, name: str) -> None:
        """Count an instruction."""
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
        if row >= UNSUPPORTED_ROWS - 1:
            row, shown = UNSUPPORTED_ROWS - 1, REST
        else:
            shown = name
        text = shown.encode()[:NAME_BYTES].ljust(NAME_BYTES, b"\0")
        for number in range(ROW_WORDS - 1):
            part = text[8 * number : 8 * number + 8]
            self.words[row * ROW_WORDS + number] = int.from_bytes(part, "little")
        self.rows[name] = row
        return row

    def to_dict(self) -> dict[str, int]:
        """The counts by name, in the order in which the instructions were met."""
        found: dict[str, int] = {}
        for at in range(0, len(self.words), ROW_WORDS):
            *name, count = self.words[at : at + ROW_WORDS]
            if count:
                text = b"".join(word.to_bytes(8, "little") for word in name)
                found[text.rstrip(b"\0").decode(errors="replace")] = count
        return found
