"""A plugin of mypy: only `mttcg.memory` makes one kind of address from another.

To mypy the constructor of a NewType takes any integer, an address of another kind included. With
this plugin what is computed from such an address is refused as well.
"""

from collections.abc import Callable, Iterator
from pathlib import PurePath

from mypy.nodes import CallExpr, Expression, IndexExpr, MemberExpr, NameExpr, OpExpr, UnaryExpr
from mypy.plugin import CheckerPluginInterface, FunctionContext, Plugin
from mypy.types import Instance, Type, get_proper_type

KINDS = {
    f"mttcg.memory.address.{name}": name
    for name in ("Virtual", "Physical", "PhysicalPage", "HostAddress")
}
DOORS = "mttcg", "memory"
"""The folder that they are in."""


def parts_of(expression: Expression) -> Iterator[Expression]:
    """What an expression computes with: names, attributes, items and results of calls."""
    match expression:
        case OpExpr():
            yield from parts_of(expression.left)
            yield from parts_of(expression.right)
        case UnaryExpr():
            yield from parts_of(expression.expr)
        case CallExpr() if isinstance(expression.callee, NameExpr) and is_plain(expression.callee):
            for argument in expression.args:
                yield from parts_of(argument)
        case NameExpr() | MemberExpr() | IndexExpr() | CallExpr():
            yield expression


def is_plain(called: NameExpr) -> bool:
    """Whether it is a function that gives a number as it was, or computes with numbers."""
    return called.fullname.startswith("builtins.")


def check(context: FunctionContext) -> Type:
    """Look at what an address is made of."""
    api = context.api
    inside = PurePath(api.path).parent.parts[-2:] == DOORS
    if inside or not isinstance(context.context, CallExpr):
        return context.default_return_type
    made = KINDS[context.context.callee.fullname]
    for argument in context.context.args:
        for part in parts_of(argument):
            kind = kind_of(api, part)
            if kind not in ("", made):
                api.fail(f"{made} is made of {kind} by mttcg.memory alone", context.context)
    return context.default_return_type


def kind_of(api: CheckerPluginInterface, expression: Expression) -> str:
    found = get_proper_type(api.get_expression_type(expression))
    return KINDS.get(found.type.fullname, "") if isinstance(found, Instance) else ""


class AddressPlugin(Plugin):
    """See the module."""

    def get_function_hook(self, fullname: str) -> Callable[[FunctionContext], Type] | None:
        """The check, for the constructors of addresses."""
        return check if fullname in KINDS else None


def plugin(version: str) -> type[AddressPlugin]:
    """What mypy loads."""
    return AddressPlugin
