"""Targets with a condition, and targets that run once: against the counts without."""

import io
from pathlib import Path
from typing import Any

import pytest
from instrument_harness import GUESTS, lines_by_cpu, plugin

from mttcg.instrument import When, events, probe
from mttcg.instrument.api.changes import Attachment, Where
from mttcg.instrument.api.check import check_target
from mttcg.instrument.errors import TargetError
from mttcg.supervisor.machine import Machine


def run(engine: str, out: Path, smp: int) -> dict[int, Any]:
    machine = Machine(
        GUESTS / "counter.elf",
        smp=smp,
        engine=engine,
        plugins=(plugin("sometimes", out=out),),
        symbols_set={"rounds": 20, "harts_expected": smp},
    )
    result = machine.run(console=io.BytesIO())
    assert result.exit_status == 0, result.failures
    return lines_by_cpu(out)


@pytest.mark.parametrize("smp", [1, 2])
@pytest.mark.parametrize("engine", ["unicorn", "llvm"])
def test_conditions_and_once_agree_with_the_counts_without(
    engine: str, smp: int, tmp_path: Path
) -> None:
    for line in run(engine, tmp_path / "out", smp).values():
        # the vCPU's own count has the block that is running; the counts stop before it
        assert line["tenths"] == len(line["tenth"])
        assert line["tenths"] in (line["blocks"] // 10, (line["blocks"] - 1) // 10)
        assert line["first"] == line["executed_blocks"] == len(line["once"])
        assert len(set(line["once"])) == len(line["once"])
        assert line["sums"][1] == line["long_blocks"] > 0
        assert line["sums"][0] > 4 * line["long_blocks"]
        assert 0 < line["stores"] < line["accesses"]
        assert line["first_access"] == 1
        assert line["wide"] == [8]
        assert len(line["at_main"]) == 1


def test_both_engines_see_the_same(tmp_path: Path) -> None:
    assert run("unicorn", tmp_path / "one", 1) == run("llvm", tmp_path / "other", 1)


@pytest.mark.parametrize(
    ("where", "given", "wrong"),
    [
        (Where.INSTRUCTION, {"once": True}, "once is for one pc"),
        (Where.BLOCK, {"when": "always"}, "when is a When with a probe"),
        (Where.BLOCK, {"when": When(len)}, "when is a When with a probe"),  # type: ignore[arg-type]
        (Where.BLOCK, {"when": When(probe(len), events)}, "words of when"),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_be_is_refused(where: Where, given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(TargetError, match=wrong):
        check_target(Attachment("p", where, None, None, print, None, **given))
