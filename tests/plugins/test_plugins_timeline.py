"""The trace: its slices by construction, and the rules of the Trace Event format."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import perfetto_ui
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugin_harness import replayed, run_plugins

from mttcg.instrument import events
from mttcg_plugins._counts import slices

MACHINE_RETURN = 0x3020_0073
"""mret."""

Slice = dict[str, Any]


def read_tracks(path: Path) -> dict[str, list[Slice]]:
    """Slices by the name of their track, checked against the format's rules."""
    events = json.loads(path.read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    tracks: dict[str, list[Slice]] = {name: [] for name in names.values()}
    for event in events:
        assert event["ph"] in ("M", "X")
        if event["ph"] == "X":
            assert event["pid"] == 1
            assert event["ts"] >= 0 and event["dur"] >= 0
            tracks[names[event["tid"]]].append(event)
    for track in tracks.values():
        check_nesting(track)
    return tracks


def check_nesting(slices: list[Slice]) -> None:
    """Slices of a track begin in order, and lie within or behind each other."""
    ends: list[float] = []
    for one in slices:
        while ends and ends[-1] <= one["ts"]:
            ends.pop()
        end = one["ts"] + one["dur"]
        assert not ends or end <= ends[-1] + 0.001, one
        ends.append(end)
    assert [one["ts"] for one in slices] == sorted(one["ts"] for one in slices)


TRACKS = (
    "slice join thread_track on slice.track_id = thread_track.id join thread using (utid) "
    "join process using (upid)"
)
QUESTIONS = {
    "tracks": "select thread.name, process.name from thread join process using (upid) "
    "where thread.name is not null order by thread.name",
    "counts": f"select thread.name, category, count(*) from {TRACKS} group by 1, 2",
    "slices": f"select thread.name, slice.name, category, slice.ts, slice.dur, depth from {TRACKS} "
    "order by slice.id",
    "inside": f"select count(*) from {TRACKS} join slice parent on slice.parent_id = parent.id "
    "where slice.ts < parent.ts or slice.ts + slice.dur > parent.ts + parent.dur",
    "wrong": "select name, value from stats where severity in ('error', 'data_loss') and value > 0",
}


def test_the_perfetto_ui_opens_it_and_has_the_same_slices(tmp_path: Path) -> None:
    if wrong := perfetto_ui.missing():
        pytest.skip(wrong)
    file = tmp_path / "trace.json"
    result = run_plugins("timer", f"timeline,out={file}", smp=2, rounds=5)
    rows = {f"vCPU {row['cpu']}": row for row in result["plugins"]["timeline"]["vcpus"]}
    answers = perfetto_ui.ask(file, tmp_path / "profile", QUESTIONS)
    assert answers["wrong"] == []
    assert answers["tracks"] == [[name, "timer.elf"] for name in sorted(rows)]
    counted = {(name, kind): count for name, kind, count in answers["counts"]}
    for name, row in rows.items():
        kinds = {"function": "functions", "interrupt": "interrupts", "idle": "idle"}
        assert {k: counted.get((name, k), 0) for k in kinds} == {k: row[kinds[k]] for k in kinds}
        assert row["slices"] == sum(n for (track, _), n in counted.items() if track == name)
        assert row["interrupts"] >= 5 and row["exceptions"] == row["left out"] == 0
    assert answers["inside"] == [[0]]
    written = [
        [track, one["name"], one["cat"], *(round(one[key] * 1000) for key in ("ts", "dur"))]
        for track, shown in read_tracks(file).items()
        for one in shown
    ]
    assert sorted(row[:5] for row in answers["slices"]) == sorted(written)
    depths = {(name, depth) for _, name, _, _, _, depth in answers["slices"]}
    assert ("runtime_main", 0) in depths and ("guest_main", 1) in depths


class Stacks:
    """The slices of one vCPU, told once more: a list of frames."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, list[int]]] = []
        self.slices: list[list[int]] = []
        self.latest = 0

    def begin(self, kind: int, what: int, time: int, back: int) -> None:
        self.slices.append([kind, what, time, -1])
        self.frames.append((back, self.slices[-1]))

    def end(self, back: int, time: int) -> None:
        if back in (known := [place for place, _ in self.frames]):
            for _, one in self.frames[len(known) - 1 - known[::-1].index(back) :]:
                one[3] = time
            del self.frames[len(known) - 1 - known[::-1].index(back) :]

    def follow(self, word: int, pc: int, target: int, time: int) -> None:
        self.latest = time
        if word in (slices.EXCEPTION, slices.INTERRUPT):
            self.begin(word, target, time, slices.IN_TRAP)
        elif word == slices.IDLE:
            self.begin(word, 0, time, slices.ASLEEP)
        elif word in (slices.RESUME, MACHINE_RETURN):
            self.end(slices.ASLEEP if word == slices.RESUME else slices.IN_TRAP, time)
        elif word == slices.END:
            for _, one in self.frames:
                one[3] = time
            self.frames = []
        else:
            if word != CALL:
                self.end(target, time)
            if word != RETURN:
                self.begin(slices.FUNCTION, target, time, pc + 4)

    def found(self) -> list[list[int]]:
        return [[*one[:3], self.latest if one[3] < 0 else one[3]] for one in self.slices]


CALL, RETURN, SWITCH, JUMP = 0x0000_00EF, 0x0000_8067, 0x0002_80E7, 0x0000_006F
"""jal ra; jalr to ra; jalr ra, t0; jal zero: of these the last is none of a timeline's."""
OWN = (slices.EXCEPTION, slices.INTERRUPT, slices.IDLE, slices.RESUME, slices.END)
ADDRESSES = st.integers(0, 5).map(lambda place: 0x8000_0000 + 4 * place)
STEPS = st.tuples(
    st.sampled_from((*OWN, MACHINE_RETURN, JUMP) + (CALL, RETURN, SWITCH) * 3),
    ADDRESSES,
    ADDRESSES,
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, min_size=5, max_size=80), st.integers(0, 80), st.sampled_from((0, 0, 7)))
def test_slices_are_those_of_plain_stacks(
    steps: list[tuple[int, int, int]], split: int, most: int
) -> None:
    rows = [(pc, to, time, 0, word, 0) for time, (word, pc, to) in enumerate(steps)]
    track, stacks = slices.Track(most), Stacks()
    track.frames, track.room = track.frames[:1].copy(), track.room[:1].copy()  # and they grow
    for part in (rows[:split], rows[split:]):
        track.add(np.array(part, dtype=events.TRANSFER))
    for pc, to, time, _, word, _ in rows:
        if word != JUMP:
            stacks.follow(word, pc, to, time)
    names = ["kind", "what", "began", "ended"]
    expected, kept = stacks.found(), most or len(rows)
    assert [list(one) for one in track.slices()[names].tolist()] == expected[:kept]
    assert track.left_out == len(expected[kept:])


