import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import run_result, vcpu_result

from mttcg.supervisor.results.result import StopReason, json_ready

VCPU_NAMES = {"index", "instructions", "blocks", "seconds_running", "seconds_idle", "cache"}
RESULT_NAMES = {"guest", "engine", "host", "exit_status", "vcpus", "plugins", "ledger"}


def test_the_fixed_names_are_all_there() -> None:
    found = run_result().to_json()
    assert found.keys() >= RESULT_NAMES
    assert found["vcpus"][1].keys() >= VCPU_NAMES
    assert found["vcpus"][1]["cache"] == {
        "hits": 900,
        "misses": 100,
        "invalidated": 3,
    }
    assert found["ledger"]["memtrace.access"] == {
        "emitted": 9,
        "delivered": 7,
        "dropped": 1,
        "in_flight": 1,
    }
    assert found["plugins"]["icount"]["vcpus"] == [{"index": 0, "blocks": 12}]


def test_values_come_back_from_json_text_as_they_were() -> None:
    found = run_result(exit_status=3, stop_reason=StopReason.ALL_WAITING, failures=["a\nb"])
    back = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert back == found.to_json()
    assert (back["exit_status"], back["stop_reason"]) == (3, str(StopReason.ALL_WAITING))
    assert back["failures"] == ["a\nb"]
    assert back["vcpus"][0]["instructions"] == 1_000_000
    assert found.instructions == 2_000_001


def test_addresses_and_registers_are_hexadecimal_text() -> None:
    found = vcpu_result(0, registers={"sp": 2**64 - 16}, pc=0x8000_0000).to_json()
    assert found["pc"] == "0x80000000"
    assert found["registers"] == {"sp": "0xfffffffffffffff0"}
    assert vcpu_result(0).to_json()["registers"] is None


@dataclass
class Point:
    x: Any


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.uint64(2**63), 2**63),
        (np.float32(0.5), 0.5),
        (np.array([[1, 2]]), [[1, 2]]),
        ({np.int64(4): (1, 2)}, {"4": [1, 2]}),
        ({(0, 1): None}, {"[0, 1]": None}),
        (math.nan, None),
        (Path("a/b"), "a/b"),
        (Point(np.bool_(True)), {"x": True}),
        (np.datetime64("2026-01-02T00:00:00"), "2026-01-02 00:00:00"),
        (Point, str(Point)),
    ],
)
def test_odd_values_in_a_report_become_what_json_has(value: Any, expected: Any) -> None:
    found = json_ready(value)
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == expected
