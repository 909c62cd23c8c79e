"""The pages for those who work on the project name files and modules that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (
    *("docs/architecture.md", "docs/how-to-add.md", "docs/licences.md"),
    *("docs/process-messages.md", "docs/vocabulary.md", "CONTRIBUTING.md"),
)
FILES = re.compile(r"`([\w.*<>/-]+(?:\.py|/))`")
MODULES = re.compile(r"`((?:mttcg|mttcg_bus|mttcg_plugins)(?:\.\w+)+)")
GROUPS = {"mttcg.isas", "mttcg.isas.llvm", "mttcg.isas.interpreter"}
"""Names of entry points, which look like modules."""
FOLDERS = {"mttcg": "mttcg", "mttcg_bus": "bus/mttcg_bus", "mttcg_plugins": "plugins/mttcg_plugins"}


def exists(name: str) -> bool:
    """Whether a path, or the end of one, is there; what is in angle brackets may be anything."""
    pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
    inside = ("mttcg", "bus", "plugins", "tests", "docs", "bench", "examples")
    return any(ROOT.glob(pattern)) or any(
        found for folder in inside for found in (ROOT / folder).rglob(pattern)
    )


def is_module(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    package, *parts = name.split(".")
    place = ROOT / FOLDERS[package]
    while parts and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    return not parts or (place / f"{parts[0]}.py").is_file() or parts[0] in vars_of(place)


def vars_of(folder: Path) -> str:
    return (folder / "__init__.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page: str) -> None:
    names = set(FILES.findall((ROOT / page).read_text(encoding="utf-8")))
    assert {name for name in names if not exists(name)} == set()


@pytest.mark.parametrize("page", PAGES)
def test_modules_that_a_page_names_exist(page: str) -> None:
    names = set(MODULES.findall((ROOT / page).read_text(encoding="utf-8"))) - GROUPS
    assert {name for name in names if not is_module(name)} == set()
