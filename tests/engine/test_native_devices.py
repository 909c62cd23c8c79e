"""Accesses to devices in native code, against the devices' classes in Python."""

import os
import random
from collections.abc import Sequence
from typing import Any

import pytest
from engine_harness import Bare, fill
from test_interpreter import A0, BASE, SIZE, placed, word

from mttcg.engine.base import ExitKind, NativeDevices
from mttcg.hardware.board import Wiring
from mttcg.hardware.boards import riscv_virt
from mttcg.hardware.boards.riscv_virt import BOARD, CLINT, PLIC, UART, UART_INTERRUPT
from mttcg.hardware.devices.uart16550 import LCR_DLAB, MCR_LOOP
from mttcg.hardware.interrupts.clint import MSIP, MTIME, MTIMECMP
from mttcg.isa.riscv64 import interrupts, status
from mttcg.memory.host import address_of_buffer
from mttcg.memory.native_registers import RegisterKind
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import NEVER, Activity
from mttcg.vcpu.machine.console_ends import ConsoleEnds
from mttcg.vcpu.machine.interrupt_ports import SharedClock, inputs_of

LSR, LCR, MCR = UART + 5, UART + 3, UART + 4
PENDING = PLIC + 0x1000
LOADS = {"lbu": 1, "lhu": 2, "lwu": 4, "ld": 8}
STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8}
RD, RS2 = 5, 6
HARTS = 2


class Machine:
    """A vCPU with the virt board's devices, natively answered or not."""

    def __init__(self, native: bool) -> None:
        self.output, console = os.pipe()
        os.set_blocking(self.output, False)
        typed, self.typing = os.pipe()
        self.fds = self.output, console, typed, self.typing
        self.ends = ConsoleEnds(console, typed)
        self.bells = {"virtio0": os.eventfd(0, os.EFD_NONBLOCK)}
        self.bare = bare = Bare("llvm", BASE, SIZE, native_traps=True, harts=HARTS, wire=self.wire)
        bare.engine.native_system.let_accesses(native)
        bare.hart.mtvec, bare.hart.timer_deadline = BASE + 0x800, NEVER
        self.code = BASE

    def wire(self, bare: Bare) -> tuple[Any, NativeDevices]:
        """The devices, and what native code knows of them."""
        BOARD.prepare(bare.machine.device_state)
        wiring = Wiring(
            GuestRam(BASE, bare.ram),
            inputs_of(bare.harts),
            SharedClock(bare.harts),
            self.ends,
            lambda code: None,
            bare.machine.device_state,
        )
        native = NativeDevices(
            BOARD.native_registers(bare.machine.device_state, HARTS, {}),
            address_of_buffer(bare.maps["harts"]),
            tuple(bare.wake_fds),
            self.ends.output,
            self.ends.input,
            bare.machine.input_began,
            self.bells,
        )
        return BOARD.place(wiring, {}), native

    def run(self, instruction: int, address: int, value: int = 0) -> tuple[list[ExitKind], int]:
        """The exits of an access, and what is in its register then."""
        bare, at = self.bare, self.code
        self.code += 8
        fill(placed([instruction, 0], at), bare.write)
        bare.engine.fetch_again()
        x = [0] * 32
        x[A0], x[RS2] = address, value
        bare.set_registers(x, [0] * 32, 0)
        exits = []
        bare.hart.pc = at
        while True:
            left = bare.engine.run(bare.hart.pc)
            if left.pc == at + 4:
                return exits, bare.hart.x[RD]
            exits.append(left.kind)
            bare.handle(left)
            bare.hart.request = 0  # which a device made
            if bare.hart.pc == BASE + 0x800:
                return exits, -1

    def load(self, name: str, address: int) -> tuple[list[ExitKind], int]:
        return self.run(word(name, RD, A0), address)

    def store(self, name: str, address: int, value: int) -> list[ExitKind]:
        return self.run(word(name, rs1=A0, rs2=RS2), address, value)[0]

    def state(self) -> tuple[Any, ...]:
        """What the devices have and the hart's inputs are."""
        hart = self.bare.hart
        try:
            shown = os.read(self.output, 1 << 16)
        except BlockingIOError:
            shown = b""
        counts = hart.instructions, hart.blocks, hart.traps
        registers = bytes(self.bare.machine.device_state)
        return list(hart.lines), hart.timer_deadline, shown, registers, counts

    def close(self) -> None:
        for descriptor in (*self.fds, *self.bells.values()):
            os.close(descriptor)
        self.bare.close()


