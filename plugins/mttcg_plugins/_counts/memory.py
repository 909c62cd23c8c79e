"""Which addresses of a run's records are memory that vCPUs share at one address each."""

from mttcg_bus.run_info import RunInfo

UPPER_HALF = 1 << 63
"""Where kernels are that translate addresses."""
ALL = (1 << 64) - 1


def memory_of(run: RunInfo, in_one_space: bool) -> tuple[int, int]:
    """Where memory starts, and its size: RAM, or what a kernel that translates has mapped.

    Addresses of programs are several things in several spaces. in_one_space: they are of one here.
    """
    if all(address < UPPER_HALF for address, _, _ in run.symbols):
        return run.ram_base, run.ram_size
    return (0, ALL) if in_one_space else (UPPER_HALF, UPPER_HALF)
