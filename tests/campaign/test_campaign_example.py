"""The campaign that the page shows: its commands are run, from the project's folder, as shown."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polars
from run_harness import ROOT, Running

PAGE = (ROOT / "docs/campaigns.md").read_text(encoding="utf-8")
COLUMNS = PAGE.partition("| column |")[2]


def test_the_example_does_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "examples").mkdir()
    for name in ("campaigns", "guests"):
        ignored = shutil.ignore_patterns("*.results")
        shutil.copytree(ROOT / "examples" / name, tmp_path / "examples" / name, ignore=ignored)
    [command] = re.findall(r"^mttcg (campaign \S+two_engines.toml)$", PAGE, re.M)
    running = Running(tmp_path, program=("-m", "mttcg", *command.split()), cwd=tmp_path)
    try:
        assert running.wait() == 0, running.stderr
        assert f"    {running.shown.decode()}" in PAGE
        shown = re.findall(r"^    \[\d+/\d+\] (.*) \(", PAGE, re.M)
        assert shown and all(line in running.stderr for line in shown)
        running.check_nothing_left()
    finally:
        running.end()

    [comparing] = re.findall(r"^python (examples/campaigns/.*)$", PAGE, re.M)
    command_line = [sys.executable, *comparing.split()]
    compared = subprocess.run(command_line, cwd=tmp_path, capture_output=True, text=True)
    assert compared.stderr == ""
    assert "".join(f"    {line}\n" for line in compared.stdout.splitlines()) in PAGE

    table = polars.read_parquet(tmp_path / comparing.split()[1])
    groups = {f"{name.partition('.')[0]}.*" if "." in name else name for name in table.schema}
    assert groups - set(re.findall(r"`([a-z0-9_*.]+)`", COLUMNS)) == set()
