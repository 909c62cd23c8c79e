"""Figures, verdicts, files, pages and comparisons, made of samples that are given."""

import json
from pathlib import Path

import pytest
from bench_samples import THREE, TINY, plain_of, result_of

from mttcg_bench import scaling
from mttcg_bench.cases.scaleout import case as scaleout_case
from mttcg_bench.document import markdown
from mttcg_bench.document import page as document_page
from mttcg_bench.errors import NotResults
from mttcg_bench.law import fit, predicted
from mttcg_bench.model import Bar, Case, Side
from mttcg_bench.page import bench_page
from mttcg_bench.results import case_from_json, read, write
from mttcg_bench.runner import CaseResult
from mttcg_bench.summary import disturbed, spreads, verdicts
from mttcg_bench.tables import bar_table, figure_table, left_out_table, run_table, shown_tables


def scaled(cpu: dict[str, float]) -> CaseResult:
    """Weak scaling of icount on 1, 2 and 4 vCPUs, in which each variant took so much CPU time."""
    case = scaleout_case("llvm", "weak", ["icount"], {1: 5, 2: 5, 4: 5})
    result = result_of(case, cpu, cpu, metric="vcpu_cpu")
    for samples in result.samples.values():
        for sample in samples:
            sample["guest"] = sample["vcpu_cpu"]
    return result


GROWING = {
    "nothing, 1": 1.0, "icount, 1": 1.5, "nothing, 2": 2.0, "icount, 2": 6.0,
    "nothing, 4": 5.0, "icount, 4": 20.0,
}  # fmt: skip


def test_ratios_are_taken_round_by_round() -> None:
    result = result_of(TINY, *THREE)
    found = spreads(result)["time"]
    assert (found.median, found.least, found.most, found.noisy) == (3.0, 2.0, 4.0, True)
    [verdict] = verdicts(result)
    assert verdict.text == "met"


@pytest.mark.parametrize(
    ("limit", "text"), [(1.0, "missed"), (3.0, "met by the median"), (4.0, "met")]
)
def test_a_bar_is_held_against_the_median(limit: float, text: str) -> None:
    bar = Bar("time", Side.AT_MOST, limit, "fast")
    case = Case("a.b", "", TINY.variants[:2], TINY.figures, (bar,))
    result = result_of(case, *({"nothing": 1.0, "icount": float(n)} for n in (2, 3, 4)))
    assert [verdict.text for verdict in verdicts(result)] == [text]


def test_a_bar_that_was_not_measured_says_why() -> None:
    samples = result_of(TINY, *THREE).samples
    del samples["icount"]
    result = CaseResult(TINY, samples, failures={"icount": "icount: it broke\nand more"})
    assert [verdict.text for verdict in verdicts(result)] == ["not measured: icount: it broke"]
    assert spreads(result) == {}
    table = left_out_table([result])
    assert table.rows == (("tiny.mix", "icount", "FAILED: icount: it broke\nand more"),)


def test_what_is_noisy_or_disturbed_is_marked_everywhere() -> None:
    result = result_of(TINY, *THREE)
    result.samples["icount"][0]["foreign_cores"] = 0.5
    assert disturbed(result) == 1
    assert bar_table([result]).rows[0][-2:] == ("noisy, disturbed: 1", "met")
    assert figure_table("", [result]).rows[0][-1] == "noisy, disturbed: 1"
    plain = plain_of(result)
    assert plain["cases"]["tiny.mix"]["figures"][0]["noisy"] is True  # type: ignore[index]
    assert "noisy, disturbed: 1" in bench_page(plain)
    assert "noisy, disturbed: 1" in document_page(plain)


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    result = result_of(TINY, *THREE)
    result.reasons["QEMU"] = "none"
    plain, file = plain_of(result), tmp_path / "run.json"
    write(file, plain)
    assert read(file) == json.loads(json.dumps(plain))
    back = case_from_json("tiny.mix", read(file)["cases"]["tiny.mix"])
    assert (back.samples, back.failures) == (result.samples, result.failures)
    assert spreads(back) == spreads(result)
    assert [verdict.text for verdict in verdicts(back)] == ["met"]


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 2}', "{"])
def test_a_file_that_is_no_result_is_refused_in_a_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "no.json"
    file.write_text(text)
    with pytest.raises(NotResults, match=r"no\.json: not the JSON of a benchmark") as caught:
        read(file)
    assert "\n" not in str(caught.value) and caught.value.exit_status == 2


def test_overhead_and_growth_are_over_as_many_vcpus() -> None:
    result = scaled(GROWING)
    curve = scaling.curves(result, "vcpu_cpu")["icount"]
    assert {n: one.median for n, one in curve.items()} == {1: 1.5, 2: 3.0, 4: 4.0}
    grown = scaling.growth(result, "icount", 2)
    assert grown is not None and grown.median == 2.0
    assert scaling.growth(result, "icount", 1) is None
    alone = scaling.speed(result, "nothing", "vcpu_cpu")
    assert {n: one.median for n, one in alone.items()} == {1: 1.0, 2: 2.0, 4: 3.2}
    [bar] = [verdict for verdict in verdicts(result) if verdict.bar.figure == "icount: growth at 2"]
    assert bar.text == "missed"


@pytest.mark.parametrize(("contention", "coherence"), [(0.0, 0.0), (0.05, 0.0), (0.1, 0.002)])
def test_the_law_finds_the_factors_it_was_made_with(contention: float, coherence: float) -> None:
    points = [(float(n), predicted(contention, coherence, n)) for n in (1, 2, 4, 8)]
    law = fit(points)
    assert law is not None
    assert law.contention == pytest.approx(contention, abs=1e-9)
    assert law.coherence == pytest.approx(coherence, abs=1e-9)
    assert law.residuals == pytest.approx([0, 0, 0, 0], abs=1e-9)


def test_the_law_has_no_negative_factor_and_needs_two_points() -> None:
    law = fit([(1, 1.0), (2, 2.1), (4, 4.4)])
    assert law is not None and (law.contention, law.coherence) == (0.0, 0.0)
    assert law.residuals == pytest.approx([0, 0.1, 0.4])
    assert fit([(1, 1.0), (2, 1.9)]) is None


def test_a_page_shows_plots_verdicts_and_the_model_as_such() -> None:
    result = scaled(GROWING)
    text = bench_page(plain_of(result))
    assert text.count("<svg") >= 4 and 'class="span' in text
    assert "A model, not a measurement" in text and "a model of more cores" in text
    assert "growth at 2" in text and ">missed<" in text


def test_what_a_guest_printed_is_text_on_the_page_and_in_the_document() -> None:
    result = result_of(TINY, *THREE)
    result.failures["x"] = "--- <b>one</b> | two"
    assert "<b>one" not in bench_page(plain_of(result))
    assert "\\| two" in markdown(left_out_table([result]))


def test_tables_without_rows_are_not_shown() -> None:
    titles = [table.title for table in shown_tables([result_of(TINY, *THREE)])]
    assert titles == ["Figures", "Claims and their verdicts"]


def test_the_runs_of_a_tool_without_a_guest_are_shown() -> None:
    result = result_of(TINY, {"nothing": 2.0, "icount": 3.0, "Unicorn": 4.0}, metric="instructions")
    rows = run_table(result).rows
    assert [row[0] for row in rows] == ["nothing", "icount", "Unicorn"]
    assert {cell for row in rows for cell in row[1:]} == {""}, "no rate without a time"
