"""The tutorial notebook runs from its beginning to its end, and shows what it promises."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"
CELL_SECONDS = 100


def shown(cell: Any) -> str:
    """What a cell has shown: what it printed, and its last value, as text and as HTML."""
    texts = [output.get("text", "") for output in cell.outputs]
    texts += [text for output in cell.outputs for text in output.get("data", {}).values()]
    return "\n".join(texts)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of other packages are their own affair
def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(tmp_path)}}
    )
    asyncio.run(client.async_execute())
    everything = "\n".join(shown(cell) for cell in notebook.cells if cell.cell_type == "code")
    for wanted in (
        "hello from hart 0 of 2",
        "hotblocks: hottest: by vCPU",
        "multiply_matrices",
        "'fibonacci': ",
        "callgraph: flame graph",
        "('the guest ended', True)",
        "([], [])",
    ):
        assert wanted in everything


def test_the_tutorial_is_kept_without_what_it_showed() -> None:
    nbformat = pytest.importorskip("nbformat")
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    kept = [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    assert kept == []
