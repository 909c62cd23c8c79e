"""Values with typed fields, which cost next to nothing to define.

A frozen dataclass takes 0.3 ms to define, as Python code is made for it. Every process of a run
defines all messages, so theirs would be a tenth of what it takes to start.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, dataclass_transform, get_origin


@dataclass_transform(frozen_default=True)
class TypedValue:
    """Root of such values: subclasses are written like frozen dataclasses, without the decorator.

    FIELDS: types of the fields, by name, those of the parents first. A default is the attribute of
    the class. Raises TypeError for fields that are too many or too few.
    """

    FIELDS: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = vars(cls).get("__annotations__", {})
        fields = {name: kind for name, kind in own.items() if get_origin(kind) is not ClassVar}
        cls.FIELDS = {**cls.FIELDS, **fields}
        type.__setattr__(cls, "__match_args__", tuple(cls.FIELDS))  # as a dataclass has it

    @classmethod
    def has_default(cls, name: str) -> bool:
        """Whether a field may be left out."""
        return hasattr(cls, name)

    def __init__(self, *values: Any, **named: Any) -> None:
        given = dict(zip(self.FIELDS, values, strict=False)) | named
        absent = {name for name in self.FIELDS.keys() - given.keys() if not self.has_default(name)}
        if len(given) != len(values) + len(named) or absent or given.keys() - self.FIELDS.keys():
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(self.FIELDS)}")
        for name in self.FIELDS:
            vars(self)[name] = given[name] if name in given else getattr(type(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} can't be set")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({given})"
