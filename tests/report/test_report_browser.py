"""Pages in a browser: headless Chromium, skipped where it is not installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from report_samples import Reader, result

from mttcg.report import page
from mttcg.report.page import run_page

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LIMIT = 60.0
CONSOLE = ":CONSOLE:"
"""What marks a line of the page's console on the browser's stderr."""
NO_SANDBOX = ("--no-sandbox",) if os.geteuid() == 0 else ()
"""Chromium refuses to run as root with its sandbox."""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        pytest.skip("no Chromium is installed (Debian package chromium)")
    return found


def opened(browser: str, directory: Path, text: str) -> tuple[Reader, list[str]]:
    """What a page has become once it is loaded, and the lines on its console."""
    file = directory / "page.html"
    file.write_text(text, encoding="utf-8")
    options = ["--headless=new", "--disable-gpu", "--enable-logging=stderr", *NO_SANDBOX]
    options += [f"--user-data-dir={directory / 'profile'}", "--dump-dom", file.as_uri()]
    done = subprocess.run(
        [browser, *options], capture_output=True, text=True, timeout=LIMIT, check=True
    )
    return Reader(done.stdout), [line for line in done.stderr.splitlines() if CONSOLE in line]


def test_a_run_is_shown_with_its_plots_and_nothing_goes_wrong(browser: str, tmp_path: Path) -> None:
    text = run_page(result(), {"memory": 1})
    shown, console = opened(browser, tmp_path, text)
    assert console == []
    assert ("html", {"lang": "en", "data-ready": "yes"}) in shown.tags  # the script ran
    assert shown.count("svg") == Reader(text).count("svg") == 8
    assert shown.count("rect") == Reader(text).count("rect") > 90
    assert shown.texts["title"][0] == Reader(text).texts["title"][0]  # no other script did


def test_a_click_on_a_head_sorts_its_table(
    browser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    click = "document.querySelectorAll('table')[0].querySelectorAll('th')[0].click();"
    monkeypatch.setattr(page, "SCRIPT", page.SCRIPT + click)
    shown, console = opened(browser, tmp_path, run_page(result(plugins={}, ledger={}), {}))
    assert console == []
    assert [cell for cell in shown.texts["td"] if cell in {"0", "1"}][:1] == ["1"]


def test_a_page_that_fails_or_asks_for_something_is_found_out(browser: str, tmp_path: Path) -> None:
    wrong = '<img src="http://127.0.0.1:9/a.png"><script>nothing()</script>'
    text = run_page(result(), {}).replace("</body>", f"{wrong}</body>")
    _, console = opened(browser, tmp_path, text)
    assert len(console) == 2  # both are against the policy
