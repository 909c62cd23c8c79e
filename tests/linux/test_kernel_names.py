"""Names of a kernel that is started: of its own table, of a file; damage warns, and no more."""

import struct
from pathlib import Path
from typing import Any

import pytest
from built_kallsyms import BASE, built_kallsyms, some_symbols
from test_linux_image import image

from mttcg.config import Config
from mttcg.errors import GuestFileError, OptionError
from mttcg.guest.boot_files import read_boot_files
from mttcg.guest.image import GuestImage
from mttcg.hardware.boards.riscv_virt import BOARD
from mttcg.hardware.devicetree import Node, flatten
from mttcg.option_values import MIB


def started(folder: Path, tables: bytes, **options: Any) -> GuestImage:
    kernel = folder / "Image"
    kernel.write_bytes(image(size=1 << 20) + tables)
    config = Config(kernel=kernel, memory=8 * MIB, **options)
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


SEED = 0x1234_5678_9ABC_DEF1
SIZE = 0x1E6_C000


def tree(folder: Path, **chosen: bytes) -> Path:
    file = folder / "tree.dtb"
    named = {name.replace("_", "-"): value for name, value in chosen.items()}
    file.write_bytes(flatten(Node("", {}, (Node("chosen", named),))))
    return file


def moving(*symbols: tuple[int, str], base: int = BASE) -> bytes:
    """The table of a kernel that moves itself, by a name that no other has."""
    others = [(0, "T_start"), (80, "Tmain"), *symbols, (SIZE, "B_end")]
    return built_kallsyms(others, base).memory


def test_names_are_where_a_seed_moves_the_kernel(tmp_path: Path) -> None:
    dtb = tree(tmp_path, kaslr_seed=SEED.to_bytes(8, "big"))
    found = started(tmp_path, moving((96, "Tkaslr_offset")), dtb=dtb)
    shift = SEED % ((0x4000_0000 - SIZE) // 0x20_0000) * 0x20_0000  # setup_vm in the kernel
    assert shift
    assert found.by_name["main"].address == BASE + 80 + shift
    assert found.symbols[0] == found.by_name["_start"]
    assert found.symbols[0].address == BASE + shift


def test_a_kernel_that_was_not_built_to_move_stays(tmp_path: Path) -> None:
    dtb = tree(tmp_path, kaslr_seed=SEED.to_bytes(8, "big"))
    found = started(tmp_path, moving((96, "T__pi_get_kaslr_seed")), dtb=dtb)
    assert found.by_name["main"].address == BASE + 80


@pytest.mark.parametrize(
    ("seed", "options", "bootargs"),
    [
        (0, {}, b"quiet\0"),
        (SEED, {}, b"quiet nokaslr\0"),
        (SEED, {"append": "nokaslr"}, b"quiet\0"),
        (None, {}, b"quiet\0"),
    ],
)
def test_a_kernel_that_is_not_to_move_stays(
    tmp_path: Path, seed: int | None, options: Any, bootargs: bytes
) -> None:
    given = {} if seed is None else {"kaslr_seed": seed.to_bytes(8, "big")}
    dtb = tree(tmp_path, bootargs=bootargs, **given)
    found = started(tmp_path, moving((96, "Tkaslr_offset")), dtb=dtb, **options)
    assert found.by_name["main"].address == BASE + 80


def test_the_base_of_a_kernel_that_can_move_is_in_its_relocations(tmp_path: Path) -> None:
    built = built_kallsyms([(0, "T_start"), (80, "Tmain")], base=0)
    header = image(size=1 << 20)
    before = -(-len(header) // 8) * 8
    place = BASE + before + built.places["base"]
    other = struct.pack("<QQQ", place + 8, 3, BASE + 0x5000)
    content = header.ljust(before, b"\0") + built.memory
    content = content.ljust(-(-len(content) // 8) * 8, b"\0")
    kernel = tmp_path / "Image"
    kernel.write_bytes(content + other + struct.pack("<QQQ", place, 3, BASE + 0x2000))
    config = Config(kernel=kernel, memory=8 * MIB)
    found = read_boot_files(config, BOARD).image
    assert found.by_name["main"].address == BASE + 0x2000 + 80
    assert found.warnings == ()
