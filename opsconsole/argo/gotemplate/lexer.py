"""Characters → tokens of Go's `text/template`."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import dataclass

from opsconsole.argo.golang.strconv import quote

SPACES = " \t\r\n"
LEFT, RIGHT = "{{", "}}"

KEYWORDS = {
    "block", "break", "continue", "define", "else", "end", "if", "range", "nil", "template",
    "with",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is a keyword, or text, left, right, space, error, eof, char, …"""

    kind: str
    value: str
    at: int
    line: int

    def __str__(self) -> str:
        if self.kind == "eof":
            return "EOF"
        if self.kind == "error":
            return self.value
        if self.kind in KEYWORDS or self.kind == "dot":
            return f"<{self.value}>"
        if len(self.value) > 10:
            return f"{quote(self.value[:10])}..."
        return quote(self.value)


def is_alphanumeric(char: str) -> bool:
    return bool(char) and (char == "_" or char.isalpha() or char.isdecimal())


class _Fault(Exception):  # noqa: N818 - becomes an error token
    pass


class Lexer:
    """Iterate for tokens; the last is eof or error."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.start = self.at = 0
        self.line = self.start_line = 1
        self.parens = 0

    def __iter__(self) -> Iterator[Token]:
        try:
            while self.at < len(self.source):
                yield from self._text()
                if self.at >= len(self.source):
                    break
                if self._comment():
                    continue
                yield self._left()
                yield from self._action()
            self.start = self.at
            yield self._emit("eof")
        except _Fault as fault:
            yield Token("error", str(fault), self.start, self.start_line)

    # helpers

    def _emit(self, kind: str) -> Token:
        token = Token(kind, self.source[self.start : self.at], self.start, self.start_line)
        self.line += token.value.count("\n") if kind not in ("text", "right") else 0
        self._ignore()
        return token

    def _ignore(self) -> None:
        self.start = self.at
        self.start_line = self.line

    def _peek(self) -> str:
        return self.source[self.at : self.at + 1]

    def _skip(self, valid: str) -> None:
        while self._peek() and self._peek() in valid:
            self.at += 1

    def _accept(self, valid: str) -> bool:
        char = self._peek()
        if char and char in valid:
            self.at += 1
            return True
        return False

    def _trims_right(self) -> bool:
        char = self._peek()
        return bool(char) and char in SPACES and self.source.startswith("-" + RIGHT, self.at + 1)

    def _at_right(self) -> bool:
        return self._trims_right() or self.source.startswith(RIGHT, self.at)

    # outside of actions

    def _text(self) -> Iterator[Token]:
        found = self.source.find(LEFT, self.at)
        end = len(self.source) if found < 0 else found
        text = self.source[self.at : end]
        kept = text.rstrip(SPACES) if found >= 0 and self._trims_left(end) else text
        self.at = self.start + len(kept)
        token = Token("text", kept, self.start, self.start_line)
        self.line += text.count("\n")
        self.at = end
        self._ignore()
        if kept:
            yield token

    def _trims_left(self, at: int) -> bool:
        marker = self.source[at + 2 : at + 4]
        return len(marker) == 2 and marker[0] == "-" and marker[1] in SPACES

    def _comment(self) -> bool:
        begin = self.at + 2 + (2 if self._trims_left(self.at) else 0)
        if not self.source.startswith("/*", begin):
            return False
        self.at = begin
        self._ignore()
        end = self.source.find("*/", begin + 2)
        if end < 0:
            raise _Fault("unclosed comment")
        self.at = end + 2
        if not self._at_right():
            raise _Fault("comment ends before closing delimiter")
        self.line += self.source[begin : self.at].count("\n")
        self._close()
        return True

    def _close(self) -> None:
        trims = self._trims_right()
        self.at += 4 if trims else 2
        if trims:
            begin = self.at
            self._skip(SPACES)
            self.line += self.source[begin : self.at].count("\n")
        self._ignore()

    def _left(self) -> Token:
        begin = self.at
        trims = self._trims_left(begin)
        self.at += 2
        token = self._emit("left")
        if trims:
            self.at += 1
            self._ignore()
        self.parens = 0
        return token

    # inside

    def _action(self) -> Iterator[Token]:
        while True:
            if self._at_right():
                if self.parens:
                    raise _Fault("unclosed left paren")
                yield Token("right", RIGHT, self.at, self.start_line)
                self._close()
                return
            char = self._peek()
            if not char:
                raise _Fault("unclosed action")
            if char in SPACES:
                yield self._space()
            elif char == ".":
                yield self._dot()
            else:
                yield self._token(char)

    def _space(self) -> Token:
        while self._peek() and self._peek() in SPACES and not self._trims_right():
            self.at += 1
        return self._emit("space")

    def _dot(self) -> Token:
        following = self.source[self.at + 1 : self.at + 2]
        if following and following in string.digits:
            return self._number()
        self.at += 1
        return self._named("field")

    def _token(self, char: str) -> Token:
        if char in "+-" + string.digits:
            return self._number()
        if is_alphanumeric(char):
            return self._identifier()
        self.at += 1
        if char in _SYMBOLS:
            return self._emit(_SYMBOLS[char])
        if char == ":":
            self.at += 1
            if self.source[self.at - 1 : self.at] != "=":
                raise _Fault("expected :=")
            return self._emit("declare")
        if char in "\"'":
            return self._quoted(char)
        if char == "`":
            end = self.source.find("`", self.at)
            if end < 0:
                raise _Fault("unterminated raw quoted string")
            self.at = end + 1
            return self._emit("raw")
        if char == "$":
            return self._named("variable")
        if char in "()":
            self.parens += 1 if char == "(" else -1
            if self.parens < 0:
                raise _Fault("unexpected right paren")
            return self._emit(char)
        if " " <= char < "\x7f":
            return self._emit("char")
        raise _Fault(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def _quoted(self, mark: str) -> Token:
        word = "quoted string" if mark == '"' else "character constant"
        while True:
            char = self._peek()
            self.at += 1
            if char == "\\":
                char = self._peek()
                self.at += 1
                if char and char != "\n":
                    continue
                char = ""
            if char in ("", "\n"):
                raise _Fault(f"unterminated {word}")
            if char == mark:
                return self._emit("string" if mark == '"' else "character")

    def _named(self, kind: str) -> Token:
        while is_alphanumeric(self._peek()):
            self.at += 1
        self._check_end()
        if kind == "field" and self.at == self.start + 1:
            return self._emit("dot")
        return self._emit(kind)

    def _check_end(self) -> None:
        char = self._peek()
        if char and char not in SPACES + ".,|:)(" and not self.source.startswith(RIGHT, self.at):
            raise _Fault(f"bad character U+{ord(char):04X} '{char}'")

    def _identifier(self) -> Token:
        while is_alphanumeric(self._peek()):
            self.at += 1
        self._check_end()
        word = self.source[self.start : self.at]
        if word in KEYWORDS:
            return self._emit(word)
        return self._emit("bool" if word in ("true", "false") else "identifier")

    def _number(self) -> Token:
        self._digits()
        more = self._peek()
        if more in ("+", "-"):
            self._digits()
        if is_alphanumeric(self._peek()):
            self.at += 1
            more = "?"
        if more in ("+", "-", "?"):
            raise _Fault(f"bad number syntax: {quote(self.source[self.start : self.at])}")
        return self._emit("number")

    def _digits(self) -> None:
        """One number, or what begins like one; complex numbers are not ours."""
        self._accept("+-")
        digits = string.digits + "_"
        if self._accept("0"):
            if self._accept("xX"):
                digits = string.hexdigits + "_"
            elif self._accept("oO"):
                digits = "01234567_"
            elif self._accept("bB"):
                digits = "01_"
        self._skip(digits)
        if self._accept("."):
            self._skip(digits)
        exponent = {11: "eE", 23: "pP"}.get(len(digits), "")
        if exponent and self._accept(exponent):
            self._accept("+-")
            self._skip(string.digits + "_")
        self._accept("i")


_SYMBOLS = {"=": "assign", "|": "pipe"}
