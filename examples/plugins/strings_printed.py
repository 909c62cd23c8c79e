r"""Show every text that a function is called with: the 2018 shape, `plugin_pre_translate`.

    mttcg run examples/guests/hello.elf --set harts_expected=1 --quiet \
        --plugin examples/plugins/strings_printed.py

    hello from hart 0 of 1
    vCPU 0: print_text('hello from hart ')
    vCPU 0: print_text(' of ')
    vCPU 0: print_text('\n')

`plugin_pre_translate` is called with each instruction before its first execution on a vCPU. There
it is decided what to do; nothing of the guest can be read yet, as it has not come that far. The
callback then runs before every execution, with exact registers and memory.
"""

from dataclasses import dataclass

from mttcg.instrument import Cpu, instrument, option, symbol

LONGEST = 80
"""Bytes of a text that are shown."""


@dataclass(frozen=True)
class Options:
    function: str = option("print_text", help="symbol of the function, whose a0 is a text")


options: Options


def plugin_init(given: Options) -> bool:
    """Keep the options: the other functions are not given them."""
    global options
    options = given
    return True


def plugin_pre_translate(cpu: Cpu, pc: int) -> None:
    if pc == symbol(options.function):
        # the last argument comes back to the callback: any value, the same at each call
        instrument(cpu, pc, show, options.function)


def show(cpu: Cpu, function: str) -> None:
    text = cpu.read_memory(cpu.read_register("a0"), LONGEST).partition(b"\0")[0]
    # what a plugin prints goes to stderr: stdout is the guest's console
    print(f"vCPU {cpu.index}: {function}({text.decode(errors='replace')!r})")
