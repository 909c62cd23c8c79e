"""Text of others (names of a guest, a recording, the bus) in lines, files and pages."""

import io
import json
import sys
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from rich.console import Console, RenderableType
from samples import run_result, stand_in_machine, status, vcpu_result

from mttcg.cli import main
from mttcg.cli.campaign_progress import ProgressLines
from mttcg.cli.ctl import show_registers
from mttcg.cli.render import make_console, print_report, print_result
from mttcg.cli.status import StatusLine
from mttcg.cli.top import Frames
from mttcg.errors import GuestFileError
from mttcg.printable import LONGEST, printable, printable_lines
from mttcg.report.page import run_page
from mttcg.supervisor.delivery.delivery import Delivery
from mttcg.supervisor.delivery.streams import Streams
from mttcg.supervisor.failures import Failures
from mttcg.terminal import LONGEST_LINE, say, tell, tell_error
from mttcg_bus.publisher.departures import Departures
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.snapshot import Snapshot
from mttcg_bus.wire.control import Left
from mttcg_plugins import callgraph, timeline
from mttcg_plugins._files.collapsed import collapsed_line
from mttcg_plugins._files.drcov import Module, drcov_bytes, read_drcov
from mttcg_plugins._files.lcov import SourceFile, lcov_text

FORGED = "mttcg: all is well, status 0"
CONTROLS = "".join(map(chr, (*range(32), *range(127, 160))))
UNSEEN = "\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202d\u202e\u2066\u2069\ufeff\U000e0041"
EVIL = (
    f"a;b,c d\n{FORGED}\r\nSF:/etc/passwd\n{CONTROLS}{UNSEEN}\ud800\udcff"
    "\x1b]0;title\x07\x1b[2J\"'<b>&amp;[bold]ünï漢_ZN"
)
HARMLESS = printable(EVIL)
LONG = "x" * 60_000
BASE = 0x8000_0000


def run_info(**changes: Any) -> RunInfo:
    symbols = ((BASE, 16, EVIL), (BASE + 16, 16, LONG))
    given = {"run": "r", "guest": EVIL, "smp": 1, "engine": "llvm", "symbols": symbols}
    return RunInfo(**{"ram_base": BASE, "ram_size": 1 << 20, "entry": BASE, **given, **changes})


def of_several_lines(printed: str) -> list[str]:
    """The lines, of which each must be harmless, and none an own one of the text's."""
    lines = printed.split("\n")
    assert all(line.isprintable() for line in lines), [x for x in lines if not x.isprintable()]
    assert not any(line.startswith(FORGED) for line in lines)
    return lines


def unfolded(printed: str) -> str:
    return "".join("".join(of_several_lines(printed)).split())


def test_what_is_not_printable_becomes_its_code() -> None:
    assert printable("plain ünï 漢 \\x41") == "plain ünï 漢 \\x41"
    assert printable("a\n\x1b\x85\u202e\U000e0041") == "a\\x0a\\x1b\\x85\\u202e\\U000e0041"
    assert printable("\udcff") == "\\udcff"
    assert printable("a;b,c", ";,") == "a\\x3bb\\x2cc"
    assert printable("a\tb\n", keep="\t") == "a\tb\\x0a"
    assert HARMLESS.isprintable()
    HARMLESS.encode()
    for character in CONTROLS + UNSEEN:
        assert printable(character).startswith("\\")


def test_of_a_long_text_begin_and_end_are_written() -> None:
    found = printable(f"begin{LONG}end")
    assert found.startswith("beginx")
    assert found.endswith("xend")
    assert "[... 55,912 characters ...]" in found
    assert len(found) < LONGEST + 40
    assert printable("y" * LONGEST) == "y" * LONGEST
    lines = printable_lines("\n".join(map(str, range(1000))))
    assert (lines[0], lines[200], lines[-1]) == ("0", "[... 600 lines ...]", "999")


