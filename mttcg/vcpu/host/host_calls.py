"""The guest's calls of its host (semihosting), at one vCPU."""

import base64
import os
from collections.abc import Callable

from mttcg.instrument.errors import NotRamError
from mttcg.isa.system import HostCall
from mttcg.memory.address import Virtual, page_start
from mttcg.semihosting.calls import BadAddressError, ProgramInfo, SemihostingCalls
from mttcg.semihosting.files import FileAnswer
from mttcg.semihosting.operations import SemihostingOperation
from mttcg.vcpu.instrumentation.exchange import ChangeExchange
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu
from mttcg.vcpu.machine.shared import MachineState
from mttcg.vcpu.protocol.facts import ProgramFacts
from mttcg.vcpu.protocol.orders import FileOperationDone
from mttcg.vcpu.protocol.vcpu_messages import FileOperation, VcpuWarning

WORD_LENGTH = 4
"""Bytes of the instruction that calls."""


class CallingHost:
    """What calls need, in a vCPU process; see `semihosting.calls.CallPorts`.

    Args:
        guest: of the vCPU.
        machine: the machine page.
        send: shows bytes at the console.
        console_input: the descriptor that the console's input comes from, which does not block.
        finish: ends the run.
        wait_for: waits until a descriptor may be read, or somebody wants something of the vCPU.
    """

    def __init__(
        self,
        guest: GuestOfVcpu,
        machine: MachineState,
        send: Callable[[bytes], None],
        console_input: int,
        finish: Callable[[int], None],
        wait_for: Callable[[int], None],
    ) -> None:
        self.guest, self.machine, self.console_input = guest, machine, console_input
        self.send, self.finish, self.wait_for = send, finish, wait_for
        self.timebase = machine.timebase
        self.warned: set[str] = set()

    @property
    def exchange(self) -> ChangeExchange:
        """With the supervisor."""
        return self.guest.exchange

    def read_memory(self, address: Virtual, size: int) -> bytes:
        """See CallPorts."""
        try:
            return self.guest.read_memory(address, size)
        except NotRamError as error:
            raise BadAddressError(address) from error

    def write_memory(self, address: Virtual, data: bytes) -> None:
        """See CallPorts."""
        try:
            self.guest.write_memory(address, data)
        except NotRamError as error:
            raise BadAddressError(address) from error

    def receive(self, most: int) -> bytes:
        """See CallPorts."""
        while not self.machine.stopping:
            ended = self.machine.input_ended  # before the look: the last input comes before it
            try:
                if data := os.read(self.console_input, most):
                    return data
            except BlockingIOError:
                pass  # nothing is there
            if ended:
                break
            self.wait_for(self.console_input)
        return b""

    def time(self) -> int:
        """See CallPorts."""
        return self.machine.time()

    def real_time(self) -> int:
        """See CallPorts."""
        return self.machine.real_time()

    def file(
        self, operation: SemihostingOperation, handle: int, number: int, data: bytes
    ) -> FileAnswer:
        """See CallPorts. The supervisor has the files, which all harts share."""
        asked = FileOperation(int(operation), handle, number, base64.b64encode(data).decode())
        done = self.exchange.ask(asked, FileOperationDone)
        return FileAnswer(done.value, done.error, base64.b64decode(done.data))

    def begin_program(self, process: int) -> int:
        """See CallPorts."""
        return int(self.guest.limit is None or self.guest.limit.ask(process))

    def warn(self, text: str) -> None:
        """See CallPorts."""
        if text not in self.warned:
            self.warned.add(text)
            self.exchange.tell(VcpuWarning(text))


class HostCalls:
    """Tells calls of the host from other instructions, and does them.

    Args:
        form: how the ISA calls.
        host: what calls need.
        program: what the guest is told of itself.
    """

    def __init__(self, form: HostCall, host: CallingHost, program: ProgramInfo) -> None:
        self.form, self.host = form, host
        self.calls = SemihostingCalls(host, program)

    def is_call(self, pc: Virtual, word: int) -> bool:
        """Whether the instruction at a pc is a call: it has the right ones around it, in its page.

        They are taken from memory, where they are as they were fetched unless they were changed.
        """
        form = self.form
        if word != form.word:
            return False
        length = len(form.before) + len(form.after) + WORD_LENGTH
        start = Virtual(pc - len(form.before))
        if page_start(start) != page_start(Virtual(start + length - 1)):
            return False
        try:
            code = self.host.read_memory(start, length)
        except BadAddressError:
            return False
        return code.startswith(form.before) and code.endswith(form.after)

    def do(self, registers: "memoryview | list[int]") -> int:
        """Do the call that a hart's integer registers describe; its result."""
        return self.calls.call(registers[self.form.operation], registers[self.form.parameter])


def host_calls(
    form: HostCall | None, host: CallingHost, program: ProgramFacts | None
) -> HostCalls | None:
    """What does the guest's calls; None if the ISA has none, or the guest is to have none."""
    if form is None or program is None:
        return None
    return HostCalls(form, host, ProgramInfo(program.command_line, program.free))
