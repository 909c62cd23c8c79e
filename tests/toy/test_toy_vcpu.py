"""A vCPU runs a guest of an ISA that no module of ours knows.

The run loop, the block cache, the state, timers and trap loops are the real ones.
"""

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from interpreting_engine import InterpretingEngine
from toy_system import CALL, FETCH_AGAIN, HART, MASK, NAMES, RETURN, SOFTWARE, TOY, WAIT, assemble

from mttcg.engine.base import OPERATION
from mttcg.instrument.plan.plan import EMPTY, Operation, Plan
from mttcg.isa.system import RegisterError, Trap
from mttcg.memory.page import PAGE
from mttcg.memory.ram import GuestRam
from mttcg.processes.segments import create_segment, map_segment
from mttcg.processes.trap_loops import facts_of, warning_of
from mttcg.state.vcpu_state import STATE_BYTES, State
from mttcg.supervisor.inspection import Inspection
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.layout import Layout
from mttcg.vcpu.guest import Declarations
from mttcg.vcpu.interrupt_ports import inputs_of
from mttcg.vcpu.shared import Ending, Harts, MachineState, machine_bytes
from mttcg.vcpu.trap_loops import TrapLoop
from mttcg.vcpu.vcpu import Vcpu

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
        self.engine: Any = None
        self.emitters = self
        self.declarations = Declarations({}, 1)

    def flush(self) -> None:
        """There is nothing that emits."""

    def receive_changes(self) -> int:
        """There are none."""
        return 0

    def take_plan(self) -> Plan | None:
        """The plan, once."""
        plan, self.plan = self.plan, None
        return plan


class ToyMachine:
    """A machine with one hart."""

    def __init__(self, plan: Plan = EMPTY) -> None:
        sizes = {"ram": PAGES * PAGE, "cache": Layout(PAGES).size, "harts": STATE_BYTES}
        sizes["machine"] = machine_bytes(0)
        self.fds = {name: create_segment(name, size) for name, size in sizes.items()}
        self.fds |= {name: os.eventfd(0, os.EFD_NONBLOCK) for name in ("wake", "notice")}
        maps = {name: map_segment(self.fds[name], size) for name, size in sizes.items()}
        self.ram = maps["ram"]
        self.machine = MachineState(maps["machine"], TICKS)
        self.machine.start_clock()
        self.harts = Harts(maps["harts"], [self.fds["wake"]], self.machine, TOY.system)
        self.hart: Any = self.harts.harts[0]
        array = np.frombuffer(self.ram, dtype=np.uint8)
        cache = BlockCache(maps["cache"], self.fds["cache"], array, BASE, 0, TOY.code)
        self.device, self.loops = Device(self.machine), list[TrapLoop]()
        self.vcpu = Vcpu(
            0,
            TOY,
            self.harts,
            self.machine,
            self.device,
            (BASE, self.ram),
            QuietGuest(plan),  # type: ignore[arg-type]
            lambda discover: InterpretingEngine(TOY, self.hart, cache, discover),
            self.fds["notice"],
            self._end_loop,
        )

    def _end_loop(self, loop: TrapLoop) -> None:
        self.loops.append(loop)
        self.machine.stop(Ending.TRAP_LOOP)

    def put(self, address: int, *code: bytes) -> int:
        """Put code into RAM; the address behind it."""
        for one in code:
            self.ram[address - BASE : address - BASE + 4] = one
            address += 4
        return address

    def run(self, *code: bytes) -> int:
        """Run code, with a handler that counts in r14; the guest's status."""
        handler = assemble("set", 14, 14, immediate=1), assemble("sys", immediate=RETURN)
        self.put(HANDLER, *handler)
        start = set_register(15, HANDLER)
        self.put(BASE, *start, *code)
        self.vcpu.start(BASE, 0x77)
        self.vcpu.run()
        return self.machine.status

    def close(self) -> None:
        """Give everything back."""
        for descriptor in self.fds.values():
            os.close(descriptor)


