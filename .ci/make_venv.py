"""Make a virtual environment with pip in it, also where Python has no `ensurepip`.

Debian leaves `ensurepip` out of python3 (it is in python3-venv). There pip's wheel is fetched from
PyPI, checked against the SHA-256 that PyPI's JSON API states for it, and installs itself.
"""

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from pathlib import Path
from urllib.parse import urljoin

PIP_METADATA = "https://pypi.org/pypi/pip/json"
OLDEST = (3, 11)
SECONDS_TO_WAIT = 60


def main(directory: str) -> None:
    """Make the environment in `directory`, anew if there is one."""
    if sys.version_info < OLDEST:
        sys.exit("Python 3.11 or later is needed; choose one with: make PYTHON=python3.11")
    has_pip = importlib.util.find_spec("ensurepip") is not None
    venv.create(directory, clear=True, symlinks=True, with_pip=has_pip)
    if not has_pip:
        print("this Python has no ensurepip: fetching pip from PyPI", flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                wheel = fetch_pip(Path(scratch))
            except urllib.error.URLError as error:
                sys.exit(f"PyPI can't be reached ({error.reason}); or install python3-venv")
            python = Path(directory) / "bin" / "python"
            command = [str(python), f"{wheel}/pip", "install", "--quiet", str(wheel)]
            subprocess.run(command, check=True)


def fetch_pip(directory: Path) -> Path:
    """Download pip's newest wheel into `directory` and return its path."""
    metadata = json.loads(fetch(PIP_METADATA))
    [found] = [item for item in metadata["urls"] if item["packagetype"] == "bdist_wheel"]
    wheel = directory / str(found["filename"])
    wheel.write_bytes(fetch(urljoin(PIP_METADATA, found["url"])))
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != found["digests"]["sha256"]:
        sys.exit(f"{found['url']}: not the file that PyPI describes")
    return wheel


def fetch(url: str) -> bytes:
    """Read all of a page."""
    with urllib.request.urlopen(url, timeout=SECONDS_TO_WAIT) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    main(sys.argv[1])
