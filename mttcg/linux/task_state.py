"""The state of a task as ps(1) has it: linux: include/linux/sched.h, fs/proc/array.c."""

LETTERS = "RSDTtXZPI"
"""By the highest bit that is set, from none on."""
REPORTED = 0x7F
IDLE, IDLE_SHOWN = 0x402, 0x80
"""Asleep without interruption, and no part of the load."""
WAITS_FOR_LOCK, FROZEN, UNINTERRUPTIBLE = 0x1000, 0x8000, 0x02


def state_letter(state: int, exit_state: int) -> str:
    """The letter of a task's `__state` and `exit_state`."""
    shown = (state | exit_state) & REPORTED
    if state & IDLE == IDLE:
        shown = IDLE_SHOWN
    if state & (WAITS_FOR_LOCK | FROZEN):
        shown = UNINTERRUPTIBLE
    return LETTERS[shown.bit_length()]