def test_lines_of_a_message_are_moved_in(capsys: pytest.CaptureFixture[str]) -> None:
    tell(EVIL)
    first, *more = of_several_lines(capsys.readouterr().err.removesuffix("\n"))
    assert first == "mttcg: a;b,c d"
    assert more[0] == f"  {FORGED}"
    assert all(line.startswith("  ") for line in more)
    say(EVIL)
    assert capsys.readouterr().out == f"{HARMLESS}\n"
    tell_error(ValueError(EVIL))
    assert f"\n  {FORGED}\n" in capsys.readouterr().err
    tell(LONG)
    assert len(capsys.readouterr().err) < LONGEST_LINE + 100


def test_a_closed_stream_takes_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    say("to nobody")


@pytest.mark.parametrize("text", [EVIL, LONG], ids=["evil", "long"])
def test_errors_warnings_and_failures(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_machine(monkeypatch, result=run_result(failures=[text], warnings=[text], plugins={}))
    assert main(["run", "a", "--quiet"]) == 70
    printed = capsys.readouterr().err
    of_several_lines(printed)
    assert printed.startswith("mttcg: warning: ")
    assert len(printed) < 3 * LONGEST_LINE

    def refuse(self: object, guest: Path, **keywords: object) -> None:
        raise GuestFileError(Path(text[:200]), f"no symbol {text}", "another")

    stand_in_machine(monkeypatch, __init__=refuse)
    assert main(["run", "a"]) == 2
    [line, rest] = of_several_lines(capsys.readouterr().err)
    assert rest == ""
    assert line.endswith("; expected another")


def console_of(printed: io.StringIO, width: int = 100) -> Console:
    console = make_console(printed)
    console.width = width
    return console


def test_the_tables_of_a_result() -> None:
    printed = io.StringIO()
    vcpu = vcpu_result(0, registers={EVIL: 1}, unsupported={EVIL: 2}, state="killed")
    report = {EVIL: {EVIL: EVIL}, "rows": [{EVIL: EVIL}, {"symbol": LONG}], "list": [EVIL, [EVIL]]}
    print_result(
        console_of(printed),
        run_result(
            guest=EVIL,
            vcpus=[vcpu],
            plugins={EVIL: report, "scalars": {"name": EVIL}},
            ledger={EVIL: {"emitted": 1}},
        ),
    )
    text = unfolded(printed.getvalue())
    assert text.count("".join(HARMLESS.split())) >= 10
    assert len(text) < 60_000


def test_a_text_with_lines_is_shown_by_lines_beside_its_key_alone() -> None:
    printed = io.StringIO()
    print_report(console_of(printed), "p", {"note": "one\ntwo", "rows": [{"name": "one\ntwo"}]})
    lines = [line.split() for line in printed.getvalue().splitlines()]
    assert ["two"] in lines
    assert ["one\\x0atwo"] in lines


def drawn(part: Callable[[Console], object]) -> str:
    printed = io.StringIO()
    part(console_of(printed, 400))
    return printed.getvalue()


def test_what_is_shown_as_the_run_goes(capsys: pytest.CaptureFixture[str]) -> None:
    vcpu = {"cpu": 0, "state": EVIL, "pc": BASE, "instructions": 1, "idle_ns": 0}
    now = Snapshot(run_info(), {}, {}, (), 1, (vcpu | {"cache_hits": 1, "cache_misses": 1},))
    counts = {"emitted": 1, "dropped": 0, "in_flight": 0, "stalled_ns": 0}
    frame: RenderableType = Frames(columns=400).frame(now, {"streams": {EVIL: counts}})
    assert "".join(HARMLESS.split()) in unfolded(drawn(lambda console: console.print(frame)))
    shown = status()
    vcpus = tuple(type(v)(v.index, EVIL, v.instructions, 0.0) for v in shown.vcpus)
    line = drawn(lambda c: StatusLine(c)(type(shown)(shown.seconds, vcpus, shown.ledger)))
    assert HARMLESS[:100] in line
    assert len(of_several_lines(line)) == 1
    show_registers(cast(Any, None), {EVIL: 1})
    assert HARMLESS[:20] in capsys.readouterr().out


def test_the_course_of_a_campaign() -> None:
    task = cast(Any, SimpleNamespace(title=EVIL, key=EVIL))
    attempt = cast(Any, SimpleNamespace(seconds=1.0))

    def course(console: Console) -> None:
        lines = ProgressLines(console)
        lines.begin(1, 0)
        lines.lost(task, EVIL, 1)
        lines.ended(task, cast(Any, EVIL), EVIL, attempt)

    assert len(of_several_lines(drawn(course))) == 3


def test_a_subscribers_words_stay_within_the_line_that_names_it() -> None:
    departures = Departures()
    departures.add(Left(EVIL, EVIL, 3, 0))
    publisher = SimpleNamespace(alive=False, departures=departures, terminate=lambda: None)
    streams = Streams.prepare([], 1)
    failures = Failures()
    Delivery(streams, cast(Any, publisher), None).finish(failures)
    streams.close()
    assert failures.all() == [f"subscriber {HARMLESS} left 3 records undone: {HARMLESS}"]


def test_frames_of_collapsed_stacks(tmp_path: Path) -> None:
    frame = printable(EVIL, ";")
    assert collapsed_line(["vCPU 0", EVIL, "g"], 7) == f"vCPU 0;{frame};g 7\n"
    file = tmp_path / "stacks.txt"
    found = callgraph.Aggregator(callgraph.Options(out=file), run_info())
    found.merged = Counter({(0, (BASE, BASE + 16)): 5})
    found.save()
    [line] = file.read_text(encoding="utf-8").splitlines()
    stack, _, count = line.rpartition(" ")
    vcpu, evil, long = stack.split(";")
    assert (vcpu, evil, count) == ("vCPU 0", frame, "5")
    assert len(long) < LONGEST + 40


def test_records_of_lcov() -> None:
    text = lcov_text({EVIL: SourceFile({1: 1}, {(1, EVIL): 1}), LONG: SourceFile({2: 0})})
    assert text.split("\n")[:6] == [
        *("TN:", f"SF:{printable(EVIL)}", f"FN:1,{printable(EVIL, ',')}"),
        *(f"FNDA:1,{printable(EVIL, ',')}", "FNF:1", "FNH:1"),
    ]
    assert [line.split(":")[0] for line in text.splitlines()].count("SF") == 2
    assert max(map(len, of_several_lines(text))) < LONGEST + 40


def test_the_module_table_of_drcov(tmp_path: Path) -> None:
    modules = [Module(BASE, BASE + 16, 0, BASE, path) for path in (EVIL, LONG)]
    file = tmp_path / "blocks.drcov"
    file.write_bytes(drcov_bytes([(BASE, 4)], modules, BASE))
    read, blocks = read_drcov(file)
    assert [module._replace(path="") for module in read] == [m._replace(path="") for m in modules]
    assert (read[0].path, blocks) == (HARMLESS, [(BASE, 4)])


def test_names_of_slices(tmp_path: Path) -> None:
    file = tmp_path / "trace.json"
    found = timeline.Aggregator(timeline.Options(out=file), run_info())
    track = timeline.Track(0)
    word = 0x000280E7  # jalr t0
    record = np.zeros(1, timeline.events.TRANSFER)
    record["word"], record["target"], record["pc"] = word, BASE, BASE + 64
    track.add(record)
    found.tracks[0] = track
    found.save()
    written = json.loads(file.read_bytes())["traceEvents"]
    names = {event["args"]["name"] if event["ph"] == "M" else event["name"] for event in written}
    assert all(name.isprintable() for name in names)
    assert HARMLESS in names


def test_a_page() -> None:
    class Reader(HTMLParser):
        texts: tuple[str, ...] = ()

        def handle_data(self, data: str) -> None:
            self.texts += (data,)

    plugins = {EVIL: {"rows": [{"symbol": EVIL, "count": 1}, {"symbol": LONG, "count": 2}]}}
    result = run_result(guest=EVIL, failures=[EVIL], plugins=plugins).to_json()
    page = run_page(result, {EVIL: EVIL})
    reader = Reader()
    reader.feed(page)
    assert all(line.isprintable() for line in page.replace("\t", " ").split("\n"))
    assert printable(EVIL, keep="\t\n") in reader.texts
    assert "<b>" not in page
    assert len(page) < 100_000
