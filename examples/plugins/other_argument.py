r"""Call a function with another argument, or not at all: changing registers.

    mttcg run examples/guests/hello.elf --set harts_expected=1 --quiet \
        --plugin examples/plugins/other_argument.py,value=42

    hello from hart 42 of 42

Without a value:

    mttcg run examples/guests/hello.elf --set harts_expected=1 --quiet \
        --plugin examples/plugins/other_argument.py

    hello from hart  of

A callback before an instruction or a block may read and write registers and memory, and it may set
`cpu.pc`: the guest then goes on there, and the instruction at which it was called is not executed.
"""

from dataclasses import dataclass

from mttcg.instrument import Cpu, instrument, option, symbol


@dataclass(frozen=True)
class Options:
    function: str = option("print_number", help="symbol of the function")
    register: str = option("a0", help="register to change")
    value: int | None = option(None, help="its value at the call; without one the call is skipped")


def plugin_init(options: Options) -> bool:
    instrument(None, symbol(options.function), change, (options.register, options.value))
    return True


def change(cpu: Cpu, wanted: tuple[str, int | None]) -> None:
    register, value = wanted
    if value is None:
        cpu.pc = cpu.read_register("ra")  # as if the function had returned already
    else:
        cpu.write_register(register, value)
