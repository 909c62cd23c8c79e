r"""Count the instructions executed inside a function: the older shape of 2018.

    mttcg run examples/guests/mix.elf --set harts_expected=1 --set rounds=1 --quiet \
        --plugin examples/plugins/instructions_inside.py

    hart 0 result 0xb5e815c18f736ab2
    vCPU 0: 10946 calls and 280409 instructions of fibonacci

In this shape a plugin says for each instruction whether it wants to be called before it
(`plugin_needs_before_insn`, once for each instruction and vCPU), and all of them come to the same
`plugin_before_insn`. Each vCPU is a process of its own: the variables of this module are those of
one vCPU.
"""

from dataclasses import dataclass

from mttcg.instrument import Cpu, option, symbol


@dataclass(frozen=True)
class Options:
    function: str = option("fibonacci", help="symbol of the function")
    size: int = option(64, help="its length in bytes")


options: Options
calls = executed = 0


def plugin_init(given: Options) -> bool:
    global options
    options = given
    return True


def plugin_needs_before_insn(pc: int, _cpu: Cpu) -> bool:
    return 0 <= pc - symbol(options.function) < options.size


def plugin_before_insn(pc: int, _cpu: Cpu) -> None:
    global calls, executed
    executed += 1
    calls += pc == symbol(options.function)


def plugin_vcpu_exit(cpu: Cpu) -> None:
    print(f"vCPU {cpu.index}: {calls} calls and {executed} instructions of {options.function}")
