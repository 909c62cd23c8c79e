"""Accesses as plugins get them: addresses, sizes, values and directions, all exact."""

from pathlib import Path
from typing import Any

import pytest
from instrument_harness import plugin, run_guest

from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage
from mttcg.hardware.boards.riscv_virt import RAM_BASE

MEMORY = 128 << 20
UART, CLINT, FINISHER = 0x1000_0000, 0x200_0000, 0x10_0000
FULL, NEGATIVE = 0x0123_4567_89AB_CDEF, 0xFFFF_FFFF_8000_0001
DOUBLE, LONG, SHORT = 0xC045_0000_0000_0000, 0x8000_0000_0000_0077, 0x77
READ, WRITE = False, True

EXPECTED: list[tuple[str, str | int, int, int, int, bool]] = [
    # label of the instruction, base, offset, bytes, value, direction
    ("load_byte", "pattern", 0, 1, 0x81, READ),
    ("load_byte_unsigned", "pattern", 1, 1, 0x82, READ),
    ("load_half", "pattern", 2, 2, 0x8483, READ),
    ("load_half_unsigned", "pattern", 4, 2, 0x8685, READ),
    ("load_word", "pattern", 8, 4, 0x89ABCDEF, READ),
    ("load_word_unsigned", "pattern", 12, 4, 0xFEDCBA98, READ),
    ("load_double", "pattern", 16, 8, DOUBLE, READ),
    ("load_to_zero", "pattern", 8, 4, 0x89ABCDEF, READ),
    ("load_into_base", "pattern", 16, 8, DOUBLE, READ),
    ("store_byte", "area", 1, 1, 0xEF, WRITE),
    ("store_half", "area", 2, 2, 0xCDEF, WRITE),
    ("store_word", "area", 4, 4, 0x89ABCDEF, WRITE),
    ("store_double", "area", 8, 8, FULL, WRITE),
    ("store_zero", "area", 16, 8, 0, WRITE),
    ("store_negative", "area", 24, 4, 0x8000_0001, WRITE),
    ("load_single", "pattern", 0, 4, 0x84838281, READ),
    ("store_single", "area", 32, 4, 0x84838281, WRITE),
    ("load_float", "pattern", 16, 8, DOUBLE, READ),
    ("store_float", "area", 40, 8, DOUBLE, WRITE),
    ("misaligned_load", "pattern", 13, 8, 0x0000_0000_00FE_DCBA, READ),
    ("misaligned_store", "area", 51, 8, FULL, WRITE),
    ("crossing_store", "area", 4092, 8, FULL, WRITE),
    ("crossing_load", "area", 4092, 8, FULL, READ),
    ("crossing_load_half", "area", 4095, 2, 0x6789, READ),
    ("crossing_store_word", "area", 4093, 4, 0x8000_0001, WRITE),
    ("prepare_atomics", "area", 128, 8, NEGATIVE, WRITE),
    ("amo_add_word", "area", 128, 4, 0x8000_0001, READ),
    ("amo_add_word", "area", 128, 4, 0x09AB_CDF0, WRITE),
    ("amo_swap_double", "area", 128, 8, 0xFFFF_FFFF_09AB_CDF0, READ),
    ("amo_swap_double", "area", 128, 8, FULL, WRITE),
    ("amo_max_word", "area", 128, 4, 0x89AB_CDEF, READ),
    ("amo_max_word", "area", 128, 4, 0x89AB_CDEF, WRITE),
    ("amo_and_to_zero", "area", 128, 8, FULL, READ),
    ("amo_and_to_zero", "area", 128, 8, FULL & NEGATIVE, WRITE),
    ("reserve_word", "area", 128, 4, 0x8000_0001, READ),
    ("conditional_word", "area", 128, 4, 0x89AB_CDEF, WRITE),
    ("reserve_double", "area", 128, 8, FULL, READ),
    ("conditional_double", "area", 128, 8, NEGATIVE, WRITE),
    ("reserve_elsewhere", "area", 192, 4, 0, READ),
    ("uart_store", UART, 7, 1, 0xEF, WRITE),
    ("uart_load", UART, 7, 1, 0xEF, READ),
    ("uart_load_signed", UART, 7, 1, 0xEF, READ),
    ("uart_status", UART, 5, 1, 0x60, READ),
    ("clint_store", CLINT, 0, 4, 0, WRITE),
    ("clint_load", CLINT, 0, 4, 0, READ),
    ("clint_store_double", CLINT, 0x4000, 8, FULL, WRITE),
    ("clint_load_double", CLINT, 0x4000, 8, FULL, READ),
    ("clint_load_upper", CLINT, 0x4004, 4, 0x0123_4567, READ),
    ("htif_page_store", "tohost", 256, 2, 0xCDEF, WRITE),
    ("htif_page_load", "tohost", 256, 2, 0xCDEF, READ),
    ("htif_page_store_float", "tohost", 264, 8, DOUBLE, WRITE),
    ("htif_page_load_float", "tohost", 264, 8, DOUBLE, READ),
    ("htif_page_amo", "tohost", 512, 8, 0, READ),
    ("htif_page_amo", "tohost", 512, 8, FULL, WRITE),
    ("htif_load", "tohost", 0, 8, 0, READ),
    ("into_htif_page", "tohost", -4, 8, FULL, WRITE),
    ("from_htif_page", "tohost", -4, 8, FULL, READ),
    ("short_store_word", "area", 64, 4, SHORT, WRITE),
    ("short_store_double", "area", 72, 8, LONG, WRITE),
    ("short_load_word", "area", 64, 4, SHORT, READ),
    ("short_load_double", "area", 72, 8, LONG, READ),
    ("short_store_float", "area", 80, 8, DOUBLE, WRITE),
    ("short_load_float", "area", 80, 8, DOUBLE, READ),
    ("stack_store_word", "area", 516, 4, SHORT, WRITE),
    ("stack_store_double", "area", 520, 8, LONG, WRITE),
    ("stack_load_word", "area", 516, 4, SHORT, READ),
    ("stack_load_double", "area", 520, 8, LONG, READ),
    ("stack_store_float", "area", 528, 8, DOUBLE, WRITE),
    ("stack_load_float", "area", 528, 8, DOUBLE, READ),
    ("finish", FINISHER, 0, 4, 0x5555, WRITE),
]
WITHOUT_ACCESS = "fail_unreserved fail_elsewhere"
TRAPPING = "fault_load fault_store fault_atomic fault_end_store fault_end_load"


