"""sprig: strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from opsconsole.argo.expr.texts import split as split_text
from opsconsole.argo.golang.format import v
from opsconsole.argo.golang.strconv import quote as go_quote
from opsconsole.argo.golang.values import StringMap, Strings
from opsconsole.argo.gotemplate.errors import CallError
from opsconsole.argo.gotemplate.sprig_words import joined_words, pascal_case

MAX_TEXT = 1_000_000
"""Characters that a function may make; ours."""


def strval(value: Any) -> str:
    return value if isinstance(value, str) else v(value)


def bounded(size: int) -> None:
    if size > MAX_TEXT:
        raise CallError("the text would be too long")


def strslice(value: Any) -> Strings:
    if isinstance(value, list | tuple):
        return Strings(strval(item) for item in value if item is not None)
    return Strings() if value is None else Strings([strval(value)])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def trunc(count: int, text: str) -> str:
    raw = _bytes(text)
    if count < 0:
        return raw[len(raw) + count :].decode("utf-8", "replace") if len(raw) + count > 0 else text
    return raw[:count].decode("utf-8", "replace") if len(raw) > count else text


def substr(start: int, end: int, text: str) -> str:
    raw = _bytes(text)
    if start < 0:
        _range(0, end, len(raw))
        return raw[:end].decode("utf-8", "replace")
    stop = len(raw) if end < 0 or end > len(raw) else end
    _range(start, stop, len(raw))
    return raw[start:stop].decode("utf-8", "replace")


def _range(start: int, end: int, size: int) -> None:
    if not 0 <= end <= size:
        raise CallError(f"runtime error: slice bounds out of range [:{end}] with length {size}")
    if start > end:
        raise CallError(f"runtime error: slice bounds out of range [{start}:{end}]")


def title(text: str) -> str:
    """`strings.Title`: whatever is no letter, digit or underscore begins a word."""
    out = []
    begins = True
    for char in text:
        out.append(_cased(char, str.title) if begins else char)
        if char.isascii():
            begins = not (char.isalnum() or char == "_")
        else:
            begins = not (char.isalpha() or char.isdecimal()) and char.isspace()
    return "".join(out)


def untitle(text: str) -> str:
    return re.sub(r"(^|\s)(\S)", lambda found: found[1] + found[2].lower(), text)


def _bytewise(text: str) -> str:
    """Goutils reads a string byte by byte and writes each byte as a character."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def initials(text: str) -> str:
    return "".join(word[0] for word in _bytewise(text).split())


def nospace(text: str) -> str:
    short = "".join(_bytewise(text).split())
    return text if len(short) == len(_bytewise(text)) else short


def _cased(text: str, call: Callable[[str], str]) -> str:
    """Go changes characters one by one, and those that would become two stay."""
    return "".join(new if len(new := call(char)) == 1 else char for char in text)


def upper(text: str) -> str:
    return text.upper() if text.isascii() else _cased(text, str.upper)


def lower(text: str) -> str:
    return text.lower() if text.isascii() else _cased(text, str.lower)


def _sorted(value: Any) -> Strings:
    if isinstance(value, list | tuple):
        return Strings(sorted(strslice(value)))
    return Strings([strval(value)])


def repeat(count: int, text: str) -> str:
    if count < 0:
        raise CallError("strings: negative Repeat count")
    bounded(count * len(text))
    return text * count


def indent(spaces: int, text: str) -> str:
    if spaces < 0:
        raise CallError("strings: negative Repeat count")
    bounded(len(text) + spaces * (text.count("\n") + 1))
    pad = " " * spaces
    return pad + text.replace("\n", "\n" + pad)


