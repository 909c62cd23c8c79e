import pytest

from mttcg.hardware.devices.finisher import Finisher


@pytest.fixture
def codes() -> list[int]:
    return []


@pytest.fixture
def finisher(codes: list[int]) -> Finisher:
    return Finisher(codes.append)


@pytest.mark.parametrize(
    ("size", "value", "code"),
    [
        (4, 0x5555, 0),
        (2, 0x5555, 0),
        (8, 0x5555, 0),
        (4, 0x0007_5555, 0),
        (4, 0x0007_3333, 7),
        (4, 0xFFFF_3333, 0xFFFF),
        (8, 0xDEAD_0000_002A_3333, 42),
        (4, 0x3333, 1),
        (2, 0x0007_3333, 1),
        (4, 0x7777, 0),
    ],
)
def test_a_status_ends_the_run(
    finisher: Finisher, codes: list[int], size: int, value: int, code: int
) -> None:
    finisher.write(0, size, value)
    assert codes == [code]


@pytest.mark.parametrize(
    ("offset", "size", "value"), [(0, 4, 0), (0, 4, 0x1234), (4, 4, 0x5555), (0, 1, 0x55)]
)
def test_other_writes_do_nothing(
    finisher: Finisher, codes: list[int], offset: int, size: int, value: int
) -> None:
    finisher.write(offset, size, value)
    assert codes == []


def test_it_reads_as_zero(finisher: Finisher) -> None:
    assert finisher.read(0, 4) == 0
