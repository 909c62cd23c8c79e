"""The table: a type that holds every value exactly, whatever plugins report."""

from pathlib import Path
from typing import Any

import polars
import pytest

from mttcg.campaign.attempt import Attempt, Ended, RunOutcome, outcome_of
from mttcg.campaign.store import EndedRun, Store
from mttcg.campaign.table import FIXED_TYPES, flat_vcpu, scalars_of, write_table
from mttcg.supervisor.results.result import VcpuResult

BIG = (1 << 64) - 1


@pytest.mark.parametrize(
    ("values", "kind", "read"),
    [
        ([1, None, -2], polars.Int64, [1, None, -2]),
        ([1, BIG], polars.UInt64, [1, BIG]),
        ([-1, BIG], polars.String, ["-1", str(BIG)]),
        ([1 << 70, 1], polars.String, [str(1 << 70), "1"]),
        ([1, 0.5], polars.Float64, [1.0, 0.5]),
        ([True, None], polars.Boolean, [True, None]),
        ([True, 1], polars.String, ["true", "1"]),
        (["a", 1, None], polars.String, ["a", "1", None]),
        ([None, None], polars.String, [None, None]),
    ],
)
def test_a_column_of_scalars(values: list[Any], kind: Any, read: list[Any], tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write_table(path, [{"report.x": value} for value in values])
    table = polars.read_parquet(path)
    assert table.schema == {"report.x": kind}
    assert table["report.x"].to_list() == read


def test_a_table_without_rows_has_its_columns(tmp_path: Path) -> None:
    write_table(tmp_path / "table.parquet", [])
    assert list(polars.read_parquet(tmp_path / "table.parquet").schema) == list(FIXED_TYPES)


def test_vcpus_are_objects_of_scalars(tmp_path: Path) -> None:
    stopped = VcpuResult(0, 1, 2, 0.5, 0.0, 3, 4, 5, "stopped", 0x80000000)
    killed = VcpuResult(
        1, BIG, 2, 0.5, 0.0, 3, 4, 5, "killed", 0, registers={"a0": 1}, unsupported={"x": 2}
    )
    vcpus = [flat_vcpu(vcpu.to_json()) for vcpu in (stopped, killed)]
    write_table(tmp_path / "table.parquet", [{"vcpus": vcpus}, {"vcpus": None}])
    [[one, two], nothing] = polars.read_parquet(tmp_path / "table.parquet")["vcpus"].to_list()
    assert nothing is None
    assert (one["pc"], one["registers"], one["cache_hits"]) == ("0x80000000", None, 3)
    assert (two["instructions"], two["registers"]) == (BIG, '{"a0": "0x1"}')
    assert two["unsupported"] == '{"x": 2}'
    assert set(one) == set(vcpus[0])


def test_columns_of_one_group_stand_together(tmp_path: Path) -> None:
    rows = [{"run": "1", "report.a": 1, "host.x": 2}, {"run": "2", "report.b": 3, "host.x": 4}]
    write_table(tmp_path / "table.parquet", rows)
    schema = polars.read_parquet(tmp_path / "table.parquet").schema
    assert list(schema) == ["run", "report.a", "report.b", "host.x"]


def test_reports_become_columns_but_for_lists() -> None:
    report = {"p": {"total": {"n": 1}, "rows": [1], "ok": True, "none": None}, "q": {}}
    assert dict(scalars_of("report", report)) == {
        "report.p.total.n": 1,
        "report.p.ok": True,
        "report.p.none": None,
    }


GOOD = {"failures": []}


@pytest.mark.parametrize(
    ("attempt", "expect", "outcome", "why"),
    [
        (Attempt(Ended.BY_ITSELF, 0, result=GOOD), (0,), RunOutcome.PASSED, ""),
        (Attempt(Ended.BY_ITSELF, 3, result=GOOD), (0, 3), RunOutcome.PASSED, ""),
        (
            Attempt(Ended.BY_ITSELF, 3, result=GOOD),
            (0, 1),
            RunOutcome.FAILED,
            "exit status 3; expected 0 or 1",
        ),
        # the statuses of a mistake and of a fault are not those of a guest
        (Attempt(Ended.BY_ITSELF, 2, why="no"), (2,), RunOutcome.FAILED, "no"),
        (
            Attempt(Ended.BY_ITSELF, 70, why="no", result={"failures": ["no"]}),
            (70,),
            RunOutcome.FAILED,
            "no",
        ),
        (
            Attempt(Ended.TIME_LIMIT, 143, time_limit=1.5, result=GOOD),
            (143,),
            RunOutcome.TIMED_OUT,
            "it was stopped after 1.5 s",
        ),
        (Attempt(Ended.LOST, -9, why="gone"), (0,), RunOutcome.LOST, "gone"),
    ],
)
def test_what_an_attempt_counts_as(
    attempt: Attempt, expect: tuple[int, ...], outcome: RunOutcome, why: str
) -> None:
    assert outcome_of(attempt, expect) == (outcome, why)


def test_records_are_kept_whole(tmp_path: Path) -> None:
    record = EndedRun("a" * 32, 2, Attempt(Ended.BY_ITSELF, 0, console="é\0", result={"x": [1.5]}))
    with Store(tmp_path / "there", "name") as store:
        store.write(record)
        (store.runs / "b.json").write_text('{"key": "b"')  # whatever wrote that, it is none
        assert store.records([record.key, "b", "c"]) == {record.key: record}
        (store.files / "x.part").mkdir()
        (store.runs / "y.json.part").write_text("{")
    with Store(tmp_path / "there", "name") as store:
        assert list(store.files.iterdir()) == []
        assert sorted(path.name for path in store.runs.iterdir()) == [
            f"{record.key}.json",
            "b.json",
        ]


def test_what_a_run_leaves_is_kept_unless_it_left_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "there", "name") as store:
        for content in ("old", "new"):
            with store.place("some") as place:
                (place / "left").mkdir()
                (place / "left" / "file").write_text(content)
        with store.place("other") as place:
            (place / "left").mkdir()
        assert [path.name for path in store.files.iterdir()] == ["some"]
        assert (store.files / "some" / "file").read_text() == "new"
