"""What can be wrong with a program that is to be run."""

from mttcg.errors import UserError

EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND = 126, 127
"""Exit statuses of shells (POSIX.1-2017, section 2.8.2)."""


class ProgramError(UserError):
    """A program can't be run; `exit_status` is as a shell has it, or 2 for one of another kind."""

    def __init__(self, program: str, wrong: str, expected: str, status: int) -> None:
        super().__init__(f"{program}: {wrong}; expected {expected}")
        self.program, self.wrong, self.expected = program, wrong, expected
        self.exit_status = status
