"""How one vCPU uses atomics, and waits in loops that look at one place again and again."""

from typing import Any

import numpy as np

from mttcg.instrument import compiled
from mttcg.instrument.events import AMO, FAILED, FENCE, KIND, LOAD_RESERVED, WRITE
from mttcg_bus.wire.stream import Records

PLACES = 1 << 10
"""Places of a table at the start."""

ROW = np.dtype(
    [
        ("address", "<u8"),
        ("pc", "<u8"),
        ("atomics", "<i8"),
        ("changed", "<i8"),
        ("failed", "<i8"),
        ("taken", "<i8"),
        ("waits", "<i8"),
        ("looks", "<i8"),
        ("ticks", "<i8"),
        ("longest", "<i8"),
        ("value", "<u8"),
        ("used", "<i8"),
    ]
)
"""What happened at an address by the instruction at pc.

atomics: store-conditionals that stored, and read-modify-writes but for those in `taken`. changed:
how often a load-reserved or a read-modify-write found another value than this vCPU had last seen by
one, or left. failed: store-conditionals that did not store. taken: read-modify-writes that found
something other than 0, and left it as it was. waits: how often the vCPU looked in a
loop, the first look by this instruction. looks, ticks, longest: of the waits. `value` is what was
last seen, in the row of pc 0. `used`: whether there is such a row.
"""
SUMS = ("atomics", "changed", "failed", "taken", "waits", "looks", "ticks")

STATE = np.dtype(
    [
        ("taken", "<i8"),
        ("old", "<u8"),
        ("waiting", "<i8"),
        ("address", "<u8"),
        ("pc", "<u8"),
        ("since", "<u8"),
        ("until", "<u8"),
        ("looks", "<i8"),
        ("rounds", "<i8"),
    ]
)
"""Between two records: how many rows are taken; what was read whose write comes next; the place
that is being looked at, from where first, when first and last, how often, and how often from
there again."""


@compiled
def row_of(table: Any, state: Any, address: Any, pc: Any) -> Any:
    """The row of an address and pc in an open hash table, made if there is none."""
    last = np.uint64(len(table) - 1)
    mixed = (address ^ pc << np.uint64(21)) * np.uint64(0x9E3779B97F4A7C15)
    place = (mixed ^ mixed >> np.uint64(31)) & last
    while table[place].used:
        if table[place].address == address and table[place].pc == pc:
            return place
        place = (place + np.uint64(1)) & last
    table[place].used = 1
    table[place].address = address
    table[place].pc = pc
    state[0].taken += 1
    return place


@compiled
def see(table: Any, state: Any, record: Any) -> None:
    """An atomic found a value: whether somebody else has put it there."""
    known = state[0].taken
    place = row_of(table, state, record.address, np.uint64(0))
    if state[0].taken == known and table[place].value != record.value:
        table[row_of(table, state, record.address, record.pc)].changed += 1
    table[place].value = record.value


@compiled
def overwrite(table: Any, record: Any) -> None:
    """A plain store: what the vCPU leaves at a place that atomics are used on."""
    last = np.uint64(len(table) - 1)
    mixed = record.address * np.uint64(0x9E3779B97F4A7C15)
    place = (mixed ^ mixed >> np.uint64(31)) & last
    while table[place].used:
        if table[place].address == record.address and table[place].pc == 0:
            table[place].value = record.value
        place = (place + np.uint64(1)) & last


@compiled
def leave(table: Any, state: Any) -> None:
    """The place that was looked at is left: it was waited for if that was a loop."""
    waited = state[0]
    if waited.waiting and waited.rounds > 0:
        place = row_of(table, state, waited.address, waited.pc)
        ticks = np.int64(waited.until - waited.since)
        table[place].waits += 1
        table[place].looks += waited.looks
        table[place].ticks += ticks
        table[place].longest = max(table[place].longest, ticks)
    state[0].waiting = 0


@compiled
def look(table: Any, state: Any, record: Any) -> None:
    """A look that found nothing to go on with, yet."""
    if not state[0].waiting or state[0].address != record.address:
        leave(table, state)
        state[0].waiting, state[0].looks, state[0].rounds = 1, 0, -1
        state[0].address, state[0].pc = record.address, record.pc
        state[0].since = record.time
    state[0].looks += 1
    state[0].rounds += record.pc == state[0].pc
    state[0].until = record.time + record.ticks


@compiled
def store(table: Any, state: Any, record: Any) -> bool:
    """The store of an atomic; whether it changed anything."""
    place = row_of(table, state, record.address, record.pc)
    if record.how & FAILED:
        table[place].failed += 1
        return False
    if record.how & KIND == AMO and record.value == state[0].old != 0:
        table[place].taken += 1
        return False
    table[place].atomics += 1
    seen = row_of(table, state, record.address, np.uint64(0))
    table[seen].value = record.value
    return True


@compiled
def follow(records: Any, base: int, size: int, table: Any, state: Any) -> int:
    """Follow one vCPU's records of `events.TIMED_ACCESS`; how many of them.

    Args:
        records: a batch.
        base: start of RAM; what is elsewhere is a device, and passed over.
        size: of RAM in bytes.
        table: of ROW, a power of two of rows.
        state: one STATE.

    It ends early when half of the rows are taken.
    """
    for n in range(len(records)):
        if 2 * (state[0].taken + 4) > len(table):
            return n
        record = records[n]
        kind, write = record.how & KIND, record.how & WRITE
        if kind == FENCE or record.address - np.uint64(base) >= np.uint64(size):
            continue
        if kind == 0 and write:
            overwrite(table, record)
            leave(table, state)
        elif kind == 0:
            look(table, state, record)
        elif kind == LOAD_RESERVED:
            see(table, state, record)
            look(table, state, record)
        elif kind == AMO and not write:
            see(table, state, record)
            state[0].old = record.value
        elif not store(table, state, record):
            look(table, state, record)
        else:
            if state[0].address == record.address:
                state[0].until = record.time + record.ticks
            leave(table, state)
    return len(records)


class Follower:
    """Follows one vCPU, batch by batch."""

    def __init__(self) -> None:
        self.table, self.state = np.zeros(PLACES, ROW), np.zeros(1, STATE)

    def add(self, records: Records, base: int, size: int) -> None:
        """Take in a batch, with where RAM is."""
        done = follow(records, base, size, self.table, self.state)
        while done < len(records):
            self._grow()
            done += follow(records[done:], base, size, self.table, self.state)

    def _grow(self) -> None:
        """Have twice the rows."""
        larger, rows = np.zeros(2 * len(self.table), ROW), self.table[self.table["used"] > 0]
        self.state["taken"] = 0
        for row in rows:
            larger[row_of(larger, self.state, row["address"], row["pc"])] = row
        self.table = larger

    def rows(self) -> Records:
        """The rows so far; a wait that has not ended is counted up to its last look."""
        table, state = self.table.copy(), self.state.copy()
        leave(table, state)
        rows = table[(table["used"] > 0) & (table["pc"] > 0)]
        return rows[np.lexsort((rows["pc"], rows["address"]))]