@pytest.fixture(scope="module")
def image(own_guests: dict[str, Path]) -> GuestImage:
    return load_guest(own_guests["accesses"], RAM_BASE, MEMORY)


@pytest.fixture(scope="module")
def recorded(own_guests: dict[str, Path]) -> dict[str, Any]:
    done = run_guest(own_guests["accesses"], plugin("three_recorders"), smp=2)
    assert done.in_order, done.result.failures
    assert done.result.vcpus[0].traps == len(TRAPPING.split())
    report: dict[str, Any] = done.report("three_recorders")
    return report


def test_every_access_is_exact(recorded: dict[str, Any], image: GuestImage) -> None:
    expected = []
    for label, base, offset, size, value, write in EXPECTED:
        start = base if isinstance(base, int) else image.symbol(base)
        expected.append((label, start + offset, size, value, write))
    names = {symbol.address: symbol.name for symbol in image.symbols}
    found = [
        (names.get(pc, hex(pc)), address, size, value, bool(write))
        for pc, address, value, _cpu, size, write, _context in recorded["stream"]
    ]
    assert found == expected


@pytest.mark.parametrize("way", ["callback", "probe"])
def test_callbacks_and_probes_get_the_same_as_streams(recorded: dict[str, Any], way: str) -> None:
    assert recorded[way] == recorded["stream"]


def test_what_fails_or_traps_accesses_nothing(recorded: dict[str, Any], image: GuestImage) -> None:
    pcs = {record[0] for record in recorded["stream"]}
    for label in f"{WITHOUT_ACCESS} {TRAPPING}".split():
        assert image.symbol(label) not in pcs
