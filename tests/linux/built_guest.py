"""A machine whose RAM has tasks as a kernel has them, behind page tables of its own."""

from mttcg.isa.registry import isa_named
from mttcg.isa.riscv64.state import Hart
from mttcg.linux.kernel_facts import KernelFacts
from mttcg.linux.layout import MEMBERS, MemberPlace
from mttcg.linux.linux_guest import LinuxGuest
from mttcg.linux.registry import kernel_isa
from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import STATE_BYTES

RAM, SIZE = 0x8000_0000, 4 << 20
LINKED = 0xFFFF_FFFF_8000_0000
LARGE = 2 << 20
ROOT, SECOND = 0x1000, 0x2000
"""Offsets of page tables in RAM."""
TASKS, TASK_BYTES = 0x1_0000, 0x200
SV39, SUPERVISOR, USER = 8, 1, 0
SIZES = {"comm": 16, "pid": 4, "tgid": 4, "__state": 4, "exit_state": 4, "on_cpu": 4,
         "thread_info.cpu": 4}  # fmt: skip


def made_layout() -> dict[str, MemberPlace]:
    """Members one after the other, 16 bytes apart."""
    return {
        f"{structure}.{member}": MemberPlace(16 * number, SIZES.get(member, 8))
        for structure, members in MEMBERS.items()
        for number, member in enumerate(members)
    }


SYMBOLS = {
    "init_task": LINKED + TASKS,
    "runqueues": LINKED + 0x8000,
    "__per_cpu_offset": LINKED + 0x9000,
    "handle_exception": LINKED + 0x4000,
    "__cpuid_to_hartid_map": LINKED + 0x9100,
}


class BuiltGuest:
    """Two harts, the kernel's processor 0 on hart 1, and tasks in a list; `shift`: of KASLR."""

    def __init__(self, shift: int = 0) -> None:
        self.shift = shift
        self.buffer = bytearray(SIZE)
        self.ram = GuestRam(Physical(RAM), memoryview(self.buffer))
        segment = memoryview(bytearray(2 * STATE_BYTES))
        system = isa_named("riscv64").system
        self.harts: list[Hart] = [system.state_at(segment, index) for index in range(2)]
        self.layout = made_layout()
        facts = KernelFacts(self.layout, SYMBOLS)
        self.linux = LinuxGuest(self.harts, self.ram, kernel_isa("riscv64"), facts)
        self.count = 0
        self._map(LINKED + shift)
        self.turn_on()
        for cpu, hart in enumerate((1, 0)):
            self.put(SYMBOLS["__cpuid_to_hartid_map"] + 8 * cpu, hart)
            self.put(SYMBOLS["__per_cpu_offset"] + 8 * cpu, 0x800 * cpu)
        self.task(0, 0, "swapper/0")

    def _map(self, at: int) -> None:
        """Map RAM in large pages at an address of the kernel's half."""
        self.ram.write_word(
            Physical(RAM + ROOT + 8 * (at >> 30 & 511)), (RAM + SECOND) >> 12 << 10 | 1
        )
        for page in range(SIZE // LARGE):
            entry = Physical(RAM + SECOND + 8 * ((at >> 21 & 511) + page))
            self.ram.write_word(entry, (RAM + page * LARGE) >> 12 << 10 | 0xCF)

    def turn_on(self) -> None:
        for hart in self.harts:
            hart.satp = SV39 << 60 | (RAM + ROOT) >> 12
            hart.stvec = SYMBOLS["handle_exception"] + self.shift
            hart.privilege = SUPERVISOR

    def put(self, linked: int, value: int, size: int = 8) -> None:
        start = linked - LINKED
        self.buffer[start : start + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")

    def member(self, task: int, name: str, value: int | bytes) -> None:
        place = self.layout[f"task_struct.{name}"]
        number = value if isinstance(value, int) else int.from_bytes(value, "little")
        self.put(task - self.shift + place.offset, number, place.size)

    def task(self, pid: int, parent: int, comm: str, **members: int) -> int:
        """Add a task at the end of the list; its address. `parent`: address of another, or 0."""
        linked = SYMBOLS["init_task"] + TASK_BYTES * self.count
        task = linked + self.shift
        self.count += 1
        given = {"pid": pid, "tgid": pid, "real_parent": parent} | members
        for name, value in given.items():
            self.member(task, name.replace("cpu_number", "thread_info.cpu"), value)
        self.member(task, "comm", comm.encode())
        self._link(task)
        return task

    def _link(self, task: int) -> None:
        """Make the tasks a ring in the order in which they were added."""
        at = self.layout["task_struct.tasks"].offset
        first = SYMBOLS["init_task"] + self.shift
        self.put(task - self.shift + at, first + at)
        if task != first:
            self.put(task - TASK_BYTES - self.shift + at, task + at)
