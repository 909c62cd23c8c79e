"""Names of a kernel that is started: of its own table, of a file; damage warns, and no more."""

from pathlib import Path

import pytest
from built_kallsyms import BASE, built_kallsyms, some_symbols
from test_linux_image import image

from mttcg.config import Config
from mttcg.errors import GuestFileError, OptionError
from mttcg.guest.boot_files import read_boot_files
from mttcg.guest.image import GuestImage
from mttcg.hardware.boards.riscv_virt import BOARD
from mttcg.option_values import MIB


def started(folder: Path, tables: bytes, **options: Path) -> GuestImage:
    kernel = folder / "Image"
    kernel.write_bytes(image(size=1 << 20) + tables)
    config = Config(kernel=kernel, memory=8 * MIB, **options)  # type: ignore[arg-type]
    return read_boot_files(config, BOARD).image


def test_a_kernel_has_its_own_names(tmp_path: Path) -> None:
    found = started(tmp_path, built_kallsyms([(0, "T_start"), (64, "tmain"), (80, "Tmain")]).memory)
    assert [each.name for each in found.symbols] == ["_start", "main", "main"]
    assert found.by_name["main"].address == BASE + 80  # the one that other files can name
    assert found.warnings == ()


def test_a_file_is_taken_in_their_place(tmp_path: Path) -> None:
    symbols = tmp_path / "System.map"
    symbols.write_text("".join(f"ffffffff8000{16 * n:04x} T other_{n}\n" for n in range(20)))
    found = started(tmp_path, built_kallsyms([(0, "T_start")]).memory, symbols=symbols)
    assert found.by_name["other_2"].address == BASE + 32
    assert "_start" not in found.by_name


def test_damage_is_a_warning_when_names_are_wanted(tmp_path: Path) -> None:
    built = built_kallsyms(some_symbols(300))
    found = started(tmp_path, built.memory[: built.places["offsets"] + 8])
    assert found.warnings == ()
    assert found.symbols == ()
    (warning,) = found.warnings
    assert warning.startswith(f"{tmp_path / 'Image'}: the kernel's table of symbols: it ")


def test_a_kernel_without_a_table_has_no_names(tmp_path: Path) -> None:
    assert started(tmp_path, b"").symbols == ()


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuestFileError, match="can't be read"):
        started(tmp_path, b"", symbols=tmp_path / "none")


def test_names_are_for_kernels(tmp_path: Path) -> None:
    guest = tmp_path / "guest"
    guest.touch()
    with pytest.raises(OptionError, match="--symbols: there is no --kernel"):
        Config(guest=guest, symbols=tmp_path / "System.map")
