"""Benchmark: at each call, a callback is attached to where the function will return."""

from dataclasses import dataclass

from mttcg.instrument import Cpu, instrument, option, symbol, uninstrument

FUNCTIONS = 400


@dataclass(frozen=True)
class Options:
    """What is attached during the run."""

    attach: str = option("nothing", help="nothing, once: it stays, or each: it is taken away")


attach = ""
seen: set[int] = set()
returns = 0


def entered(cpu: Cpu, _opaque: object) -> None:
    behind = cpu.read_register("ra")
    if attach == "each" or (attach == "once" and behind not in seen):
        seen.add(behind)
        instrument(cpu, behind, returned)


def returned(cpu: Cpu, _opaque: object) -> None:
    global returns
    returns += 1
    if attach == "each":
        uninstrument(cpu, cpu.pc, returned)


def plugin_init(options: Options) -> bool:
    global attach
    attach = options.attach
    for number in range(FUNCTIONS):
        instrument(None, symbol(f"f{number}"), entered)
    return True


def plugin_vcpu_exit(_cpu: Cpu) -> None:
    # one write, as the vCPUs share the file
    print(f"events {returns}\n", end="", flush=True)