def set_register(register: int, value: int) -> list[bytes]:
    """Code that sets a register to a number of up to 24 bits."""
    return [
        assemble("set", register, 0, immediate=value >> 12),
        assemble("shift", register, register, immediate=12),
        assemble("set", register, register, immediate=value & 0xFFF),
    ]


def end(register: int) -> list[bytes]:
    """Code that ends the guest, with a register as its status."""
    return [*set_register(13, END), assemble("store", rs1=13, rs2=register)]


@pytest.fixture
def toy() -> Iterator[ToyMachine]:
    found = ToyMachine()
    yield found
    found.close()


def sum_to_ten() -> list[bytes]:
    """Code that adds 10 to 1 in memory, to r4."""
    return [
        *set_register(3, DATA),
        assemble("set", 2, immediate=10),
        assemble("load", 4, 3, immediate=8),
        assemble("add", 4, 4, 2),
        assemble("store", rs1=3, rs2=4, immediate=8),
        assemble("set", 2, 2, immediate=-1),
        assemble("bnz", rs1=2, immediate=-16),
    ]


def test_a_loop_over_memory_counts_what_it_runs(toy: ToyMachine) -> None:
    assert toy.run(*sum_to_ten(), *end(4)) == 55
    assert toy.ram[2 * PAGE + 8] == 55
    hart = toy.hart
    # to the first branch, nine rounds, and the end, whose store is done when the machine stops
    assert hart.instructions == (3 + 4 + 5) + 9 * 5 + 4
    assert hart.blocks == 11
    assert (hart.traps, hart.interrupts, hart.r[1]) == (0, 0, 0x77)


def test_calls_by_register_come_back(toy: ToyMachine) -> None:
    code = [
        assemble("jump", 5, immediate=12),
        assemble("set", 4, 4, immediate=1),
        assemble("jump", 0, immediate=12),
        assemble("set", 4, immediate=41),
        assemble("go", rs1=5),
    ]
    assert toy.run(*code, *end(4)) == 42


def test_a_trap_goes_to_the_handler_and_does_not_retire(toy: ToyMachine) -> None:
    call = assemble("sys", immediate=CALL)
    assert toy.run(call, call, *end(14)) == 2
    assert (toy.hart.traps, toy.hart.why) == (2, 1)
    assert toy.hart.instructions == 3 + 2 * 2 + 4


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ([assemble("load", 4, 0)], 17),
        ([assemble("store", rs1=0, rs2=4)], 18),
        ([bytes(4)], 0),
    ],
)
def test_what_can_not_be_run_traps(toy: ToyMachine, code: list[bytes], why: int) -> None:
    assert toy.run(*code, *end(14)) == 1
    assert (toy.hart.traps, toy.hart.why) == (1, why)


def test_a_jump_out_of_ram_is_a_fault_of_the_fetch(toy: ToyMachine) -> None:
    toy.put(HANDLER + 0x100, *end(14))
    code = [*set_register(14, 5), *set_register(15, HANDLER + 0x100), assemble("go", rs1=0)]
    assert toy.run(*code) == 5
    assert (toy.hart.why, toy.hart.where) == (16, 0)


def test_a_device_answers_loads_and_stores(toy: ToyMachine) -> None:
    code = [
        *set_register(3, DEVICE),
        assemble("set", 4, immediate=17),
        assemble("store", rs1=3, rs2=4),
        assemble("load", 5, 3),
        assemble("add", 4, 4, 5),
    ]
    assert toy.run(*code, *end(4)) == 18
    assert toy.device.written == [17]
    assert toy.hart.blocks == 1  # the accesses do not end theirs


def test_a_system_instruction_writes_its_register(toy: ToyMachine) -> None:
    code = [assemble("set", 4, immediate=7), assemble("sys", 4, immediate=HART)]
    assert toy.run(*code, *end(4)) == 0


