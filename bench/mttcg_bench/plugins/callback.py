"""Benchmark: a Python callback before one instruction."""

from dataclasses import dataclass

from mttcg.instrument import Cpu, instrument, option

calls = 0


@dataclass(frozen=True)
class Options:
    """Where."""

    pc: int = option(help="address of the instruction")


def count(_cpu: Cpu, _opaque: object) -> None:
    global calls
    calls += 1


def plugin_init(options: Options) -> bool:
    instrument(None, options.pc, count)
    return True


def plugin_vcpu_exit(_cpu: Cpu) -> None:
    # one write, as the vCPUs share the file
    print(f"events {calls}\n", end="", flush=True)
