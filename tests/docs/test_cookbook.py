"""The cookbook: a page for every plugin, whose command still prints what the page shows."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest

from mttcg.images.catalogue import CACHE, is_there, row_of
from mttcg.instrument.loading.loader import project_plugins

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "cookbook"
NAMES = [source.name for source in project_plugins()]
ON_LINUX = {"kfuncs", "processes", "profile", "syscalls"}
IMAGE = row_of("debian-riscv64")
needs_image = pytest.mark.skipif(
    not is_there(IMAGE, CACHE.expanduser()), reason="mttcg images get debian-riscv64"
)
BOOTS = (pytest.mark.slow, needs_image)
LARGEST = 60 << 10
"""Bytes of a picture."""
OUTPUT = re.compile(r"^```text\n(.*?)^```$", re.M | re.S)


@pytest.fixture(scope="module")
def cookbook() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("cookbook", ROOT / "docs" / "cookbook.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["cookbook"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cookbook"]


def headings(text: str) -> list[str]:
    """The names of the parts of an output, and the columns of its tables, as far as they go."""
    lines = text.splitlines()
    tables = {n - 1 for n, line in enumerate(lines) if re.fullmatch(" *─+", line)}
    return [
        " ".join(line.split())
        for n, line in enumerate(lines)
        if n in tables or re.fullmatch(r"\w+(: [\w ]+)?", line)
    ]


def test_every_plugin_has_a_page_and_no_other_has(cookbook: ModuleType) -> None:
    assert sorted(cookbook.RECIPES) == NAMES
    assert {page.stem for page in FOLDER.glob("*.md")} == {*NAMES, "README"}
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == cookbook.contents()


def test_it_is_known_which_boot(cookbook: ModuleType) -> None:
    assert {n for n, each in cookbook.RECIPES.items() if each.boots_linux} == ON_LINUX


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=BOOTS) if n in ON_LINUX else n for n in NAMES]
)
def test_a_page_is_what_its_command_gives(name: str, cookbook: Any) -> None:
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert f"```sh\n{cookbook.shown_command(cookbook.RECIPES[name])}\n```" in page
    dish = cookbook.cook(name)
    shown = OUTPUT.search(page)
    assert (shown is not None) == bool(dish.text)
    written = headings(shown[1]) if shown is not None else []
    assert headings(dish.text)[: len(written)] == written
    picture = FOLDER / f"{name}.svg"
    assert picture.exists() == bool(dish.picture)
    if dish.picture:
        assert f"]({name}.svg)" in page
        for text in (dish.picture, picture.read_text(encoding="utf-8")):
            assert len(text) <= LARGEST
            assert ElementTree.fromstring(text).find(".//{*}rect") is not None
    else:
        assert cookbook.RECIPES[name].why in page
