"""sprig: the cases of identifiers (`snakecase`, `kebabcase`, `camelcase`).

Separate because they take words apart by the rules of huandu/xstrings, which nothing else uses.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator


def connects(char: str) -> bool:
    return char in "-_" or char.isspace()


def _punctuates(char: str) -> bool:
    return unicodedata.category(char).startswith("P")


def _numeric(char: str) -> bool:
    return unicodedata.category(char).startswith("N")


def _run(text: str, at: int, holds: Callable[[str], bool]) -> int:
    while at < len(text) and holds(text[at]):
        at += 1
    return at


def _small(char: str) -> bool:
    return char.isalpha() and not char.isupper()


def _upper_end(text: str, at: int) -> int:
    """The end of a word that begins with a capital: HTTP of HTTPStatus, Status."""
    if at + 1 < len(text) and text[at + 1].isupper():
        end = _run(text, at + 1, str.isupper)
        return end - 1 if end < len(text) and text[end].isalpha() else end
    return _run(text, at + 1, _small)


def _words(text: str) -> Iterator[tuple[str, str]]:
    """(kind, word): connector, punct, upper, alphabet, number, other; "" at the end, for ever."""
    at = 0
    while at < len(text):
        char = text[at]
        if connects(char):
            kind, end = "connector", _run(text, at, connects)
        elif _punctuates(char):
            kind, end = "punct", _run(text, at, _punctuates)
        elif char.isupper():
            kind, end = "upper", _upper_end(text, at)
        elif char.isalpha():
            kind, end = "alphabet", _run(text, at, _small)
        elif _numeric(char):
            kind, end = "number", _run(text, at, _numeric)
        else:
            kind, end = (
                "other",
                _run(
                    text,
                    at + 1,
                    lambda c: not (connects(c) or c.isalpha() or _numeric(c) or _punctuates(c)),
                ),
            )
        yield kind, text[at:end]
        at = end
    while True:
        yield "", ""


def _shown(kind: str, word: str, mark: str) -> str:
    if kind == "connector":
        return mark * len(word)
    return word.lower() if kind == "upper" else word


_APART = ("connector", "punct")


def joined_words(mark: str) -> Callable[[str], str]:
    """Words in lower case with `mark` between them: `xstrings.ToSnakeCase` and `ToKebabCase`.

    A number belongs to the word before it (Bld4Floor → bld4_floor), unless small letters follow
    (HTTP2xx → http_2xx).
    """

    def call(text: str) -> str:
        return _join(text, mark)

    return call


def _join(text: str, mark: str) -> str:
    words = _words(text)
    out: list[str] = []
    left = len(text)

    def following() -> tuple[str, str]:
        nonlocal left
        kind, word = next(words)
        left -= len(word)
        return kind, word

    def number(kind: str, word: str, stops: tuple[str, ...]) -> tuple[str, str]:
        while kind in ("alphabet", "number"):
            out.append(word)
            kind, word = following()
        if kind not in stops:
            out.append(mark)
        return kind, word

    kind, word = following()
    while left:
        if kind != "connector":
            out.append(_shown(kind, word, mark))
        before, last = kind, word
        kind, word = following()
        if before == "number":
            kind, word = number(kind, word, ("", *_APART))
        elif before == "connector":
            out.append(mark * len(last))
        elif before != "punct" and kind != "number":
            out.append("" if kind in _APART else mark)
        elif before != "punct" and left:
            digits = word
            kind, word = following()
            if kind == "alphabet":
                out += [mark, digits]
                kind, word = number(kind, word, ("", *_APART))
            else:
                out += [digits, "" if kind in _APART else mark]
    return "".join([*out, _shown(kind, word, mark)])


def pascal_case(text: str) -> str:
    """`xstrings.ToPascalCase`: a capital after each separator; only separators at the ends stay."""
    body = text.lstrip("-_ \t\r\n")
    out = [text[: len(text) - len(body)]]
    last, upper = "", True
    for at, char in enumerate(body):
        if at == 0:
            last, upper = char.upper(), char.isupper()
            continue
        before, last = last, char
        if connects(char) and connects(before):
            out.append(before)
        elif connects(before):
            upper = char.isupper()
            last = char.upper()
        else:
            if upper and char.isupper():
                last = char.lower()
            else:
                upper = False
            out.append(before)
    return "".join(out) + last
