"""`fmt`: `%v` of any value, `Sprint`, `Sprintf` with its verbs and complaints.

Separate because expressions, JSONPath and templates all print with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.golang.strconv import format_float, quote
from opsconsole.argo.golang.values import type_name

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


_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(?:\[([^\]]*)\])?(.)?", re.DOTALL)


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
            reordered = reordered or index is not None
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
            used, reordered = int(index) - 1 if index.isdecimal() else -1, True
        if not 0 <= used < len(values):
            out.append(f"%!{verb}(BADINDEX)" if index is not None else f"%!{verb}(MISSING)")
            continue
        value = values[used]
        used += 1
        limit = sizes[1] if sizes[1] is not None else (0 if has_precision else None)
        out.append(_Verb(verb, flags, sizes[0], limit).show(value))
    out.append(layout[at:])
    if not reordered and used < len(values):
        extra = ", ".join(
            "<nil>" if item is None else f"{type_name(item)}={v(item)}" for item in values[used:]
        )
        out.append(f"%!(EXTRA {extra})")
    return "".join(out)


class _Verb:
    """One verb with its flags, as `fmt` applies it to a value and to what the value holds."""

    def __init__(self, verb: str, flags: str, width: int | None, precision: int | None) -> None:
        self.verb = verb
        self.flags = flags if width is None or width >= 0 else flags + "-"
        self.width = min(abs(width or 0), MAX_OUTPUT)
        self.precision = precision

    def show(self, value: Any) -> str:
        if self.verb == "T":
            return self._pad(type_name(value), value)
        if self.verb == "v" and "#" in self.flags:
            return go_syntax(value)
        if value is None:
            return self._pad("<nil>", value) if self.verb == "v" else f"%!{self.verb}(<nil>)"
        return self._value(value, self.verb)

    def _value(self, value: Any, verb: str) -> str:
        if value is None:
            return "<nil>"
        if isinstance(value, bool):
            return self._pad(v(value), value) if verb in "vt" else self._bad(value)
        stringer = not isinstance(value, int | float | str | bytes | list | tuple | Mapping) or (
            isinstance(value, int) and type(value).__str__ is not int.__str__
        )
        if stringer and verb in "vsqxX":
            value = str(value)
        if isinstance(value, int):
            shown = _integer(verb, self.flags, self.precision, int(value))
        elif isinstance(value, float):
            shown = _float(verb, self.flags, self.precision, value)
        elif isinstance(value, str):
            shown = _string(verb, self.flags, self.precision, value)
        elif isinstance(value, list | tuple):
            return "[" + " ".join(self._value(item, verb) for item in value) + "]"
        elif isinstance(value, Mapping):
            pairs = [
                f"{self._value(key, verb)}:{self._value(value[key], verb)}"
                for key in sort_keys(value)
            ]
            return f"map[{' '.join(pairs)}]"
        else:
            shown = None
        return self._bad(value) if shown is None else self._pad(shown, value)

    def _bad(self, value: Any) -> str:
        """`%!d(string=x)`: the value in its own way, with the same flags."""
        return f"%!{self.verb}({type_name(value)}={self._value(value, 'v')})"

    def _pad(self, text: str, value: Any) -> str:
        if not self.width:
            return text
        if "-" in self.flags:
            return text.ljust(self.width)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if "0" in self.flags and (not number or self.precision is None or isinstance(value, float)):
            sign = text[0] if text[:1] in ("-", "+") and number else ""
            return sign + text[len(sign) :].rjust(self.width - len(sign), "0")
        return text.rjust(self.width)


def _plus(text: str, flags: str) -> str:
    if text[:1] in ("-", "+"):
        return text
    return "+" + text if "+" in flags else (" " + text if " " in flags else text)


def _integer(verb: str, flags: str, precision: int | None, value: int) -> str | None:
    if verb == "c":
        return chr(value) if 0 <= value < 0x110000 else "\ufffd"
    if verb == "q":
        return quote(chr(value) if 0 <= value < 0x110000 else "\ufffd", "'")
    if verb == "U":
        shown = f" '{chr(value)}'" if "#" in flags and 0 <= value < 0x110000 else ""
        return f"U+{value:04X}{shown}"
    spec = {"v": "d", "d": "d", "b": "b", "o": "o", "x": "x", "X": "X", "O": "o"}.get(verb)
    if spec is None:
        return None
    digits = format(abs(value), spec)
    if precision is not None:
        digits = digits.rjust(min(precision, 1000), "0")
    if verb == "O" or ("#" in flags and verb in "boxX"):
        digits = {"b": "0b", "o": "0", "x": "0x", "X": "0X", "O": "0o"}[verb] + digits
    return "-" + digits if value < 0 else _plus(digits, flags)


def _float(verb: str, flags: str, precision: int | None, value: float) -> str | None:
    verb = "g" if verb == "v" else verb
    if verb in "xX" and math.isfinite(value):
        mantissa, _, exponent = value.hex().partition("p")
        if precision is None and "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}p{exponent[0]}{int(exponent[1:]):02d}"
        return _plus(text.upper() if verb == "X" else text, flags)
    if verb not in "eEfFgG":
        return None
    size = 6 if precision is None and verb in "eEfF" else (-1 if precision is None else precision)
    return _plus(format_float(value, verb, min(size, 1000)), flags)


def _string(verb: str, flags: str, precision: int | None, value: str) -> str | None:
    cut = value if precision is None else value[:precision]
    if verb in "vs":
        return cut
    if verb == "q":
        return f"`{cut}`" if "#" in flags and "`" not in cut else quote(cut)
    if verb in "xX":
        raw = cut.encode("utf-8", "surrogatepass")
        mark = ("0x" if "#" in flags else "") if raw else ""
        gap = " " + mark if " " in flags else ""
        text = mark + (raw.hex(" ").replace(" ", gap) if gap else raw.hex())
        return text.upper() if verb == "X" else text
    return None


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
