import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from samples import BARE, PLUGINS, SAMPLE

from mttcg.errors import PluginError
from mttcg.instrument.loading import loader
from mttcg.instrument.loading.loader import all_plugins, find_plugin, load_plugin, load_plugins


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A package of plugins in the place of the project's own."""
    directory = tmp_path / "stand_in_plugins"
    directory.mkdir()
    for name in ("__init__", "_shared", "alpha", "beta"):
        (directory / f"{name}.py").write_text(f'"""The plugin {name}."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(loader, "PACKAGE", "stand_in_plugins")
    yield directory
    for name in [name for name in sys.modules if name.startswith("stand_in_plugins")]:
        del sys.modules[name]


def announce(monkeypatch: pytest.MonkeyPatch, *points: tuple[str, str, str]) -> None:
    """Let installed packages announce these entry points: name, module, package."""
    found = [
        SimpleNamespace(name=name, value=value, dist=SimpleNamespace(name=package))
        for name, value, package in points
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found)


def failure(target: str) -> str:
    with pytest.raises(PluginError) as caught:
        load_plugin(target)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_loaded_with_its_options() -> None:
    plugin = load_plugin(f"{SAMPLE},top=3,values=yes")
    assert plugin.name == "sample"
    assert (plugin.options.top, plugin.options.values, plugin.options.name) == (3, True, "all")
    assert plugin.module.__name__ == "mttcg_plugin_sample"
    assert sys.modules["mttcg_plugin_sample"] is plugin.module
    assert "sample" not in sys.modules
    assert str(PLUGINS) not in sys.path
    assert plugin.aggregator is plugin.module.Aggregator


def test_a_file_is_run_anew_each_time() -> None:
    first, second = load_plugin(SAMPLE), load_plugin(SAMPLE)
    assert first.module is not second.module


def test_a_changed_file_is_never_taken_from_cached_byte_code(tmp_path: Path) -> None:
    file = tmp_path / "changing.py"
    for value in ("1", "2"):
        file.write_text(f"VALUE = {value}\n")
        assert str(load_plugin(str(file)).module.VALUE) == value
    assert [path.name for path in tmp_path.iterdir()] == ["changing.py"]


def test_a_plugin_without_options_has_none_and_takes_none() -> None:
    plugin = load_plugin(BARE)
    assert plugin.options is None
    assert plugin.aggregator is None
    assert "unknown option top; it takes none" in failure(f"{BARE},top=1")


def test_the_base_class_of_the_bus_is_no_aggregator(tmp_path: Path) -> None:
    file = tmp_path / "importer.py"
    file.write_text("from mttcg_bus.subscriber.aggregator import Aggregator\n")
    assert load_plugin(str(file)).aggregator is None
    file.write_text("Aggregator = 3\n")
    plugin = load_plugin(str(file))
    with pytest.raises(PluginError, match="not a class"):
        _ = plugin.aggregator


def test_a_relative_path_and_one_without_slash_are_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PLUGINS)
    assert load_plugin("sample.py").name == load_plugin("./sample.py").name == "sample"


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("absent.py", None, "no such file"),
        ("folder.py", "directory", "is a directory"),
        ("notes.txt", "text", "not a Python file"),
        ("two.dots.py", "", "1 to 64 letters"),
        ("syntax.py", "x = 1\ndef f(:\n", "SyntaxError: .*syntax.py:2"),
        ("null.py", "x = '\0'\n", "importing it fails"),
        ("binary.py", "\x80\ufffd", "importing it fails: SyntaxError"),
        ("raising.py", "\nraise ValueError('a\\nb')\n", "ValueError: a b .*raising.py:2"),
        ("leaving.py", "import sys\nsys.exit(3)\n", "SystemExit: 3 .*leaving.py:2"),
        ("deeper.py", "import json\n\njson.loads('{')\n", "JSONDecodeError: .*deeper.py:3"),
        ("needing.py", "import no_such_module\n", "No module named 'no_such_module' .*py:1"),
        ("optioned.py", "Options = 3\n", "Options is not a dataclass"),
    ],
)
def test_a_broken_file_is_one_clear_line(
    tmp_path: Path, name: str, content: str | None, wrong: str
) -> None:
    path = tmp_path / name
    if content == "directory":
        path.mkdir()
    elif content is not None:
        path.write_text(content)
    message = failure(str(path))
    assert re.search(wrong, message), message
    if wrong.startswith(("importing", "SyntaxError")):
        assert f"mttcg_plugin_{path.stem}" not in sys.modules


def test_a_failed_reload_keeps_the_module_that_worked(tmp_path: Path) -> None:
    file = tmp_path / "wavering.py"
    file.write_text("")
    module = load_plugin(str(file)).module
    file.write_text("1 / 0\n")
    assert "ZeroDivisionError" in failure(str(file))
    assert sys.modules["mttcg_plugin_wavering"] is module


@pytest.mark.parametrize("target", ["a\0b.py", "x" * 5000 + ".py", "~no-such-user/p.py"])
def test_what_is_no_path_at_all_is_refused(target: str) -> None:
    with pytest.raises(PluginError):
        find_plugin(target)


def test_names_are_the_modules_of_the_package_and_entry_points(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(monkeypatch, ("zeta", "somewhere.zeta", "their-package"))
    found = [(source.name, source.origin, source.purpose()) for source in all_plugins()]
    assert found == [
        ("alpha", "stand_in_plugins", "The plugin alpha."),
        ("beta", "stand_in_plugins", "The plugin beta."),
        ("zeta", "entry point of their-package", "(cannot be read: ModuleNotFoundError)"),
    ]
    assert load_plugin("beta").module.__name__ == "stand_in_plugins.beta"
    assert "No module named 'somewhere'" in failure("zeta")


def test_listing_imports_no_plugin(package: Path) -> None:
    (package / "alpha.py").write_text('"""Purpose."""\nraise RuntimeError\n')
    assert next(source.purpose() for source in all_plugins()) == "Purpose."
    assert "stand_in_plugins.alpha" not in sys.modules
    assert "RuntimeError" in failure("alpha")


def test_an_unknown_name_lists_the_known_ones(package: Path) -> None:
    assert "plugin gamma: unknown; known are: alpha, beta;" in failure("gamma")
    assert "unknown" in failure("_shared")


def test_a_name_that_two_packages_give_is_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce(monkeypatch, ("alpha", "theirs.alpha", "their-package"))
    assert "from stand_in_plugins and entry point of their-package" in failure("alpha")


def test_two_plugins_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text("raise AssertionError('must not be run')\n")
    with pytest.raises(PluginError, match="sample: is given twice"):
        load_plugins([SAMPLE, str(tmp_path / "sample.py")])
    assert [plugin.name for plugin in load_plugins([SAMPLE, BARE])] == ["sample", "bare"]


def test_an_absent_package_means_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "PACKAGE", "mttcg_no_such_package")
    announce(monkeypatch)
    assert all_plugins() == ()
    assert "known are: none" in failure("icount")


def test_postponed_annotations_work_in_a_file(tmp_path: Path) -> None:
    file: Any = tmp_path / "postponed.py"
    file.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from pathlib import Path\n"
        "@dataclass(frozen=True)\n"
        "class Options:\n"
        "    out: Path | None = None\n"
    )
    assert load_plugin(f"{file},out=x").options.out == Path("x")
