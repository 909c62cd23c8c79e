"""The documentation site is built, and no link of it leads nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 110.0


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="mkdocs-material is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    assert "mttcg" in (site / "index.html").read_text(encoding="utf-8")
    for place in ("reference/index.html", "bus/PROTOCOL/index.html", "cookbook/index.html"):
        assert (site / place).is_file()
    assert (site / "examples/plugins/access_sizes.py").is_file()
    assert not list(site.rglob("reference.py"))
