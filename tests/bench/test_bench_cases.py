"""The benchmarks run and their data hold together; how fast anything is, is no test's business."""

import io
import json
from pathlib import Path

import pytest
from mttcg_bench.table import markdown
from rich.console import Console

from mttcg_bench import __main__ as command
from mttcg_bench.cases import CASES, UNICORN
from mttcg_bench.errors import CountWrong, OutputsDiffer, UnknownCase
from mttcg_bench.model import Bar, Case, Figure, Measurement, Side, Variant
from mttcg_bench.runner import CaseResult, Plan, check_output, run_case
from mttcg_bench.summary import case_from_json, case_to_json, spreads, verdicts
from mttcg_bench.tools import TOOLS
from mttcg_bench.tools import command as command_tool

ONCE = Plan(runs=1, patience=0, attempts=1)
SPEC = Path(command.__file__).with_name("SPEC.md")
TINY = Case(
    name="tiny.mix",
    purpose="one round of mix",
    guest="mix",
    symbols={"rounds": 1},
    variants=(
        Variant("nothing"),
        Variant("icount", plugins=("icount",), counts="instructions"),
        Variant("Unicorn", "unicorn", settings={"mapping": "whole"}),
    ),
    figures=(Figure("time", (("icount", "guest", 1), ("nothing", "guest", -1)), "times"),),
    bars=(Bar("time", Side.AT_LEAST, 0.0, "a run takes time"),),
)


def result_of(case: Case, *rounds: dict[str, float]) -> CaseResult:
    """A result in which every variant took so many seconds, by round."""
    samples = {
        variant.name: [
            {"guest": one[variant.name], "foreign_cores": 0.0, "load": 0.0} for one in rounds
        ]
        for variant in case.variants
    }
    return CaseResult(case, samples)


def test_every_name_that_a_case_uses_exists() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        variants = {variant.name: variant for variant in case.variants}
        figures = {figure.name: figure for figure in case.figures}
        assert len(variants) == len(case.variants) and len(figures) == len(case.figures)
        assert {variant.tool for variant in case.variants} <= TOOLS.keys()
        assert {term[0] for figure in case.figures for term in figure.terms} <= variants.keys()
        assert {bar.figure for bar in case.bars} <= figures.keys()


def test_every_bar_has_its_claim_in_the_specification() -> None:
    text = SPEC.read_text()
    for case in CASES:
        named = case.name in text or f"{case.group}.*" in text
        assert named, case.name
        for bar in case.bars:
            assert f"{bar.side} {bar.limit:g}" in text, (case.name, bar.figure)
            assert bar.claim.replace(" mix ", " `mix` ").removeprefix("empty ") in text, bar.claim


def test_cases_are_chosen_by_name_and_group() -> None:
    assert command.choose([]) == list(CASES)
    assert [case.name for case in command.choose(["scaling", "overhead.empty"])] == [
        "overhead.empty",
        "scaling.mix",
    ]
    with pytest.raises(UnknownCase, match=r"no case 'speed'; known are: overhead\.empty"):
        command.choose(["speed"])


def test_ratios_are_taken_round_by_round() -> None:
    rounds = [
        {"nothing": 1.0, "icount": 2.0, "Unicorn": 1.0},
        {"nothing": 10.0, "icount": 30.0, "Unicorn": 1.0},
        {"nothing": 2.0, "icount": 8.0, "Unicorn": 1.0},
    ]
    result = result_of(TINY, *rounds)
    found = spreads(result)["time"]
    assert (found.median, found.least, found.most, found.noisy) == (3.0, 2.0, 4.0, True)
    [verdict] = verdicts(result)
    assert verdict.text == "holds"


@pytest.mark.parametrize(
    ("limit", "text"), [(1.0, "fails"), (3.0, "holds by the median"), (4.0, "holds")]
)
def test_a_bar_is_held_against_the_median(limit: float, text: str) -> None:
    bar = Bar("time", Side.AT_MOST, limit, "fast")
    case = Case("a.b", "", TINY.variants[:2], TINY.figures, (bar,))
    result = result_of(case, *({"nothing": 1.0, "icount": float(n)} for n in (2, 3, 4)))
    assert [verdict.text for verdict in verdicts(result)] == [text]


def test_a_tiny_case_runs_and_comes_back_from_json() -> None:
    result = run_case(TINY, ONCE)
    [nothing], [icount] = result.samples["nothing"], result.samples["icount"]
    assert nothing["instructions"] == icount["instructions"] == icount["events"] > 4_000_000
    assert 0 < icount["vcpu_cpu"] <= icount["all_cpu"]
    plain = json.loads(json.dumps(case_to_json(result)))
    assert plain["bars"][0]["verdict"] == "holds"
    assert case_from_json(TINY, plain) == result


def test_a_guest_that_prints_something_else_fails_the_case() -> None:
    outputs: dict[int, dict[str, str]] = {}
    first, second = TINY.variants[:2]
    check_output(TINY, first, Measurement({}, "hart 0 x\nhart 1 y\n"), outputs)
    check_output(TINY, second, Measurement({}, "hart 1 y\r\nhart 0 x\r\n"), outputs)
    with pytest.raises(OutputsDiffer) as caught:
        check_output(TINY, second, Measurement({}, "hart 0 z\n"), outputs)
    assert "hart 0 x\nhart 1 y" in str(caught.value) and "hart 0 z" in str(caught.value)


def test_a_plugin_that_counts_wrong_fails_the_case() -> None:
    wrong = Variant("empty", plugins=("empty",), counts="blocks")
    with pytest.raises(CountWrong, match=r"empty: 0 events; expected \d+ blocks"):
        command_tool.measure(TINY, wrong)


def test_every_way_to_map_ram_runs_the_guest_alike() -> None:
    variants = tuple(v for v in UNICORN.variants if v.tool == "unicorn")
    case = Case("tiny.unicorn", "", variants, (), guest="mix", symbols={"rounds": 1})
    result = run_case(case, ONCE)  # OutputsDiffer otherwise
    assert len(result.samples) == 3


def test_the_bus_is_measured_without_loss() -> None:
    small = {"records": 100_001}
    variants = (Variant("ring", "ring", settings=small), Variant("bus", "bus", settings=small))
    result = run_case(Case("tiny.bus", "", variants, ()), ONCE)  # RunFailed otherwise
    assert result.samples["bus"][0]["records"] == 100_001


def test_a_missing_tool_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    case = next(case for case in CASES if case.name == "engines.qemu")
    result = run_case(case, ONCE)
    assert "qemu-system-riscv64 is not installed" in result.reason
    assert case_to_json(result)["skipped"] == result.reason


def test_results_are_written_after_each_case(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    console = Console(file=io.StringIO())
    plain = command.run_cases([TINY], ONCE, console, file)
    assert json.loads(file.read_text())["cases"]["tiny.mix"]["samples"].keys() == {
        "nothing",
        "icount",
        "Unicorn",
    }
    text = markdown(plain, [case_from_json(TINY, plain["cases"]["tiny.mix"])])
    assert "| tiny.mix | time | at least 0 |" in text
    assert str(tmp_path) not in file.read_text() and str(SPEC.parents[1]) not in file.read_text()
