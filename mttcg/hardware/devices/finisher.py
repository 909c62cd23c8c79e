"""SiFive test finisher: a register by which the guest ends the run (binding "sifive,test1")."""

from collections.abc import Callable

STATUS_FAIL = 0x3333
STATUS_PASS = 0x5555
STATUS_RESET = 0x7777


class Finisher:
    """The test finisher.

    A write at offset 0 of 2 bytes or more carries a status in bits 15:0 and a code in bits 31:16:

    | status | what happens |
    |---|---|
    | 0x5555 pass | the run ends with 0 |
    | 0x3333 fail | the run ends with the code, or with 1 if the code is 0 |
    | 0x7777 reset | the run ends with 0, as QEMU's under -no-reboot, and the user is told |

    A fail without a code ends with 0 on QEMU; here no failure looks like success.
    Other statuses, other offsets and 1-byte writes (which can carry no status) do nothing; of an
    8-byte write the low half counts. Every read gives 0. A 2-byte write has no code.
    """

    name = "finisher"
    size = 0x1000
    in_ram = False

    def __init__(
        self, finish: Callable[[int], None], say: Callable[[str], None] = lambda _text: None
    ) -> None:
        """Call `finish(code)` when the guest ends the run; `say` tells the user something."""
        self._finish, self._say = finish, say

    def read(self, offset: int, size: int) -> int:
        """Return 0: nothing can be read."""
        return 0

    def write(self, offset: int, size: int, value: int) -> None:
        """End the run if this is one of the statuses that do."""
        if offset != 0 or size < 2:
            return
        word = value & ((1 << min(8 * size, 32)) - 1)
        code = word >> 16
        codes = {STATUS_PASS: 0, STATUS_FAIL: code or 1, STATUS_RESET: 0}
        status = word & 0xFFFF
        if status == STATUS_RESET:
            self._say("the guest asks for a reboot, which ends the run")
        if status in codes:
            self._finish(codes[status])
