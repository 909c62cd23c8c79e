"""What sdist and wheel have in them, and that it is enough."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from mttcg.instrument.native import native_host, shipped_code
from mttcg.instrument.native.native_functions import read_kept
from mttcg.version import VERSION

ROOT = Path(__file__).parents[2]
BUILD = "import sys; sys.path.insert(0, 'distribution'); import backend; backend.{}(sys.argv[1])"
PACKAGES = {"mttcg": ".", "mttcg_bus": "bus", "mttcg_plugins": "plugins", "mttcg_bench": "bench"}
NOT_DISTRIBUTED = re.compile(r"\.(ci|github)/workflows/")
LIMIT = 900.0


def run(arguments: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        arguments,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files of the sources."""
    if not ROOT.joinpath(".git").exists():
        pytest.skip("this is no checkout, so nobody knows which files are ours")
    names = run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], ROOT)
    return [name for name in names.splitlines() if ROOT.joinpath(name).is_file()]


@pytest.fixture(scope="module")
def distributions(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, made from a copy of the sources, and of the sdist's."""
    pytest.importorskip("setuptools", "77", "distributions are built with it")
    folder = tmp_path_factory.mktemp("distributions")
    sources, made = folder / "sources", folder / "made"
    for name in tracked:
        place = sources / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, place)
    run([sys.executable, "-c", BUILD.format("build_sdist"), str(made)], sources)
    [sdist] = made.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [unpacked] = (folder / "unpacked").iterdir()
    run([sys.executable, "-c", BUILD.format("build_wheel"), str(made)], unpacked)
    return made


@pytest.fixture(scope="module")
def installed(distributions: Path) -> Path:
    """The wheel's files, as they are in a folder of packages."""
    folder = distributions.parent / "installed"
    [wheel] = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_sdist_has_all_sources(tracked: list[str], distributions: Path) -> None:
    [sdist] = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sorted(set(tracked) - names) == []
    assert [name for name in names if "__pycache__" in name or "node_modules" in name] == []


def test_the_wheel_has_every_module_and_guest(tracked: list[str], installed: Path) -> None:
    there = {path.relative_to(installed).as_posix() for path in installed.rglob("*")}
    wanted = []
    for package, folder in PACKAGES.items():
        prefix = "" if folder == "." else f"{folder}/"
        begins = f"{prefix}{package}/"
        wanted += [name.removeprefix(prefix) for name in tracked if name.startswith(begins)]
    guests = [name for name in tracked if name.startswith("examples/guests/")]
    wanted += [name.replace("examples/guests/", "mttcg_guests/") for name in guests]
    assert sorted(set(wanted) - there) == []
    assert "mttcg_guests/hello.elf" in there
    packages = {path.name for path in installed.iterdir()}
    assert packages == {*PACKAGES, "mttcg_guests", f"mttcg-{VERSION}.dist-info"}


def test_what_is_installed_says_what_it_is(installed: Path) -> None:
    facts = (installed / f"mttcg-{VERSION}.dist-info" / "METADATA").read_text(encoding="utf-8")
    assert "\nLicense-Expression: GPL-2.0-or-later\n" in facts
    assert "\nLicense-File: LICENSE\n" in facts
    assert "\nClassifier: Topic :: System :: Emulators\n" in facts
    assert "\nKeywords: emulator,RISC-V," in facts


@pytest.mark.parametrize(
    "guest, options",
    [
        ("hello", []),
        ("hello", ["--plugin", "hotblocks"]),
        ("hello", ["--engine", "unicorn"]),
        ("paged", []),
    ],
    ids=["plain", "counted", "unicorn", "translated"],
)
def test_what_a_wheel_brings_is_not_compiled_at_first_use(
    guest: str, options: list[str], installed: Path, tmp_path: Path
) -> None:
    if not native_host.is_of_level():
        pytest.skip("this processor is not of the level that wheels have code for")
    program = [sys.executable, "-m", "mttcg", "run", "--quiet"]
    file = installed / "mttcg_guests" / f"{guest}.elf"
    here = {"PYTHONPATH": str(installed), "NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    run([*program, str(file), *options], tmp_path, **here)
    assert not (tmp_path / "kept").exists(), "something was compiled, and kept"


def test_other_sources_and_processors_do_not_find_what_a_wheel_brings(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installed / "mttcg" / "native" / "shipped"
    monkeypatch.setattr(shipped_code, "FOLDER", folder)
    made = sorted(file.name for file in folder.iterdir())
    of_host = [name.replace(native_host.LEVEL, native_host.host_digest()) for name in made]

    def found() -> list[bool]:
        shipped_code._is_usable.cache_clear()
        files = [shipped_code.shipped_file(name) for name in of_host]
        return [file is not None and read_kept(file) is not None for file in files]

    monkeypatch.setattr(shipped_code, "is_of_level", lambda: True)
    assert found() == [True] * len(made) and len(made) > 10
    other = shipped_code.shipped_file(of_host[-1].replace("-riscv64-", "-riscv64-0"))
    assert other is not None and not other.exists()
    monkeypatch.setattr(shipped_code, "is_of_level", lambda: False)
    assert found() == [False] * len(made)
    shipped_code._is_usable.cache_clear()


@pytest.mark.timeout(900)
def test_the_demo_and_the_benchmarks_run_without_the_sources(
    installed: Path, tmp_path: Path
) -> None:
    program = [sys.executable, "-m", "mttcg"]
    here = {"PYTHONPATH": str(installed)}
    guests = run([*program, "demo", "--guests"], tmp_path, **here).strip()
    assert guests == str(installed / "mttcg_guests")
    shown = run([*program, "demo"], tmp_path, **here)
    assert shown.splitlines()[0].split() == ["amoadd", "400000", "of", "400000", "ok"]
    options = ["--runs", "1", "--patience", "0", "--engines", "llvm", "--json", "out.json"]
    assert "startup" in run([*program, "bench", "startup", *options], tmp_path, **here)
    assert '"commit": "unknown"' in (tmp_path / "out.json").read_text()


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    facts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"\nversion: {VERSION}\n" in text
    assert f"\nlicense: {facts['license']}\n" in text
