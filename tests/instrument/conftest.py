"""Fixtures of the tests of instrumentation."""

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
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
def counted(request: pytest.FixtureRequest) -> Iterator[Callable[[str, int], Done]]:
    """Runs of `count_in_all_ways`, each made once: those that tests want, two at a time."""
    users = [
        item for item in request.session.items if "counted" in getattr(item, "fixturenames", ())
    ]
    wanted = [item.callspec.params for item in users if hasattr(item, "callspec")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        runs: dict[tuple[str, int], Future[Done]] = {}

        def run(guest: str, smp: int) -> Future[Done]:
            if (guest, smp) not in runs:
                runs[guest, smp] = pool.submit(count_in_all_ways, guest, smp)
            return runs[guest, smp]

        for params in wanted:
            if "smp" in params:
                run(params["guest"], params["smp"])
        yield lambda guest, smp: run(guest, smp).result()
