"""Benchmark: a probe per memory access that counts per page; 32768 pages are 128 MiB."""

from typing import Any

import numpy as np

from mttcg.instrument import Cpu, Scoreboard, instrument_memory, probe

PAGES = 32768
pages = Scoreboard("pages", PAGES)


@probe
def count(
    _cpu: Any, _pc: Any, address: Any, _size: Any, _value: Any, _write: Any, words: Any
) -> None:
    words[(address >> np.uint64(12)) & np.uint64(PAGES - 1)] += np.uint64(1)


def plugin_init(_options: object) -> bool:
    instrument_memory(None, count, pages)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    # one write, as the vCPUs share the file
    print(f"events {int(pages.values(cpu.index).sum())}\n", end="", flush=True)
