"""No circle of imports among our modules, lazy imports and those for types included."""

import ast
from pathlib import Path

import pytest
from import_graph import circle_in, import_graph, modules_of

ROOT = Path(__file__).parents[2]
PACKAGES = ("mttcg", "bus/mttcg_bus", "plugins/mttcg_plugins")


def test_no_circle_of_imports() -> None:
    graph = import_graph(modules_of(*map(ROOT.joinpath, PACKAGES)))
    assert "mttcg.vcpu.machine.shared" in graph["mttcg.supervisor.run_state"]
    assert circle_in(graph) == []


@pytest.mark.parametrize(
    "back",
    [
        "import p.a",
        "from p.a import name",
        "from p import a",
        "def function():\n    import p.a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import Name",
    ],
)
def test_a_circle_is_found_however_it_is_closed(back: str) -> None:
    texts = {"p": "", "p.a": "from p.b import name", "p.b": "import p.c", "p.c": "import os"}
    assert circle_of(texts) == []
    assert set(circle_of(texts | {"p.c": back})) == {"p.a", "p.b", "p.c"}


def test_a_package_and_its_module_can_be_a_circle() -> None:
    texts = {"p": "from p.a import name", "p.a": "from p import other"}
    assert set(circle_of(texts)) == {"p", "p.a"}
    assert circle_of(texts | {"p.a": "import os", "q": "from p import a"}) == []


def circle_of(texts: dict[str, str]) -> list[str]:
    return circle_in(import_graph({name: ast.parse(text) for name, text in texts.items()}))
