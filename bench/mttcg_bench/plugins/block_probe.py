"""Benchmark: a probe on every block that counts blocks and instructions."""

from typing import Any

import numpy as np

from mttcg.instrument import Cpu, Scoreboard, instrument_block, probe

counts = Scoreboard("counts", 2)


@probe
def count(_cpu: Any, _pc: Any, instructions: Any, words: Any) -> None:
    words[0] += np.uint64(1)
    words[1] += instructions


def plugin_init(_options: object) -> bool:
    instrument_block(None, None, count, counts)
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    # one write, as the vCPUs share the file
    print(f"events {int(counts.values(cpu.index)[0])}\n", end="", flush=True)
