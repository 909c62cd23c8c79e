"""The processes of a Linux guest, read in its kernel's structures at one moment."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mttcg.instrument.api.process import GuestProcess, MappedArea, ModuleSymbol
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_facts import KernelFacts
from mttcg.linux.kernel_isa import KernelIsa
from mttcg.linux.kernel_memory import KernelMemory
from mttcg.linux.mappings import areas_of
from mttcg.linux.modules import LIST, symbols_of_modules
from mttcg.linux.task_state import state_letter
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import VcpuState

MOST_TASKS = 1 << 22
"""Numbers of processes are below (linux: PID_MAX_LIMIT)."""


class ProcessIdentity(NamedTuple):
    """A process: its number, its name, which is its first thread's, and when it was made."""

    pid: int
    comm: str
    began: int


class LinuxGuest:
    """A guest whose kernel is Linux.

    Whatever is asked is looked up in RAM as it is then: nothing is kept. Before the kernel has
    turned translation on there are no processes.

    Args:
        harts: the states of all.
        ram: guest RAM.
        isa: how the kernel uses its ISA.
        facts: what is where in the kernel.

    Methods raise KernelDataError where the kernel's structures make no sense.
    """

    def __init__(
        self, harts: Sequence[VcpuState], ram: GuestRam, isa: KernelIsa, facts: KernelFacts
    ) -> None:
        self.harts, self.ram, self.isa, self.facts = harts, ram, isa, facts

    def shift(self) -> int | None:
        """How far from where it was linked the kernel has moved itself; None before it has."""
        return next((shift for _, shift in self._settled()), None)

    def _settled(self) -> list[tuple[VcpuState, int]]:
        """The harts on which the kernel is at home, and how far it has moved itself.

        A hart that comes up has, for some instructions, another handler and other page tables.
        """
        vector = self.facts.symbols[self.isa.vector]
        handlers = [(hart, self.isa.handler(hart)) for hart in self.harts]
        begun = [(hart, found - vector) for hart, found in handlers if found is not None]
        settled = [(hart, shift) for hart, shift in begun if shift % PAGE == 0]
        if begun and not settled:
            wrong = f"its handler of traps is at {begun[0][1] + vector:#x}"
            raise KernelDataError("the kernel", wrong, f"it at {self.isa.vector}")
        return settled

    def _memory(self) -> KernelMemory | None:
        tables = [self.isa.tables(hart) for hart, _ in self._settled()]
        found = [each for each in tables if each is not None]
        if not found:
            return None
        return KernelMemory(self.ram, self.isa, found, self.facts.layout)

    def _address(self, name: str) -> int:
        return self.facts.symbols[name] + (self.shift() or 0)

    def processes(self, threads: bool = False) -> list[GuestProcess]:
        """All processes in the kernel's order, each thread of them by itself with `threads`."""
        memory = self._memory()
        if memory is None:
            return []
        first = self._address("init_task")
        head = memory.place(first, "task_struct.tasks")
        if memory.number(head) == 0:  # it has not begun to fill its list
            return []
        tasks = memory.listed(head, "task_struct.tasks", MOST_TASKS)
        if threads:
            tasks = [thread for task in tasks for thread in self._threads(memory, task)]
        numbers = self._hart_numbers(memory)
        return [self._process(memory, task, numbers) for task in tasks]

    def _threads(self, memory: KernelMemory, task: int) -> Iterator[int]:
        group = memory.member(task, "task_struct.signal")
        head = memory.place(group, "signal_struct.thread_head")
        yield from memory.listed(head, "task_struct.thread_node", MOST_TASKS)

    def _hart_numbers(self, memory: KernelMemory) -> list[int]:
        """The hart of each of the kernel's processors."""
        table = self._address(self.isa.hart_numbers)
        return [memory.number(table + 8 * cpu) for cpu in range(len(self.harts))]

    def _process(self, memory: KernelMemory, task: int, numbers: list[int]) -> GuestProcess:
        mm = memory.member(task, "task_struct.mm")
        root = memory.member(mm, "mm_struct.pgd") if mm else 0
        parent = memory.member(task, "task_struct.real_parent")
        cpu = memory.member(task, "task_struct.thread_info.cpu")
        state = memory.member(task, "task_struct.__state")
        return GuestProcess(
            pid=memory.member(task, "task_struct.pid"),
            tgid=memory.member(task, "task_struct.tgid"),
            comm=memory.text(task, "task_struct.comm"),
            parent=memory.member(parent, "task_struct.tgid") if parent else 0,
            space=memory.physical(root) >> PAGE_SHIFT if root else 0,
            state=state_letter(state, memory.member(task, "task_struct.exit_state")),
            cpu=numbers[cpu] if cpu < len(numbers) else cpu,
            task=task,
            voluntary=memory.member(task, "task_struct.nvcsw"),
            involuntary=memory.member(task, "task_struct.nivcsw"),
        )

    def process_at(self, task: int) -> GuestProcess:
        """The process whose structure is at an address."""
        memory = self._translated()
        return self._process(memory, task, self._hart_numbers(memory))

    def identity(self, task: int) -> ProcessIdentity:
        """What tells the process of a task, whose structure is at an address, from all others."""
        memory = self._translated()
        leader = memory.member(task, "task_struct.group_leader")
        return ProcessIdentity(
            memory.member(task, "task_struct.tgid"),
            memory.text(leader, "task_struct.comm"),
            memory.member(leader, "task_struct.start_time"),
        )

    def areas(self, task: int) -> list[MappedArea]:
        """What the process whose structure is at an address has mapped."""
        return areas_of(self._translated(), task)

    def differing(self, task: int, area: MappedArea, content: bytes) -> int | None:
        """Where an area of a task has something else than a file; None if nowhere in RAM.

        The last page of what the file has goes on with what is written behind it.
        """
        kernel = self._translated()
        root = kernel.member(kernel.member(task, "task_struct.mm"), "mm_struct.pgd")
        memory = kernel.with_space(kernel.physical(root) >> PAGE_SHIFT)
        for address in range(area.start, area.end, PAGE):
            at = area.offset + address - area.start
            expected = content[at : at + PAGE]
            if not expected:
                return address
            place = memory.find(address)
            if place is not None and self.ram.read(place, len(expected)) != expected:
                return address
            if len(expected) < PAGE:
                break
        return None

    def module_symbols(self) -> list[ModuleSymbol]:
        """The functions of the modules that the kernel has loaded."""
        memory = self._memory()
        if memory is None or LIST not in self.facts.symbols:
            return []
        return list(symbols_of_modules(memory, self._address(LIST)))

    def _translated(self) -> KernelMemory:
        memory = self._memory()
        if memory is None:
            raise KernelDataError("the kernel", "it does not translate yet", "a later moment")
        return memory

    def system_call(self, frame: int, entered: bool) -> tuple[int, tuple[int, ...], int]:
        """The number, arguments and result in a program's registers, which are at `frame`.

        entered: the kernel has begun with the call, and put the first argument aside.
        """
        memory = self._translated()
        number, first, result, *rest = self.isa.saved
        values = {name: memory.member(frame, f"pt_regs.{name}") for name in self.isa.saved}
        arguments = (values[first if entered else result], *(values[name] for name in rest))
        return values[number], arguments, values[result]

    def set_result(self, frame: int, value: int) -> None:
        """Write the register that has the result."""
        _, _, result, *_ = self.isa.saved
        self._translated().store(frame, f"pt_regs.{result}", value)

    def current(self, index: int, thread_pointer: int) -> GuestProcess | None:
        """What runs on a hart, by its registers; None before the kernel runs processes there.

        thread_pointer: the register that `KernelIsa.thread_pointer` names, of the hart, which
        stands still, or whose callback asks.
        """
        memory = self._memory()
        if memory is None:
            return None
        hart, numbers = self.harts[index], self._hart_numbers(memory)
        if index not in numbers:
            return None
        found = self.isa.candidates(hart, thread_pointer)
        if len(found) != 1:
            found = tuple(task for task in found if self._runs(memory, task, numbers, index))
        task = found[0] if found else self._scheduled(memory, numbers.index(index))
        return self._process(memory, task, numbers) if task else None

    def _runs(self, memory: KernelMemory, task: int, numbers: list[int], index: int) -> bool:
        """Whether a task is the one on a hart; what is no task may be anywhere."""
        try:
            cpu = memory.member(task, "task_struct.thread_info.cpu")
            on_cpu = memory.member(task, "task_struct.on_cpu")
        except KernelDataError:
            return False
        return on_cpu == 1 and cpu < len(numbers) and numbers[cpu] == index

    def _scheduled(self, memory: KernelMemory, cpu: int) -> int:
        """The task that one of the kernel's processors has been given, 0 if there is none."""
        offset = memory.number(self._address("__per_cpu_offset") + 8 * cpu)
        queue = self._address("runqueues") + offset & (1 << 64) - 1
        return memory.member(queue, "rq.curr")
