"""The cases run and their data hold together; how fast anything is, is no test's business."""

import io
from pathlib import Path

import pytest
from bench_samples import TINY
from rich.console import Console

from mttcg.instrument.loading.loader import project_plugins
from mttcg_bench.cases import GROUPS, cases_of
from mttcg_bench.cases.attached import ATTACHED, BUNDLED, CALLS_OF_A_ROUND, NOTHING
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.engines import UNICORN
from mttcg_bench.cases.scaleout import case as scaleout_case
from mttcg_bench.checkout import ROOT
from mttcg_bench.errors import OutputsDiffer, RunFailed, UnknownName
from mttcg_bench.guests import calls_source, cold_source
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.quiet import WaitingBudget
from mttcg_bench.results import case_to_json, read, results_of
from mttcg_bench.runner import CaseResult, CaseRun, Outputs, check_output
from mttcg_bench.session import rounds_in_turn, run_cases
from mttcg_bench.summary import spreads
from mttcg_bench.tools import TOOLS, Tool
from mttcg_bench.tools.guests import BUILT, OWN

CASES = cases_of([], CaseChoice())
SPEC = (ROOT / "bench" / "SPEC.md").read_text()


def run_once(case: Case) -> CaseResult:
    run = CaseRun(case)
    run.take_round(WaitingBudget(0))
    return run.result


def test_every_name_that_a_case_uses_exists() -> None:
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.group for case in CASES} == GROUPS.keys()
    for case in CASES:
        variants = {variant.name: variant for variant in case.variants}
        figures = {figure.name: figure for figure in case.figures}
        assert len(variants) == len(case.variants) and len(figures) == len(case.figures), case.name
        assert {variant.tool for variant in case.variants} <= TOOLS.keys()
        assert {term[0] for figure in case.figures for term in figure.terms} <= variants.keys()
        assert {bar.figure for bar in case.bars} <= figures.keys()


def test_every_bar_has_its_claim_in_the_specification() -> None:
    for case in CASES:
        assert case.name in SPEC or f"`{case.group}.*`" in SPEC, case.name
        for bar in case.bars:
            [line] = [line for line in SPEC.splitlines() if f"| {bar.claim} |" in line]
            assert f"{bar.side} {bar.limit:g}" in line, (case.name, bar.figure)
            assert f"`{case.name}`" in line or f"`{case.group}.*`" in line, (case.name, bar.claim)


def test_cases_are_chosen_by_name_and_group() -> None:
    assert cases_of(["all"], CaseChoice()) == CASES
    chosen = cases_of(["startup", "engines.mix"], CaseChoice())
    assert [case.name for case in chosen] == ["engines.mix", "startup.hello"]
    with pytest.raises(UnknownName, match=r"no group or case 'speed'; known are: all, scaleout"):
        cases_of(["speed"], CaseChoice())


def test_what_is_chosen_is_what_runs() -> None:
    choice = CaseChoice(smp=(1, 3), engines=("llvm",), plugins=("icount", "./mine.py"))
    chosen = cases_of(["scaleout"], choice)
    assert [case.name for case in chosen] == ["scaleout.llvm-weak", "scaleout.llvm-strong"]
    assert [variant.name for variant in chosen[0].variants] == [
        *("nothing, 1", "icount, 1", "mine, 1"),
        *("nothing, 3", "icount, 3", "mine, 3"),
    ]
    assert chosen[0].variants[2].plugins[0].endswith("/mine.py")
    engines = {variant.engine for case in CASES for variant in case.variants}
    assert engines == {"llvm", "unicorn"}


CHECKED = [name for name, what in ATTACHED.items() if what.events and name != "memtrace-drop"]
"""What counts or records something, and loses nothing."""


def test_everything_that_is_attached_counts_right_on_two_harts() -> None:
    result = run_once(scaleout_case("llvm", "weak", ["empty", *CHECKED], {2: 1}))
    assert result.failures == {}  # CountWrong is one
    samples = {name: result.samples[f"{name}, 2"][0] for name in (NOTHING, "empty", *CHECKED)}
    for name, sample in samples.items():
        if counts := ATTACHED[name].counts:
            expected = 2 * CALLS_OF_A_ROUND if counts == "calls" else sample[counts]
            assert sample["events"] == expected > 0, name
    memtrace = samples["memtrace"]
    assert memtrace["events"] == memtrace["records_delivered"] > 0
    assert samples["access-probe"]["events"] > 0


