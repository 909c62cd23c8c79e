"""A guest with one hart on Unicorn alone: no mttcg around it but the ELF loader and device tree.

The job comes as JSON on stdin: `guest` (path), `symbols` (values to set), `mapping`: `whole`: RAM
is one region, readable, writable and executable; `apart`: the pages of code are a region of their
own, not writable; `virtual`: behind Unicorn's virtual TLB, as mttcg has it: data accesses and
fetches go to different regions. Prints what came of it as JSON.
"""

import ctypes
import json
import mmap
import sys
import time
from pathlib import Path
from typing import Any

import unicorn
from numba import cfunc, types
from unicorn import riscv_const, unicorn_const

from mttcg.config import MEMORY_DEFAULT, Config
from mttcg.engine.unicorn.library import add_hook
from mttcg.guest.boot import fill_ram
from mttcg.guest.boot_files import BootFiles
from mttcg.guest.elf import load_guest
from mttcg.hardware.boards.riscv_virt import BOARD, FINISHER, RAM_BASE, UART
from mttcg.memory.address import HostAddress
from mttcg.memory.page import PAGE
from mttcg.native.host import store64

DEVICE_SIZE = 0x1000
CODE_OFFSET = 1 << 40
FETCH = unicorn_const.UC_MEM_FETCH
ALL = unicorn_const.UC_PROT_ALL
READ_WRITE = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_WRITE
READ_EXECUTE = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC


def map_whole(engine: Any, ram: int, size: int, _code: tuple[int, int]) -> None:
    """Map RAM as one region."""
    engine.mem_map_ptr(RAM_BASE, size, ALL, ram)


def map_apart(engine: Any, ram: int, size: int, code: tuple[int, int]) -> None:
    """Map the pages of code apart from the rest."""
    for begin, end, protection in (
        (RAM_BASE, code[0], READ_WRITE),
        (*code, READ_EXECUTE),
        (code[1], RAM_BASE + size, READ_WRITE),
    ):
        if begin < end:
            engine.mem_map_ptr(begin, end - begin, protection, ram + begin - RAM_BASE)


@cfunc(types.boolean(types.uint64, types.uint64, types.int32, types.uint64, types.uint64))
def fill_tlb(_engine, address, kind, result, _data):  # type: ignore[no-untyped-def]
    """Translate a page: fetches to where RAM is executable, all else to itself."""
    fetch = kind == FETCH
    store64(result, address + CODE_OFFSET if fetch else address)
    store64(result + 8, READ_EXECUTE if fetch else READ_WRITE)
    return True


def map_virtual(engine: Any, ram: int, size: int, _code: tuple[int, int]) -> None:
    """Map RAM twice, for data and for code, behind the virtual TLB."""
    engine.ctl_set_tlb_mode(unicorn_const.UC_TLB_VIRTUAL)
    engine.mem_map_ptr(RAM_BASE, size, READ_WRITE, ram)
    engine.mem_map_ptr(RAM_BASE + CODE_OFFSET, size, READ_EXECUTE, ram)
    add_hook(engine, unicorn_const.UC_HOOK_TLB_FILL, fill_tlb.address, HostAddress(0))


MAPPINGS = {"whole": map_whole, "apart": map_apart, "virtual": map_virtual}


def run_guest(job: dict[str, Any]) -> dict[str, Any]:
    """Run the guest in this process: seconds, what it printed, and what it told the finisher."""
    path = Path(job["guest"])
    config = Config(guest=path, symbols_set=job["symbols"])
    ram = mmap.mmap(-1, MEMORY_DEFAULT)
    image = load_guest(path, RAM_BASE, MEMORY_DEFAULT)
    boot = BootFiles((image,), image.entry)
    device_tree = fill_ram(config, boot, BOARD, memoryview(ram), "rv64imafdc").device_tree
    code = image.segments[0]
    end = -(-(code.address + len(code.data)) // PAGE) * PAGE
    engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    place = ctypes.addressof(ctypes.c_char.from_buffer(ram))
    MAPPINGS[job["mapping"]](engine, place, MEMORY_DEFAULT, (code.address, end))

    printed, finished = bytearray(), [0]

    def finish(running: Any, _offset: int, _size: int, value: int, _data: object) -> None:
        finished[0] = value
        running.emu_stop()

    def print_byte(_engine: Any, _offset: int, _size: int, value: int, _data: object) -> None:
        printed.append(value)

    for base, write in ((FINISHER, finish), (UART, print_byte)):
        engine.mmio_map(base, DEVICE_SIZE, lambda *_: 0, None, write, None)
    engine.reg_write(riscv_const.UC_RISCV_REG_A0, 0)
    engine.reg_write(riscv_const.UC_RISCV_REG_A1, device_tree)
    wall, cpu = time.perf_counter(), time.process_time()
    engine.emu_start(image.entry, 0)
    return {
        "guest": time.perf_counter() - wall,
        "vcpu_cpu": time.process_time() - cpu,
        "output": printed.decode(errors="replace"),
        "finished": finished[0],
    }


if __name__ == "__main__":
    print(json.dumps(run_guest(json.load(sys.stdin))))
