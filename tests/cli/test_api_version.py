"""The version of the plugin API that a plugin states."""

from pathlib import Path

import pytest

from mttcg.errors import PluginError
from mttcg.instrument import API_VERSION, OLDEST_API_VERSION
from mttcg.instrument.api import api_version
from mttcg.instrument.loading.loader import load_plugin


def plugin(directory: Path, version: object) -> str:
    path = directory / "stated.py"
    path.write_text(f"API_VERSION = {version!r}\n\n\ndef plugin_init(_options):\n    return True\n")
    return str(path)


@pytest.mark.parametrize("version", range(OLDEST_API_VERSION, API_VERSION + 1))
def test_a_plugin_for_a_version_that_works_is_loaded(tmp_path: Path, version: int) -> None:
    assert load_plugin(plugin(tmp_path, version)).name == "stated"


@pytest.mark.parametrize("version", [OLDEST_API_VERSION - 1, API_VERSION + 1])
def test_another_version_is_refused_with_both_numbers(tmp_path: Path, version: int) -> None:
    with pytest.raises(PluginError) as caught:
        load_plugin(plugin(tmp_path, version))
    assert f"is for version {version} of the plugin API" in str(caught.value)
    assert f"expected {OLDEST_API_VERSION} to {API_VERSION}" in str(caught.value)


@pytest.mark.parametrize("version", ["1", 1.0, True])
def test_what_is_no_version_is_refused(tmp_path: Path, version: object) -> None:
    with pytest.raises(PluginError, match="expected a whole number"):
        load_plugin(plugin(tmp_path, version))


def test_older_plugins_go_on_while_their_version_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_version, "API_VERSION", 5)
    monkeypatch.setattr(api_version, "OLDEST_API_VERSION", 3)
    assert load_plugin(plugin(tmp_path, 3)).name == "stated"
    with pytest.raises(PluginError, match="expected 3 to 5"):
        load_plugin(plugin(tmp_path, 2))
