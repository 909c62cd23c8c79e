"""What a subscriber is told about the run that it watches."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeAlias

from mttcg_bus.errors import ProtocolError
from mttcg_bus.wire import plain as checked

Symbol: TypeAlias = tuple[int, int, str]
"""Address, size in bytes (0 if unknown), name."""

REACH_OF_UNSIZED = 4096
_MOST_NESTED = 16


@dataclass(frozen=True)
class RunInfo:
    """One run of a guest.

    run: identifier of the run, in the header of every record batch.
    guest: path of the guest's ELF file. smp: number of vCPUs. engine: name of the translator.
    ram_base, ram_size, entry: guest physical addresses and bytes.
    symbols: (address, size, name), at which the guest uses them; size 0 if unknown.
    plugins: as the user gave them.
    ticks_per_second: rate of the clock of timed records, 0 if unknown.
    isa: name of the guest's instruction set, "" if unknown.
    interprocessor: of the registers by which vCPUs interrupt each other, guest physical address of
        the first, bytes in all, and bytes for each vCPU; zeros if unknown.
    """

    run: str
    guest: str
    smp: int
    engine: str
    ram_base: int
    ram_size: int
    entry: int
    symbols: tuple[Symbol, ...] = ()
    plugins: tuple[str, ...] = ()
    ticks_per_second: int = 0
    isa: str = ""
    interprocessor: tuple[int, int, int] = (0, 0, 0)

    @property
    def ram(self) -> tuple[int, int]:
        """Where RAM is: its base, and its bytes."""
        return self.ram_base, self.ram_size

    @cached_property
    def _sorted(self) -> tuple[list[int], list[Symbol]]:
        symbols = sorted(self.symbols)
        return [symbol[0] for symbol in symbols], symbols

    def symbol_at(self, address: int) -> str:
        """Return "name" or "name+0x10" of the symbol that holds `address`, or ""."""
        name, offset = self.symbol_and_offset(address)
        return f"{name}+{offset:#x}" if offset else name

    def symbol_and_offset(self, address: int) -> tuple[str, int]:
        """Return the name of the symbol that holds `address`, or "", and how far behind it is."""
        addresses, symbols = self._sorted
        after = bisect_right(addresses, address)
        # a symbol may lie inside a larger one, so look back a little when the nearest has ended
        for start, size, name in reversed(symbols[max(0, after - _MOST_NESTED) : after]):
            if address - start < (size or REACH_OF_UNSIZED):
                return name, address - start
        return "", 0

    def to_plain(self) -> dict[str, Any]:
        """Return the description as plain data (PROTOCOL.md, "Run description")."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "RunInfo":
        """Return what `to_plain` described; raises ProtocolError."""
        return cls(
            run=checked.take_text(plain, "run"),
            guest=checked.take_text(plain, "guest"),
            smp=checked.take_integer(plain, "smp", 9999),
            engine=checked.take_text(plain, "engine"),
            ram_base=checked.take_integer(plain, "ram_base"),
            ram_size=checked.take_integer(plain, "ram_size"),
            entry=checked.take_integer(plain, "entry"),
            symbols=_symbols_from(checked.take_list(plain, "symbols")),
            plugins=checked.take_texts(plain, "plugins"),
            ticks_per_second=checked.take_integer(
                {"ticks_per_second": 0, **plain}, "ticks_per_second"
            ),
            isa=checked.take_text({"isa": "", **plain}, "isa"),
            interprocessor=_registers_from(plain.get("interprocessor", (0, 0, 0))),
        )


def _registers_from(value: object) -> tuple[int, int, int]:
    match value:
        case [int(base), int(size), int(stride)] if base >= 0 and size >= 0 and stride >= 0:
            return base, size, stride
    raise ProtocolError("interprocessor is not [address, size, size]")


def _symbols_from(rows: list[Any]) -> tuple[Symbol, ...]:
    """Symbols, of which a kernel has so many that each is looked at in one expression."""
    try:
        found = tuple(
            (address, size, name)
            for address, size, name in rows
            if type(address) is type(size) is int and address >= 0 <= size and isinstance(name, str)
        )
    except (TypeError, ValueError):
        found = ()
    if len(found) != len(rows):
        raise ProtocolError("a symbol is not [address, size, name]")
    return found
