"""The guests of these tests, which run below firmware."""

import importlib.util
from pathlib import Path

import pytest
from build_guests import build

NAMES = ("calls", "storm", "rounds", "ends", "spaces")


@pytest.fixture(scope="session")
def guests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each by name."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed, so the guests of these tests can't be built")
    folder = tmp_path_factory.mktemp("guests")
    return {name: build(name, folder) for name in NAMES}
