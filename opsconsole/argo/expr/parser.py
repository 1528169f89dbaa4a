"""Tokens → tree, by operator precedence (expr v1.17).

Separate from the checker: what is wrong here is wrong for every environment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from opsconsole.argo.expr.errors import ExprError
from opsconsole.argo.expr.lexer import (
    BRACKET,
    BYTES,
    EOF,
    IDENTIFIER,
    NUMBER,
    OPERATOR,
    STRING,
    Lexer,
    Token,
    is_alphanumeric,
    is_letter,
)
from opsconsole.argo.expr.nodes import (
    Array,
    Binary,
    BuiltinCall,
    Call,
    Chain,
    Conditional,
    Identifier,
    Literal,
    Map,
    MapPair,
    Member,
    Node,
    Pointer,
    Predicate,
    Sequence,
    Slice,
    Unary,
    Variable,
    children,
)
from opsconsole.argo.golang.strconv import parse_float, quote
from opsconsole.errors import RuleError

MAX_NODES = 10_000
"""expr's own bound on the size of a tree."""

MAX_DEPTH = 150
"""Nested operations; ours, because the tree is walked recursively."""

UNARY = {"not": 50, "!": 50, "-": 90, "+": 90}
BINARY = {
    "|": 0, "or": 10, "||": 10, "and": 15, "&&": 15, "==": 20, "!=": 20, "<": 20, ">": 20,
    ">=": 20, "<=": 20, "in": 20, "matches": 20, "contains": 20, "startsWith": 20,
    "endsWith": 20, "..": 25, "+": 30, "-": 30, "*": 60, "/": 60, "%": 60, "**": 100,
    "^": 100, "??": 500,
}  # fmt: skip
_RIGHT = {"**", "^"}
_COMPARISON = {"<", ">", ">=", "<="}
_NEGATABLE = {"contains", "matches", "startsWith", "endsWith", "in"}

PREDICATES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "all",
            "none",
            "any",
            "one",
            "filter",
            "map",
            "find",
            "findIndex",
            "findLast",
            "findLastIndex",
            "groupBy",
        ),
        ("expr", "predicate"),
    ),
    "count": ("expr", "predicate?"),
    "sum": ("expr", "predicate?"),
    "sortBy": ("expr", "predicate", "expr?"),
    "reduce": ("expr", "predicate", "expr?"),
}
"""Builtins that take a predicate, with their arguments; "?" may be left out."""


