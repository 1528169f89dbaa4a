"""`fmt`: `%v` of any value, `Sprint`, `Sprintf` with its verbs and complaints.

Separate because expressions, JSONPath and templates all print with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.golang.strconv import format_float, quote
from opsconsole.argo.golang.values import type_name
from opsconsole.errors import RuleError

MAX_OUTPUT = 10_000_000
"""Characters that one formatting may give; ours."""


def sort_keys(keys: Any) -> list[Any]:
    """Keys of a map in the order `fmt` prints them."""
    return sorted(keys, key=lambda key: (type(key).__name__, key))


def v(value: Any) -> str:
    """`%v`."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, bytes):
        return "[" + " ".join(str(b) for b in value) + "]"
    if isinstance(value, Mapping):
        shown = [f"{v(key)}:{v(value[key])}" for key in sort_keys(value)]
        return f"map[{' '.join(shown)}]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(v(item) for item in value) + "]"
    return str(value)


def sprint(values: Sequence[Any]) -> str:
    """`fmt.Sprint`: a space between two operands when neither is a string."""
    out: list[str] = []
    for number, value in enumerate(values):
        if number and not isinstance(value, str) and not isinstance(values[number - 1], str):
            out.append(" ")
        out.append(v(value))
    return "".join(out)


def sprintln(values: Sequence[Any]) -> str:
    return " ".join(v(value) for value in values) + "\n"


_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(?:\[(\d+)\])?(.)?", re.DOTALL)


def sprintf(layout: str, values: Sequence[Any]) -> str:
    """`fmt.Sprintf`, with `%!d(string=x)`, `%!d(MISSING)` and `%!(EXTRA …)` where it complains."""
    out: list[str] = []
    at = used = 0
    reordered = False
    for found in _VERB.finditer(layout):
        out.append(layout[at : found.start()])
        at = found.end()
        flags, width, precision, index, verb = found.groups()
        has_precision = "." in found[0][len(flags) + 1 + len(width or "") :][:1]
        if verb is None:
            out.append("%!(NOVERB)")
            continue
        if verb == "%":
            out.append("%")
            continue
        sizes: list[int | None] = []
        for size in (width, precision):
            if size == "*":
                given = values[used] if used < len(values) else None
                used += 1
                sizes.append(given if isinstance(given, int) else 0)
            else:
                sizes.append(int(size) if size else None)
        if index is not None:
            used, reordered = int(index) - 1, True
        if not 0 <= used < len(values):
            out.append(f"%!{verb}(BADINDEX)" if index is not None else f"%!{verb}(MISSING)")
            continue
        value = values[used]
        used += 1
        limit = sizes[1] if sizes[1] is not None else (0 if has_precision else None)
        out.append(_pad(_one(verb, flags, limit, value), flags, sizes[0], verb, value))
    out.append(layout[at:])
    if not reordered and used < len(values):
        extra = ", ".join(
            "<nil>" if item is None else f"{type_name(item)}={v(item)}" for item in values[used:]
        )
        out.append(f"%!(EXTRA {extra})")
    return "".join(out)


def _pad(text: str, flags: str, width: int | None, verb: str, value: Any) -> str:
    if not width:
        return text
    if "-" in flags or width < 0:
        width = abs(width)
    if width > MAX_OUTPUT:
        raise RuleError("formatted text is too long")
    if "-" in flags:
        return text.ljust(width)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if "0" in flags and (number or verb in "sxXq"):
        sign = text[0] if text[:1] in ("-", "+") and number else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _bad(verb: str, value: Any) -> str:
    return f"%!{verb}(<nil>)" if value is None else f"%!{verb}({type_name(value)}={v(value)})"


def _one(verb: str, flags: str, precision: int | None, value: Any) -> str:
    if verb == "v":
        return go_syntax(value) if "#" in flags else _plus(v(value), flags, value)
    if verb == "T":
        return type_name(value)
    if isinstance(value, bool):
        return v(value) if verb == "t" else _bad(verb, value)
    stringer = not isinstance(value, int | float | str | bytes | list | tuple | Mapping) or (
        isinstance(value, int) and type(value).__str__ is not int.__str__
    )
    if stringer and value is not None and verb in "sq":
        value = str(value)
    if isinstance(value, int):
        return _integer(verb, flags, precision, int(value), value)
    if isinstance(value, float):
        return _float(verb, flags, precision, value)
    if isinstance(value, str):
        return _string(verb, flags, precision, value)
    if isinstance(value, list | tuple):
        return "[" + " ".join(_one(verb, flags, precision, item) for item in value) + "]"
    if isinstance(value, Mapping):
        shown = [
            f"{_one(verb, flags, precision, key)}:{_one(verb, flags, precision, value[key])}"
            for key in sort_keys(value)
        ]
        return f"map[{' '.join(shown)}]"
    return _bad(verb, value)


def _plus(text: str, flags: str, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "+" + text if "+" in flags and number and text[:1] not in ("-", "+") else text


def _integer(verb: str, flags: str, precision: int | None, value: int, original: Any) -> str:
    if verb == "c":
        return chr(value) if 0 <= value < 0x110000 else "\ufffd"
    if verb == "q":
        return quote(chr(value) if 0 <= value < 0x110000 else "\ufffd", "'")
    if verb == "U":
        return f"U+{value:04X}"
    spec = {"d": "d", "b": "b", "o": "o", "x": "x", "X": "X", "O": "o"}.get(verb)
    if spec is None:
        return _bad(verb, original)
    digits = format(abs(value), spec)
    if precision is not None:
        digits = digits.rjust(min(precision, 1000), "0")
    if verb == "O" or ("#" in flags and verb in "box X"):
        digits = {"b": "0b", "o": "0", "x": "0x", "X": "0X", "O": "0o"}[verb] + digits
    sign = "-" if value < 0 else ("+" if "+" in flags else (" " if " " in flags else ""))
    return sign + digits


def _float(verb: str, flags: str, precision: int | None, value: float) -> str:
    if verb not in "eEfFgG":
        return _bad(verb, value)
    size = 6 if precision is None and verb in "eEfF" else (-1 if precision is None else precision)
    text = format_float(value, verb, min(size, 1000))
    return _plus(text, flags, value)


def _string(verb: str, flags: str, precision: int | None, value: str) -> str:
    if verb == "s":
        return value if precision is None else value[:precision]
    if verb == "q":
        cut = value if precision is None else value[:precision]
        return f"`{cut}`" if "#" in flags and "`" not in cut else quote(cut)
    if verb in "xX":
        text = value.encode().hex()
        return text.upper() if verb == "X" else text
    return _bad(verb, value)


def go_syntax(value: Any) -> str:
    """`%#v` of the values that decoded JSON holds."""
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Mapping):
        shown = [f"{go_syntax(key)}:{go_syntax(value[key])}" for key in sort_keys(value)]
        return f"{type_name(value)}{{{', '.join(shown)}}}"
    if isinstance(value, list | tuple):
        return f"{type_name(value)}{{{', '.join(go_syntax(item) for item in value)}}}"
    return v(value)
