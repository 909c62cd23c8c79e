"""A notebook shows below a cell how the run in it goes, and nothing of that once it is over."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from run_harness import guest

from mttcg.supervisor.results import notebook
from mttcg.supervisor.results.notebook import NotebookStatus, notebook_status
from mttcg.supervisor.results.result import Status, VcpuStatus

CELL_SECONDS = 100
STATUS = Status(1.5, (VcpuStatus(0, "running", 10, 2e6),), {"<s>": {"emitted": 5}})
RUN = f"""
from mttcg import Machine

machine = Machine({guest("spin")!r}, plugins=["icount"])
"""
STOPPED_WHEN_SHOWN = """
import os, signal
from mttcg.supervisor.results.notebook import NotebookStatus

change = NotebookStatus.__call__

def and_stop(self, status):
    change(self, status)
    if self.change is not None:
        os.kill(os.getpid(), signal.SIGINT)

NotebookStatus.__call__ = and_stop
print(machine.run().stop_reason)
"""


def test_a_bar_is_shown_once_and_then_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []

    def show(text: str) -> Any:
        seen.append(("shown", text))
        return lambda later: seen.append(("changed", later))

    status = NotebookStatus(show)
    status(STATUS)
    assert seen == [], "it may be over at once"
    monkeypatch.setattr(notebook, "SECONDS_BETWEEN_DRAWINGS", 0)
    status(STATUS)
    status(STATUS)
    status.erase()
    assert [how for how, _ in seen] == ["shown", "changed", "changed"]
    assert seen[0][1] == seen[1][1] and seen[2][1] == ""
    assert "<progress></progress>" in seen[0][1] and "2.0 M instr/s" in seen[0][1]


def test_elsewhere_there_is_none() -> None:
    with notebook_status() as shown:
        assert shown is None


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of other packages are their own affair
def test_a_run_is_shown_below_its_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    cells = [nbformat.v4.new_code_cell(text) for text in (RUN, STOPPED_WHEN_SHOWN)]
    told: list[str] = []

    class Client(nbclient.NotebookClient):  # type: ignore[misc, name-defined]
        """Keeps what is shown in between, too."""

        def process_message(self, message: Any, *others: Any) -> Any:
            if message["msg_type"] in ("display_data", "update_display_data"):
                told.append(message["content"]["data"]["text/html"])
            return super().process_message(message, *others)

    client = Client(
        nbformat.v4.new_notebook(cells=cells),
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    asyncio.run(client.async_execute())
    assert "<progress>" in told[0] and "M instr/s" in told[0]
    assert told[-1] == ""
    outputs = cells[1].outputs
    printed = "".join(one.text for one in outputs if one.output_type == "stream")
    assert printed.endswith("interrupted\n")
    assert [one.data["text/html"] for one in outputs if "data" in one] == [""]