def replace(old: str, new: str, text: str) -> str:
    bounded(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def join(separator: str, value: Any) -> str:
    parts = strslice(value)
    bounded(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def numbered(parts: list[str]) -> StringMap:
    return StringMap((f"_{number}", part) for number, part in enumerate(parts))


def quote(*values: Any) -> str:
    return " ".join(go_quote(strval(value)) for value in values if value is not None)


def squote(*values: Any) -> str:
    return " ".join(f"'{v(value)}'" for value in values if value is not None)


def cat(*values: Any) -> str:
    return " ".join(v(value) for value in values if value is not None)


def abbrev(width: int, text: str) -> str:
    return text if width < 4 or len(text) <= width else text[: width - 3] + "..."


def abbrevboth(left: int, right: int, text: str) -> str:
    if right < 4 or (left > 0 and right < 7) or len(text) <= right:
        return text
    left = min(left, len(text))
    if len(text) - left < right - 3:
        left = len(text) - (right - 3)
    if left <= 4:
        return text[: right - 3] + "..."
    if left + right - 3 < len(text):
        return "..." + abbrev(right - 3, text[left:])
    return "..." + text[len(text) - (right - 3) :]


def wrap_with(width: int, separator: str, text: str, *, cut: bool = True) -> str:
    """Lines of at most `width`, broken at spaces; `cut` also breaks longer words."""
    width = max(width, 1)
    lines: list[str] = []
    rest = text
    while len(rest) > width:
        if rest[0] == " ":
            rest = rest[1:]
            continue
        space = rest.rfind(" ", 0, width + 1)
        if space < 0 and not cut:
            space = rest.find(" ", width)
            if space < 0:
                break
        at = space if space >= 0 else width
        lines.append(rest[:at])
        rest = rest[at + (space >= 0) :]
    bounded(len(text) + len(separator) * len(lines))
    return separator.join([*lines, rest])


def _fail(message: str) -> str:
    raise CallError(message)


TABLE: dict[str, tuple[str, Callable[..., Any]]] = {
    "abbrev": ("int string", abbrev),
    "abbrevboth": ("int int string", abbrevboth),
    "trunc": ("int string", trunc),
    "trim": ("string", lambda s: s.strip()),
    "upper": ("string", upper),
    "lower": ("string", lower),
    "title": ("string", title),
    "untitle": ("string", untitle),
    "substr": ("int int string", substr),
    "repeat": ("int string", repeat),
    "trimall": ("string string", lambda a, b: b.strip(a) if a else b),
    "trimAll": ("string string", lambda a, b: b.strip(a) if a else b),
    "trimSuffix": ("string string", lambda a, b: b.removesuffix(a)),
    "trimPrefix": ("string string", lambda a, b: b.removeprefix(a)),
    "nospace": ("string", nospace),
    "initials": ("string", initials),
    "swapcase": ("string", lambda s: _cased(s, str.swapcase)),
    "snakecase": ("string", joined_words("_")),
    "camelcase": ("string", pascal_case),
    "kebabcase": ("string", joined_words("-")),
    "wrap": ("int string", lambda width, s: wrap_with(width, "\n", s, cut=False)),
    "wrapWith": ("int string string", wrap_with),
    "contains": ("string string", lambda a, b: a in b),
    "hasPrefix": ("string string", lambda a, b: b.startswith(a)),
    "hasSuffix": ("string string", lambda a, b: b.endswith(a)),
    "quote": ("...any", quote),
    "squote": ("...any", squote),
    "cat": ("...any", cat),
    "indent": ("int string", indent),
    "nindent": ("int string", lambda n, s: "\n" + indent(n, s)),
    "replace": ("string string string", replace),
    "plural": ("string string int", lambda one, many, n: one if n == 1 else many),
    "toString": ("any", strval),
    "split": ("string string", lambda sep, s: numbered(split_text(s, sep))),
    "splitList": ("string string", lambda sep, s: Strings(split_text(s, sep))),
    "splitn": ("string int string", lambda sep, n, s: numbered(split_text(s, sep, n))),
    "toStrings": ("any", strslice),
    "join": ("string any", join),
    "sortAlpha": ("any", _sorted),
    "fail": ("string", _fail),
}
