"""A kernel that is not where its names are is told of, once it says where it is."""

from types import SimpleNamespace
from typing import Any

import pytest
from built_guest import LINKED, SYMBOLS, BuiltGuest

from mttcg.isa.registry import isa_named
from mttcg.supervisor.kernel_place import KernelPlace

HANDLER = "handle_exception"


def place_of(guest: BuiltGuest, told: list[str], **image: Any) -> KernelPlace:
    named = {HANDLER: SimpleNamespace(address=SYMBOLS[HANDLER])}
    shown = {"isa": isa_named("riscv64"), "has_read_symbols": True, "by_name": named} | image
    run: Any = SimpleNamespace(
        boot=SimpleNamespace(below_firmware=True, has_firmware=False),
        image=SimpleNamespace(**shown),
        harts=SimpleNamespace(harts=guest.harts),
    )
    return KernelPlace(run, told.append)


def test_a_kernel_that_has_moved_otherwise_is_told_of_once() -> None:
    told: list[str] = []
    place = place_of(BuiltGuest(shift=0x60_0000), told)
    place.look()
    place.look()
    (text,) = told
    assert text.startswith("the kernel has moved itself +0x600000 bytes from where its names are")


@pytest.mark.parametrize("image", [{}, {"by_name": {}}, {"has_read_symbols": False}])
def test_one_that_is_where_its_names_are_is_not(image: dict[str, Any]) -> None:
    told: list[str] = []
    place_of(BuiltGuest(), told, **image).look()
    assert told == []


def test_it_is_waited_for() -> None:
    guest, told, calls = BuiltGuest(shift=0x60_0000), list[str](), []
    look = place_of(guest, told).before(lambda: calls.append(1))
    guest.harts[0].stvec = 0x8000_0000  # before it translates
    guest.harts[1].stvec = LINKED + 0x104  # as it comes up
    look()
    assert (told, calls) == ([], [1])
    guest.turn_on()
    look()
    assert (len(told), calls) == (1, [1, 1])
