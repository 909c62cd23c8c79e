"""The packages of the distribution, and the native code of a wheel; else see pyproject.toml."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

FOLDERS = (".", "bus", "plugins", "bench")
GUESTS = "mttcg_guests"
"""The example guests, as a package of files without modules: pyproject.toml says where they are."""
SHIPPED = "mttcg/native/shipped"
AHEAD = Path(__file__).parent / "distribution" / "compile_ahead.py"


class BuildWithNativeCode(build_py):
    """Build, and compile what a user else waits for at first use."""

    def run(self) -> None:
        """As its base does, then in what was built."""
        super().run()
        if self.editable_mode:
            return
        if find_spec("numba") is None:
            self.announce("numba is missing: the wheel is without native code", level=3)
            return
        built = Path(self.build_lib).absolute()
        command = [sys.executable, str(AHEAD), str(built / SHIPPED)]
        subprocess.run(command, env=os.environ | {"PYTHONPATH": str(built)}, check=True)


packages = [name for folder in FOLDERS for name in find_packages(folder, include=["mttcg*"])]
setup(packages=[*packages, GUESTS], cmdclass={"build_py": BuildWithNativeCode})
