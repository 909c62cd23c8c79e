"""The tracefile format of lcov, as the manual page geninfo(1) describes it under "FILES"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mttcg.instrument import printable


@dataclass
class SourceFile:
    """Executions in a source file: by line, and by function as (line, name)."""

    lines: dict[int, int] = field(default_factory=dict)
    functions: dict[tuple[int, str], int] = field(default_factory=dict)


class Covered:
    """The executed addresses, as ranges that do not touch.

    Args:
        blocks: (address, size) each; they may overlap.
    """

    def __init__(self, blocks: Iterable[tuple[int, int]]) -> None:
        self.ranges: list[list[int]] = []
        for start, size in sorted(blocks):
            if self.ranges and start <= self.ranges[-1][1]:
                self.ranges[-1][1] = max(self.ranges[-1][1], start + size)
            else:
                self.ranges.append([start, start + size])

    def bytes_within(self, pieces: Iterable[tuple[int, int]]) -> list[int]:
        """How much of each piece, from start to before end, was executed; in order of start."""
        found, first = [], 0
        for start, end in pieces:
            while first < len(self.ranges) and self.ranges[first][1] <= start:
                first += 1
            total, at = 0, first
            while at < len(self.ranges) and self.ranges[at][0] < end:
                total += min(end, self.ranges[at][1]) - max(start, self.ranges[at][0])
                at += 1
            found.append(total)
        return found


def lcov_text(files: Mapping[str, SourceFile]) -> str:
    """A tracefile."""
    found = []
    for path, file in sorted(files.items()):
        functions = [
            (line, printable(name, ","), count)
            for (line, name), count in sorted(file.functions.items())
        ]
        lines = sorted(file.lines.items())
        found += ["TN:", f"SF:{printable(path)}"]
        found += [f"FN:{line},{name}" for line, name, _ in functions]
        found += [f"FNDA:{count},{name}" for _, name, count in functions]
        found += [f"FNF:{len(functions)}", f"FNH:{sum(count > 0 for _, _, count in functions)}"]
        found += [f"DA:{line},{count}" for line, count in lines]
        found += [f"LF:{len(lines)}", f"LH:{sum(count > 0 for _, count in lines)}"]
        found.append("end_of_record")
    return "\n".join([*found, ""])
