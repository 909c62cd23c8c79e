"""Writes a register where that can't be: behind a branch, when control goes on already."""

from typing import Any

from mttcg.instrument import Cpu, instrument_branch


def plugin_init(_options: None) -> bool:
    instrument_branch(0, on_branch)
    return True


def on_branch(cpu: Cpu, _branch: Any, _opaque: None) -> None:
    cpu.write_register("ra", 0)
