"""Goes on elsewhere: from before an instruction, before a block, and at a device's access."""

from dataclasses import dataclass

from mttcg.instrument import Cpu, instrument, instrument_block, option, symbol


@dataclass(frozen=True)
class Options:
    """How often before the instruction."""

    times: int = option(3, help="how often")


left = 0


def away(cpu: Cpu, _opaque: object) -> None:
    """Skip what is left of the block, the first few times."""
    global left
    if left:
        left -= 1
        cpu.pc = symbol("moved") + 4  # in the middle of the block


def over(cpu: Cpu, _block: object, _opaque: object) -> None:
    """Skip the block."""
    cpu.pc = symbol("moved_device") - 4


def plugin_mmio(cpu: Cpu, device: str, address: int, size: int, value: int, write: bool) -> None:
    """Skip the rest of the block behind one access."""
    if cpu.pc == symbol("moved_device"):
        cpu.pc = symbol("landing")


def plugin_init(options: Options) -> bool:
    """Attach both."""
    global left
    left = options.times
    instrument(0, symbol("moved"), away)
    instrument_block(0, symbol("moved_block"), over)
    return True