@pytest.fixture
def machines() -> Any:
    both = [Machine(native) for native in (True, False)]
    yield both
    for machine in both:
        machine.close()


def test_native_code_does_what_the_devices_do(machines: list[Machine]) -> None:
    source = random.Random("devices")
    places = [CLINT + MSIP, CLINT + MTIMECMP, UART, LSR, LCR, MCR, UART + 1, UART + 2]
    exits = [0, 0]
    for _ in range(150):
        address = source.choice(places) + source.choice((0, 0, 0, 0, 4, 8))
        if source.randrange(3):
            value = source.getrandbits(64) & source.choice((1, 0x7F, NEVER))
            name = source.choice(list(STORES))
            answers = [(machine.store(name, address, value), 0) for machine in machines]
        else:
            name = source.choice(list(LOADS))
            answers = [machine.load(name, address) for machine in machines]
        exits = [before + len(answer[0]) for before, answer in zip(exits, answers, strict=True)]
        assert answers[0][1] == answers[1][1]
        for machine in machines:
            machine.bare.hart.request = 0
        assert machines[0].state() == machines[1].state()
    assert exits[0] < exits[1]


def exits_of(machine: Machine, accesses: Sequence[tuple[str, int]]) -> list[int]:
    """How many exits each access makes."""
    return [
        len(machine.store(name, at, 1) if name in STORES else machine.load(name, at)[0])
        for name, at in accesses
    ]


def test_what_a_guest_does_all_the_time_needs_no_host(machines: list[Machine]) -> None:
    accesses = [
        ("lbu", LSR),
        ("sb", UART),
        ("sw", CLINT + MSIP),
        ("lwu", CLINT + MSIP),
        ("sd", CLINT + MTIMECMP),
        ("ld", CLINT + MTIMECMP),
        ("ld", CLINT + MTIME),
    ]
    assert exits_of(machines[0], accesses) == [0] * len(accesses)
    others = [("lwu", LSR), ("sd", CLINT + MSIP), ("sw", CLINT + MTIMECMP + 4)]
    assert exits_of(machines[0], others) == [1] * len(others)


def drive(machine: Machine, source: random.Random) -> tuple[int, list[Any]]:
    """Do what a driver does, in any order: the exits that it took, and what came of each access."""
    registers = [UART, UART + 1, UART + 2, LSR, UART + 6]
    machine.bare.machine.begin_input()
    for at, value in ((PLIC + 4 * UART_INTERRUPT, 1), (PLIC + 0x2000, 1 << UART_INTERRUPT)):
        machine.store("sw", at, value)
    machine.store("sb", UART + 2, source.choice((0, 0x01, 0xC1)))
    exits, told = 0, []
    for _ in range(200):
        os.write(machine.typing, source.randbytes(source.choice((0, 0, 0, 1, 3))))
        if source.random() < 0.3:
            at, value = source.choice(registers[:2]), source.getrandbits(8)
            left, read = machine.store("sb", at, value), 0
        else:
            left, read = machine.load("lbu", source.choice(registers))
        exits += left.count(ExitKind.ACCESS)
        machine.bare.hart.request = machine.bare.hart.alert = 0
        told.append((read, machine.state()))
    return exits, told


@pytest.mark.parametrize("seed", range(2))
def test_no_character_of_a_port_needs_the_host(machines: list[Machine], seed: int) -> None:
    native, defined = (drive(machine, random.Random(seed)) for machine in machines)
    assert native[1] == defined[1]
    assert (native[0], defined[0]) == (0, 200)


def test_a_load_that_raises_the_line_to_its_own_hart_has_it_look(machines: list[Machine]) -> None:
    native = machines[0]
    native.bare.machine.begin_input()
    for at, value in ((PLIC + 4 * UART_INTERRUPT, 1), (PLIC + 0x2000, 1 << UART_INTERRUPT)):
        native.store("sw", at, value)
    native.store("sb", UART + 1, 0x01)
    os.write(native.typing, b"two")
    hart = native.bare.hart
    hart.alert = 0
    assert native.load("lbu", UART) == ([], ord("t"))
    assert (hart.lines[interrupts.EXTERNAL_NUMBER], hart.alert) == (1, 1)


