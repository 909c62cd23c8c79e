import sys
from pathlib import Path

import pytest
from samples import BARE, SAMPLE

from mttcg.cli import main
from mttcg.instrument.loading import loader
from mttcg.instrument.loading.loader import PluginSource


def test_the_table_names_purpose_and_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [
        PluginSource(name, f"mttcg_plugin_{name}", f"package {name}", Path(path))
        for name, path in (("sample", SAMPLE), ("bare", BARE))
    ]
    monkeypatch.setattr(
        sys.modules["mttcg.cli.plugins"], "all_plugins", lambda: tuple(sources * 20)
    )
    assert main(["plugins"]) == 0
    out, err = capsys.readouterr()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "sample Counts what it is told to count. package sample" in lines
    assert out.count("Takes no options and aggregates nothing.") == 20
    assert err == ""


def test_no_plugins_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["mttcg.cli.plugins"], "all_plugins", lambda: ())
    assert main(["plugins"]) == 0
    assert capsys.readouterr().out == "no plugins are installed\n"


def test_one_plugin_is_shown_with_its_docstring_and_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plugins", SAMPLE]) == 0
    out, _ = capsys.readouterr()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "The second paragraph of its documentation." in lines
    assert "top int 20 how many to report" in lines
    assert "out Path or none none file for the records" in lines


def test_a_plugin_without_options_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", BARE]) == 0
    assert "it has no options" in capsys.readouterr().out


def test_an_unknown_plugin_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "all_plugins", lambda: (PluginSource("icount", "m", "o"),))
    assert main(["plugins", "icuont"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mttcg: plugin icuont: unknown; known are: icount;")
    assert err.count("\n") == 1
