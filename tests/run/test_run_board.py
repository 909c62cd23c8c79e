"""What of QEMU's virt board is there, and what is not, as guests find it."""

import struct
import time
from collections.abc import Callable
from pathlib import Path

from flood_guest import T0, T1, X0, add_immediate
from run_harness import Running
from trap_guests import TinyElf, TinySegment, address_of, load_word, store_word, upper, write_csr

FINISHER, PLIC, RTC, FW_CFG, FLASH = 0x10_0000, 0xC00_0000, 0x10_1000, 0x1010_0000, 0x2000_0000
MIE, MTVEC = 0x304, 0x305
WAIT = 0x1050_0073


def store_at(address: int, value: int) -> tuple[int, ...]:
    """Store 32 bits."""
    low = (value & 0xFFF ^ 0x800) - 0x800
    return (
        upper(T0, address >> 12),
        *(upper(T1, value - low >> 12 & 0xF_FFFF), add_immediate(T1, T1, low)),
        add_immediate(T0, T0, address & 0xFFF),
        store_word(T1, T0),
    )


def elf(*words: int) -> bytes:
    text = struct.pack(f"<{len(words)}I", *words)
    return TinyElf((TinySegment(data=text),)).content()


def test_a_reboot_ends_the_run_and_is_told(start: Callable[..., Running], tmp_path: Path) -> None:
    guest = tmp_path / "reboot.elf"
    guest.write_bytes(elf(*store_at(FINISHER, 0x7777), WAIT))
    running = start(str(guest), "--quiet")
    assert running.wait() == 0
    assert running.stderr == "mttcg: warning: the guest asks for a reboot, which ends the run\n"


def test_what_is_absent_faults_and_is_named_once(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    guest = tmp_path / "absent.elf"
    looks = [upper(T0, FW_CFG >> 12), load_word(T1, T0), upper(T0, FLASH >> 12), load_word(T1, T0)]
    handler = [
        0x3410_2373,  # csrr t1, mepc
        add_immediate(T1, T1, 4),
        0x3413_1073,  # csrw mepc, t1
        0x3020_0073,  # mret
    ]
    start_code = [
        *(*address_of(T0, 4 * 24, 0), write_csr(MTVEC, T0)),
        *looks,
        *looks,
        *store_at(FINISHER, 0x5555),
        WAIT,
    ]
    nothing = add_immediate(X0, X0, 0)
    padded = start_code + [nothing] * (24 - len(start_code))
    guest.write_bytes(elf(*padded, *handler))
    running = start(str(guest), "--quiet", with_json=True)
    assert running.wait() == 0
    assert running.stderr.splitlines() == [
        "mttcg: warning: the guest looks for fw_cfg at 0x10100000, which is not there",
        "mttcg: warning: the guest looks for flash at 0x20000000, which is not there",
    ]
    assert running.result["vcpus"][0]["traps"] == 4


def test_the_alarm_of_the_clock_wakes_a_hart(start: Callable[..., Running], tmp_path: Path) -> None:
    """A sleeping hart is woken by it, though nothing else in the machine can."""
    when = time.time_ns() + 3_000_000_000
    guest = tmp_path / "alarm.elf"
    guest.write_bytes(
        elf(
            *store_at(PLIC + 4 * 11, 1),
            *store_at(PLIC + 0x2000, 1 << 11),
            *store_at(RTC + 0x10, 1),
            *store_at(RTC + 0x0C, when >> 32),
            *store_at(RTC + 0x08, when & 0xFFFF_FFFF),
            *(add_immediate(T1, X0, 1), 0x00B3_1313, write_csr(MIE, T1)),  # slli t1, t1, 11
            WAIT,
            *store_at(FINISHER, 0x5555),
            WAIT,
        )
    )
    running = start(str(guest), "--quiet", with_json=True)
    assert running.wait() == 0, running.stderr
    assert running.stderr == ""
    assert time.time_ns() >= when
