"""Fixtures of the tests of instrumentation."""

import fcntl
import importlib.util
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from instrument_harness import SETTINGS, Done, build_guests, plugin, run_guest


@pytest.fixture(scope="session")
def own_guests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The guests of these tests, by name."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed, so the guests of these tests can't be built")
    folder = tmp_path_factory.mktemp("guests")
    return {elf.stem: elf for elf in build_guests(folder)}


def count_in_all_ways(guest: str, smp: int) -> Done:
    """Run an example guest under the plugin that counts in every way there is.

    The guest is told how many harts there are: to read the device tree takes longer the more
    there are, and the board's differs from QEMU's.
    """
    native_only = {"python": "no", "bus": "no"} if guest == "mix" else {}
    symbols = SETTINGS.get(guest, {}) | {"harts_expected": smp}
    return run_guest(guest, plugin("five_ways", **native_only), smp=smp, symbols=symbols)


@pytest.fixture(scope="session")
def counted(
    tmp_path_factory: pytest.TempPathFactory, testrun_uid: str
) -> Callable[[str, int], Done]:
    """Runs of `count_in_all_ways`, each made by the first process of tests that wants it."""
    base = tmp_path_factory.getbasetemp()
    in_parallel = "PYTEST_XDIST_WORKER" in os.environ
    folder = (base.parent if in_parallel else base) / f"counted-{testrun_uid}"
    folder.mkdir(exist_ok=True)

    def run(guest: str, smp: int) -> Done:
        file = folder / f"{guest}-{smp}"
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file unlocks
            if not file.exists():
                file.write_bytes(pickle.dumps(count_in_all_ways(guest, smp)))
        done: Done = pickle.loads(file.read_bytes())
        return done

    return run