@pytest.mark.parametrize("by", ["timer", "line"])
def test_a_waiting_hart_is_woken_and_interrupted(toy: ToyMachine, by: str) -> None:
    inputs = inputs_of(toy.harts)[0]
    toy.put(HANDLER + 0x100, *end(4))

    def wake() -> None:
        while toy.hart.state != State.IDLE:
            time.sleep(0.001)
        if by == "line":
            inputs.line(SOFTWARE).raise_()

    if by == "timer":
        inputs.timer.set(TICKS // 20)
    waker = threading.Thread(target=wake)
    waker.start()
    code = [
        *set_register(15, HANDLER + 0x100),
        assemble("set", 4, immediate=3),
        assemble("sys", rs1=0, immediate=MASK),
        assemble("sys", immediate=WAIT),
        assemble("sys", rs1=4, immediate=MASK),
        assemble("jump", immediate=0),
    ]
    assert toy.run(*code) == 3
    waker.join()
    assert (toy.hart.interrupts, toy.hart.why, toy.hart.traps) == (1, 2, 0)
    assert toy.hart.idle_ns > 0


def test_changed_code_is_seen_when_the_guest_asks(toy: ToyMachine) -> None:
    target = BASE + PAGE
    come_back = assemble("go", rs1=5)
    toy.put(target, assemble("set", 4, 4, immediate=1), come_back)
    toy.put(DATA, assemble("set", 4, 4, immediate=2), come_back)

    def call(before: list[bytes]) -> list[bytes]:
        """The code before, and a call of the target, to where it comes back behind."""
        behind = BASE + 4 * (3 + len(before) + 4)
        return [*before, *set_register(5, behind), assemble("go", rs1=6)]

    code = call(set_register(6, target))
    copy = assemble("load", 8, 3), assemble("store", rs1=6, rs2=8)
    code = call([*code, *set_register(3, DATA), *copy])
    code = call([*code, assemble("sys", immediate=FETCH_AGAIN)])
    assert toy.run(*code, *end(4)) == 1 + 1 + 2
    assert toy.hart.cache_invalidated == 1


def test_a_trap_taken_for_ever_is_told_in_the_words_of_the_isa(toy: ToyMachine) -> None:
    handler = BASE + 4 * 6
    code = [*set_register(15, handler), *set_register(4, 0), assemble("sys", immediate=CALL)]
    assert toy.run(*code) == 0
    assert toy.loops == [TrapLoop(Trap(1, handler + 12), handler, None)]
    facts = facts_of(toy.loops[0], TOY.system, lambda pc: TOY.code.disassemble(code[-1], pc)[0][2])
    text = warning_of(0, facts, TOY.system, lambda pc: "")
    assert text == (
        "hart 0 takes the same trap for ever: call at pc 0x100024 (sys), where 0x0, "
        "r15 0x100018; 3,000 times without any progress"
    )


def test_a_plan_is_told_of_what_was_retired() -> None:
    told: list[tuple[int, ...]] = []
    function = OPERATION(lambda _data, *arguments: told.append(arguments))
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    toy = ToyMachine(Plan(every_retired=(Operation(address, 0),)))
    code = [assemble("set", 4, immediate=-1), assemble("sys", 5, immediate=HART)]
    toy.run(*code, *end(4))
    toy.close()
    words = [int.from_bytes(one, "little") for one in code]
    assert told[3][:3] == (BASE + 12, words[0] | 4 << 32, (1 << 64) - 1)
    assert told[4][:3] == (BASE + 16, words[1] | 5 << 32, 0)
    assert len(told) == toy.hart.instructions == 3 + 2 + 4


def test_registers_and_memory_are_read_and_written_from_outside(toy: ToyMachine) -> None:
    assert toy.run(assemble("set", 4, immediate=9), *end(4)) == 9
    ram = GuestRam(BASE, toy.ram)
    inspection = Inspection(toy.harts.harts, ram, toy.machine, TOY.system)
    assert inspection.read_registers(0, ("r4", "pc")) == {"r4": 9, "pc": BASE + 32}
    assert inspection.read_registers(0).keys() == {"pc", *NAMES}
    assert inspection.write_registers(0, {"r2": 5}) == {"r2": 5}
    with pytest.raises(RegisterError, match="there is no register 'a0'; expected r0 to r15"):
        inspection.write_registers(0, {"r3": 1, "a0": 1})
    assert inspection.read_registers(0, ("r3",)) == {"r3": 0}