def test_set_up_of_the_port_is_the_hosts(machines: list[Machine]) -> None:
    native = machines[0]
    assert native.load("lbu", LSR) == ([], 0x60)
    native.bare.machine.begin_input()
    os.write(native.typing, b"a")
    assert native.load("lbu", LSR) == ([], 0x61)
    assert native.load("lbu", UART) == ([], ord("a"))
    assert native.load("lbu", LSR) == ([], 0x60)
    for register, bit in ((LCR, LCR_DLAB), (MCR, MCR_LOOP)):
        native.store("sb", register, bit)
        assert native.store("sb", UART, ord("x")) == [ExitKind.ACCESS]
        native.store("sb", register, 0)
    assert native.store("sb", UART, ord("y")) == []
    assert native.state()[2] == b"y"


def test_what_is_sent_raises_the_line(machines: list[Machine]) -> None:
    native = machines[0]
    native.store("sb", UART + 1, 0x02)
    assert native.state()[2] == b""
    assert native.load("lbu", UART + 2) == ([], 0x02)  # which takes the interrupt back
    assert [native.store("sb", UART, ord(letter)) for letter in "abc"] == [[], [], []]
    assert native.state()[2] == b"abc"
    assert native.load("lwu", PENDING) == ([ExitKind.ACCESS], 1 << UART_INTERRUPT)
    assert native.load("lbu", UART + 2) == ([], 0x02)
    assert native.store("sb", UART, ord("d")) == []


def test_the_clock_is_the_machines(machines: list[Machine]) -> None:
    machine = machines[0]
    before = machine.bare.machine.time()
    exits, read = machine.load("ld", CLINT + MTIME)
    assert exits == []
    assert before <= read <= machine.bare.machine.time()


def test_an_interrupt_at_itself_is_taken_with_the_next_block(machines: list[Machine]) -> None:
    bare = machines[0].bare
    stored = [word("sw", rs1=A0, rs2=RS2), word("addi", RD, immediate=1)]
    fill(placed([*stored, word("jal", immediate=4), word("addi", RD, immediate=2), 0]), bare.write)
    fill(placed([0], BASE + 0x800), bare.write)
    x = [0] * 32
    x[A0], x[RS2] = CLINT + MSIP, 1
    bare.set_registers(x, [0] * 32, 0)
    hart = bare.hart
    hart.mie, hart.mstatus = interrupts.SOFTWARE_INTERRUPT, status.MSTATUS_MIE
    left = bare.engine.run(BASE)
    assert (left.pc, hart.x[RD], hart.interrupts, hart.mepc) == (BASE + 0x800, 1, 1, BASE + 12)
    assert (hart.instructions, hart.blocks) == (4, 2)  # the illegal one is taken back as it traps


@pytest.mark.parametrize("activity", [Activity.IDLE, Activity.RUNNING])
def test_a_hart_that_sleeps_is_woken(machines: list[Machine], activity: Activity) -> None:
    bare = machines[0].bare
    other, sleeper = bare.harts.harts[1], bare.wake_fds[1]
    other.state = activity
    assert machines[0].store("sw", CLINT + MSIP + 4, 1) == []
    assert (other.lines[interrupts.SOFTWARE_NUMBER], other.alert, other.request) == (1, 1, 0)
    if activity is Activity.IDLE:
        assert os.eventfd_read(sleeper) == 1
    else:
        with pytest.raises(BlockingIOError):
            os.eventfd_read(sleeper)


def test_the_boards_rows_name_registers_of_their_devices() -> None:
    sizes = {row.name: row.regions[0].size for row in riscv_virt.ROWS}
    assert sizes["uart"] == riscv_virt.Uart16550.size
    for row in riscv_virt.ROWS:
        for registers in row.native:
            assert registers.offset + registers.places * registers.size <= sizes[row.name]
            assert (registers.kind is RegisterKind.FUNCTION) == (registers.function is not None)
