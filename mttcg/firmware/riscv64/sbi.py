"""All that a hart may call, and BASE, which says what there is (SBI 2.0, chapters 3 and 4)."""

from mttcg.firmware.firmware import CallAnswer, FirmwarePorts
from mttcg.firmware.riscv64 import console, harts, machine, others
from mttcg.firmware.riscv64.call import Call, Functions, SbiError, answer

BASE = 0x10
VERSION = 2 << 24
"""2.0: the major number above 24 bits of the minor one."""
IMPLEMENTATION = 0x6D74_7463
"""An identifier that is nobody's (chapter 4, "SBI Implementation IDs"): "mttc"."""
IMPLEMENTATION_VERSION = 1
FIRST_ARGUMENT, FUNCTION, EXTENSION = 10, 16, 17
"""Registers: a0, a6, a7."""
ARGUMENTS = 6


class Sbi:
    """See `mttcg.firmware.firmware.Firmware`.

    Args:
        index: the hart.
        ports: of the machine.
    """

    def __init__(self, index: int, ports: FirmwarePorts) -> None:
        self.index, self.ports = index, ports
        self.legacy = machine.LEGACY | console.LEGACY
        fences = {} if ports.fences is None else others.WITH_FENCES
        self.extensions: dict[int, Functions] = {
            BASE: {
                0: lambda _call: answer(value=VERSION),
                1: lambda _call: answer(value=IMPLEMENTATION),
                2: lambda _call: answer(value=IMPLEMENTATION_VERSION),
                3: self._probe,
                # the registers of the machine's vendor, architecture and implementation
                **dict.fromkeys((4, 5, 6), lambda _call: answer()),
            },
            **machine.EXTENSIONS,
            **others.EXTENSIONS,
            **fences,
            **harts.EXTENSIONS,
            **console.EXTENSIONS,
        }

    def answer(self) -> CallAnswer:
        """See Firmware. What there is not is answered so; the call has no other effect then."""
        x = self.ports.harts[self.index].x
        given = tuple(x[FIRST_ARGUMENT : FIRST_ARGUMENT + ARGUMENTS])
        call = Call(self.index, given, self.ports)
        extension = int(x[EXTENSION])
        if extension in self.legacy:
            return self.legacy[extension](call)
        function = self.extensions.get(extension, {}).get(int(x[FUNCTION]), _not_supported)
        return function(call)

    def _probe(self, call: Call) -> CallAnswer:
        asked = call.arguments[0]
        return answer(value=int(asked in self.extensions or asked in self.legacy))


def _not_supported(_call: Call) -> CallAnswer:
    return answer(SbiError.NOT_SUPPORTED)


FIRMWARE = Sbi
"""See `mttcg.firmware.registry`."""
