"""What a plugin at a path imports: modules beside it, its package's own, and others."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mttcg.errors import PluginError
from mttcg.instrument.loading.loader import find_plugin, load_plugin
from mttcg.instrument.loading.plugin_modules import files_of
from mttcg.instrument.native.probe_key import content_of

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files, by their paths with the dots for slashes; gives the folder."""

    def write(**files: str) -> Path:
        for name, text in files.items():
            file = tmp_path / f"{name.replace('__in__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return write


def load(path: Path) -> Any:
    return load_plugin(str(path)).module


def test_a_module_beside_the_plugin_is_imported(write: Write) -> None:
    folder = write(
        plugin="import names\nfrom names import NAME\n"
        "def late():\n    from later import VALUE\n    return VALUE\n",
        names="from values import VALUE\nNAME = f'name {VALUE}'\n",
        values="VALUE = 3\n",
        later="import names\nVALUE = names.NAME\n",
    )
    path = list(sys.path)
    plugin = load(folder / "plugin.py")
    assert (plugin.NAME, plugin.names.VALUE, plugin.late()) == ("name 3", 3, "name 3")
    assert plugin.names.__name__ == "mttcg_plugin_plugin.names"
    assert not {"names", "values", "later"} & sys.modules.keys()
    assert sys.path == path
    assert {file.suffix for file in folder.iterdir()} == {".py"}  # and no byte code


@pytest.mark.parametrize(
    ("statement", "expression"),
    [
        ("import tables", "tables.WIDTH"),
        ("import tables as t", "t.WIDTH"),
        ("import parts.wide", "parts.wide.WIDTH"),
        ("import parts.wide as w", "w.WIDTH"),
        ("import parts, parts.wide, json, tables", "parts.wide.WIDTH"),
        ("from parts import wide", "wide.WIDTH"),
        ("from parts.wide import WIDTH as w", "w"),
        ("from parts.wide import *", "WIDTH"),
        ("from parts.inner import WIDTH", "WIDTH"),
        ("from .tables import WIDTH", "WIDTH"),
        ("from bare.wide import WIDTH", "WIDTH"),
    ],
)
def test_every_form_of_import(write: Write, statement: str, expression: str) -> None:
    folder = write(
        plugin=f"{statement}\nFOUND = {expression}\n",
        tables="WIDTH = 7\n",
        parts__in____init__="",
        parts__in__wide="WIDTH = 7\n",
        parts__in__inner="from . import wide\nfrom .wide import WIDTH\nwide.WIDTH\n",
        bare__in__wide="WIDTH = 7\n",
    )
    assert load(folder / "plugin.py").FOUND == 7


def test_plugins_with_modules_of_one_name_get_their_own(write: Write) -> None:
    late = "def late():\n    import later\n    return later.WHOSE\n"
    folder = write(
        one__in__first=f"from shared import WHOSE\n{late}",
        one__in__shared="WHOSE = 'one'\n",
        one__in__later="WHOSE = 'one'\n",
        two__in__second=f"from shared import WHOSE\n{late}",
        two__in__third="import shared\nshared.WHOSE = 'changed'\n",
        two__in__shared="WHOSE = 'two'\n",
        two__in__later="WHOSE = 'two'\n",
    )
    files = ("one/first.py", "two/second.py", "two/third.py")
    first, second, third = (load(folder / file) for file in files)
    assert (first.WHOSE, second.WHOSE, third.shared.WHOSE) == ("one", "two", "changed")
    assert (first.late(), second.late()) == ("one", "two")


def test_a_package_is_a_plugin(write: Write) -> None:
    folder = write(
        counts__in____init__='"""What it is for."""\nfrom .tables import WIDTH\n'
        "from counts.tables import WIDTH as same\nfrom counts import tables\nimport counts.tables\n"
        "SAME = counts.tables is tables\n",
        counts__in__tables="import counts\nfrom .deep.down import WIDTH\nWHERE = counts.__name__\n",
        counts__in__deep__in____init__="",
        counts__in__deep__in__down="WIDTH = 9\n",
    )
    for path in (folder / "counts", f"{folder}/counts/", folder / "counts" / "__init__.py"):
        source = find_plugin(str(path))
        assert (source.name, source.purpose()) == ("counts", "What it is for.")
        plugin = load(Path(path))
        assert (plugin.WIDTH, plugin.same, plugin.SAME) == (9, 9, True)
        assert plugin.tables.WHERE == "mttcg_plugin_counts"
    assert "counts" not in sys.modules