def test_every_plugin_that_comes_with_mttcg_is_there_by_its_name() -> None:
    assert BUNDLED.keys() <= {plugin.name for plugin in project_plugins()}
    assert not [name for name in BUNDLED if ATTACHED[name].events]


def test_what_is_dropped_is_counted() -> None:
    result = run_once(scaleout_case("llvm", "weak", ["memtrace-drop"], {1: 6}))
    assert result.failures == {}
    [sample] = result.samples["memtrace-drop, 1"]
    assert sample["events"] == sample["records_delivered"] + sample["records_dropped"] > 0


def test_a_tiny_case_runs_and_says_what_it_took(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    plain = run_cases([TINY], 1, 0.0, Console(file=io.StringIO()), file)
    [result] = results_of(plain)
    [nothing], [icount] = result.samples["nothing"], result.samples["icount"]
    assert nothing["instructions"] == icount["instructions"] == icount["events"] > 4_000_000
    assert 0 < icount["vcpu_cpu"] <= icount["all_cpu"]
    assert icount["cpu_command"] > 0
    assert icount["pace"] > 0 and nothing["pace"] > 0
    assert spreads(result).keys() == {"time"}
    # results are written as they come, and name no place
    assert read(file) == plain
    assert plain["cases"]["tiny.mix"]["bars"][0]["verdict"] == "met"
    assert {"commit", "host", "peers", "load_before", "taken", "runs"} <= plain.keys()
    assert str(tmp_path) not in file.read_text() and str(ROOT) not in file.read_text()


def test_the_rounds_in_turn_every_case_are_spread_over_the_whole_run() -> None:
    few, one, all_of_them = (
        Case(name, "", (), (), rounds=most) for name, most in (("few", 3), ("one", 1), ("all", 99))
    )
    console = Console(file=io.StringIO())
    taken = [(n, run.case.name) for n, run in rounds_in_turn([few, one, all_of_them], 5, console)]
    assert taken == [
        *((0, "few"), (0, "all"), (1, "all"), (2, "few"), (2, "one")),
        *((2, "all"), (3, "all"), (4, "few"), (4, "all")),
    ]
    for runs in range(1, 10):
        parts = sum(few.takes_part(number, runs) for number in range(runs))
        assert parts == min(runs, 3)


def test_what_can_not_run_or_fails_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_case: Case, variant: Variant) -> Measurement:
        raise RunFailed(variant.name, "it broke")

    variants = (Variant("absent", "absent"), Variant("failing", "failing"))
    monkeypatch.setitem(TOOLS, "absent", Tool(lambda _variant: "there is none", fail))
    monkeypatch.setitem(TOOLS, "failing", Tool(lambda _variant: "", fail))
    said = io.StringIO()
    plain = run_cases([Case("tiny.none", "", variants, ())], 3, 0.0, Console(file=said, width=99))
    assert said.getvalue().count("tiny.none: absent: not run: there is none") == 1
    assert said.getvalue().count("tiny.none: failing: FAILED: failing: it broke") == 1
    [result] = results_of(plain)
    assert result.reasons == {"absent": "there is none"} and "failing" in result.failures


def test_outputs_are_compared_whatever_the_order_of_the_harts() -> None:
    outputs: Outputs = {}
    first, second = TINY.variants[:2]
    check_output(TINY, first, Measurement({}, "hart 0 x\nhart 1 y\n"), outputs)
    check_output(TINY, second, Measurement({}, "hart 1 y\r\nhart 0 x\r\n"), outputs)
    with pytest.raises(OutputsDiffer) as caught:
        check_output(TINY, second, Measurement({}, "hart 0 z\n"), outputs)
    assert "hart 0 x\nhart 1 y" in str(caught.value) and "hart 0 z" in str(caught.value)


