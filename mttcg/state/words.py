"""Fields of a state in shared memory: each is declared once, in the body of a class.

The declaration gives the field's place. Attributes of the class's objects read and write it;
`offsets_of` lists the places, for native code.
"""

from typing import Protocol

from mttcg.memory.address import Virtual

WORD_BYTES = 8
MASK = (1 << 64) - 1


class HasWords(Protocol):
    """What fields are fields of: 8-byte words of shared memory."""

    words: memoryview


class StateField:
    """One field.

    Args:
        offset: bytes from the start of the state.
        count: 8-byte words.
        shared: whether others than the vCPU itself write it while it runs.
    """

    def __init__(self, offset: int, count: int = 1, *, shared: bool = False) -> None:
        self.offset, self.count, self.shared = offset, count, shared
        self.index = offset // WORD_BYTES
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def end(self) -> int:
        """Offset of the first byte behind it."""
        return self.offset + WORD_BYTES * self.count


class WordField(StateField):
    """A field of 8 bytes, read and written as an int.

    The access is a single aligned one, so a reader in another process sees an old or a new
    value, never a mixture.
    """

    def __get__(self, state: HasWords, owner: object = None) -> int:
        """The field's value."""
        value: int = state.words[self.index]
        return value

    def __set__(self, state: HasWords, value: int) -> None:
        """Store the low 64 bits of a value."""
        state.words[self.index] = value & MASK


class AddressField(StateField):
    """As Word, of what is a virtual address."""

    def __get__(self, state: HasWords, owner: object = None) -> Virtual:
        """The address."""
        return Virtual(state.words[self.index])

    def __set__(self, state: HasWords, value: Virtual) -> None:
        """Store an address."""
        state.words[self.index] = value & MASK


class WordsField(StateField):
    """A field of several words, which is a memoryview of them."""

    def __get__(self, state: HasWords, owner: object = None) -> memoryview:
        """The words; the object keeps the view, so that this is called once."""
        view = state.words[self.index : self.index + self.count]
        vars(state)[self.name] = view
        return view


def fields_of(kind: type) -> dict[str, StateField]:
    """The fields that a class and those above it declare, by name."""
    return {
        name: field
        for owner in reversed(kind.__mro__)
        for name, field in vars(owner).items()
        if isinstance(field, StateField)
    }


def offsets_of(kind: type) -> dict[str, int]:
    """Byte offset of each field of a class."""
    return {name: field.offset for name, field in fields_of(kind).items()}
