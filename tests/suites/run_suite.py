"""Runs a directory of built conformance tests, and prints what came of each.

`python tests/suites/run_suite.py DIRECTORY` takes ELF files that were built of riscv-tests, or of
riscv-arch-test with `model_test.h` beside this file; nothing is fetched or built. A test passes if
it ends its run with status 0. If a file NAME.signature lies beside it, what the guest sends to its
console is to be that as well. Tests of what the machine does not have are in KNOWN, with the
reason: one that fails is as expected, one that passes is to be taken out of there.

The exit status is 0 if all came out as expected, 1 if not, 2 if there is nothing to run.
"""

import argparse
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal, NamedTuple

Outcome = Literal["pass", "FAIL", "known", "PASSES"]
ELF_MAGIC = b"\x7fELF"
TIME_LIMIT = 120.0
"""Seconds for one test, on a machine that does other things as well."""
HARTS = {
    "rv64si-pm-dirty": 1,  # harts would change one page table under each other
    "rv64ud-pm-recoding": 1,  # its case 20 overwrites what case 10 reads
    "*-pm-*": 2,
}
"""How many there are, by the first pattern of the name that fits; else one. Environment pm runs a
test on all of them at once, and the first that comes to its end ends the run."""
KNOWN = {
    "rv64mi-*-breakpoint": "no debug triggers (Sdtrig): it takes for granted that there is tselect",
    "rv64uziccid-*": "no Ziccid: a changed instruction is seen behind fence.i, or a write of satp",
    "rv64uzbc-*": "no Zbc: no profile that is covered asks for it",
    "rv64uzbk[bx]-*": "no Zbkb and Zbkx: no profile that is covered asks for them",
    "rv64up-*": "no P: it is not ratified",
    "hypervisor*": "no H",
}
"""Reasons by pattern of the name."""


class Result(NamedTuple):
    """What came of a test; `text` is the reason, or what the run said."""

    name: str
    outcome: Outcome
    text: str = ""


def reason_for(name: str) -> str:
    """Why a test is known to fail; "" if it is to pass."""
    return next((reason for pattern, reason in KNOWN.items() if fnmatch(name, pattern)), "")


def find_tests(directory: Path) -> list[Path]:
    """The ELF files of a directory, in order of their names."""

    def is_elf(file: Path) -> bool:
        with file.open("rb") as opened:
            return opened.read(len(ELF_MAGIC)) == ELF_MAGIC

    return sorted(file for file in directory.iterdir() if file.is_file() and is_elf(file))


def command_for(test: Path, options: Sequence[str]) -> list[str]:
    """The command line that runs a test."""
    harts = next((number for pattern, number in HARTS.items() if fnmatch(test.name, pattern)), 1)
    return [sys.executable, "-m", "mttcg", "run", str(test), "--smp", str(harts), *options]


def failure_of(test: Path, options: Sequence[str], limit: float) -> str:
    """Run a test: "" if it passed, else what is wrong, in a line."""
    command = command_for(test, options)
    try:
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {limit:g} s"
    if run.returncode:
        said = run.stderr.decode(errors="replace").strip().splitlines()
        return f"exit status {run.returncode}" + (f": {said[-1]}" if said else "")
    signature = test.with_name(f"{test.name}.signature")
    return (
        difference(signature.read_text().split(), run.stdout.decode(errors="replace").split())
        if signature.exists()
        else ""
    )


def difference(expected: list[str], shown: list[str]) -> str:
    """Where a signature, a word a line, differs from the one expected; "" if nowhere."""
    for number, (want, have) in enumerate(zip(expected, shown, strict=False)):
        if want.lower() != have.lower():
            return f"word {number} of the signature is {have}, not {want}"
    if len(expected) != len(shown):
        return f"the signature has {len(shown)} words, not {len(expected)}"
    return ""


def run_test(test: Path, options: Sequence[str], limit: float) -> Result:
    """Run a test, and judge it."""
    failure, reason = failure_of(test, options, limit), reason_for(test.name)
    if reason:
        return Result(test.name, "known" if failure else "PASSES", reason)
    return Result(test.name, "FAIL" if failure else "pass", failure)


def summary(results: Iterable[Result]) -> list[str]:
    """How many there are of each outcome."""
    counts = Counter(result.outcome for result in results)
    return [f"{outcome:6} {number:5}" for outcome, number in sorted(counts.items())]


def positive(text: str) -> int:
    """A number of the command line that is to be 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all; the exit status."""
    parser = argparse.ArgumentParser(description="Run a directory of built conformance tests.")
    parser.add_argument("directory", type=Path, help="of the ELF files")
    parser.add_argument("--only", default="*", help="pattern of names (all)")
    parser.add_argument("--jobs", type=positive, default=1, help="tests at a time (1)")
    parser.add_argument(
        "--time-limit", type=float, default=TIME_LIMIT, help=f"seconds for each ({TIME_LIMIT:g})"
    )
    parser.add_argument("options", nargs="*", help="further options of mttcg run, behind --")
    given = parser.parse_args(arguments)
    try:
        tests = [test for test in find_tests(given.directory) if fnmatch(test.name, given.only)]
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    if not tests:
        named = "" if given.only == "*" else f" whose name fits {given.only}"
        print(f"{given.directory}: no ELF file{named}", file=sys.stderr)
        return 2
    results = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for result in pool.map(lambda test: run_test(test, given.options, given.time_limit), tests):
            results.append(result)
            print(f"{result.outcome:6} {result.name:40} {result.text}".rstrip(), flush=True)
    print("", *summary(results), sep="\n")
    return int(any(result.outcome in ("FAIL", "PASSES") for result in results))


if __name__ == "__main__":
    sys.exit(main())
