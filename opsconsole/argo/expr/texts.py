"""Builtins over strings: what Go's `strings`, `encoding/json` and base64 do."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.operators import MAX_TEXT, assert_string, bounded_text, to_int
from opsconsole.argo.expr.types import BOOL
from opsconsole.argo.golang import base64 as gobase64
from opsconsole.argo.golang.encjson import encode
from opsconsole.argo.golang.values import Strings, decode_json, type_name
from opsconsole.errors import RuleError

if TYPE_CHECKING:
    from opsconsole.argo.expr.builtins import Machine

as_string = assert_string

__all__ = ["BOOL", "as_string"]


def trim(_: Machine, args: list[Any]) -> str:
    text = as_string(args[0])
    return text.strip(as_string(args[1])) if len(args) == 2 else text.strip()


def trim_prefix(_: Machine, args: list[Any]) -> str:
    mark = as_string(args[1]) if len(args) == 2 else " "
    return as_string(args[0]).removeprefix(mark)


def trim_suffix(_: Machine, args: list[Any]) -> str:
    mark = as_string(args[1]) if len(args) == 2 else " "
    return as_string(args[0]).removesuffix(mark)


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    """`strings.SplitN`: 0 gives none, an empty separator splits into characters."""
    if limit == 0:
        return []
    if not separator:
        chars = list(text)
        if 0 < limit < len(chars):
            return [*chars[: limit - 1], "".join(chars[limit - 1 :])]
        return chars
    return text.split(separator, -1 if limit < 0 else limit - 1)


def splitter(*, after: bool) -> Callable[[Machine, list[Any]], Strings]:
    def call(machine: Machine, args: list[Any]) -> Strings:
        text, separator = as_string(args[0]), as_string(args[1])
        parts = split(text, separator, to_int(args[2]) if len(args) == 3 else -1)
        machine.spend(len(parts))
        if after and separator:
            parts = [part + separator for part in parts[:-1]] + parts[-1:]
        return Strings(parts)

    return call


def replace(_: Machine, args: list[Any]) -> str:
    text, old, new = (as_string(arg) for arg in args[:3])
    limit = to_int(args[3]) if len(args) == 4 else -1
    if len(new) * (text.count(old) if limit < 0 else limit) > MAX_TEXT and new > old:
        hits = text.count(old) if limit < 0 else min(limit, text.count(old))
        if hits * len(new) > MAX_TEXT:
            raise Panic("memory budget exceeded")
    return text.replace(old, new, limit)


def repeat(machine: Machine, args: list[Any]) -> str:
    text, count = as_string(args[0]), to_int(args[1])
    if count < 0:
        raise Panic(f"invalid argument for repeat (expected positive integer, got {count})")
    if count > 1e6:
        raise Panic("memory budget exceeded")
    machine.grow(len(text.encode()) * count)
    return text * count


def join(_: Machine, args: list[Any]) -> str:
    glue = as_string(args[1]) if len(args) == 2 else ""
    if not isinstance(args[0], Strings) and type(args[0]) is not list:
        shown = "%!s(<nil>)" if args[0] is None else type_name(args[0])
        raise Panic(f"invalid argument for join (type {shown})")
    words = [as_string(word) for word in args[0]]
    if sum(map(len, words)) + len(glue) * len(words) > MAX_TEXT:
        raise Panic("memory budget exceeded")
    return bounded_text(glue.join(words))


def index_of(_: Machine, args: list[Any]) -> int:
    return as_string(args[0]).encode().find(as_string(args[1]).encode())


def last_index_of(_: Machine, args: list[Any]) -> int:
    return as_string(args[0]).encode().rfind(as_string(args[1]).encode())


def has_prefix(_: Machine, args: list[Any]) -> bool:
    return as_string(args[0]).startswith(as_string(args[1]))


def has_suffix(_: Machine, args: list[Any]) -> bool:
    return as_string(args[0]).endswith(as_string(args[1]))


def to_json(_: Machine, args: list[Any]) -> str:
    try:
        return bounded_text(encode(args[0], indent="  "))
    except RuleError as wrong:
        raise Panic(wrong.message) from wrong


def from_json(machine: Machine, args: list[Any]) -> Any:
    text = as_string(args[0])
    machine.spend(len(text) // 10)
    try:
        return decode_json(text)
    except RuleError as wrong:
        raise Panic(wrong.message) from wrong


def to_base64(_: Machine, args: list[Any]) -> str:
    return base64.b64encode(as_string(args[0]).encode()).decode()


def from_base64(_: Machine, args: list[Any]) -> str:
    return decode_base64(as_string(args[0]))


def decode_base64(text: str) -> str:
    """`StdEncoding.DecodeString`; Panic with Go's text."""
    try:
        return gobase64.decode(text).decode("utf-8", "replace")
    except RuleError as wrong:
        raise Panic(wrong.message) from None