def test_interrupts_idle_time_and_calls_of_a_timer(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    result = run_plugins("timer", f"timeline,out={file}", smp=2, rounds=5)
    tracks = read_tracks(file)
    assert list(tracks) == ["vCPU 0", "vCPU 1"]
    for vcpu in result["vcpus"]:
        shown = tracks[f"vCPU {vcpu['index']}"]
        interrupts = [one for one in shown if one["name"].startswith("interrupt ")]
        assert len(interrupts) == vcpu["interrupts"] >= 5
        assert {one["name"] for one in interrupts} == {"interrupt 7"}
        handlers = [one for one in shown if one["name"] == "guest_trap"]
        assert len(handlers) == len(interrupts)
        for handler, interrupt in zip(handlers, interrupts, strict=True):
            inside = interrupt["ts"] <= handler["ts"]
            assert inside and handler["dur"] <= interrupt["dur"]
        idle = sum(one["dur"] for one in shown if one["name"] == "idle")
        assert (idle > 0) == (vcpu["seconds_idle"] > 0)
        assert sum(one["name"] == "guest_main" for one in shown) == 1


def test_what_is_beyond_the_bound_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    result = run_plugins("hello", f"timeline,out={file},most=5")
    (row,) = result["plugins"]["timeline"]["vcpus"]
    whole = run_plugins("hello", "timeline")["plugins"]["timeline"]["vcpus"][0]
    assert row["slices"] == 5
    assert row["left out"] == whole["slices"] - 5 > 0


def test_shards_and_a_replay_make_the_same_trace(tmp_path: Path) -> None:
    recording, first, again = tmp_path / "run.rec", tmp_path / "one.json", tmp_path / "two.json"
    run_plugins("hello", f"timeline,out={first}", smp=3, shards=3, record=recording)
    replayed(recording, f"timeline,out={again}", tmp_path / "report")
    assert read_tracks(first) == read_tracks(again)
