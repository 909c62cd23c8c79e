"""Docstrings and signatures as Markdown, for docs/reference.py."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

WIDTH = 88
"""Columns of a signature before it is broken, one parameter to a line."""
MODULES = re.compile(r"\b(?:collections\.abc|typing|mttcg(?:_bus)?(?:\.\w+)*|numpy|np)\.")
LATE = re.compile(r"(: |-> )'([^']*)'")
"""An annotation that is written as text."""
ARRAY = re.compile(r"ndarray\[(?:[^\[\]]|\[[^\[\]]*\])*\]")
"""numpy's array types, which not every version of it writes alike."""


class Required:
    """What stands for the default of a parameter that is told from every value."""

    def __repr__(self) -> str:
        return "..."


def signature_text(name: str, member: Callable[..., Any]) -> str:
    """A call as an author writes it: no `self`, types without their modules."""
    signature = inspect.signature(member)
    parameters = [
        parameter.replace(default=Required())
        if parameter.default is dataclasses.MISSING
        else parameter
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]
    shown = signature.replace(parameters=parameters)
    if inspect.isclass(member):
        shown = shown.replace(return_annotation=inspect.Signature.empty)
    text = plain_type(f"{name}{shown}")
    if len(text) <= WIDTH:
        return text
    lines = [f"    {plain_type(parameter)}," for parameter in parameters]
    _, arrow, result = text.rpartition(" -> ")
    return "\n".join([f"{name}(", *lines, f"){arrow}{result if arrow else ''}"])


def plain_type(text: Any) -> str:
    """A type, or a signature, without module names and without the quotes of late annotations."""
    shown = text.__name__ if isinstance(text, type) else str(text)
    return ARRAY.sub("ndarray", MODULES.sub("", LATE.sub(r"\1\2", shown)))


def markdown_of(member: Any, *, with_arguments: bool = True) -> str:
    """A docstring as Markdown: its lists of arguments and attributes become bullets."""
    text = inspect.getdoc(member) or ""
    if not with_arguments:
        text = text.partition("\nArgs:\n")[0].rstrip()
    lines: list[str] = []
    in_list = False
    for line in text.splitlines():
        if line in ("Args:", "Attributes:"):
            lines += ["Arguments:" if line == "Args:" else line, ""]
            in_list = True
        elif in_list and (entry := re.fullmatch(r" {4}(\w+): (.*)", line)):
            lines.append(f"- `{entry[1]}`: {escaped(entry[2])}")
        elif in_list and line.startswith(" " * 5):
            lines.append("  " + escaped(line.strip()))
        else:
            in_list = in_list and not line
            lines.append(line if line.startswith(" " * 4) else escaped(line))
    return "\n".join(lines)


def escaped(line: str) -> str:
    """A line in which `<` is no markup, outside of code spans."""
    parts = line.split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def summary_of(member: Any) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((inspect.getdoc(member) or "").partition("\n\n")[0].split())


def code_block(text: str) -> str:
    """Python code, fenced."""
    return f"```python\n{text}\n```"


def table_of(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [list(head), ["---"] * len(head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
