import os
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_elf import (
    EM_X86_64,
    HEADERS,
    LOCAL_OBJECT,
    NOBITS,
    NOTE,
    RAM_BASE,
    RAM_SIZE,
    SHN_ABS,
    TinyElf,
    TinySection,
    TinySegment,
    TinySymbol,
)

from mttcg.errors import GuestFileError, UserError
from mttcg.guest.boot import check_device_symbols
from mttcg.guest.elf import GuestImage, load_guest, set_symbols
from mttcg.guest.image import settings_undone
from mttcg.hardware.boards.riscv_virt import BOARD
from mttcg.instrument import elf_segments

HIGH = 0xFFFF_FFFF_8000_0000
WriteElf = Callable[[TinyElf | bytes], Path]


def load(path: Path) -> GuestImage:
    image = load_guest(path, RAM_BASE, RAM_SIZE)
    check_device_symbols(image, BOARD)
    return image


def refusal(path: Path) -> str:
    with pytest.raises(GuestFileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "; expected " in message
    assert "\n" not in message
    assert caught.value.exit_status == 2
    return message


def test_segments_symbols_and_entry_are_read(write_elf: WriteElf) -> None:
    code = TinySegment(RAM_BASE, b"code" * 8)
    data = TinySegment(RAM_BASE + 0x2000, b"data", memory_size=0x100)
    symbols = (TinySymbol("rounds", RAM_BASE + 0x2000), TinySymbol("_start", RAM_BASE + 4, 0))
    image = load(write_elf(TinyElf((data, code), symbols, entry=RAM_BASE + 4)))
    assert image.entry == RAM_BASE + 4
    assert image.segments == (
        (RAM_BASE, b"code" * 8, 32),
        (RAM_BASE + 0x2000, b"data", 0x100),
    )
    assert image.symbols == ((RAM_BASE + 4, 0, "_start"), (RAM_BASE + 0x2000, 8, "rounds"))
    assert image.symbol("rounds") == RAM_BASE + 0x2000
    assert image.places(BOARD.symbols) == {}


def test_segments_are_written_where_they_load(write_elf: WriteElf) -> None:
    segment = TinySegment(RAM_BASE + 0x100, b"abcd", memory_size=8)
    image = load(write_elf(TinyElf((segment,), entry=RAM_BASE + 0x100)))
    ram = bytearray(RAM_SIZE)
    image.write(ram)
    assert ram[0xFF:0x109] == b"\0abcd\0\0\0\0\0"


def test_bss_without_bytes_may_claim_any_place_in_the_file(write_elf: WriteElf) -> None:
    bss = TinySegment(RAM_BASE + 0x1000, b"", memory_size=64)
    content = bytearray(TinyElf((TinySegment(), bss)).content())
    offset_at = 64 + 56 + 8  # p_offset of the second program header
    content[offset_at : offset_at + 8] = (1 << 40).to_bytes(8, "little")
    assert load(write_elf(bytes(content))).segments[1] == (RAM_BASE + 0x1000, b"", 64)


def test_an_image_loads_at_its_physical_addresses(write_elf: WriteElf) -> None:
    segment = TinySegment(RAM_BASE, bytes(64), virtual=0xFFFF_FFFF_8000_0000)
    symbol = TinySymbol("rounds", 0xFFFF_FFFF_8000_0020)
    image = load(write_elf(TinyElf((segment,), (symbol,), entry=0xFFFF_FFFF_8000_0008)))
    assert image.entry == RAM_BASE + 8
    assert image.symbol("rounds") == RAM_BASE + 0x20
    ram = bytearray(RAM_SIZE)
    set_symbols(image, ram, {"rounds": 7})
    assert ram[0x20] == 7


def test_segments_may_be_linked_at_several_distances(write_elf: WriteElf) -> None:
    segments = (
        TinySegment(RAM_BASE, bytes(64), virtual=HIGH),
        TinySegment(RAM_BASE + 0x1000, b"", virtual=0x1234, memory_size=0),  # of no bytes: nothing
        TinySegment(RAM_BASE + 0x2000, bytes(32), virtual=HIGH + 64, memory_size=64),
        TinySegment(RAM_BASE + 0x3000, bytes(32), virtual=HIGH),  # an overlay of the first
        TinySegment(RAM_BASE + 0x4000, bytes(32)),
    )
    sections = (
        TinySection(".text", HIGH, 64),
        TinySection(".end", HIGH + 64, 0, start=64),
        TinySection(".data", HIGH + 64, 32, segment=2),
        TinySection(".bss", HIGH + 96, 32, segment=2, start=32, kind=NOBITS),
        TinySection(".overlay", HIGH, 32, segment=3),
        TinySection(".debug", 0, 8, flags=0),
    )
    symbols = {
        "start": (HIGH, 3, RAM_BASE),
        "end_of_text": (HIGH + 64, 3, RAM_BASE + 64),
        "data": (HIGH + 64, 5, RAM_BASE + 0x2000),
        "bss": (HIGH + 96, 6, RAM_BASE + 0x2020),
        "end": (HIGH + 128, 6, RAM_BASE + 0x2040),
        "pointer": (HIGH + 0x900, 5, RAM_BASE + 0x2000 + 0x8C0),
        "overlay": (HIGH + 8, 7, RAM_BASE + 0x3008),
        "absolute": (HIGH + 66, SHN_ABS, RAM_BASE + 0x2002),
        "as_loaded": (RAM_BASE + 0x4004, SHN_ABS, RAM_BASE + 0x4004),
        "unloaded": (0x77, 8, 0x77),
    }
    made = [TinySymbol(name, at, section=place) for name, (at, place, _) in symbols.items()]
    constant = TinySymbol("constant", RAM_BASE + 0x2000)  # in no segment as they are linked
    image = load(write_elf(TinyElf(segments, (*made, constant), sections, entry=HIGH + 8)))
    assert image.entry == RAM_BASE + 8
    assert {s.name: s.address for s in image.symbols} == {
        n: at for n, (_, _, at) in symbols.items()
    }
    assert [s.address for s in image.segments] == [RAM_BASE + at for at in (0, 8192, 12288, 16384)]


def test_what_the_guest_moves_itself_is_where_it_moves_it_to(write_elf: WriteElf) -> None:
    segments = (
        TinySegment(RAM_BASE, bytes(64)),
        TinySegment(RAM_BASE + 64, bytes(32), virtual=RAM_BASE + 0x8000),
        TinySegment(RAM_BASE + 96, bytes(32), virtual=RAM_BASE + RAM_SIZE - 8),  # not all in RAM
    )
    symbols = (TinySymbol("moved", RAM_BASE + 0x8010), TinySymbol("not", RAM_BASE + RAM_SIZE - 8))
    image = load(write_elf(TinyElf(segments, symbols)))
    assert (image.symbol("moved"), image.symbol("not")) == (RAM_BASE + 0x8010, RAM_BASE + 96)
    ram = bytearray(RAM_SIZE)
    set_symbols(image, ram, {"moved": 7, "not": 8})  # where the guest will take it from
    assert (ram[64 + 0x10], ram[96], ram[0x8010]) == (7, 8, 0)


def test_code_that_starts_where_it_was_loaded_stays_there(write_elf: WriteElf) -> None:
    segments = (
        TinySegment(RAM_BASE, bytes(64), virtual=RAM_BASE + 0x8000),
        TinySegment(RAM_BASE + 0x1000, bytes(64), virtual=RAM_BASE + 0x9000),
    )
    symbols = (TinySymbol("data", RAM_BASE + 0x9008),)
    for entry in (RAM_BASE + 0x8010, RAM_BASE + 0x10):  # as linked, or as loaded
        image = load(write_elf(TinyElf(segments, symbols, entry=entry)))
        assert (image.entry, image.symbol("data")) == (RAM_BASE + 0x10, RAM_BASE + 0x1008)


def test_constants_mapping_symbols_and_local_labels_are_left_out(write_elf: WriteElf) -> None:
    symbols = (
        TinySymbol("stack_size", 0x4000),
        TinySymbol("$x", RAM_BASE, section=1),
        TinySymbol(".L7", RAM_BASE, section=1),
        TinySymbol("missing", RAM_BASE, section=0),
        TinySymbol("main", RAM_BASE, section=1),
    )
    image = load(write_elf(TinyElf(symbols=symbols)))
    assert [symbol.name for symbol in image.symbols] == ["main"]


def test_a_global_symbol_goes_before_a_local_one_of_its_name(write_elf: WriteElf) -> None:
    symbols = (
        TinySymbol("x", RAM_BASE),
        TinySymbol("x", RAM_BASE + 8, info=LOCAL_OBJECT),
    )
    assert load(write_elf(TinyElf(symbols=symbols))).symbol("x") == RAM_BASE


def test_htif_words_are_found(write_elf: WriteElf) -> None:
    symbols = (TinySymbol("tohost", RAM_BASE), TinySymbol("fromhost", RAM_BASE + 8))
    image = load(write_elf(TinyElf(symbols=symbols)))
    assert image.places(BOARD.symbols) == {"tohost": RAM_BASE, "fromhost": RAM_BASE + 8}


@pytest.mark.parametrize(
    ("address", "section"), [(RAM_BASE + 4, 1), (0x1000, 1), (RAM_BASE + RAM_SIZE - 4, 1)]
)
def test_a_misplaced_tohost_is_refused(write_elf: WriteElf, address: int, section: int) -> None:
    symbols = (TinySymbol("tohost", address, section=section),)
    assert f"tohost at {address:#x}" in refusal(write_elf(TinyElf(symbols=symbols)))


def test_tohost_and_fromhost_in_one_word_are_refused(write_elf: WriteElf) -> None:
    symbols = (TinySymbol("tohost", RAM_BASE), TinySymbol("fromhost", RAM_BASE))
    assert "one word" in refusal(write_elf(TinyElf(symbols=symbols)))


@pytest.mark.parametrize(
    ("elf", "wrong"),
    [
        (b"", "empty"),
        (b"#!/bin/sh\necho no\n", "not an ELF file"),
        (b"\x7fELF\x02", "truncated after 5 bytes"),
        (TinyElf(elf_class=1), "32-bit"),
        (TinyElf(elf_class=9), "class is 9"),
        (TinyElf(data_encoding=2), "big-endian"),
        (TinyElf(machine=EM_X86_64), "another machine, x86-64"),
        (TinyElf(machine=0xBEEF), f"another machine, {0xBEEF}"),
        (TinyElf(file_type=1), "not linked"),
        (TinyElf(file_type=4), "core dump"),
        (TinyElf(segments=()), "no loadable segment"),
        (TinyElf((TinySegment(kind=4),)), "no loadable segment"),
        (TinyElf((TinySegment(data=b"", memory_size=0),)), "no loadable segment"),
        (TinyElf((TinySegment(0x1000),), entry=0x1000), "segment at 0x1000 to 0x100f is outside"),
        (TinyElf((TinySegment(memory_size=RAM_SIZE + 1),)), "outside RAM"),
        (TinyElf((TinySegment(memory_size=(1 << 64) - 1),)), "outside RAM"),
        (TinyElf((TinySegment(RAM_BASE - 8),)), "outside RAM"),
        (TinyElf((TinySegment(), TinySegment(RAM_BASE + 8))), "overlaps the one before it"),
        (TinyElf((TinySegment(memory_size=4),)), "larger in file than in memory"),
        (TinyElf(entry=0), "entry point 0x0 is in no segment"),
        (TinyElf(entry=RAM_BASE + 1), "entry point 0x80000001 is odd"),
        (TinyElf(section_header_size=0), "section headers of 0 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_file_is_refused(write_elf: WriteElf, elf: TinyElf | bytes, wrong: str) -> None:
    assert wrong in refusal(write_elf(elf))


LOW = TinySegment(0x1_0000)
LOADER = TinySegment(0x1_0100, b"/lib/ld-linux-riscv64-lp64d.so.1\0", kind=3)
ABI_TAG = TinySection(".note.ABI-tag", 0x1_0000, 16, kind=NOTE)
OUTSIDE = "the segment at 0x10000 to 0x1000f"


@pytest.mark.parametrize(
    ("elf", "wrong"),
    [
        (TinyElf((LOW, LOADER), entry=0x1_0000), f"it is a program for Linux: {OUTSIDE}"),
        (
            TinyElf((LOW,), sections=(ABI_TAG, TinySection(".text", 0x1_0000, 16))),
            f"it is a program for Linux: {OUTSIDE}",
        ),
        (TinyElf((LOW,)), f"it is a program for Linux or another board: {OUTSIDE}"),
        (
            TinyElf((LOW, LOADER), machine=EM_X86_64),
            "it is a program for Linux on another machine, x86-64; ",
        ),
    ],
)
def test_a_user_program_is_told_what_can_be_run(
    write_elf: WriteElf, elf: TinyElf, wrong: str
) -> None:
    complaint = refusal(write_elf(elf))
    assert f": {wrong}" in complaint
    runs = "expected a bare-metal guest, which needs no operating system and is linked for RAM, "
    assert f"; {runs}{RAM_BASE:#x} on: " in complaint
    assert (Path(__file__).parents[2] / "docs/your-own-guest.md").is_file()


def test_a_program_of_this_machine_is_told_what_can_be_run() -> None:
    assert "a program for Linux on another machine, " in refusal(Path(sys.executable))


def test_a_guest_in_ram_may_name_a_loader(write_elf: WriteElf) -> None:
    """As linkers do that were made for Linux."""
    assert load(write_elf(TinyElf((TinySegment(), LOADER)))).entry == RAM_BASE


def test_values_that_start_up_code_clears_are_told(write_elf: WriteElf) -> None:
    segment = TinySegment(data=bytes(32), memory_size=64)
    names = {"kept": RAM_BASE + 24, "cleared": RAM_BASE + 32, "last": RAM_BASE + 56}
    symbols = tuple(TinySymbol(name, at) for name, at in names.items())
    moved = TinySegment(RAM_BASE + 64, bytes(16), virtual=RAM_BASE + 0x8000)
    elsewhere = TinySymbol("moved", RAM_BASE + 0x8008)
    image = load(write_elf(TinyElf((segment, moved), (*symbols, elsewhere))))
    assert list(settings_undone(image, names)) == []  # nobody knows where .bss is
    begin = TinySymbol("__bss_start", RAM_BASE + 32, size=0)
    image = load(write_elf(TinyElf((segment, moved), (*symbols, elsewhere, begin))))
    told = list(settings_undone(image, [*names, "moved"]))
    assert [text.partition(": ")[0] for text in told] == ["--set cleared", "--set last"]
    assert "it is in .bss, which start-up code clears" in told[0]


HEADERS_SIZE = HEADERS + 2 * 56
OWN, BEFORE = TinySegment(0x1_0000, bytes(24)), RAM_BASE - HEADERS_SIZE
TEXT = TinySection(".text", RAM_BASE, 16, segment=1)
ALL_IN_TEXT = (TinySection(".note", 0x1_0000, 24, kind=NOTE), TEXT)
LEFT_OUT = (
    (
        TinyElf((OWN, TinySegment()), sections=ALL_IN_TEXT),
        "the segment at 0x10000 to 0x10017 is left out: it is outside RAM, and holds only .note",
    ),
    (
        TinyElf((OWN, TinySegment(kind=4), TinySegment()), sections=(replace(TEXT, segment=2),)),
        "the segment at 0x10000 to 0x10017 is left out: it is outside RAM, and holds no section",
    ),
    (
        TinyElf(
            (TinySegment(BEFORE, headers=True), TinySegment(kind=4)),
            sections=(replace(TEXT, segment=0),),
        ),
        f"the part at {BEFORE:#x} to 0x7fffffff of the segment at {BEFORE:#x} to 0x8000000f is "
        "left out: it is outside RAM, and holds only ELF headers",
    ),
    (
        TinyElf((TinySegment(BEFORE, headers=True), TinySegment(kind=4))),  # without sections
        f"the part at {BEFORE:#x} to 0x7fffffff of the segment at {BEFORE:#x} to 0x8000000f is "
        "left out: it is outside RAM, and holds only ELF headers",
    ),
    (
        TinyElf(
            (TinySegment(), TinySegment(RAM_BASE + RAM_SIZE - 8, bytes(16))),
            sections=(replace(TEXT, segment=0),),
        ),
        "the part at 0x80100000 to 0x80100007 of the segment at 0x800ffff8 to 0x80100007 is left",
    ),
)


@pytest.mark.parametrize(("elf", "said"), LEFT_OUT)
def test_headers_and_notes_outside_ram_are_left_out(
    write_elf: WriteElf, elf: TinyElf, said: str
) -> None:
    path = write_elf(elf)
    image = load(path)
    (warning,) = image.warnings
    assert warning.startswith(f"{path}: {said}")
    assert image.entry == RAM_BASE
    assert image.segments[0] == (RAM_BASE, TinySegment().data, 16)
    image.write(bytearray(RAM_SIZE))
    assert [s.address for s in elf_segments(path, (RAM_BASE, RAM_SIZE))] == [
        s.address for s in image.segments
    ]


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ((TinySection(".rodata", 0x1_0000, 24), TEXT), ", with .rodata, is"),
        ((TinySection(".data", 0x1_0008, 8, start=8), *ALL_IN_TEXT), ", with .data, is"),
        (
            (
                TinySection(".init", 0x1_0000, 8),
                TinySection(".bss", 0x1_0010, 16, start=16, kind=NOBITS),
                TEXT,
            ),
            ", with .init, .bss, is",
        ),
        ((), " is"),
    ],
)
def test_what_a_program_uses_outside_ram_is_refused_by_name(
    write_elf: WriteElf, sections: tuple[TinySection, ...], named: str
) -> None:
    own = replace(OWN, memory_size=32)
    path = write_elf(TinyElf((own, TinySegment()), sections=sections))
    assert f"the segment at 0x10000 to 0x1001f{named} outside RAM; expected" in refusal(path)


def test_an_entry_in_what_is_left_out_is_refused(write_elf: WriteElf) -> None:
    elf = TinyElf((OWN, TinySegment()), sections=ALL_IN_TEXT, entry=0x1_0000)
    assert "entry point 0x10000 is in no segment" in refusal(write_elf(elf))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nothing.elf")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert "is a directory" in refusal(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe")


def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    refusal(tmp_path / "a\0b")
    refusal(tmp_path / ("x" * 5000))


def test_a_segment_cut_off_is_refused(write_elf: WriteElf) -> None:
    content = TinyElf((TinySegment(data=bytes(1000)),)).content()
    # without section headers, as a stripped file that was cut
    content = content[:40] + bytes(8) + content[48:60] + bytes(4) + content[64:]
    assert "truncated: 500 bytes of at least 1120" in refusal(write_elf(content[:500]))


def test_an_elf_cut_off_anywhere_is_refused(write_elf: WriteElf) -> None:
    content = TinyElf(symbols=(TinySymbol("rounds", RAM_BASE),)).content()
    for size in range(len(content)):
        refusal(write_elf(content[:size]))


def test_symbols_are_set(write_elf: WriteElf) -> None:
    symbols = (TinySymbol("a", RAM_BASE), TinySymbol("b", RAM_BASE + RAM_SIZE - 8, section=1))
    image = load(write_elf(TinyElf(symbols=symbols)))
    ram = bytearray(RAM_SIZE)
    set_symbols(image, ram, {"a": 0x1122334455667788, "b": -2})
    assert ram[:9] == bytes.fromhex("887766554433221100")
    assert ram[-8:] == b"\xfe" + b"\xff" * 7


@pytest.mark.parametrize(
    ("symbol", "name", "wrong"),
    [
        (
            TinySymbol("rounds", RAM_BASE),
            "round",
            "no symbol 'round'; expected one of its symbols, ",
        ),
        (TinySymbol("rounds", 0x1000, section=1), "rounds", "at 0x1000, outside RAM"),
        (TinySymbol("r", RAM_BASE + RAM_SIZE - 7, section=1), "r", "outside RAM"),
        (TinySymbol("flag", RAM_BASE, size=4), "flag", "has 4 bytes; expected a 64-bit variable"),
    ],
)
def test_a_symbol_that_can_not_be_set_is_refused(
    write_elf: WriteElf, symbol: TinySymbol, name: str, wrong: str
) -> None:
    path = write_elf(TinyElf(symbols=(replace(symbol), TinySymbol("good", RAM_BASE + 8))))
    image, ram = load(path), bytearray(RAM_SIZE)
    with pytest.raises(GuestFileError) as caught:
        set_symbols(image, ram, {"good": 1, name: 1})
    assert str(caught.value).startswith(f"{path}: --set {name}: ")
    assert wrong in str(caught.value)
    assert not any(ram)


def test_an_unknown_symbol_is_refused(write_elf: WriteElf) -> None:
    image = load(write_elf(TinyElf()))
    with pytest.raises(GuestFileError, match=r"there is no symbol 'main'; expected"):
        image.symbol("main")


@settings(deadline=None)
@given(rest=st.binary(max_size=600))
@example(rest=b"")
@example(rest=b"\x02\x01" + bytes(58))
def test_anything_after_the_magic_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.elf"
    path.write_bytes(b"\x7fELF" + rest)
    with pytest.raises(UserError):
        load(path)


@settings(deadline=None, max_examples=300)
@given(seed=st.integers(0, 1 << 32), changes=st.integers(1, 8))
def test_a_damaged_elf_is_taken_or_refused(
    tmp_path_factory: pytest.TempPathFactory, seed: int, changes: int
) -> None:
    choose = random.Random(seed)
    content = bytearray(TinyElf(symbols=(TinySymbol("rounds", RAM_BASE),)).content())
    for _ in range(changes):
        content[choose.randrange(len(content))] = choose.choice((0, 1, 0x7F, 0x80, 0xFF))
    path = tmp_path_factory.getbasetemp() / "damaged.elf"
    path.write_bytes(content)
    try:
        image = load(path)
    except UserError as error:
        assert "\n" not in str(error)
    else:
        image.write(bytearray(RAM_SIZE))
