"""The names of Unicorn on the page for those who come from other tools, against its bindings."""

import ast
import inspect
import re
from pathlib import Path

import pytest
import unicorn

PAGE = Path(__file__).parents[2] / "docs" / "coming-from.md"
CELLS = re.compile(r"(?<!\\)\|")
"""What is between the cells of a row; a bar inside a cell has a backslash before it."""


def calls_of(tool: str) -> list[str]:
    """The code in a tool's column of the page's first table."""
    table = PAGE.read_text(encoding="utf-8").split("\n\n")[2].splitlines()
    rows = [[cell.strip() for cell in CELLS.split(row)[1:-1]] for row in table]
    column = rows[0].index(tool)
    codes = [code for row in rows[2:] for code in re.findall(r"`([^`]+)`", row[column])]
    return [code.replace("\\|", "|") for code in codes]


def unknown_names(code: str) -> set[str]:
    """The names in an expression that are neither Unicorn's nor parameters of what it calls."""
    expression = ast.parse(code, mode="eval").body
    called = expression.func if isinstance(expression, ast.Call) else expression
    assert isinstance(called, ast.Name), code
    found = getattr(unicorn.Uc, called.id, None) or getattr(unicorn, called.id, None)
    if found is None:
        return {called.id}
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} - {called.id}
    parameters = inspect.signature(found).parameters
    return {name for name in names if name not in parameters and not hasattr(unicorn, name)}


@pytest.mark.parametrize("code", calls_of("Unicorn"))
def test_what_is_said_of_unicorn_is_in_its_bindings(code: str) -> None:
    assert not unknown_names(code)


def test_the_column_has_what_is_compared() -> None:
    named = " ".join(calls_of("Unicorn"))
    for name in (
        "Uc(",
        "emu_start",
        "UC_HOOK_BLOCK",
        "UC_HOOK_CODE",
        "UC_HOOK_MEM_WRITE",
        "hook_del",
    ):
        assert name in named


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("hook_remove", "hook_remove"),
        ("hook_add(UC_HOOK_BLOCKS, ...)", "UC_HOOK_BLOCKS"),
        ("hook_add(UC_HOOK_CODE, ..., start, end)", "start"),
    ],
)
def test_a_name_that_unicorn_lacks_is_noticed(code: str, wrong: str) -> None:
    assert unknown_names(code) == {wrong}
