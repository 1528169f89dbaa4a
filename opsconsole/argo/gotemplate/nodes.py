"""The tree of a template. `str(node)` is what Go shows of a node in its errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.golang.strconv import quote


@dataclass(eq=False, slots=True)
class Node:
    at: int


@dataclass(eq=False, slots=True)
class Text(Node):
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(eq=False, slots=True)
class ListNode(Node):
    nodes: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        return "".join(str(node) for node in self.nodes)

    @property
    def empty(self) -> bool:
        return all(
            (isinstance(node, Text) and not node.text.strip())
            or (isinstance(node, ListNode) and node.empty)
            for node in self.nodes
        )


@dataclass(eq=False, slots=True)
class Command(Node):
    args: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join(f"({arg})" if isinstance(arg, Pipe) else str(arg) for arg in self.args)


@dataclass(eq=False, slots=True)
class Pipe(Node):
    declared: list[Variable] = field(default_factory=list)
    assigns: bool = False
    commands: list[Command] = field(default_factory=list)

    def __str__(self) -> str:
        left = ""
        if self.declared:
            names = ", ".join(str(variable) for variable in self.declared)
            left = f"{names} {'=' if self.assigns else ':='} "
        return left + " | ".join(str(command) for command in self.commands)


@dataclass(eq=False, slots=True)
class Action(Node):
    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(eq=False, slots=True)
class Identifier(Node):
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(eq=False, slots=True)
class Variable(Node):
    names: list[str]

    def __str__(self) -> str:
        return ".".join(self.names)


@dataclass(eq=False, slots=True)
class Dot(Node):
    def __str__(self) -> str:
        return "."


@dataclass(eq=False, slots=True)
class Nil(Node):
    def __str__(self) -> str:
        return "nil"


@dataclass(eq=False, slots=True)
class Field(Node):
    names: list[str]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(eq=False, slots=True)
class Chain(Node):
    node: Node
    names: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        head = f"({self.node})" if isinstance(self.node, Pipe) else str(self.node)
        return head + "".join(f".{name}" for name in self.names)


@dataclass(eq=False, slots=True)
class Boolean(Node):
    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(eq=False, slots=True)
class Number(Node):
    """`integer` and `float` are None where the text is no such number."""

    text: str
    integer: int | None
    floating: float | None

    def __str__(self) -> str:
        return self.text

    @property
    def ideal(self) -> Any:
        """What the constant is where nothing else is asked for."""
        plain = self.text[:2].lower() != "0x" and not self.text.startswith("'")
        if plain and self.floating is not None and any(c in ".eEpP" for c in self.text):
            return self.floating
        return self.integer


@dataclass(eq=False, slots=True)
class String(Node):
    quoted: str
    text: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(eq=False, slots=True)
class Branch(Node):
    """if, with or range."""

    word: str
    pipe: Pipe
    body: ListNode
    otherwise: ListNode | None

    def __str__(self) -> str:
        tail = f"{{{{else}}}}{self.otherwise}" if self.otherwise is not None else ""
        return f"{{{{{self.word} {self.pipe}}}}}{self.body}{tail}{{{{end}}}}"


@dataclass(eq=False, slots=True)
class Jump(Node):
    """break or continue."""

    word: str

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"


@dataclass(eq=False, slots=True)
class Include(Node):
    """{{template "name" pipe}}."""

    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        tail = f" {self.pipe}" if self.pipe is not None else ""
        return f"{{{{template {quote(self.name)}{tail}}}}}"


@dataclass(eq=False, slots=True)
class Mark(Node):
    """{{end}} or {{else}}, while parsing."""

    word: str

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"
