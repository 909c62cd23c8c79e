"""A machine with one toy hart in this process: RAM, a device, and the real vCPU on an engine."""

import ctypes
import os
from typing import Any

import numpy as np
from interpreting_engine import InterpretingEngine
from toy_isa import RETURN, assemble, set_register
from toy_system import TOY

from mttcg.engine.base import Discover, Memory
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.engine import LlvmEngine
from mttcg.engine.llvm.fallback import FallbackEngine
from mttcg.instrument.plan.plan import EMPTY, Plan
from mttcg.memory.address import Physical
from mttcg.memory.page import PAGE
from mttcg.memory.ram import GuestRam
from mttcg.processes.segments import create_segment, map_segment
from mttcg.state.vcpu_state import STATE_BYTES
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.layout import CacheLayout
from mttcg.tbcache.predecoded import PREDECODED_BYTES
from mttcg.vcpu.instrumentation.guest import Declarations
from mttcg.vcpu.machine.shared import Ending, Harts, MachineState, machine_bytes
from mttcg.vcpu.nowhere.trap_loops import TrapLoop
from mttcg.vcpu.vcpu import Vcpu

ENGINES = ("definition", "llvm")
ARENA_BYTES = 64 << 20
BASE, PAGES = 0x10_0000, 4
DATA, DEVICE = BASE + 2 * PAGE, 0x4000
TICKS = 1_000_000
HANDLER = BASE + 0x400
END = 0x4008
"""A store there ends the guest, with the value as its status."""


class Device:
    """Keeps what is written to it; the word behind ends the guest."""

    name = "device"

    def __init__(self, machine: MachineState) -> None:
        self.machine, self.written = machine, list[int]()

    def find(self, address: int, size: int) -> "tuple[Device, int] | None":
        """As an MmioMap does."""
        return (self, address - DEVICE) if DEVICE <= address < DEVICE + 16 else None

    def read(self, offset: int, size: int) -> int:
        """How much was written."""
        return len(self.written)

    def write(self, offset: int, size: int, value: int) -> None:
        """Keep it."""
        if offset:
            self.machine.stop(Ending.GUEST, value)
        else:
            self.written.append(value)


class QuietGuest:
    """A guest without plugins, with a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan: Plan | None = plan
        self.plugins: dict[str, Any] = {}
        self.emitters = self.followed = self.chosen = self
        self.declarations = Declarations({}, 1)
        self.marks = 0

    def flush(self) -> None:
        """There is nothing that emits."""

    def look(self) -> None:
        """There are no processes."""

    def follow_context(self) -> None:
        """The ISA has no levels."""

    def connect(self, engine: Any) -> None:
        """Keep the engine and the hart, as stops of a debugger look at them."""
        self.engine, self.hart = engine, engine.hart

    def receive_changes(self) -> int:
        """There are none."""
        return 0

    def take_plan(self) -> Plan | None:
        """The plan, once."""
        plan, self.plan = self.plan, None
        return plan


class ToyMachine:
    """A machine with one hart.

    Args:
        engine: of ENGINES.
        plan: what is attached.
    """

    def __init__(self, engine: str, plan: Plan = EMPTY) -> None:
        sizes = {"ram": PAGES * PAGE, "cache": CacheLayout(PAGES).size, "harts": STATE_BYTES}
        sizes |= {"machine": machine_bytes(0), "arena": ARENA_BYTES, "records": PREDECODED_BYTES}
        self.fds = {name: create_segment(name, size) for name, size in sizes.items()}
        self.fds |= {name: os.eventfd(0, os.EFD_NONBLOCK) for name in ("wake", "notice")}
        self.maps = maps = {name: map_segment(self.fds[name], sizes[name]) for name in sizes}
        self.ram = maps["ram"]
        self.machine = MachineState(maps["machine"], TICKS)
        self.machine.start_clock()
        self.harts = Harts(maps["harts"], [self.fds["wake"]], self.machine, TOY.system)
        self.hart: Any = self.harts.harts[0]
        array = np.frombuffer(self.ram, dtype=np.uint8)
        self.cache = BlockCache(maps["cache"], self.fds["cache"], array, BASE, 0, TOY.code)
        self.device, self.loops = Device(self.machine), list[TrapLoop]()
        self.vcpu = Vcpu(
            0,
            TOY,
            self.harts,
            self.machine,
            self.device,
            GuestRam(Physical(BASE), self.ram),
            QuietGuest(plan),  # type: ignore[arg-type]
            getattr(self, f"_make_{engine}"),
            self.fds["notice"],
            self._end_loop,
        )

    def _make_definition(self, discover: Discover) -> Any:
        return InterpretingEngine(TOY, self.hart, self.cache, discover)

    def _make_llvm(self, discover: Discover) -> Any:
        ram, cache = (address_of(self.maps[name]) for name in ("ram", "cache"))
        memory = Memory(ram, BASE, PAGES * PAGE, cache, self.machine.clock_origin, TICKS)
        arena = Arena(self.fds["arena"], ARENA_BYTES, lambda vcpu: False)
        parts = memory, self.hart, self.cache, arena, discover, self.maps["records"]
        self.llvm = LlvmEngine(TOY, *parts)
        return FallbackEngine(self.llvm, TOY)

    def improve(self, pc: int) -> bool:
        """Let llvm translate the page of a pc with its greater effort, now."""
        page, slot = self.llvm.code.enter(pc)
        self.cache.block(page, pc)
        return self.llvm.translator.optimise(self.llvm.code.version(page, slot))

    def _end_loop(self, loop: TrapLoop) -> None:
        self.loops.append(loop)
        self.machine.stop(Ending.TRAP_LOOP)

    def put(self, address: int, *code: bytes) -> int:
        """Put code into RAM; the address behind it."""
        for one in code:
            self.ram[address - BASE : address - BASE + 4] = one
            address += 4
        return address

    def load(self, *code: bytes) -> None:
        """Put code where `run` begins, and a handler that counts in r14."""
        handler = assemble("set", 14, 14, immediate=1), assemble("sys", immediate=RETURN)
        self.put(HANDLER, *handler)
        self.put(BASE, *set_register(15, HANDLER), *code)

    def run(self, *code: bytes) -> int:
        """Run code, as `load` puts it; the guest's status."""
        self.load(*code)
        self.vcpu.start(BASE, 0x77)
        self.vcpu.run()
        return self.machine.status

    def close(self) -> None:
        """Give everything back."""
        for descriptor in self.fds.values():
            os.close(descriptor)


def end(register: int) -> list[bytes]:
    """Code that ends the guest, with a register as its status."""
    return [*set_register(13, END), assemble("store", rs1=13, rs2=register)]


def address_of(memory: memoryview) -> int:
    """Host address of a writable buffer, which has to stay alive."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
