"""What is done in steps while the supervisor's loop goes on.

A task is a generator that yields what it waits for, a condition that is looked at after everything
that happens; what it returns is its answer.
"""

from collections.abc import Callable, Generator
from typing import Any, TypeAlias

from mttcg.errors import UserError

Answer: TypeAlias = dict[str, Any]
Condition: TypeAlias = Callable[[], bool]
Task: TypeAlias = Generator[Condition, None, Answer]
Work: TypeAlias = Generator[Condition, None, None]


class CommandError(UserError):
    """Why a command is not done."""
