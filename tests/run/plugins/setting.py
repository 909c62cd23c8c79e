"""A plugin that lets the guest go on at a pc that it is given, and sees what comes of it."""

from dataclasses import dataclass
from typing import Any

from mttcg.instrument import instrument, option, symbol


@dataclass(frozen=True)
class Options:
    """Where the guest is to go on."""

    to: int = option(help="what pc is set to, once")
    by: str = option("insn", help="where: insn, vcpu_start or trap")


class State:
    """The options, and whether pc was set."""

    options = Options(0)
    done = False


def go(cpu: Any, place: str) -> None:
    if State.options.by == place and not State.done:
        State.done = True
        cpu.pc = State.options.to


def on_text(cpu: Any, _opaque: object) -> None:
    go(cpu, "insn")
    if State.options.by == "trap":
        cpu.pc = 0


def plugin_init(options: Options) -> bool:
    State.options = options
    instrument(0, symbol("print_text"), on_text)
    return True


def plugin_vcpu_start(cpu: Any) -> None:
    go(cpu, "vcpu_start")


def plugin_trap(cpu: Any, cause: int, pc: int, _interrupt: bool) -> None:
    print(f"trap {cause} at {pc:#x}")
    go(cpu, "trap")
    if pc:
        cpu.write_register("a0", 0)
        cpu.pc = symbol("finish")  # whatever happened, the guest comes to its end
