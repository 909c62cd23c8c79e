"""Shows the instructions of a function as they are met."""

from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import Cpu, instrument, option, symbol

shown: dict[int, str] = {}


@dataclass(frozen=True)
class Options:
    out: Path = option(help="where to write what was shown")


def plugin_pre_translate(cpu: Cpu, pc: int) -> None:
    found = cpu.instruction(pc)
    assert (found.pc, found.length) == (pc, 2 if found.word & 3 != 3 else 4)
    if found.symbol.partition("+")[0] in ("outer", "even"):
        target = hex(found.target) if found.target is not None else None
        parts = found.symbol, found.text, found.kind.name, found.name, *found.operands, target
        shown[pc] = repr(parts)


def late(cpu: Cpu, opaque: object) -> None:
    assert cpu.instruction(symbol("inner")).symbol == "inner"


def plugin_init(options: Options) -> bool:
    global out
    out = options.out
    instrument(0, symbol("inner"), late)
    return True


def plugin_exit() -> None:
    if shown:
        out.write_text("\n".join(text for _, text in sorted(shown.items())))
