"""Fixtures of the tests of the bundled plugins."""

import importlib.util
from pathlib import Path

import pytest
from plugin_harness import SOURCES, load_build


@pytest.fixture(scope="session")
def own_guests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The guests of these tests by name, assembled without the examples' runtime."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed, so the guests of these tests can't be built")
    build, folder = load_build(), tmp_path_factory.mktemp("guests")
    found = {}
    for source in sorted(SOURCES.glob("*.S")):
        built, elf = folder / f"{source.stem}.o", folder / f"{source.stem}.elf"
        build.run_zig(("cc", *build.COMPILE, str(source), "-o", str(built)), folder / "cache")
        build.run_zig((*build.LINK, str(built), "-o", str(elf)), folder / "cache")
        found[source.stem] = elf
    return found
