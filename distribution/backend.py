"""How sdist and wheel are built: by setuptools, with what compiling native code needs.

See setup.py; a wheel brings that code with it, what is installed in place does not.
"""

import tomllib
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403  the other hooks of PEP 517

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def get_requires_for_build_wheel(config_settings: dict[str, str] | None = None) -> list[str]:
    """What setuptools needs, and what the package itself does: a wheel is built by running it."""
    facts = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    needed = build_meta.get_requires_for_build_wheel(config_settings)
    return [*needed, *facts["project"]["dependencies"]]