class Parser:
    """`builtins`: names that may be called without being in the environment; `overridden`:
    names of the environment, which hide builtins.
    """

    def __init__(self, source: str, builtins: Collection[str], overridden: Collection[str]) -> None:
        self.source = source
        self.builtins = builtins
        self.overridden = overridden
        self._tokens = iter(Lexer(source))
        self._stash: Token | None = None
        self._depth = 0
        self._nesting = 0
        self._count = 0
        self.current = next(self._tokens)

    def parse(self) -> Node:
        node = self._sequence()
        if not self.current.is_(EOF):
            raise self._unexpected(self.current)
        return node

    # helpers

    def _error(self, message: str, token: Token | None = None) -> ExprError:
        return ExprError(message, self.source, (token or self.current).at)

    def _unexpected(self, token: Token) -> ExprError:
        return self._error(f"unexpected token {token}")

    def _next(self) -> None:
        if self._stash is not None:
            self.current, self._stash = self._stash, None
            return
        token = next(self._tokens, None)
        if token is None:
            raise self._error("unexpected end of expression")
        self.current = token

    def _expect(self, kind: str, *values: str) -> None:
        if not self.current.is_(kind, *values):
            raise self._unexpected(self.current)
        self._next()

    def _node(self, node: Node, at: int) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise self._error("compilation failed: expression exceeds maximum allowed nodes")
        node.at = at
        node.depth = 1 + max((child.depth for child in children(node)), default=0)
        if node.depth > MAX_DEPTH:
            raise self._error(f"compilation failed: expression is nested deeper than {MAX_DEPTH}")
        return node

    # expressions

    def _sequence(self) -> Node:
        nodes = [self._expression(0)]
        while self.current.is_(OPERATOR, ";"):
            self._next()
            if self.current.is_(EOF):
                break
            nodes.append(self._expression(0))
        return nodes[0] if len(nodes) == 1 else self._node(Sequence(nodes), nodes[0].at)

    def _expression(self, precedence: int) -> Node:
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            raise self._error(f"compilation failed: expression is nested deeper than {MAX_DEPTH}")
        try:
            if precedence == 0 and self.current.is_(OPERATOR, "let"):
                return self._declaration()
            if precedence == 0 and self.current.is_(OPERATOR, "if"):
                return self._if()
            node = self._operators(self._primary(), precedence)
            return self._ternary(node) if precedence == 0 else node
        finally:
            self._nesting -= 1

    def _operators(self, left: Node, precedence: int) -> Node:
        previous = ""
        token = self.current
        while token.is_(OPERATOR):
            negated = None
            if token.value == "not":
                before = self.current
                self._next()
                if self.current.value not in _NEGATABLE:
                    raise self._unexpected(self.current)
                if BINARY[self.current.value] < precedence:
                    self._stash, self.current = self.current, before
                    break
                negated = token = self.current
            if BINARY.get(token.value, -1) < precedence:
                break
            self._next()
            left = self._binary(left, token, negated, previous)
            previous = token.value
            token = self.current
        return left

    def _binary(self, left: Node, token: Token, negated: Token | None, previous: str) -> Node:
        operator = token.value
        if operator == "|":
            name = self.current
            self._expect(IDENTIFIER)
            return self._call(name, [left], overrides=True)
        if previous == "??" and operator != "??":
            raise self._error(
                f"Operator ({operator}) and coalesce expressions (??) cannot be mixed."
                " Wrap either by parentheses.",
                token,
            )
        if operator in _COMPARISON:
            return self._comparison(left, token)
        strength = BINARY[operator]
        right = self._expression(strength if operator in _RIGHT else strength + 1)
        node = self._node(Binary(operator, left, right), token.at)
        return self._node(Unary("not", node), negated.at) if negated else node

    def _comparison(self, left: Node, token: Token) -> Node:
        root: Node | None = None
        while True:
            right = self._expression(BINARY[token.value] + 1)
            node = self._node(Binary(token.value, left, right), token.at)
            root = node if root is None else self._node(Binary("&&", root, node), token.at)
            left, token = right, self.current
            if not (token.is_(OPERATOR) and token.value in _COMPARISON):
                return root
            self._next()

    def _declaration(self) -> Node:
        self._expect(OPERATOR, "let")
        name = self.current
        self._expect(IDENTIFIER)
        self._expect(OPERATOR, "=")
        value = self._expression(0)
        self._expect(OPERATOR, ";")
        body = self._sequence()
        return self._node(Variable(name.value, value, body), name.at)

    def _if(self) -> Node:
        self._next()
        condition = self._expression(0)
        self._expect(BRACKET, "{")
        then = self._sequence()
        self._expect(BRACKET, "}")
        self._expect(OPERATOR, "else")
        if self.current.is_(OPERATOR, "if"):
            otherwise = self._expression(0)
        else:
            self._expect(BRACKET, "{")
            otherwise = self._sequence()
            self._expect(BRACKET, "}")
        return self._node(Conditional(condition, then, otherwise), 0)

    def _ternary(self, node: Node) -> Node:
        while self.current.is_(OPERATOR, "?"):
            self._next()
            if self.current.is_(OPERATOR, ":"):
                self._next()
                then = node
            else:
                then = self._expression(0)
                self._expect(OPERATOR, ":")
            otherwise = self._expression(0)
            node = self._node(Conditional(node, then, otherwise), self.current.at)
        return node

    def _primary(self) -> Node:
        token = self.current
        if token.is_(OPERATOR) and token.value in UNARY:
            self._next()
            operand = self._expression(UNARY[token.value])
            return self._postfix(self._node(Unary(token.value, operand), token.at))
        if token.is_(BRACKET, "("):
            self._next()
            inner = self._sequence()
            self._expect(BRACKET, ")")
            return self._postfix(inner)
        if self._depth > 0 and token.is_(OPERATOR, "#", "."):
            name = ""
            if token.value == "#":
                self._next()
                if self.current.is_(IDENTIFIER):
                    name = self.current.value
                    self._next()
            return self._postfix(self._node(Pointer(name), token.at))
        if token.is_(OPERATOR, "::"):
            self._next()
            token = self.current
            self._expect(IDENTIFIER)
            return self._postfix(self._call(token, [], overrides=False))
        return self._secondary()

    def _secondary(self) -> Node:
        token = self.current
        if token.kind == NUMBER:
            self._next()
            return self._number(token)
        if token.kind == IDENTIFIER:
            self._next()
            if token.value in _CONSTANTS:
                return self._node(Literal(_CONSTANTS[token.value]), token.at)
            if self.current.is_(BRACKET, "("):
                return self._postfix(self._call(token, [], overrides=True))
            return self._postfix(self._node(Identifier(token.value), token.at))
        if token.kind == STRING:
            self._next()
            return self._postfix(self._node(Literal(token.value), token.at))
        if token.kind == BYTES:
            self._next()
            return self._postfix(self._node(Literal(_raw_bytes(token.value)), token.at))
        if token.is_(BRACKET, "["):
            return self._postfix(self._array(token))
        if token.is_(BRACKET, "{"):
            return self._postfix(self._map(token))
        raise self._unexpected(token)

    def _number(self, token: Token) -> Node:
        text = token.value.replace("_", "")
        lowered = text.lower()
        value: int | float
        try:
            if lowered[:2] not in ("0x", "0b", "0o") and ("." in lowered or "e" in lowered):
                value = self._checked(lambda: parse_float(text), "float")
            else:
                base = {"0x": 16, "0b": 2, "0o": 8}.get(lowered[:2], 10)
                word = {16: "hex", 2: "binary", 8: "octal"}.get(base, "integer")
                value = self._checked(lambda: _parse_integer(text, base), word)
        except RuleError as wrong:
            raise self._error(wrong.message) from wrong
        return self._node(Literal(value), token.at)

    def _checked(self, parse: Callable[[], int | float], word: str) -> int | float:
        try:
            return parse()
        except RuleError as wrong:
            raise RuleError(f"invalid {word} literal: {wrong.message}") from wrong

    # calls

    def _call(self, token: Token, arguments: list[Node], *, overrides: bool) -> Node:
        name = token.value
        hidden = overrides and name in self.overridden
        if name in PREDICATES and not hidden:
            return self._node(
                BuiltinCall(name, self._predicate_arguments(name, arguments)), token.at
            )
        if name in self.builtins and not hidden:
            return self._node(BuiltinCall(name, self._arguments(arguments)), token.at)
        callee = self._node(Identifier(name), token.at)
        return self._node(Call(callee, self._arguments(arguments)), token.at)

    def _predicate_arguments(self, name: str, given: list[Node]) -> list[Node]:
        arguments = list(given)
        self._expect(BRACKET, "(")
        wanted = PREDICATES[name][len(given) :]
        for number, spec in enumerate(wanted):
            if self.current.is_(BRACKET, ")"):
                if spec.endswith("?"):
                    break
                raise self._error(f"expected at least {len(wanted)} arguments")
            if number > 0:
                self._expect(OPERATOR, ",")
            if spec.startswith("expr"):
                arguments.append(self._expression(0))
            else:
                arguments.append(self._predicate())
        if self.current.is_(OPERATOR, ","):
            self._next()
        self._expect(BRACKET, ")")
        return arguments

    def _arguments(self, given: list[Node]) -> list[Node]:
        arguments = list(given)
        self._expect(BRACKET, "(")
        while not self.current.is_(BRACKET, ")"):
            if len(arguments) > len(given):
                self._expect(OPERATOR, ",")
            if self.current.is_(BRACKET, ")"):
                break
            arguments.append(self._expression(0))
        self._expect(BRACKET, ")")
        return arguments

    def _predicate(self) -> Node:
        begin = self.current
        braces = begin.is_(BRACKET, "{")
        self._depth += 1
        if braces:
            self._next()
            node = self._sequence()
        else:
            node = self._expression(0)
            if self.current.is_(OPERATOR, ";"):
                raise self._error("wrap predicate with brackets { and }")
        self._depth -= 1
        if braces:
            self._expect(BRACKET, "}")
        return self._node(Predicate(node), begin.at)

    # literals of lists and maps

    def _array(self, token: Token) -> Node:
        nodes: list[Node] = []
        self._expect(BRACKET, "[")
        while not self.current.is_(BRACKET, "]"):
            if nodes:
                self._expect(OPERATOR, ",")
                if self.current.is_(BRACKET, "]"):
                    break
            nodes.append(self._expression(0))
        self._expect(BRACKET, "]")
        return self._node(Array(nodes), token.at)

    def _map(self, token: Token) -> Node:
        pairs: list[Node] = []
        self._expect(BRACKET, "{")
        while not self.current.is_(BRACKET, "}"):
            if pairs:
                self._expect(OPERATOR, ",")
                if self.current.is_(BRACKET, "}"):
                    break
                if self.current.is_(OPERATOR, ","):
                    raise self._unexpected(self.current)
            key = self._map_key()
            self._expect(OPERATOR, ":")
            pairs.append(self._node(MapPair(key, self._expression(0)), token.at))
        self._expect(BRACKET, "}")
        return self._node(Map(pairs), token.at)

    def _map_key(self) -> Node:
        token = self.current
        if token.kind in (NUMBER, STRING, IDENTIFIER):
            self._next()
            return self._node(Literal(token.value), token.at)
        if token.is_(BRACKET, "("):
            return self._expression(0)
        raise self._error(
            "a map key must be a quoted string, a number, a identifier, or an expression"
            f" enclosed in parentheses (unexpected token {token})"
        )

    # what follows a value

    def _postfix(self, node: Node) -> Node:
        token = self.current
        while token.is_(OPERATOR, ".", "?.") or token.is_(BRACKET, "["):
            optional = token.value == "?."
            if token.value != "[":
                self._next()
                if optional and self.current.is_(BRACKET, "["):
                    token = self.current
                else:
                    node = self._property(node, optional=optional)
                    token = self.current
                    continue
            self._next()
            node = self._index(node, token, optional=optional)
            token = self.current
        return node

    def _property(self, node: Node, *, optional: bool) -> Node:
        name = self.current
        self._next()
        if name.kind != IDENTIFIER and not (name.kind == OPERATOR and _is_name(name.value)):
            raise self._error("expected name")
        chained = isinstance(node, Chain)
        base = node.node if isinstance(node, Chain) else node
        member = Member(base, self._node(Literal(name.value), name.at), optional)
        found = self._node(member, name.at)
        if self.current.is_(BRACKET, "("):
            member.method = True
            found = self._node(Call(member, self._arguments([])), name.at)
        if chained or optional:
            found = self._node(Chain(found), name.at)
        return found

    def _index(self, node: Node, token: Token, *, optional: bool) -> Node:
        begin: Node | None = None
        if not self.current.is_(OPERATOR, ":"):
            begin = self._expression(0)
            if not self.current.is_(OPERATOR, ":"):
                found = self._node(Member(node, begin, optional), token.at)
                if optional:
                    found = self._node(Chain(found), token.at)
                self._expect(BRACKET, "]")
                return found
        self._next()
        end = None if self.current.is_(BRACKET, "]") else self._expression(0)
        found = self._node(Slice(node, begin, end), token.at)
        self._expect(BRACKET, "]")
        return found


_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "nil": None}


def _is_name(word: str) -> bool:
    return bool(word) and is_letter(word[0]) and all(is_alphanumeric(c) for c in word)


def _raw_bytes(text: str) -> bytes:
    return b"".join(bytes([ord(c)]) if ord(c) < 0x100 else c.encode() for c in text)


def _parse_integer(text: str, base: int) -> int:
    try:
        value = int(text if base == 10 else text[2:], base)
    except ValueError:
        raise RuleError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax") from None
    if value >= 2**63:
        raise RuleError(f"strconv.ParseInt: parsing {quote(text)}: value out of range")
    return value
