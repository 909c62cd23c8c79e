"""Processes in a kernel's structures: the list, what runs where, and structures that are wrong."""

import pytest
from built_guest import LINKED, SYMBOLS, TASK_BYTES, USER, BuiltGuest

from mttcg.linux.errors import KernelDataError
from mttcg.linux.task_state import state_letter

SHIFTS = (0, 0x2000_0000)


@pytest.mark.parametrize("shift", SHIFTS)
def test_all_processes_in_order(shift: int) -> None:
    guest = BuiltGuest(shift)
    first = guest.task(1, 0, "init", cpu_number=1)
    guest.task(7, first, "fifteen_letters", __state=1)
    guest.task(8, first, "gone", exit_state=0x20)
    found = guest.linux.processes()
    rows = [(each.pid, each.parent, each.comm, each.state, each.cpu) for each in found]
    assert rows == [
        (1, 0, "init", "R", 0),  # the kernel's processor 1 is hart 0
        (7, 1, "fifteen_letters", "S", 1),
        (8, 1, "gone", "Z", 1),
    ]
    assert guest.linux.shift() == shift


def test_there_are_none_before_the_kernel_translates() -> None:
    guest = BuiltGuest()
    for hart in guest.harts:
        hart.satp = 0
    assert guest.linux.processes() == []
    assert guest.linux.current(0, 0) is None
    for hart in guest.harts:
        hart.stvec = 0x8020_1000
    assert guest.linux.shift() is None


@pytest.mark.parametrize("shift", SHIFTS)
def test_what_runs_is_in_registers(shift: int) -> None:
    guest = BuiltGuest(shift)
    task = guest.task(5, 0, "busy", on_cpu=1, cpu_number=1)
    other = guest.task(6, 0, "other", on_cpu=1, cpu_number=0)
    hart = guest.harts[0]

    def running(privilege: int, sscratch: int, tp: int) -> str:
        hart.privilege, hart.sscratch = privilege, sscratch
        found = guest.linux.current(0, tp)
        return "" if found is None else found.comm

    assert running(USER, task, 0x3F_0000_0000) == "busy"
    assert running(1, 0, task) == "busy"
    # at the beginning of a trap, before and after the two are exchanged
    assert running(1, task, 0x3F_0000_0000) == "busy"
    assert running(1, 0x3F_0000_0000, task) == "busy"
    assert running(1, task, 0) == "busy"
    # a program may have any address in its tp
    assert running(1, task, other) == "busy"
    assert running(1, other, task) == "busy"
    assert running(1, task, LINKED - 0x1000) == "busy"


def test_what_is_mapped_on_one_hart_alone_is_found() -> None:
    guest = BuiltGuest()
    task = guest.task(5, 0, "busy")
    guest.harts[0].satp += 4  # tables that have nothing: there the kernel has not come to it yet
    assert guest.linux.process_at(task).comm == "busy"
    guest.harts[1].satp += 4
    with pytest.raises(KernelDataError, match="there is no memory"):
        guest.linux.process_at(task)


def test_in_machine_mode_the_scheduler_says_what_runs() -> None:
    guest = BuiltGuest()
    task = guest.task(5, 0, "busy")
    curr = guest.layout["rq.curr"].offset
    guest.put(SYMBOLS["runqueues"] + 0x800 + curr, task)
    guest.harts[0].privilege = 3
    found = guest.linux.current(0, 0)
    assert found is not None
    assert found.comm == "busy"


def test_a_list_that_does_not_come_back_is_one_line() -> None:
    guest = BuiltGuest()
    task = guest.task(1, 0, "init")
    at = guest.layout["task_struct.tasks"].offset
    guest.put(task + at, 0x1234)
    with pytest.raises(KernelDataError, match="there is no memory at 0x1234"):
        guest.linux.processes()


def test_a_list_without_an_end_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mttcg.linux.linux_guest.MOST_TASKS", 10)
    guest = BuiltGuest()
    task = guest.task(1, 0, "init")
    at = guest.layout["task_struct.tasks"].offset
    guest.put(task + at, task + at)
    with pytest.raises(KernelDataError, match="its list of task_struct has no end"):
        guest.linux.processes()


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_hart_that_comes_up_says_nothing_of_the_kernel(shift: int) -> None:
    guest = BuiltGuest(shift)
    guest.task(1, 0, "init")
    guest.harts[0].stvec += 0x44
    guest.harts[0].satp += 1  # tables that have hardly anything
    assert [each.comm for each in guest.linux.processes()] == ["init"]
    assert guest.linux.shift() == shift


def test_a_kernel_that_is_another_is_one_line() -> None:
    guest = BuiltGuest()
    for hart in guest.harts:
        hart.stvec += 4
    with pytest.raises(KernelDataError, match="its handler of traps is at"):
        guest.linux.processes()


def test_threads_are_there_when_they_are_asked_for() -> None:
    guest = BuiltGuest()
    group = SYMBOLS["init_task"] + 0x8000
    node = guest.layout["task_struct.thread_node"].offset
    leader = guest.task(9, 0, "many", signal=group)
    thread = leader + TASK_BYTES  # in no list of processes
    for name, value in (("pid", 10), ("tgid", 9), ("comm", b"many"), ("signal", group)):
        guest.member(thread, name, value)
    guest.put(group, leader + node)
    guest.put(leader + node, thread + node)
    guest.put(thread + node, group)
    assert [each.pid for each in guest.linux.processes()] == [9]
    found = [(each.pid, each.tgid) for each in guest.linux.processes(threads=True)]
    assert found == [(9, 9), (10, 9)]


@pytest.mark.parametrize(
    ("state", "exit_state", "letter"),
    [(0, 0, "R"), (1, 0, "S"), (2, 0, "D"), (0x402, 0, "I"), (4, 0, "T"), (8, 0, "t"),
     (0x80, 0x10, "X"), (0x80, 0x20, "Z"), (0x40, 0, "P"), (0x2001, 0, "S"), (0x8000, 0, "D")],
)  # fmt: skip
def test_states_are_as_ps_has_them(state: int, exit_state: int, letter: str) -> None:
    assert state_letter(state, exit_state) == letter
