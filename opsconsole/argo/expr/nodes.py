"""The tree of an expression. The checker writes each node's `nature`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from opsconsole.argo.expr.types import UNKNOWN, Nature


@dataclass(eq=False, slots=True)
class Node:
    at: int = field(default=0, kw_only=True)
    nature: Nature = field(default=UNKNOWN, kw_only=True)
    depth: int = field(default=1, kw_only=True)


@dataclass(eq=False, slots=True)
class Literal(Node):
    """nil, a boolean, a string, bytes, an integer or a float."""

    value: Any


@dataclass(eq=False, slots=True)
class Constant(Node):
    """A value that the optimizer computed; `keys` is set for a set of map keys."""

    value: Any
    keys: str = ""


@dataclass(eq=False, slots=True)
class Identifier(Node):
    name: str


@dataclass(eq=False, slots=True)
class Unary(Node):
    operator: str
    node: Node


@dataclass(eq=False, slots=True)
class Binary(Node):
    operator: str
    left: Node
    right: Node


@dataclass(eq=False, slots=True)
class Chain(Node):
    node: Node


@dataclass(eq=False, slots=True)
class Member(Node):
    node: Node
    property: Node
    optional: bool = False
    method: bool = False


@dataclass(eq=False, slots=True)
class Slice(Node):
    node: Node
    begin: Node | None
    end: Node | None


@dataclass(eq=False, slots=True)
class Call(Node):
    callee: Node
    arguments: list[Node]


@dataclass(eq=False, slots=True)
class BuiltinCall(Node):
    name: str
    arguments: list[Node]
    throws: bool = False
    map: Node | None = None
    threshold: int | None = None


@dataclass(eq=False, slots=True)
class Predicate(Node):
    node: Node
    size: int = 0


@dataclass(eq=False, slots=True)
class Pointer(Node):
    name: str


@dataclass(eq=False, slots=True)
class Variable(Node):
    name: str
    value: Node
    body: Node


@dataclass(eq=False, slots=True)
class Sequence(Node):
    nodes: list[Node]


@dataclass(eq=False, slots=True)
class Conditional(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(eq=False, slots=True)
class Array(Node):
    nodes: list[Node]


@dataclass(eq=False, slots=True)
class MapPair(Node):
    key: Node
    value: Node


@dataclass(eq=False, slots=True)
class Map(Node):
    pairs: list[Node]


_OWN = {"at", "nature", "depth"}


def children(node: Node) -> list[Node]:
    found: list[Node] = []
    for spec in fields(node):
        value = getattr(node, spec.name)
        if isinstance(value, Node):
            found.append(value)
        elif isinstance(value, list) and spec.name not in _OWN:
            found += [item for item in value if isinstance(item, Node)]
    return found


def rewrite(node: Node, visit: Callable[[Node], Node]) -> Node:
    """The tree with every node replaced by `visit(node)`, children first."""
    for spec in fields(node):
        value = getattr(node, spec.name)
        if isinstance(value, Node):
            setattr(node, spec.name, rewrite(value, visit))
        elif isinstance(value, list) and value and isinstance(value[0], Node):
            setattr(node, spec.name, [rewrite(item, visit) for item in value])
    return visit(node)


def shape(node: Node) -> tuple[Any, ...]:
    """A value that is equal for equal sources, as comparing `node.String()` does."""
    own = [
        getattr(node, spec.name)
        for spec in fields(node)
        if spec.name not in _OWN and isinstance(getattr(node, spec.name), str | int | float | bytes)
    ]
    return (type(node).__name__, *own, *(shape(child) for child in children(node)))
