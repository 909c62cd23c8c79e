"""What is wrong with what a kernel says of itself."""

from mttcg.errors import UserError


class KernelDataError(UserError):
    """A kernel's own tables are not there, or make no sense; or a file in their place does not."""

    def __init__(self, what: str, wrong: str, expected: str) -> None:
        super().__init__(f"{what}: {wrong}; expected {expected}")
        self.what, self.wrong, self.expected = what, wrong, expected
