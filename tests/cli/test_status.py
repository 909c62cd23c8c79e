import io

import pytest
from rich.console import Console
from samples import status

from mttcg.cli import status as status_module
from mttcg.cli.status import StatusLine, status_line
from mttcg.supervisor.results.live_status import status_text

ERASE = "\r\x1b[2K"


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(status_module, "SECONDS_BETWEEN_DRAWINGS", 0.0)
    return Console(file=io.StringIO(), force_terminal=True, width=60, color_system=None)


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    console.file.seek(0)
    console.file.truncate()
    return text


def test_a_line_that_is_not_wanted_is_none() -> None:
    with status_line(False) as show:
        assert show is None


def test_the_line_has_the_speed_of_each_vcpu_and_the_events() -> None:
    text = "1.5 s | 500.0 M instr/s | 0: 250.0  1: 250.0 | 12,345 events"
    assert status_text(status()) == text
    assert "0: running" in status_text(status(rate=0.0))
    assert "| 20 running |" in status_text(status(smp=20))


def test_the_line_is_drawn_over_itself_within_the_width_and_taken_away(console: Console) -> None:
    with status_line(True, console) as show:
        assert show is not None
        show(status())
        first = drawn(console)
        assert "\n" not in first
        assert len(first) == 59
        show(status())
        assert drawn(console).startswith(ERASE)
    assert drawn(console) == ERASE


def test_the_guests_output_takes_the_place_of_the_line(console: Console) -> None:
    line = StatusLine(console)
    line(status())
    drawn(console)
    line.before_guest_output(b"hello\n")
    assert drawn(console) == ERASE
    line.before_guest_output(b"again\n")
    assert drawn(console) == ""
    line(status())
    assert drawn(console).startswith("1.5 s")


def test_a_line_that_the_guest_began_stays_whole(console: Console) -> None:
    with status_line(True, console) as show:
        assert show is not None
        show.before_guest_output(b"prompt> ")
        show(status())
        assert drawn(console) == ""
    assert drawn(console) == "\n"


def test_drawing_too_often_is_skipped(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_module, "SECONDS_BETWEEN_DRAWINGS", 1000.0)
    line = StatusLine(console)
    line(status())
    drawn(console)
    line(status())
    assert drawn(console) == ""
