import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from samples import run_result, vcpu_result

from mttcg.cli.render import PLAIN_WIDTH, make_console, print_report, print_result
from mttcg.supervisor.results.result import StopReason


def rendered(result: Any) -> str:
    stream = io.StringIO()
    print_result(make_console(stream), result)
    return stream.getvalue()


def rendered_report(report: Any) -> str:
    stream = io.StringIO()
    print_report(make_console(stream), "p", report)
    return stream.getvalue()


def row_of(text: str, first: str) -> list[str]:
    [found] = [line.split() for line in text.splitlines() if line.split()[:1] == [first]]
    return found


def test_the_table_has_a_row_per_vcpu_and_their_sum() -> None:
    text = rendered(run_result(3))
    assert "counter.elf on unicorn: the guest ended" in text
    assert row_of(text, "2") == [
        *("2", "stopped", "1,000,002", "1,000", "2.0", "0.50", "0.25", "900", "100", "3")
    ]
    assert row_of(text, "all") == [
        *("all", "3,000,003", "3,000", "6.0", "1.50", "0.75", "2,700", "300", "9")
    ]


def test_time_that_was_waited_for_room_is_shown_where_there_was_some() -> None:
    assert "stalled" not in rendered(run_result(2))
    text = rendered(run_result(vcpus=[vcpu_result(0), vcpu_result(1, seconds_stalled=0.125)]))
    assert row_of(text, "vCPU")[:2] == ["vCPU", "state"]
    assert "stalled" in text
    assert row_of(text, "1")[6:8] == ["0.25", "0.12"]
    assert row_of(text, "all")[5:7] == ["0.50", "0.12"]


def test_one_vcpu_needs_no_sum_and_one_that_never_ran_has_no_rate() -> None:
    text = rendered(run_result(vcpus=[vcpu_result(0, seconds_running=0.0)], plugins={}))
    assert "all" not in text
    assert row_of(text, "0")[4] == "-"


def test_plain_output_has_no_escapes_and_a_fixed_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "300")
    text = rendered(run_result(vcpus=[vcpu_result(i, instructions=10**13) for i in range(64)]))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= PLAIN_WIDTH


def test_long_tables_say_how_many_rows_are_left_out() -> None:
    report = {"blocks": [{"pc": index, "count": 7} for index in range(1234)]}
    text = rendered(run_result(64, plugins={"hotblocks": report}))
    assert "... 34 more; --json FILE has them all" in text
    assert "... 1,204 more; --json FILE has them all" in text
    assert "0x1d " in text
    assert "0x1e " not in text


def test_the_ledger_has_a_row_per_stream() -> None:
    assert row_of(rendered(run_result()), "memtrace.access")[1:] == ["9", "7", "1", "1"]


def test_a_lost_vcpu_is_shown_with_its_last_pc_and_registers() -> None:
    lost = vcpu_result(1, state="killed", registers={"sp": 0x8000_1000}, unsupported={"wrs.nto": 2})
    text = rendered(run_result(vcpus=[vcpu_result(0), lost], stop_reason=StopReason.VCPU_LOST))
    assert "vCPU 1 (killed) at pc 0x80000040" in text
    assert "sp 0x0000000080001000" in text
    assert "vCPU 1: instructions unknown to the engine: wrs.nto 2" in text


def test_places_of_unsupported_instructions_are_shown_in_a_line_each() -> None:
    places = [
        {"name": "c.mul", "extension": "Zcb", "pc": hex(0x8000_0000 + 2 * n), "symbol": symbol}
        for n, symbol in enumerate(("main+0x2", "", *("many" for _ in range(70))))
    ]
    lines = rendered(run_result(unsupported=places)).splitlines()
    shown = [line for line in lines if line.endswith(": not supported")]
    assert shown[0] == "c.mul of Zcb at pc 0x80000000, main+0x2: not supported"
    assert shown[1] == "c.mul of Zcb at pc 0x80000002: not supported"
    assert len(shown) == 64
    assert "  ... 8 more; --json FILE has them all" in lines


def test_what_was_done_with_kept_code_is_a_line() -> None:
    counts = {"written": 7, "kept_functions": 1234, "stored": 5, "refused": 0}
    said = "code store: used 1,234 functions of earlier runs, kept 5 for later ones"
    assert said in rendered(run_result(code_cache=counts)).splitlines()
    assert "damaged" in rendered(run_result(code_cache={"refused": 2}))
    assert "code store" not in rendered(run_result(code_cache={"written": 7, "stored": 0}))


def test_a_report_of_any_shape_is_shown() -> None:
    text = rendered_report(
        {
            "total": 1234567,
            "share": 0.25,
            "complete": True,
            "note": None,
            "address": 0x8000_0000,
            "per_vcpu": {"0": {"blocks": 5}, "1": {"blocks": 6000}},
            "pages": [{"page": 0x8000_1000, "users": [0, 1]}, {"page": 16, "extra": {"a": 1}}],
            "nested": {"deep": {"deeper": {"list": [1, "two"], "empty": [], "none": {}}}},
        }
    )
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in [
        "total 1,234,567",
        "share 0.250",
        "complete yes",
        "note -",
        "address 0x80000000",
        "p: per_vcpu",
        "1 6,000",
        "0x80001000 0; 1",
        '0x10 {"a": 1}',
        "p: nested: deep: deeper: list",
        "two",
        "(empty)",
    ]:
        assert line in lines, text


def test_markup_and_escape_codes_of_a_report_stay_text() -> None:
    text = rendered_report({"name": "[bold]:smile: \x1b[31mred\x07", "lines": "one\ntwo"})
    assert "[bold]:smile: \\x1b[31mred\\x07" in text
    assert [line for line in text.splitlines() if line.split() == ["two"]]


@pytest.mark.parametrize("report", [None, 3, "text", [], {}, [[1, [2]], {}], list(range(50))])
def test_a_report_that_is_no_dict_is_shown_too(report: Any) -> None:
    assert rendered_report(report).startswith("\np\n")


def test_a_long_list_in_a_cell_is_cut() -> None:
    assert "7; ... 12 more" in rendered_report([{"cpus": list(range(20))}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(JSON)
def test_anything_that_json_has_is_shown_within_the_width(report: Any) -> None:
    text = rendered_report(report)
    assert "\x1b" not in text


def test_a_terminal_gets_what_rich_makes_of_it() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    console = make_console(Terminal())
    assert isinstance(console, Console)
    assert console.is_terminal