def test_a_guest_or_a_plugin_that_is_wrong_fails_its_variant_alone() -> None:
    """One has a board of two harts, but says that it does the work of one; one counts wrong."""
    variants = (
        Variant("right"),
        Variant("wrong", settings={"arguments": ("--smp", "2")}),
        Variant("other work", symbols={"rounds": 2}),
        Variant("empty", plugins=("empty",), counts="blocks"),
    )
    result = run_once(Case("tiny.wrong", "", variants, (), guest="mix", symbols={"rounds": 1}))
    assert result.samples.keys() == {"right", "other work"}
    failure = result.failures["wrong"]
    assert failure.startswith("the guest's outputs differ\n--- right\nhart 0 result 0x")
    assert "--- wrong (this one)\nhart 0 result 0x" in failure
    assert result.failures["empty"].startswith("empty: 0 events; expected ")


def test_a_guest_that_fails_is_a_failure_with_what_it_said() -> None:
    result = run_once(Case("tiny.fails", "", (Variant("float"),), (), guest="float"))
    assert "exit status 1" in result.failures["float"] and "WRONG" in result.failures["float"]


def test_every_way_to_map_ram_runs_the_guest_alike() -> None:
    variants = tuple(v for v in UNICORN.variants if v.tool == "unicorn")
    result = run_once(Case("tiny.unicorn", "", variants, (), guest="mix", symbols={"rounds": 1}))
    assert result.failures == {} and len(result.samples) == 3


@pytest.mark.parametrize("guest", ["mix", "calls", "flops", "memory", "adds", "once"])
def test_a_guest_does_on_the_host_what_it_does_here(guest: str) -> None:
    variants = [Variant("host", "native"), Variant("llvm", engine="llvm")]
    if guest == "mix":  # the one that is built with it
        variants.append(Variant("gcc", "native", settings={"compiler": "gcc"}))
    case = Case("tiny.native", "", tuple(variants), (), guest=guest, symbols={"rounds": 1})
    result = run_once(case)
    assert result.failures == {} and {"host", "llvm"} <= result.samples.keys()
    assert len(result.samples) + len(result.reasons) == len(variants)


def test_the_bus_is_measured_without_loss() -> None:
    small = {"records": 100_001}
    variants = (Variant("ring", "ring", settings=small), Variant("bus", "bus", settings=small))
    result = run_once(Case("tiny.bus", "", variants, ()))
    assert result.failures == {}
    assert result.samples["bus"][0]["records"] == 100_001


def test_a_missing_peer_is_named_with_the_reason(tmp_path: Path) -> None:
    missing = Variant("QEMU 0.1", "qemu", settings={"version": "0.1"})
    case = Case("tiny.qemu", "", (Variant("llvm", engine="llvm"), missing), TINY.figures[:0],
                guest="mix", symbols={"rounds": 1})  # fmt: skip
    result = run_once(case)
    assert result.samples.keys() == {"llvm"}
    assert "qemu-system-riscv64 0.1 is not installed" in result.reasons["QEMU 0.1"]
    assert case_to_json(result)["variants"][1]["not_run"] == result.reasons["QEMU 0.1"]


def test_a_guest_that_measures_itself_is_built_and_says_its_times() -> None:
    variants = (Variant("interpreter", engine="llvm", tiers="interpreter"),)
    result = run_once(Case("tiny.cold", "", variants, (), guest="cold", same_output=False))
    if result.reasons:
        pytest.skip(result.reasons["interpreter"])
    assert result.failures == {}
    [sample] = result.samples["interpreter"]
    assert 0 < sample["longest first call"] < sample["first calls"]


def test_every_time_that_a_case_reads_is_one_that_its_guest_prints() -> None:
    sources = {file.stem: file.read_text() for file in OWN.glob("*.c")}
    sources |= {"cold": cold_source.source(), "many_calls": calls_source.source()}
    for case in (case for case in CASES if case.guest in BUILT):
        for figure in case.figures:
            assert all(f'"{metric}"' in sources[case.guest] for _, metric, _ in figure.terms)
