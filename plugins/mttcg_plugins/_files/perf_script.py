"""Samples as `perf script` writes them, for FlameGraph, speedscope, Firefox Profiler and others.

Source: linux: tools/perf/Documentation/perf-script.txt; a head line for each sample, then a line
for each frame, the innermost first, then an empty one.
"""

from collections.abc import Iterable

from mttcg.instrument import printable


def perf_sample(
    comm: str, pid: int, tid: int, cpu: int, seconds: float, period: int,
    frames: Iterable[tuple[int, str, int, str]],
) -> str:  # fmt: skip
    """A sample; `frames`: address, function, how far behind its start, and file, of each."""
    lines = [
        f"{printable(comm, ' ')} {pid}/{tid} [{cpu:03}] {seconds:.6f}: {period:10} instructions:"
    ]
    for address, function, offset, file in frames:
        name = f"{printable(function, ' ')}+{offset:#x}" if function else "[unknown]"
        lines.append(f"\t{address:16x} {name} ({printable(file)})")
    return "\n".join(lines) + "\n\n"
