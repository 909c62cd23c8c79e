"""Say what the guest reads from its UART, a line for each character."""

from mttcg.instrument import Cpu

UART = 0x1000_0000


def plugin_mmio(_cpu: Cpu, _device: str, address: int, _size: int, value: int, write: bool) -> None:
    if address == UART and not write:
        print(f"typed {value:#04x}")