def test_the_standard_library_and_mttcg_come_first(write: Write) -> None:
    folder = write(
        plugin="import json, mttcg.instrument, mttcg_bus\nfrom mttcg.instrument import events\n",
        json="raise AssertionError\n",
        mttcg__in____init__="raise AssertionError\n",
        numpy__in__docs="raise AssertionError\n",
        rich="import rich.text\nTEXT = rich.text.Text\n",
        package__in____init__="import numpy\nARRAY = numpy.array\n",
        package__in__numpy="raise AssertionError\n",
    )
    assert load(folder / "plugin.py").events is sys.modules["mttcg.instrument.events"]
    assert load(folder / "rich.py").TEXT.__name__ == "Text"  # not itself
    assert load(folder / "package").ARRAY([1]).size == 1
    (folder / "plugin.py").write_text("import numpy\nARRAY = numpy.array\n")
    assert load(folder / "plugin.py").ARRAY([1]).size == 1  # a folder of that name is no package


def test_what_is_imported_replaces_no_global_of_the_plugin(write: Write) -> None:
    folder = write(
        plugin="def tables():\n    from tables import WIDTH\n    return WIDTH\n"
        "def others():\n    import others as module\n    return module.WIDTH\n",
        tables="WIDTH = 5\n",
        others="WIDTH = 6\n",
    )
    plugin = load(folder / "plugin.py")
    assert [plugin.tables(), plugin.tables(), plugin.others(), plugin.others()] == [5, 5, 6, 6]


def test_loaded_again_a_plugin_has_its_modules_as_they_are_now(write: Write) -> None:
    folder = write(plugin="from names import NAME\n", names="NAME = 1\n")
    first = load(folder / "plugin.py")
    write(names="NAME = 2\n")
    second = load(folder / "plugin.py")
    assert (first.NAME, second.NAME) == (1, 2)
    kept = sys.modules["mttcg_plugin_plugin.names"]
    write(names="\nNAME = 1 / 0\n")
    with pytest.raises(PluginError, match=r"ZeroDivisionError: .* \(.*/names\.py:2\)"):
        load(folder / "plugin.py")
    assert sys.modules["mttcg_plugin_plugin"] is second
    assert sys.modules["mttcg_plugin_plugin.names"] is kept


def test_a_module_that_is_nowhere_is_named(write: Write) -> None:
    folder = write(plugin="import names\n", names="import no_such_module\n")
    wrong = r"No module named 'no_such_module' \(.*/names\.py:1\)"
    with pytest.raises(PluginError, match=wrong):
        load(folder / "plugin.py")


def test_files_that_a_plugin_may_import(write: Write) -> None:
    folder = write(
        plugin="import json, names\ndef late():\n    from .later import x\n",
        names="from parts import a\nimport plugin\n",
        later="",
        parts__in____init__="",
        parts__in__a="",
        other="",
        json="",
        mttcg__in____init__="",
        broken="def f(:\n",
    )
    found = [str(file.relative_to(folder)) for file in files_of(folder / "plugin.py")]
    assert found == ["plugin.py", "later.py", "names.py", "parts/__init__.py", "parts/a.py"]
    assert files_of(folder / "broken.py") == [folder / "broken.py"]
    package = folder / "parts" / "__init__.py"
    assert files_of(package) == [package, folder / "parts" / "a.py"]


def test_native_code_is_of_the_modules_beside_as_they_are_now(write: Write) -> None:
    folder = write(
        plugin="import names\nfrom names import STEP, more\nfrom mttcg.instrument import compiled\n"
        "@compiled\ndef step(x):\n    return more(x) + STEP\n"
        "def probe(x):\n    return x + names.STEP\n",
        names="from mttcg.instrument import compiled\nSTEP = 1\n"
        "@compiled\ndef more(x):\n    return x + 10\n",
    )
    first = load(folder / "plugin.py")
    assert first.step(100) == 111  # kept on disk from now on
    key = content_of(first.probe)
    assert key == content_of(load(folder / "plugin.py").probe)
    write(names=(folder / "names.py").read_text().replace("STEP = 1\n", "STEP = 2\n"))
    second = load(folder / "plugin.py")
    assert second.step(100) == 112
    assert key != content_of(second.probe)
