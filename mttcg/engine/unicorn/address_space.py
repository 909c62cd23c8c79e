"""What a Unicorn instance sees: RAM for data, and pages of a place of their own for code."""

from typing import Any

import numpy as np
from unicorn import unicorn_const

from mttcg.engine.base import Memory
from mttcg.engine.unicorn.frame import FrameWords, Word
from mttcg.engine.unicorn.library import address_of
from mttcg.memory.address import HostAddress, Physical
from mttcg.memory.host import address_of_array, address_of_buffer

CODE_BASE = Physical(1 << 40)
"""Where Unicorn sees the fetched pages; beyond any RAM."""


def map_memory(engine: Any, memory: Memory, code: HostAddress, code_size: int) -> None:
    """Let a Unicorn see RAM, and code from CODE_BASE on; its TLB is filled by a hook.

    Args:
        engine: the `unicorn.Uc`.
        memory: what this process has mapped.
        code: where the host has the code that it fetches.
        code_size: bytes of that.
    """
    engine.ctl_set_tlb_mode(unicorn_const.UC_TLB_VIRTUAL)
    # RAM: written by every vCPU and device; the guest orders its accesses
    data = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_WRITE
    engine.mem_map_ptr(memory.ram_base, memory.ram_size, data, memory.ram)
    fetched = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC
    engine.mem_map_ptr(CODE_BASE, code_size, fetched, code)


def devices_by_page(memory: Memory) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """For each page of RAM 1 if a device lies in it."""
    devices = np.zeros(memory.ram_range.pages, dtype=np.uint8)
    devices[list(memory.device_pages)] = 1
    return devices


def make_frame(
    engine: Any,
    hart: Any,
    memory: Memory,
    page_slot: "np.ndarray[tuple[int], np.dtype[np.uint32]]",
    page_device: "np.ndarray[tuple[int], np.dtype[np.uint8]]",
    original: HostAddress,
) -> FrameWords:
    """The frame of a Unicorn, as far as it is the same for all; it holds none of the arrays.

    Args:
        engine: the `unicorn.Uc`.
        hart: the hart's state.
        memory: what this process has mapped.
        page_slot: see `Word.PAGE_SLOT`.
        page_device: see `Word.PAGE_DEVICE`.
        original: see `Word.ORIGINAL`.
    """
    frame = np.zeros(Word.WORDS, dtype=np.uint64)
    words = {
        Word.ENGINE: engine._uch.value,
        Word.HART: address_of_buffer(hart.words),
        Word.RAM: memory.ram,
        Word.RAM_BASE: memory.ram_base,
        Word.RAM_SIZE: memory.ram_size,
        Word.PAGE_SLOT: address_of_array(page_slot),
        Word.PAGE_DEVICE: address_of_array(page_device),
        Word.ORIGINAL: original,
        Word.FETCHED: CODE_BASE,
        Word.REGISTER_READ: address_of("uc_reg_read"),
        Word.REGISTER_WRITE: address_of("uc_reg_write"),
        Word.EMULATION_STOP: address_of("uc_emu_stop"),
    }
    for word, value in words.items():
        frame[word] = value
    return frame
