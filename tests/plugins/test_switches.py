"""Who ran where, made of records of several vCPUs: sums, migrations, numbers given again."""

import numpy as np

from mttcg.instrument import GuestProcess, events
from mttcg_plugins._linux.entries import entries_in
from mttcg_plugins._linux.switches import (
    BEGIN,
    END,
    NAMED,
    NOBODY,
    RECORD,
    START,
    SWITCH,
    RunSpan,
    Switches,
    Thread,
    record_of,
)

HANDLER, OTHER_HANDLER, LEAVE = 0x100, 0x200, 0x300
KINDS = {HANDLER: "system call", OTHER_HANDLER: "interrupt"}


def process(pid: int, comm: str = "", voluntary: int = 0) -> GuestProcess:
    return GuestProcess(pid, pid, comm, 1, 1, "S", 0, 0, voluntary, 0)


def test_threads_have_what_ran_while_they_were_on_a_vcpu() -> None:
    idle, one = process(0, "swapper"), process(7, "one", 1)
    batches = [
        record_of(BEGIN, 0, (10, 0, 0), NOBODY),
        record_of(BEGIN, 1, (11, 0, 0), NOBODY),
        record_of(START, 0, (15, 60, 0), process(7, "one")),
        record_of(SWITCH, 0, (20, 100, 0), one, idle),
        record_of(SWITCH, 0, (30, 250, 40), process(8, "two"), one),
        record_of(END, 0, (45, 300, 50), NOBODY),
        record_of(SWITCH, 1, (40, 500, 0), one, idle),
        record_of(NAMED, 1, (41, 510, 0), process(7, "renamed")),
        record_of(END, 1, (60, 700, 60), NOBODY),
    ]
    found = Switches()
    found.follow([batches[0], *batches[5:], *batches[1:5]])
    rows = {
        (each.pid, each.comm): (each.instructions, each.user, each.ticks, each.migrations)
        for each in found.threads
    }
    assert rows[7, "renamed"] == (150 + 200, 40 + 60, 10 + 20, 1)
    assert rows[8, "two"] == (50, 10, 15, 0)
    assert sum(each.instructions for each in found.threads) == 300 + 700
    assert sorted(each.instructions for each in found.threads if each.pid == 0) == [100, 500]
    thread = next(each for each in found.threads if each.pid == 7)
    assert (thread.switches, thread.voluntary, thread.cpus) == (1, 1, {0, 1})


def test_a_number_that_is_given_again_is_another_thread() -> None:
    found = Switches()
    found.follow(
        [
            record_of(BEGIN, 0, (1, 0, 0), NOBODY),
            record_of(SWITCH, 0, (2, 10, 0), process(7, "one"), process(0)),
            record_of(SWITCH, 0, (3, 30, 0), process(0), process(7, "one")),
            record_of(START, 0, (4, 40, 0), process(7, "another")),
            record_of(SWITCH, 0, (5, 50, 0), process(7, "another"), process(0)),
            record_of(END, 0, (6, 90, 0), NOBODY),
        ]
    )
    rows = [(each.comm, each.instructions) for each in found.threads if each.pid == 7]
    assert rows == [("one", 20), ("another", 40)]


def test_a_name_longer_than_there_is_room_for_is_cut() -> None:
    found = record_of(NAMED, 0, (1, 0, 0), process(7, "x" * 40))
    assert found.dtype == RECORD
    assert found["comm"].tobytes() == b"x" * 16


def test_a_handler_goes_on_where_its_thread_does() -> None:
    one, two = Thread(1), Thread(2)
    spans = [RunSpan(one, 0, 0, 100), RunSpan(two, 0, 100, 200), RunSpan(one, 1, 150, 300)]
    visits = {
        0: visits_of([(10, HANDLER), (20, OTHER_HANDLER), (30, LEAVE), (120, LEAVE)]),
        1: visits_of([(200, LEAVE), (250, OTHER_HANDLER), (260, LEAVE)]),
    }
    found = [(each.kind, each.cpu, each.began, each.ended)
             for each in entries_in(spans, visits, KINDS)]  # fmt: skip
    assert found == [
        ("system call", 0, 10, 100),
        ("interrupt", 0, 20, 30),
        ("kernel", 0, 100, 120),  # a new thread begins in the kernel
        ("system call", 1, 150, 200),
        ("interrupt", 1, 250, 260),
    ]


def visits_of(rows: list[tuple[int, int]]) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    found = np.zeros(len(rows), events.TIMED)
    found["time"], found["pc"] = [row[0] for row in rows], [row[1] for row in rows]
    return found
