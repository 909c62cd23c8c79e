"""What the devices of a board can be connected to where there is no machine."""

from dataclasses import dataclass


class NoPort:
    high = False

    def raise_(self) -> None:
        pass

    lower = raise_

    def read(self) -> int:
        return 0

    def set(self, ticks: int) -> None:
        pass


class NoInputs:
    timer = NoPort()

    def line(self, number: int) -> NoPort:
        return NoPort()


class StandingClock:
    def time(self) -> int:
        return 77

    def set_time(self, ticks: int) -> None:
        pass


@dataclass(frozen=True)
class ListConsole:
    shown: list[bytes]

    def send(self, data: bytes) -> None:
        self.shown.append(data)

    def take(self) -> None:
        return None

    def waiting(self) -> bool:
        return False
