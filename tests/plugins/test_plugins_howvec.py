"""The instruction mix: exact to the last instruction, and as a guest's code says."""

from pathlib import Path
from typing import Any

import pytest
from plugin_harness import replayed, run_plugins


def mix(report: Any) -> dict[str, int]:
    return {row["class"]: row["executions"] for row in report["mix"]}


def test_a_mix_by_construction(own_guests: dict[str, Path]) -> None:
    result = run_plugins(own_guests["mixed"], "howvec,top=0")
    report = result["plugins"]["howvec"]
    counts = mix(report)
    alu = counts.pop("alu")
    assert counts == {
        "multiply": 100,
        "divide": 100,
        "load": 100,  # and one that traps
        "store": 101,
        "branch": 100,
        "call": 100,
        "return": 100,
        "atomic": 100,
        "csr": 4,
        "system": 1,
    }
    assert (
        report["instructions"] == alu + sum(counts.values()) == result["vcpus"][0]["instructions"]
    )
    names = {row["instruction"]: row["executions"] for row in report["frequent"]}
    assert names["amoadd.d"] == names["divu"] == names["ret"] == 100
    assert names["nop"] == 3  # not those behind what ends the machine
    assert names["sw"] == names["mret"] == 1


@pytest.mark.parametrize(("guest", "smp"), [("mix", 2), ("trap", 2), ("selfmod", 1), ("ipi", 2)])
def test_the_sum_is_what_was_retired(guest: str, smp: int) -> None:
    rounds = {"mix": {"rounds": 1}, "selfmod": {"rounds": 20}, "ipi": {"rounds": 20}}.get(guest, {})
    result = run_plugins(guest, "howvec", smp=smp, **rounds)
    report = result["plugins"]["howvec"]
    for vcpu in result["vcpus"]:
        column = f"cpu{vcpu['index']}"
        assert sum(row[column] for row in report["mix"]) == vcpu["instructions"]
    assert report["instructions"] == sum(vcpu["instructions"] for vcpu in result["vcpus"])


def test_shards_and_a_replay_find_the_same(tmp_path: Path) -> None:
    recording = tmp_path / "run.rec"
    result = run_plugins("hello", "howvec,top=0", smp=3, shards=2, record=recording)
    again = replayed(recording, "howvec,top=0", tmp_path / "report")
    assert again == result["plugins"]["howvec"]
