"""A vCPU runs a guest of an ISA that no module of ours knows.

The run loop, the block cache, the state, timers and trap loops are the real ones; so is one of the
engines.
"""

import ctypes
import threading
import time
from collections.abc import Iterator

import pytest
from toy_isa import CALL, ENABLE, FETCH_AGAIN, HART, WAIT, assemble, set_register
from toy_machine import BASE, DATA, DEVICE, ENGINES, HANDLER, TICKS, ToyMachine, end
from toy_system import NAMES, SOFTWARE, TOY

from mttcg.engine.base import OPERATION
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.system import RegisterError, Trap
from mttcg.memory.page import PAGE
from mttcg.memory.ram import GuestRam
from mttcg.processes.trap_loops import facts_of, warning_of
from mttcg.state.vcpu_state import Activity
from mttcg.supervisor.control.inspection import Inspection
from mttcg.vcpu.machine.interrupt_ports import inputs_of
from mttcg.vcpu.nowhere.trap_loops import TrapLoop


@pytest.fixture(params=ENGINES)
def toy(request: pytest.FixtureRequest) -> Iterator[ToyMachine]:
    """On each engine."""
    found = ToyMachine(request.param)
    yield found
    found.close()


LIMIT = 20.0
"""Seconds until what is waited for is given up."""


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


@pytest.mark.parametrize("ticks", [0, 1, TICKS // 1000, TICKS // 50, TICKS // 5])
def test_a_deadline_from_before_the_wait_ends_it(toy: ToyMachine, ticks: int) -> None:
    toy.put(HANDLER + 0x100, *end(4))
    inputs_of(toy.harts)[0].timer.set(toy.machine.time() + ticks)
    code = [
        *set_register(15, HANDLER + 0x100),
        assemble("set", 4, immediate=3),
        assemble("sys", rs1=0, immediate=ENABLE),
        assemble("sys", immediate=WAIT),
        assemble("sys", rs1=4, immediate=ENABLE),
        assemble("jump", immediate=0),
    ]
    assert toy.run(*code) == 3
    assert (toy.hart.interrupts, toy.hart.traps) == (1, 0)


@pytest.mark.parametrize("by", ["timer", "line"])
def test_a_waiting_hart_is_woken_and_interrupted(toy: ToyMachine, by: str) -> None:
    inputs = inputs_of(toy.harts)[0]
    toy.put(HANDLER + 0x100, *end(4))

    def wake() -> None:
        end = time.monotonic() + LIMIT
        while toy.hart.state != Activity.IDLE and time.monotonic() < end:
            time.sleep(0.001)
        if by == "line":
            inputs.line(SOFTWARE).raise_()
        else:
            inputs.timer.set(toy.machine.time() + TICKS // 50)

    waker = threading.Thread(target=wake)
    waker.start()
    code = [
        *set_register(15, HANDLER + 0x100),
        assemble("set", 4, immediate=3),
        assemble("sys", rs1=0, immediate=ENABLE),
        assemble("sys", immediate=WAIT),
        assemble("sys", rs1=4, immediate=ENABLE),
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


@pytest.mark.parametrize("engine", ENGINES)
def test_a_plan_is_told_of_what_was_retired(engine: str) -> None:
    told: list[tuple[int, ...]] = []
    function = OPERATION(lambda _data, *arguments: told.append(arguments))
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    toy = ToyMachine(engine, Plan(every_retired=(Operation(address, 0),)))
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
