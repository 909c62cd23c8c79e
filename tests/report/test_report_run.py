"""The pages of a run and of its replay, as the command line writes them."""

from pathlib import Path

import pytest
from report_samples import Reader

from mttcg.cli import main

HELLO = Path(__file__).parents[2] / "examples" / "guests" / "hello.elf"


def test_a_run_and_its_replay_have_pages(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording, run, replay = (tmp_path / name for name in ("a.rec", "run.html", "replay.html"))
    plugins = ["--plugin", "icount", "--plugin", "memtrace,top=3", "--plugin", "hotblocks,top=2"]
    outputs = ["--record", str(recording), "--html", str(run), "--quiet"]
    assert main(["run", str(HELLO), "--smp", "2", *plugins, *outputs]) == 0
    assert main(["replay", str(recording), "--plugin", "memtrace", "--html", str(replay)]) == 0
    assert capsys.readouterr().err == ""
    of_run, of_replay = Reader(run.read_text()), Reader(replay.read_text())
    assert of_run.texts["figcaption"] == [
        *("instructions", "time", "block cache", "records by stream"),
        *("icount: vcpus: instructions and blocks", "memtrace: vcpus: reads and writes"),
        *("memtrace: hottest: reads and writes", "hotblocks: hottest: by vCPU"),
    ]
    assert of_replay.texts["figcaption"] == of_run.texts["figcaption"][5:7]
    assert str(HELLO) in of_replay.texts["td"]
