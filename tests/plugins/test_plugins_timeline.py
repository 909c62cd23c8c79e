"""The trace: its slices by construction, and the rules of the Trace Event format."""

import json
from pathlib import Path
from typing import Any

from plugin_harness import replayed, run_plugins

Slice = dict[str, Any]


def read_tracks(path: Path) -> dict[str, list[Slice]]:
    """Slices by the name of their track, checked against the format's rules."""
    events = json.loads(path.read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    tracks: dict[str, list[Slice]] = {name: [] for name in names.values()}
    for event in events:
        assert event["ph"] in ("M", "X")
        if event["ph"] == "X":
            assert event["pid"] == 1
            assert event["ts"] >= 0 and event["dur"] >= 0
            tracks[names[event["tid"]]].append(event)
    for slices in tracks.values():
        check_nesting(slices)
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


def test_interrupts_idle_time_and_calls_of_a_timer(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    result = run_plugins("timer", f"timeline,out={file}", smp=2, rounds=5)
    tracks = read_tracks(file)
    assert list(tracks) == ["vCPU 0", "vCPU 1"]
    for vcpu in result["vcpus"]:
        slices = tracks[f"vCPU {vcpu['index']}"]
        interrupts = [one for one in slices if one["name"].startswith("interrupt ")]
        assert len(interrupts) == vcpu["interrupts"] >= 5
        assert {one["name"] for one in interrupts} == {"interrupt 7"}
        handlers = [one for one in slices if one["name"] == "guest_trap"]
        assert len(handlers) == len(interrupts)
        for handler, interrupt in zip(handlers, interrupts, strict=True):
            inside = interrupt["ts"] <= handler["ts"]
            assert inside and handler["dur"] <= interrupt["dur"]
        idle = sum(one["dur"] for one in slices if one["name"] == "idle")
        assert (idle > 0) == (vcpu["seconds_idle"] > 0)
        assert sum(one["name"] == "guest_main" for one in slices) == 1


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
