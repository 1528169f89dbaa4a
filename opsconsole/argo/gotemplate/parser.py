"""Tokens → trees of a template and of the templates that it defines (`text/template/parse`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from opsconsole.argo.golang.strconv import parse_float, quote
from opsconsole.argo.gotemplate.errors import ParseError
from opsconsole.argo.gotemplate.lexer import Lexer, Token
from opsconsole.argo.gotemplate.nodes import (
    Action,
    Boolean,
    Branch,
    Chain,
    Command,
    Dot,
    Field,
    Identifier,
    Include,
    Jump,
    ListNode,
    Mark,
    Nil,
    Node,
    Number,
    Pipe,
    String,
    Text,
    Variable,
)
from opsconsole.errors import RuleError

MAX_DEPTH = 60
"""Nested controls and parentheses; ours, Go allows 10,000."""

_OPERANDS = {
    "bool", "character", "dot", "field", "identifier", "number", "nil", "raw", "string",
    "variable", "(",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tree:
    """One template: its own name and the text that it stands in."""

    name: str
    source: str
    parse_name: str
    root: ListNode


class Parser:
    def __init__(self, name: str, source: str, functions: Collection[str]) -> None:
        self.name = name
        self.source = source
        self.functions = functions
        self.trees: dict[str, Tree] = {}
        self._lexer: Iterator[Token] = iter(Lexer(source))
        self._tokens: list[Token] = []
        self._last = Token("eof", "", 0, 1)
        self._variables = ["$"]
        self._loops = 0
        self._depth = 0
        self._action_line = 0

    def parse(self) -> dict[str, Tree]:
        """Every template by name. ParseError with Go's text."""
        root = ListNode(self._peek().at)
        while self._peek().kind != "eof":
            if self._peek().kind == "left":
                left = self._next()
                if self._next_word().kind == "define":
                    self._definition()
                    continue
                self._back(left)
            node = self._text_or_action()
            if isinstance(node, Mark):
                raise self._error(f"unexpected {node}")
            root.nodes.append(node)
        self._add(self.name, root)
        return self.trees

    # tokens

    def _next(self) -> Token:
        if not self._tokens:
            self._tokens.append(next(self._lexer, self._last))
        self._last = self._tokens.pop(0)
        return self._last

    def _peek(self) -> Token:
        if not self._tokens:
            self._tokens.append(next(self._lexer, self._last))
            self._last = self._tokens[0]
        return self._tokens[0]

    def _back(self, *before: Token) -> None:
        """The last token is to be read again, after those `before` it."""
        self._tokens[:0] = [*before, self._last]

    def _next_word(self) -> Token:
        token = self._next()
        while token.kind == "space":
            token = self._next()
        return token

    def _peek_word(self) -> Token:
        token = self._next_word()
        self._back()
        return token

    def _error(self, message: str) -> ParseError:
        return ParseError(f"template: {self.name}:{self._last.line}: {message}")

    def _unexpected(self, token: Token, context: str) -> ParseError:
        if token.kind != "error":
            return self._error(f"unexpected {token} in {context}")
        extra = ""
        if self._action_line not in (0, token.line):
            extra = f" in action started at {self.name}:{self._action_line}"
            if token.value.endswith(" action"):
                extra = extra.removeprefix(" in action")
        return self._error(f"{token}{extra}")

    def _expect(self, kind: str, context: str) -> Token:
        token = self._next_word()
        if token.kind != kind:
            raise self._unexpected(token, context)
        return token

    # structure

    def _add(self, name: str, root: ListNode) -> None:
        known = self.trees.get(name)
        if known is None or known.root.empty:
            self.trees[name] = Tree(name, self.source, self.name, root)
        elif not root.empty:
            raise self._error(f"template: multiple definition of template {quote(name)}")

    def _definition(self) -> None:
        token = self._next_word()
        if token.kind not in ("string", "raw"):
            raise self._unexpected(token, "define clause")
        name = self._unquoted(token)
        self._expect("right", "define clause")
        self._defined(name, "define clause")

    def _defined(self, name: str, context: str) -> None:
        outer, self._variables = self._variables, ["$"]
        loops, self._loops = self._loops, 0
        root, end = self._items()
        self._variables, self._loops = outer, loops
        if end.word != "end":
            raise self._error(f"unexpected {end} in {context}")
        self._add(name, root)

    def _items(self) -> tuple[ListNode, Mark]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("max expression depth exceeded")
        root = ListNode(self._peek_word().at)
        while self._peek_word().kind != "eof":
            node = self._text_or_action()
            if isinstance(node, Mark):
                self._depth -= 1
                return root, node
            root.nodes.append(node)
        raise self._error("unexpected EOF")

    def _text_or_action(self) -> Node:
        token = self._next_word()
        if token.kind == "text":
            return Text(token.at, token.value)
        if token.kind == "left":
            self._action_line = token.line
            node = self._action()
            self._action_line = 0
            return node
        raise self._unexpected(token, "input")

    def _action(self) -> Node:
        token = self._next_word()
        if token.kind in ("if", "with", "range"):
            return self._control(token.kind)
        if token.kind == "block":
            return self._block()
        if token.kind == "template":
            return self._include()
        if token.kind in ("break", "continue"):
            return self._jump(token)
        if token.kind == "end":
            return Mark(self._expect("right", "end").at, "end")
        if token.kind == "else":
            following = self._peek_word()
            if following.kind in ("if", "with"):
                return Mark(following.at, "else")
            return Mark(self._expect("right", "else").at, "else")
        self._back()
        at = self._peek().at
        return Action(at, self._pipeline("command", "right"))

    def _jump(self, token: Token) -> Jump:
        following = self._next_word()
        if following.kind != "right":
            raise self._unexpected(following, f"{{{{{token.kind}}}}}")
        if not self._loops:
            raise self._error(f"{{{{{token.kind}}}}} outside {{{{range}}}}")
        return Jump(token.at, token.kind)

    def _control(self, word: str) -> Branch:
        mark = len(self._variables)
        pipe = self._pipeline(word, "right")
        self._loops += word == "range"
        body, end = self._items()
        self._loops -= word == "range"
        otherwise: ListNode | None = None
        if end.word == "else":
            if word in ("if", "with") and self._peek().kind == word:
                self._next()
                otherwise = ListNode(end.at, [self._control(word)])
            else:
                otherwise, end = self._items()
                if end.word != "end":
                    raise self._error(f"expected end; found {end}")
        del self._variables[mark:]
        return Branch(pipe.at, word, pipe, body, otherwise)

    def _block(self) -> Include:
        token = self._next_word()
        name = self._template_name(token, "block clause")
        pipe = self._pipeline("block clause", "right")
        self._defined(name, "block clause")
        return Include(token.at, name, pipe)

    def _include(self) -> Include:
        token = self._next_word()
        name = self._template_name(token, "template clause")
        pipe = None
        if self._next_word().kind != "right":
            self._back()
            pipe = self._pipeline("template clause", "right")
        return Include(token.at, name, pipe)

    def _template_name(self, token: Token, context: str) -> str:
        if token.kind not in ("string", "raw"):
            raise self._unexpected(token, context)
        return self._unquoted(token)

    # pipelines

    def _pipeline(self, context: str, end: str) -> Pipe:
        pipe = Pipe(self._peek_word().at)
        self._declarations(pipe, context)
        while True:
            token = self._next_word()
            if token.kind == end:
                break
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self._back()
            pipe.commands.append(self._command())
        if not pipe.commands:
            raise self._error(f"missing value for {context}")
        for stage, command in enumerate(pipe.commands[1:], start=2):
            if isinstance(command.args[0], Boolean | Dot | Nil | Number | String):
                raise self._error(f"non executable command in pipeline stage {stage}")
        return pipe

    def _declarations(self, pipe: Pipe, context: str) -> None:
        while self._peek_word().kind == "variable":
            name = self._next_word()
            after = self._peek()
            following = self._next_word()
            if following.kind in ("assign", "declare"):
                pipe.assigns = following.kind == "assign"
                self._declare(pipe, name)
                return
            if following.kind == "char" and following.value == ",":
                self._declare(pipe, name)
                if context != "range" or len(pipe.declared) >= 2:
                    raise self._error(f"too many declarations in {context}")
                if self._peek_word().kind not in ("variable", "right", ")"):
                    raise self._error("range can only initialize variables")
                continue
            if after.kind == "space":
                self._back(name, after)
            else:
                self._back(name)
            return

    def _declare(self, pipe: Pipe, name: Token) -> None:
        pipe.declared.append(Variable(name.at, [name.value]))
        self._variables.append(name.value)

    def _command(self) -> Command:
        command = Command(self._peek_word().at)
        while True:
            self._peek_word()
            operand = self._operand()
            if operand is not None:
                command.args.append(operand)
            token = self._next()
            if token.kind == "space":
                continue
            if token.kind in ("right", ")"):
                self._back()
            elif token.kind != "pipe":
                raise self._unexpected(token, "operand")
            break
        if not command.args:
            raise self._error("empty command")
        return command

    def _operand(self) -> Node | None:
        node = self._term()
        if node is None or self._peek().kind != "field":
            return node
        at = self._peek().at
        names: list[str] = []
        while self._peek().kind == "field":
            names.append(self._next().value[1:])
        if isinstance(node, Field):
            return Field(at, [*node.names, *names])
        if isinstance(node, Variable):
            return Variable(at, [*node.names, *names])
        if isinstance(node, Boolean | String | Number | Nil | Dot):
            raise self._error(f"unexpected . after term {quote(str(node))}")
        return Chain(at, node, names)

    def _term(self) -> Node | None:
        token = self._next_word()
        if token.kind == "identifier":
            if token.value not in self.functions:
                raise self._error(f"function {quote(token.value)} not defined")
            return Identifier(token.at, token.value)
        if token.kind == "(":
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise self._error("max expression depth exceeded")
            pipe = self._pipeline("parenthesized pipeline", ")")
            self._depth -= 1
            return pipe
        if token.kind == "variable":
            if token.value not in self._variables:
                raise self._error(f"undefined variable {quote(token.value)}")
            return Variable(token.at, [token.value])
        if token.kind in ("number", "character"):
            return self._number(token)
        if token.kind in ("string", "raw"):
            return String(token.at, token.value, self._unquoted(token))
        if token.kind == "dot":
            return Dot(token.at)
        if token.kind == "nil":
            return Nil(token.at)
        if token.kind == "field":
            return Field(token.at, [token.value[1:]])
        if token.kind == "bool":
            return Boolean(token.at, token.value == "true")
        self._back()
        return None

    # literals

    def _unquoted(self, token: Token) -> str:
        if token.kind == "raw":
            return token.value[1:-1].replace("\r", "")
        return self._unescaped(token.value)

    def _unescaped(self, quoted: str) -> str:
        def one(found: re.Match[str]) -> str:
            digits = found[1] or found[2] or found[3]
            if digits:
                code = int(digits, 16)
            elif found[4]:
                code = int(found[4], 8)
            elif found[5] in _ESCAPES and (found[5] not in "'\"" or found[5] == quoted[0]):
                return _ESCAPES[found[5]]
            else:
                raise self._error("invalid syntax")
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise self._error("invalid syntax")
            return chr(code)

        return _ESCAPE.sub(one, quoted[1:-1])

    def _number(self, token: Token) -> Number:
        text = token.value
        if token.kind == "character":
            char = self._unescaped(text)
            if len(char) != 1:
                raise self._error(f"malformed character constant: {text}")
            return Number(token.at, text, ord(char), float(ord(char)))
        integer, floating = _whole(text), _real(text)
        if integer is None and floating is not None and not any(c in ".eEpP" for c in text):
            raise self._error(f"integer overflow: {quote(text)}")
        if integer is None and floating is not None and floating.is_integer():
            integer = int(floating) if abs(floating) < 2**63 else None
        if integer is not None and floating is None:
            floating = float(integer)
        if integer is None and floating is None:
            raise self._error(f"illegal number syntax: {quote(text)}")
        if integer is not None and not -(2**63) <= integer < 2**64:
            raise self._error(f"integer overflow: {quote(text)}")
        return Number(token.at, text, integer, floating)


_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
    "'": "'", '"': '"',
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL
)


def _whole(text: str) -> int | None:
    body = text.lower().lstrip("+-")
    octal = re.fullmatch(r"0[0-7_]+", body)
    if re.fullmatch(r"0[0-9]+", body) and not octal:
        return None
    try:
        value = int(body, 8) if octal else int(body, 0)
    except ValueError:
        return None
    return -value if text.startswith("-") else value


def _real(text: str) -> float | None:
    try:
        return parse_float(text.replace("_", ""))
    except RuleError:
        return None
