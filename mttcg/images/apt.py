"""Fetching Debian packages of another architecture with apt, which checks signatures and hashes.

Nothing is installed, and apt's own state is left alone: it is given a folder of its own
(apt.conf(5)). What the machine's apt knows of proxies and certificates holds here, too.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mttcg.images.errors import ImageError

MIRROR = "http://deb.debian.org/debian"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
APT_SECONDS = 600
FOLDERS = ("lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/sources.list.d")
CONFIGURATION = """\
#clear APT::Architectures;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/etc/sources.list";
Dir::Etc::sourceparts "{folder}/etc/sources.list.d";
Dir::Etc::preferences "{folder}/etc/preferences";
Dir::Etc::preferencesparts "{folder}/etc/preferences.d";
"""
PRINTED_URI = re.compile(r"^'[^']+' (?P<file>\S+) \d+ ", re.MULTILINE)


@dataclass(frozen=True)
class Repository:
    """A repository of packages.

    Attributes:
        mirror: its address.
        suite: the release.
        architecture: of the packages.
        keyring: the keys that its index is signed by.
    """

    mirror: str
    suite: str
    architecture: str
    keyring: Path


class Apt:
    """apt, with a configuration of its own.

    Args:
        image: whose packages are fetched, for errors.
        repository: where they are.
        folder: for apt's state and the packages; what is there is used again.
    """

    def __init__(self, image: str, repository: Repository, folder: Path) -> None:
        self.image, self.repository, self.folder = image, repository, folder
        self.configuration = folder / "apt.conf"

    def prepare(self) -> None:
        """Fetch the index. Raises `ImageError`."""
        if shutil.which("apt-get") is None:
            raise ImageError(
                self.image, "there is no apt-get here", "it, or --packages with the .deb files"
            )
        if not self.repository.keyring.is_file():
            wrong = f"there is no keyring {self.repository.keyring}"
            raise ImageError(self.image, wrong, "the package debian-archive-keyring, or --keyring")
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        where = self.repository
        options = f"[arch={where.architecture} signed-by={where.keyring}]"
        source = f"deb {options} {where.mirror} {where.suite} main\n"
        (self.folder / "etc/sources.list").write_text(source)
        text = CONFIGURATION.format(architecture=where.architecture, folder=self.folder)
        self.configuration.write_text(text)
        self._run("apt-get", "update")

    def dependency(self, package: str, prefix: str) -> str:
        """Return the first dependency of a package whose name begins so. Raises `ImageError`."""
        shown = self._run("apt-cache", "show", "--no-all-versions", package)
        told = re.search(r"^Depends: (.*)$", shown, re.MULTILINE)
        for part in told[1].split(",") if told else ():
            name = part.split()[0]
            if name.startswith(prefix):
                return name
        raise ImageError(self.image, f"{package} needs no {prefix}...", "it to depend on one")

    def fetch(self, packages: Iterable[str]) -> list[Path]:
        """Fetch packages; their files, in order. Raises `ImageError`."""
        return [self._fetch(package) for package in packages]

    def _fetch(self, package: str) -> Path:
        printed = self._run("apt-get", "download", "--print-uris", package)
        found = PRINTED_URI.search(printed)
        if found is None:
            raise ImageError(self.image, f"apt finds no package {package}", "a mirror that has it")
        self._run("apt-get", "download", package)
        return self.folder / found["file"]

    def _run(self, program: str, *words: str) -> str:
        """Run one of apt's programs; what it printed."""
        command = [program, "-c", str(self.configuration), "-q", *words]
        try:
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, timeout=APT_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            wrong = f"{program} {words[0]} took more than {APT_SECONDS} seconds"
            raise ImageError(self.image, wrong, "a mirror that answers") from error
        if done.returncode:
            last = (done.stderr.strip() or "no reason given").splitlines()[-1]
            wrong = f"{program} {words[0]} failed: {last}"
            raise ImageError(self.image, wrong, f"packages from {self.repository.mirror}")
        return done.stdout
