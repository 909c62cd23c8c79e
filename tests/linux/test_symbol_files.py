"""Names of a kernel from System.map or vmlinux; what is neither is refused in a line."""

from pathlib import Path

import pytest

from mttcg.errors import GuestFileError
from mttcg.linux.symbol_files import read_symbol_file

ROWS = "".join(f"ffffffff8000{16 * n:04x} T function_{n}\n" for n in range(20))


def test_a_system_map_is_read(tmp_path: Path) -> None:
    path = tmp_path / "System.map"
    path.write_text("0000000000000abc A a_number\n" + ROWS)
    found = read_symbol_file(path)
    assert [each.name for each in found] == [f"function_{n}" for n in range(20)]
    assert found[3].address == 0xFFFF_FFFF_8000_0030
    assert found[3].size == 16


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"ffffffff80000000 B The real System.map is in the linux-image-dbg package\n", "line 1"),
        (ROWS.encode() + b"\x1b[2J\n", r"line 21 is no symbol: \x1b[2J"),
        (ROWS[:100].encode(), "line 4"),
        (ROWS[: ROWS.index("ffffffff80000040")].encode(), "it has 4 symbols"),
        (b"", "it has 0 symbols"),
        (b"\x7fELF" + bytes(60), "the ELF is damaged"),
        (b"\x7fELF\x02\x01\x01" + b"\xff" * 200, "the ELF is damaged"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "given"
    path.write_bytes(content)
    with pytest.raises(GuestFileError) as caught:
        read_symbol_file(path)
    text = str(caught.value)
    assert wrong in text
    assert text.endswith("expected a kernel's System.map or vmlinux")
    assert "\n" not in text and "\x1b" not in text


@pytest.mark.parametrize(("name", "wrong"), [(".", "regular file"), ("none", "can't be read")])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, wrong: str) -> None:
    with pytest.raises(GuestFileError, match=wrong):
        read_symbol_file(tmp_path / name)
