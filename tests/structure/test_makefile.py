"""What the Makefile's targets run is there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("target", ["test", "nightly"])
def test_a_target_names_files_that_exist(target: str) -> None:
    asked = ["make", "--dry-run", "--no-print-directory", target]
    commands = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    named = set(re.findall(r"(?<!\S)(?:tests|bench)/\S*", commands))
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []
