"""The script that runs conformance suites, on tests of our own."""

import importlib.util
import struct
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).with_name("run_suite.py")
RAM, UART, FINISHER = 0x8000_0000, 0x1000_0000, 0x10_0000
PASSED, FAILED = 0x5555, 0x3333 | 7 << 16


@pytest.fixture(scope="module")
def suite() -> ModuleType:
    specification = importlib.util.spec_from_file_location("run_suite", SCRIPT)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def load_immediate(register: int, value: int) -> list[int]:
    """lui and addiw."""
    high = value + 0x800 >> 12 & 0xF_FFFF
    low = value & 0xFFF
    return [high << 12 | register << 7 | 0x37, low << 20 | register << 15 | register << 7 | 0x1B]


def program(code: int, text: bytes = b"") -> bytes:
    """An ELF file that sends a text to the UART and ends the machine with a code."""
    words = load_immediate(5, UART)
    for byte in text:
        words += [byte << 20 | 6 << 7 | 0x13, 6 << 20 | 5 << 15 | 0x23]  # li t1; sb t1, (t0)
    words += load_immediate(5, FINISHER) + load_immediate(6, code)
    words += [6 << 20 | 5 << 15 | 2 << 12 | 0x23, 0x6F]  # sw t1, (t0); j .
    content = b"".join(word.to_bytes(4, "little") for word in words)
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 243, 1, RAM, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    size = len(content)
    return header + struct.pack("<IIQQQQQQ", 1, 5, 120, RAM, RAM, size, size, 4096) + content


def test_a_table_says_what_came_of_each(
    suite: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rv64ui-p-good").write_bytes(program(PASSED))
    (tmp_path / "rv64ui-p-bad").write_bytes(program(FAILED))
    (tmp_path / "rv64up-p-abs").write_bytes(program(FAILED))
    (tmp_path / "hypervisor-p-odd").write_bytes(program(PASSED))
    (tmp_path / "notes.txt").write_text("no test")
    assert suite.main([str(tmp_path), "--jobs", "2"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert [line[:2] for line in lines[:4]] == [
        ["PASSES", "hypervisor-p-odd"],
        ["FAIL", "rv64ui-p-bad"],
        ["pass", "rv64ui-p-good"],
        ["known", "rv64up-p-abs"],
    ]
    assert lines[1][2:5] == ["exit", "status", "7:"]
    assert lines[4:] == [["FAIL", "1"], ["PASSES", "1"], ["known", "1"], ["pass", "1"]]


def test_a_signature_is_compared(
    suite: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, expected in (("same", "00000001\n0000abcd\n"), ("other", "00000001\n0000abce\n")):
        (tmp_path / name).write_bytes(program(PASSED, b"00000001\n0000ABCD\n"))
        (tmp_path / f"{name}.signature").write_text(expected)
    assert suite.main([str(tmp_path)]) == 1
    assert suite.main([str(tmp_path), "--only", "same"]) == 0
    shown = capsys.readouterr().out
    assert "word 1 of the signature is 0000ABCD, not 0000abce" in shown


def test_a_test_that_does_not_end_fails(suite: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "endless").write_bytes(program(0))
    found = suite.run_test(tmp_path / "endless", (), 3.0)
    assert found == suite.Result("endless", "FAIL", "did not end within 3 s")


def test_nothing_to_run_is_said(
    suite: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert suite.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path}: no ELF file\n"
    assert suite.main([str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'nowhere'}: No such file or directory\n"
    (tmp_path / "file").write_bytes(program(PASSED))
    assert suite.main([str(tmp_path), "--only", "rv64*"]) == 2
    assert capsys.readouterr().err == f"{tmp_path}: no ELF file whose name fits rv64*\n"
    assert suite.main([str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'file'}: Not a directory\n"
    with pytest.raises(SystemExit) as caught:
        suite.main([str(tmp_path), "--jobs", "0"])
    assert caught.value.code == 2


def test_a_console_of_any_bytes_is_no_signature(suite: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(program(PASSED, b"\xff\n"))
    (tmp_path / "odd.signature").write_text("00000001\n")
    found = suite.run_test(tmp_path / "odd", (), suite.TIME_LIMIT)
    assert found.outcome == "FAIL"
    assert found.text == "word 0 of the signature is \N{REPLACEMENT CHARACTER}, not 00000001"


def test_a_signature_of_another_length_differs(suite: ModuleType) -> None:
    assert suite.difference(["0", "1"], ["0"]) == "the signature has 1 words, not 2"
    assert suite.difference(["0"], ["0"]) == ""
