"""Install the peers into the folder .peers of the checkout: `make bench-peers`.

From PyPI those that are used from Python, into a virtual environment of their own; from Debian two
versions of QEMU, that of the release and that of its backports, each unpacked into a folder with
what it needs and the machine does not have. Nothing of the machine is changed, and no right but to
write here is needed. What can't be had is named with the reason; the rest is installed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from mttcg_bench.checkout import PEERS
from mttcg_bench.errors import NotAvailable
from mttcg_bench.tools import python_peers, qemu

PYTHON_PEERS = {"unicorn": "unicorn", "icicle": "icicle-emu", "qiling": "qiling"}
"""By their names in cases, those on PyPI."""
QEMU_PACKAGES = {"": "qemu-system-misc", "-backports": "qemu-system-riscv"}
"""By what a suite's name has after the release's, the package with qemu-system-riscv64."""


def call(command: Sequence[str], wrong: str) -> str:
    """What a command printed; raises NotAvailable with its last line if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NotAvailable(f"{wrong}: {error}") from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it failed"]
        raise NotAvailable(f"{wrong}: {lines[-1]}")
    return done.stdout


def install_python_peers() -> str:
    """Make the environment and install what PyPI has, each for itself; what there is now."""
    folder = PEERS / "python"
    if not python_peers.PYTHON.is_file():
        venv.create(folder, with_pip=True)
    pip = [str(python_peers.PYTHON), "-m", "pip", "install", "--quiet"]
    wrong = []
    for package in PYTHON_PEERS.values():
        try:
            call([*pip, package], package)
        except NotAvailable as error:
            wrong.append(str(error))
    python_peers.version.cache_clear()
    found = [f"{peer} {python_peers.version(peer) or 'not there'}" for peer in PYTHON_PEERS]
    return ", ".join(found) + "".join(f"\n  {line}" for line in wrong)


def release() -> str:
    """The code name of the Debian release; raises NotAvailable elsewhere."""
    lines = Path("/etc/os-release").read_text().splitlines()
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    if facts.get("ID") != "debian":
        raise NotAvailable("this is not Debian, whose packages are used")
    return facts["VERSION_CODENAME"].strip('"')


def archive(codename: str) -> str:
    """Where apt has the release from."""
    found = call(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {codename}"],
        "apt knows no archive",
    ).split()
    if not found:
        raise NotAvailable(f"apt has no archive of {codename}")
    return found[0].rstrip("/")


def install_qemu(suffix: str) -> str:
    """Unpack the QEMU of a suite and what it needs; the version it has."""
    codename = release()
    suite, package = codename + suffix, QEMU_PACKAGES[suffix]
    folder = PEERS / f"qemu-{suite}"
    with tempfile.TemporaryDirectory() as scratch:
        apt = apt_of_its_own(Path(scratch), archive(codename), {codename, suite})
        call([*apt, "update"], f"{suite} can't be read")
        wanted = [*apt, "install", "--download-only", "--yes", "--no-install-recommends"]
        wanted += ["--reinstall", "--target-release", suite, package]
        call(wanted, f"{package} of {suite}")
        shutil.rmtree(folder, ignore_errors=True)
        for file in sorted(Path(scratch, "archives").glob("*.deb")):
            call(["dpkg-deb", "--extract", str(file), str(folder)], file.name)
    command = [str(folder / "usr" / "bin" / qemu.PROGRAM), "--version"]
    done = subprocess.run(
        command, env=os.environ | qemu.environment_of(folder), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    found = qemu.VERSION.search(done.stdout)
    if not found:
        lines = done.stderr.strip().splitlines() or ["it does not tell its version"]
        raise NotAvailable(f"{package} of {suite} does not start: {lines[-1]}")
    return found[1]


def apt_of_its_own(scratch: Path, uri: str, suites: set[str]) -> list[str]:
    """Call apt so that it writes into a folder of ours and the machine stays as it is."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    sources = scratch / "sources.list"
    sources.write_text(
        "".join(f"deb [signed-by={keyring}] {uri} {suite} main\n" for suite in sorted(suites))
    )
    for folder in ("lists/partial", "archives/partial"):
        (scratch / folder).mkdir(parents=True)
    options = {
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch,
        "Dir::Cache::Archives": scratch / "archives",
        "Debug::NoLocking": "true",
        "APT::Sandbox::User": "",
    }
    return ["apt-get", *(f"--option={name}={value}" for name, value in options.items())]


def main() -> int:
    """Install all; the exit status is 1 if something can't be had."""
    PEERS.mkdir(exist_ok=True)
    steps: dict[str, Callable[[], str]] = {
        "Python": install_python_peers,
        "QEMU of the release": lambda: install_qemu(""),
        "QEMU of the backports": lambda: install_qemu("-backports"),
    }
    missing = 0
    for name, install in steps.items():
        try:
            print(f"{name}: {install()}", flush=True)
        except NotAvailable as error:
            missing += 1
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
