"""The packages of the distribution; everything else about it is in pyproject.toml."""

from setuptools import find_packages, setup

FOLDERS = (".", "bus", "plugins", "bench")
GUESTS = "mttcg_guests"
"""The example guests, as a package of files without modules: pyproject.toml says where they are."""

packages = [name for folder in FOLDERS for name in find_packages(folder, include=["mttcg*"])]
setup(packages=[*packages, GUESTS])
