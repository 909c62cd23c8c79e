"""Benchmark: a Python callback at every block, as Unicorn's block hook has."""

from mttcg.instrument import Cpu, instrument_block

calls = 0


def count(_cpu: Cpu, *_what: object) -> None:
    global calls
    calls += 1


def plugin_init(_options: object) -> bool:
    instrument_block(None, None, count)
    return True


def plugin_vcpu_exit(_cpu: Cpu) -> None:
    # one write, as the vCPUs share the file
    print(f"events {calls}\n", end="", flush=True)
