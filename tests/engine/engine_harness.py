"""One vCPU in this process, without a board: RAM, a hart, an engine and the vCPU's handlers.

What the host does for an engine (traps, CSRs, accesses outside of RAM) is done by the real `Vcpu`,
which finds no devices and a guest without plugins.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from unicorn import riscv_const

from mttcg.engine.base import Exit, Memory, NativeDevices
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.engine import LlvmEngine
from mttcg.engine.llvm.fallback import FallbackEngine
from mttcg.engine.llvm.translate import Translator
from mttcg.engine.unicorn.engine import UnicornEngine
from mttcg.engine.unicorn.left_to_host import left_to_host
from mttcg.hardware.boards.riscv_virt import BOARD, TIMEBASE
from mttcg.instrument.plan.plan import EMPTY, Plan
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.privilege import MACHINE
from mttcg.isa.riscv64.state import NO_RESERVATION, OFFSET, Hart
from mttcg.memory.address import physical_of
from mttcg.memory.host import address_of_buffer
from mttcg.memory.ram import GuestRam
from mttcg.native.object_file import TranslationError
from mttcg.processes.segments import create_segment, map_segment
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.layout import CacheLayout
from mttcg.tbcache.predecoded import PREDECODED_BYTES
from mttcg.vcpu.instrumentation.guest import Declarations
from mttcg.vcpu.machine.shared import Harts, MachineState, machine_bytes
from mttcg.vcpu.vcpu import Vcpu

PAGE = 4096
ARENA_BYTES = 64 << 20
FLOAT_ON = 3 << 13
REGISTERS = range(OFFSET["x"] // 8, OFFSET["f"] // 8 + 32)


class NoDevices:
    """A board with RAM alone."""

    def find(self, address: int, size: int) -> None:
        """Nothing is there."""


class QuietGuest:
    """A guest whose instrumentation is the plan that a test gives."""

    def __init__(self, hart: Hart, plan: Plan) -> None:
        self.index, self.hart = 0, hart
        self.plugins: dict[str, Any] = {}
        self.declarations = Declarations({}, 1)
        self.registry = self.declarations.registry
        self.plan: Plan | None = plan

    def connect(self, engine: Any) -> None:
        """No plugin asks for the engine."""

    def receive_changes(self) -> int:
        """There are none."""
        return 0

    def take_plan(self) -> Plan | None:
        """The plan, once."""
        plan, self.plan = self.plan, None
        return plan


SHARED = ("ram", "cache", "arena", "records")
"""Segments that all vCPUs of a machine have."""


class Bare:
    """One vCPU on an engine.

    Args:
        engine: "llvm" or "unicorn".
        base: guest address of RAM.
        size: bytes of RAM; llvm takes any number, and has code in whole pages only.
        plan: what is attached.
        devices: what the vCPU finds outside of RAM.
        beside: another one with the same RAM, block cache and code arena.
        native_traps: whether an engine that takes traps by itself may.
        harts: how many have a state; the first runs.
        wire: makes the devices, and what native code knows of them.
    """

    def __init__(
        self,
        engine: str,
        base: int,
        size: int,
        plan: Plan = EMPTY,
        devices: Any = None,
        beside: "Bare | None" = None,
        native_traps: bool = False,
        harts: int = 1,
        wire: "Callable[[Bare], tuple[Any, NativeDevices]] | None" = None,
    ) -> None:
        self.base, self.size = base, size
        pages = -(-size // PAGE)
        sizes = {"ram": pages * PAGE, "cache": CacheLayout(pages).size, "arena": ARENA_BYTES}
        sizes |= {
            "records": PREDECODED_BYTES,
            "harts": harts * PAGE,
            "machine": machine_bytes(BOARD.state_bytes),
        }
        self.fds = {name: create_segment(name, length) for name, length in sizes.items()}
        if beside is not None:
            for name in SHARED:
                os.dup2(beside.fds[name], self.fds[name])
        self.maps = {name: map_segment(self.fds[name], length) for name, length in sizes.items()}
        self.ram = self.maps["ram"]
        self.machine = MachineState(self.maps["machine"], TIMEBASE)
        self.machine.start_clock()
        self.wake_fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(harts)]
        self.harts = Harts(self.maps["harts"], self.wake_fds, self.machine, RISCV64.system)
        self.hart: Any = self.harts.harts[0]
        self.hart.reservation, self.hart.privilege = NO_RESERVATION, MACHINE
        array = np.frombuffer(self.ram, dtype=np.uint8)
        self.cache = BlockCache(
            self.maps["cache"],
            self.fds["cache"],
            array,
            base,
            0,
            RISCV64.code,
            left_to_host(RISCV64),
        )
        devices, native = wire(self) if wire is not None else (devices, None)
        self.memory = self._memory(native)
        self.vcpu = Vcpu(
            0,
            RISCV64,
            self.harts,
            self.machine,
            devices or NoDevices(),
            GuestRam(base, self.ram[:size]),
            QuietGuest(self.hart, plan),  # type: ignore[arg-type]
            lambda discover: self._engine(engine, discover),
            -1,
        )
        self.vcpu.seen_traps.watched = lambda: not native_traps
        self.vcpu.seen_traps.follow()
        self.engine: Any = self.vcpu.engine
        self.vcpu.follow_plan()

    def _memory(self, native: NativeDevices | None) -> Memory:
        return Memory(
            address_of_buffer(self.ram),
            self.base,
            self.size,
            address_of_buffer(self.maps["cache"]),
            self.machine.clock_origin,
            TIMEBASE,
            devices=native,
        )

    def _engine(self, name: str, discover: Any) -> Any:
        if name == "unicorn":
            return UnicornEngine(self.memory, self.hart, self.cache, discover, RISCV64)
        arena = Arena(self.fds["arena"], ARENA_BYTES, lambda vcpu: False)
        parts = self.memory, self.hart, self.cache, arena, discover, self.maps["records"]
        return FallbackEngine(LlvmEngine(RISCV64, *parts), RISCV64)

    def has(self, address: int) -> bool:
        """Whether an address is in RAM."""
        return self.base <= address < self.base + self.size

    def write(self, address: int, data: bytes) -> None:
        """Put bytes into RAM."""
        self.ram[address - self.base : address - self.base + len(data)] = data

    def read(self, address: int, size: int) -> bytes:
        """Bytes of RAM."""
        return bytes(self.ram[address - self.base : address - self.base + size])

    def set_registers(self, x: list[int], f: list[int], fcsr: int, float_on: bool = True) -> None:
        """Set everything that user code sees of the hart, but pc."""
        self.hart.mstatus = FLOAT_ON if float_on else 0
        self.vcpu.float_on = float_on
        self.engine.enable_float(float_on)
        for number in range(32):
            self.engine.write_x(number, x[number])
            self.engine.write_f(number, f[number])
        self.set_fcsr(fcsr)

    def set_fcsr(self, value: int) -> None:
        """Set fcsr; Unicorn has its own."""
        self.hart.fcsr = value
        if isinstance(self.engine, UnicornEngine):
            self.engine.engine.reg_write(riscv_const.UC_RISCV_REG_FCSR, value)

    def registers(self) -> tuple[list[int], list[int], int]:
        """x, f and fcsr."""
        self.engine.spill()
        return list(self.hart.x), list(self.hart.f), self.hart.fcsr

    def improve(self, pc: int, whole: bool = True) -> None:
        """Let llvm translate the page of a pc with its greater effort, now, or its function."""
        llvm, page = self.engine.llvm, self.cache.page_of(physical_of(pc))
        if page in self.cache.used:
            with suppress(TranslationError):  # as the translator process does
                version = llvm.code.version(page, self.cache.used[page])
                llvm.translator.optimise(version, None if whole else pc % PAGE)
                llvm.code.meet_better_code(version)
            llvm.jumps.clear()

    def handle(self, left: Exit) -> None:
        """What the vCPU does about an exit."""
        self.hart.pc = left.pc
        self.vcpu.handlers[left.kind](left)

    def run_to_trap(self, pc: int) -> Iterator[Exit]:
        """Run from pc until the first trap; the exits on the way."""
        before = self.hart.traps
        self.hart.pc = pc
        while self.hart.traps == before:
            left = self.engine.run(self.hart.pc)
            yield left
            self.handle(left)

    def close(self) -> None:
        """Give the segments back."""
        for descriptor in (*self.fds.values(), *self.wake_fds):
            os.close(descriptor)


def fill(words: list[tuple[int, int]], put: Callable[[int, bytes], None]) -> None:
    """Put instructions, (pc, word) each, where they belong."""
    for pc, word in words:
        size = 4 if word & 3 == 3 else 2
        put(pc, (word & (1 << 8 * size) - 1).to_bytes(size, "little"))


def uncover(monkeypatch: pytest.MonkeyPatch, names: frozenset[str]) -> None:
    """Let llvm engines come back for some instructions as if the table lacked them."""
    monkeypatch.setattr(Translator, "uncovered", names)
