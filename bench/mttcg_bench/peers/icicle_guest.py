"""A guest on Icicle, which has no hooks for Python and no devices.

A store to a device ends its run with an exception; it is looked up and done here, and the run goes
on behind it.
"""

from collections.abc import Callable
from typing import Any

from icicle import ExceptionCode, Icicle, MemoryProtection

from mttcg_bench.peers.job import BoardOutput, serve

STORE, STORE_MASK = 0x23, 0x7F
SHORT_STORE, SHORT_MASK = 0xC000, 0xE003
"""c.sw"""
REGISTERS = (
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 "
    "t3 t4 t5 t6"
).split()


class UnexpectedExit(Exception):  # noqa: N818 - what is told is the reason
    """The emulator stopped for something else than a store to a device."""


def start(job: dict[str, Any], ram: bytes, board: BoardOutput) -> Callable[[], None]:
    """Make the machine."""
    machine = Icicle("riscv64gc", jit=True, shadow_stack=False)
    machine.mem_map(job["ram_base"], len(ram), MemoryProtection.ExecuteReadWrite)
    machine.mem_write(job["ram_base"], ram)
    for register, value in (("a0", 0), ("a1", job["device_tree"]), ("pc", job["entry"])):
        machine.reg_write(register, value)

    def run() -> None:
        while not board.finished:
            machine.run()
            store(machine, job, board)

    return run


def store(machine: Icicle, job: dict[str, Any], board: BoardOutput) -> None:
    """Do the store to a device that the machine stopped for."""
    pc, address = machine.reg_read("pc"), machine.exception_value
    instruction = int.from_bytes(machine.mem_read(pc, 4), "little")
    if instruction & STORE_MASK == STORE:
        register, length = instruction >> 20 & 31, 4
    elif instruction & SHORT_MASK == SHORT_STORE:
        register, length = 8 + (instruction >> 2 & 7), 2
    else:
        register, length = 0, 0
    if machine.exception_code != ExceptionCode.WriteUnmapped or not length:
        raise UnexpectedExit(f"{machine.exception_code} at {pc:#x}, value {address:#x}")
    value = machine.reg_read(REGISTERS[register])
    if address == job["finisher"]:
        board.finished = value & 0xFFFFFFFF
    elif address == job["uart"]:
        board.printed.append(value & 0xFF)
    machine.reg_write("pc", pc + length)


if __name__ == "__main__":
    serve("icicle-emu", start)
