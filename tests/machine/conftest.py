"""What several tests of the machine need."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_elf import TinyElf


@pytest.fixture
def write_elf(tmp_path: Path) -> Callable[[TinyElf | bytes], Path]:
    def write(elf: TinyElf | bytes) -> Path:
        path = tmp_path / "guest.elf"
        path.write_bytes(elf if isinstance(elf, bytes) else elf.content())
        return path

    return write
