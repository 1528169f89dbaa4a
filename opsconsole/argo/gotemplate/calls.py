"""How functions are called from templates: signatures, truth, the value that is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.expr.types import GoType


class Invalid:
    """Go's zero `reflect.Value`: a key that is not there."""

    def __repr__(self) -> str:
        return "<no value>"


INVALID = Invalid()

NAMES = {
    "any": "interface {}", "value": "reflect.Value", "string": "string", "int": "int",
    "int64": "int64", "bool": "bool", "float": "float64", "map": "map[string]interface {}",
    "list": "[]interface {}", "strings": "[]string", "time": "time.Time",
    "version": "*semver.Version",
}  # fmt: skip


def plain(value: Any) -> Any:
    """What a function receives: None where there is no value."""
    return None if value is INVALID else value


def is_true(value: Any) -> bool:
    """Go templates' truth: empty things and zero are false."""
    if value is None or value is INVALID:
        return False
    if isinstance(value, bool | int | float | str | list | tuple | Mapping):
        return bool(value)
    return True


@dataclass(frozen=True, slots=True)
class Signature:
    """Go names of the parameters' types; a variadic one repeats the last."""

    types: tuple[str, ...]
    variadic: bool = False

    @classmethod
    def parse(cls, text: str) -> Signature:
        """The words of NAMES, the last with dots where it repeats: "string int ...any"."""
        words = text.split()
        variadic = bool(words) and words[-1].startswith("...")
        return cls(tuple(NAMES[word.lstrip(".")] for word in words), variadic)

    @classmethod
    def of(cls, signature: GoType) -> Signature:
        return cls(tuple(t.name for t in signature.inputs), signature.variadic)

    def type_at(self, place: int) -> str:
        return self.types[min(place, len(self.types) - 1)]

    def count_problem(self, name: str, count: int, written: int) -> str:
        """Go's complaint about the number of arguments, "" when it is right."""
        if self.variadic:
            least = len(self.types) - 1
            if count < least:
                return f"wrong number of args for {name}: want at least {least} got {written}"
            return ""
        if count != len(self.types):
            return f"wrong number of args for {name}: want {len(self.types)} got {count}"
        return ""


@dataclass(frozen=True, slots=True)
class Builtin:
    """`call(executor, *arguments)`; raises CallError. `lazy`: and/or, which skip arguments."""

    signature: Signature
    call: Callable[..., Any]
    lazy: bool = False


def function(signature: str, call: Callable[..., Any]) -> Builtin:
    """A function that does not need the executor."""
    return Builtin(Signature.parse(signature), lambda _, *arguments: call(*arguments))
