"""Characters → tokens of the expression language (expr v1.17).

Separate from the parser because its errors carry places of their own.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass

from opsconsole.argo.expr.errors import ExprError
from opsconsole.argo.golang.strconv import quote

IDENTIFIER, NUMBER, STRING, BYTES, OPERATOR, BRACKET, EOF = (
    "Identifier", "Number", "String", "Bytes", "Operator", "Bracket", "EOF",
)  # fmt: skip

_WORDS = {
    "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else",
}  # fmt: skip
_NEGATABLE = {"in", "matches", "contains", "startsWith", "endsWith"}
_SIMPLE = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
    "'": "'", '"': '"', "`": "`", "?": "?",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    value: str
    at: int

    def __str__(self) -> str:
        return f"{self.kind}({quote(self.value)})" if self.value else self.kind

    def is_(self, kind: str, *values: str) -> bool:
        return self.kind == kind and (not values or self.value in values)


def is_letter(char: str) -> bool:
    return char in ("_", "$") or char.isalpha()


def is_alphanumeric(char: str) -> bool:
    return bool(char) and (is_letter(char) or char.isdecimal())


class Lexer:
    """Iterate for tokens; the last is EOF. ExprError where the source is no token."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.start = 0
        self.end = 0

    def __iter__(self) -> Iterator[Token]:
        source = self.source
        while True:
            if self.end >= len(source):
                yield Token(EOF, "", max(len(source) - 1, 0))
                return
            char = self._next()
            if char.isspace():
                self.start = self.end
            elif char in "'\"":
                yield self._string(char)
            elif char == "`":
                yield self._raw()
            elif char in "bB" and self._peek() in ("'", '"'):
                yield self._string(self._next(), kind=BYTES)
            elif char in string.digits:
                self.end -= 1
                yield self._number()
            elif char == "/" and self._peek() and self._peek() in "/*":
                self._comment()
            elif char == "#":
                yield from self._pointer()
            elif char == ".":
                yield self._dot()
            elif is_alphanumeric(char):
                yield from self._word()
            else:
                yield self._symbol(char)

    def _symbol(self, char: str) -> Token:
        follow = {"?": ".?", "|": "|", ":": ":"}.get(char)
        if follow is None and char in "&!=*<>":
            follow = "&=*"
        if follow is not None:
            self._accept(follow)
        elif char in "([{)]}":
            return self._emit(BRACKET)
        elif char not in ",;%+-^/":
            raise self._error(f"unrecognized character: U+{ord(char):04X} '{char}'")
        return self._emit(OPERATOR)

    # pieces

    def _next(self) -> str:
        char = self.source[self.end : self.end + 1]
        self.end += 1
        return char

    def _peek(self) -> str:
        return self.source[self.end : self.end + 1]

    def _accept(self, valid: str) -> bool:
        char = self._peek()
        if char and char in valid:
            self.end += 1
            return True
        return False

    def _accept_run(self, valid: str) -> None:
        while self._accept(valid):
            pass

    def _emit(self, kind: str, value: str | None = None) -> Token:
        text = self.source[self.start : self.end] if value is None else value
        token = Token(kind, text, self.start)
        self.start = self.end
        return token

    def _error(self, message: str) -> ExprError:
        return ExprError(message, self.source, max(self.end - 1, 0))

    def _word(self) -> Iterator[Token]:
        while is_alphanumeric(self._peek()):
            self.end += 1
        word = self.source[self.start : self.end]
        if word != "not":
            yield self._emit(OPERATOR if word in _WORDS else IDENTIFIER)
            return
        yield self._emit(OPERATOR)
        self._accept_run(" ")
        self.start = after = self.end
        while is_alphanumeric(self._peek()):
            self.end += 1
        if self.source[self.start : self.end] in _NEGATABLE:
            yield self._emit(OPERATOR)
        else:
            self.end = after

    def _pointer(self) -> Iterator[Token]:
        self._accept("#")
        yield self._emit(OPERATOR)
        while is_alphanumeric(self._peek()):
            self.end += 1
        if self.end > self.start:
            yield self._emit(IDENTIFIER)

    def _dot(self) -> Token:
        if self._peek() and self._peek() in string.digits:
            self.end -= 1
            return self._number()
        self._accept(".")
        return self._emit(OPERATOR)

    def _comment(self) -> None:
        if self._next() == "/":
            at = self.source.find("\n", self.end)
            self.end = len(self.source) if at < 0 else at + 1
        else:
            at = self.source.find("*/", self.end)
            if at < 0:
                self.end = len(self.source) + 1
                raise self._error("unclosed comment")
            self.end = at + 2
        self.start = self.end

    def _number(self) -> Token:
        digits = string.digits + "_"
        if self._accept("0"):
            if self._accept("xX"):
                digits = string.hexdigits + "_"
            elif self._accept("oO"):
                digits = "01234567_"
            elif self._accept("bB"):
                digits = "01_"
        self._accept_run(digits)
        whole = self.end
        if self._accept("."):
            if self._peek() == ".":
                self.end = whole
                return self._emit(NUMBER)
            self._accept_run(digits)
        if self._accept("eE"):
            self._accept("+-")
            self._accept_run(digits)
        if is_alphanumeric(self._peek()):
            self.end += 1
            raise self._error(f"bad number syntax: {quote(self.source[self.start : self.end])}")
        return self._emit(NUMBER)

    # strings

    def _raw(self) -> Token:
        out: list[str] = []
        while True:
            char = self._next()
            if char == "`":
                if self._peek() != "`":
                    return self._emit(STRING, "".join(out))
                self._next()
            elif not char:
                raise self._error("literal not terminated")
            out.append(char)

    def _string(self, mark: str, kind: str = STRING) -> Token:
        out: list[str] = []
        while True:
            char = self._next()
            if char == mark:
                return self._emit(kind, "".join(out))
            if char in ("\n", ""):
                raise self._error("literal not terminated")
            out.append(self._escape(mark) if char == "\\" else char)

    def _escape(self, mark: str) -> str:
        char = self._next()
        if char == mark or (char in _SIMPLE and char not in "'\"`?"):
            return _SIMPLE[char]
        if char and char in "01234567":
            digits = char + self._hex(2, string.octdigits)
            if char > "3":
                raise self._error("unable to unescape string")
            return chr(int(digits, 8))
        if char == "u" and self._peek() == "{":
            return self._braced()
        width = {"x": 2, "u": 4, "U": 8}.get(char)
        if width is None:
            raise self._error("invalid char escape")
        code = int(self._hex(width, string.hexdigits), 16)
        if code > 0x10FFFF:
            raise self._error("unable to unescape string")
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def _braced(self) -> str:
        self.end += 1
        begin = self.end
        self._accept_run(string.hexdigits)
        digits = self.source[begin : self.end]
        if not 1 <= len(digits) <= 6 or self._peek() != "}":
            raise self._error("invalid char escape")
        self.end += 1
        if int(digits, 16) > 0x10FFFF:
            raise self._error("unable to unescape string")
        return chr(int(digits, 16))

    def _hex(self, count: int, valid: str) -> str:
        begin = self.end
        for _ in range(count):
            if not self._accept(valid):
                self.end += 1
                raise self._error("invalid char escape")
        return self.source[begin : self.end]
