"""Which modules import which, read from their sources, and circles among them."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path


def modules_of(*folders: Path) -> dict[str, ast.Module]:
    """The modules below packages' folders, parsed, by full name."""
    found = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_bytes(), str(path))
    return found


def imports_of(module: ast.Module) -> Iterator[str]:
    """What a module imports, anywhere in it: modules, and names in modules, by full name."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def import_graph(modules: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """For each module, the others among them that it imports."""
    graph = {}
    for name, module in modules.items():
        found = set()
        for imported in imports_of(module):
            # `from a import b`: b is a module of its own, or a name in a
            owner = imported if imported in modules else imported.rpartition(".")[0]
            if owner in modules and owner != name:
                found.add(owner)
        graph[name] = found
    return graph


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of a circle, each imported by the one after it; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []
