"""A kernel's own table of symbols: read where it lies, in both orders; damage is one line."""

import contextlib

import pytest
from built_kallsyms import BASE, LONG, built_kallsyms, some_symbols

from mttcg.linux.errors import KernelDataError
from mttcg.linux.kallsyms import find_kallsyms


@pytest.mark.parametrize("offsets_first", [False, True])
@pytest.mark.parametrize("count", [1, 255, 256, 257, 1000])
def test_all_symbols_are_found(count: int, offsets_first: bool) -> None:
    symbols = [(0, LONG), *some_symbols(count)][:count]
    found = find_kallsyms(built_kallsyms(symbols, offsets_first=offsets_first).memory, RELATIVE)
    assert found is not None
    told = {(each.address - BASE, each.kind + each.name) for each in found}
    assert told == set(symbols)


RELATIVE = 3
"""Type of a relocation of the ISA."""


def test_sizes_are_to_the_next_address() -> None:
    symbols = [(0, "Tfirst"), (16, "tsecond"), (16, "Talias"), (0x100, "Dlast")]
    found = find_kallsyms(built_kallsyms(symbols).memory, RELATIVE)
    assert found is not None
    sizes = {each.name: each.size for each in found}
    assert sizes == {"first": 16, "second": 0xF0, "alias": 0xF0, "last": 0}


def test_numbers_and_local_labels_are_no_symbols() -> None:
    symbols = [(0, "Areal"), (8, "t$x"), (8, "t.L1"), (16, "Tmain")]
    found = find_kallsyms(built_kallsyms(symbols).memory, RELATIVE)
    assert found is not None
    assert [each.name for each in found] == ["main"]


def test_addresses_are_where_the_kernel_has_moved_itself() -> None:
    moved = BASE + 0x1260_0000
    found = find_kallsyms(built_kallsyms([(0x40, "Tmain")], base=moved).memory, RELATIVE)
    assert found is not None
    assert [each.address for each in found] == [moved + 0x40]


@pytest.mark.parametrize("data", [b"", b"\0" * 10_000, bytes(range(256)) * 64])
def test_memory_without_a_table_has_none(data: bytes) -> None:
    assert find_kallsyms(data, RELATIVE) is None


def damaged() -> dict[str, bytes]:
    built = built_kallsyms(some_symbols(1000))
    data, at = built.memory, built.places

    def changed(place: int) -> bytes:
        return data[:place] + bytes((data[place] ^ 0xFF,)) + data[place + 1 :]

    return {
        "cut in its addresses": data[: at["offsets"] + 100],
        "cut before its names": data[at["names"] :],
        "cut in its markers": data[at["markers"] + 8 :],
        "a marker": changed(at["markers"] + 4),
        "the length of a name": changed(at["names"]),
        "the number of names": changed(at["count"]),
        "an address": changed(at["offsets"] + 403),
        "no base": changed(at["base"] + 7),
    }


@pytest.mark.parametrize("kind", damaged())
def test_damage_is_one_line(kind: str) -> None:
    with pytest.raises(KernelDataError) as caught:
        find_kallsyms(damaged()[kind], RELATIVE)
    text = str(caught.value)
    assert text.startswith("the kernel's table of symbols: ")
    assert "\n" not in text


def test_any_flipped_byte_ends_in_an_answer() -> None:
    """It may be other symbols, none, or the one error."""
    data = built_kallsyms(some_symbols(300)).memory
    for at in range(0, len(data), 607):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        with contextlib.suppress(KernelDataError):
            find_kallsyms(bytes(changed), RELATIVE)
