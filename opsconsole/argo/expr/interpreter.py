"""Runs a checked tree (what expr's virtual machine does), within bounds.

Separate from compiling: a compiled program is run for every measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr import operators as op
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.collections import ordered
from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.functions import Function, bound_method
from opsconsole.argo.golang.gotime import Time
from opsconsole.argo.golang.values import Groups, Ints, Uint8, type_name
from opsconsole.errors import RuleError
from opsconsole.model import regex

MEMORY = 1_000_000
"""expr's memory budget: elements of lists made, bytes repeated."""

STEPS = 3_000_000
"""Operations inside of loops that one evaluation may do; ours, about a second."""


QUICK = frozenset(("len", "first", "last", "get", "type", "take"))
"""Builtins whose time does not grow with their arguments."""

DEEP = frozenset(("string", "toJSON"))
"""Builtins that look at all that is inside of their arguments, and are slow at it."""


def weight(value: Any) -> int:
    """About how many steps it takes to look at all of a value; no more than STEPS are counted."""
    total, pending = 0, [value]
    while pending and total <= STEPS:
        one = pending.pop()
        total += 1
        if isinstance(one, str):
            total += len(one) // 100
        elif isinstance(one, dict | list):
            total += len(one)
            inside = one.values() if isinstance(one, dict) else one
            pending += [each for each in inside if isinstance(each, str | list | dict)]
    return total


class Skip(Exception):  # noqa: N818 - leaves a `?.` chain
    """The chain met nil."""


class _Scope:
    """A loop: `opaque` for a map, whose elements cannot be had by their place."""

    __slots__ = ("acc", "index", "items", "opaque")

    def __init__(self, items: list[Any], *, opaque: bool) -> None:
        self.items = items
        self.opaque = opaque
        self.index = 0
        self.acc: Any = None

    @property
    def item(self) -> Any:
        if self.opaque:
            raise Panic("reflect: call of reflect.Value.Index on map Value")
        return self.items[self.index]


class Interpreter:
    """One evaluation. Faults are `Panic`."""

    def __init__(self, environment: Mapping[str, Any], now: Callable[[], Time]) -> None:
        self.environment = environment
        self._now = now
        self._memory = 0
        self._steps = 0
        self._scopes: list[_Scope] = []
        self._variables: list[tuple[str, Any]] = []

    # the machine that builtins see

    def grow(self, size: int) -> None:
        self._memory += size
        if self._memory >= MEMORY:
            raise Panic("memory budget exceeded")

    def spend(self, steps: int) -> None:
        self._steps += steps
        if self._steps > STEPS:
            raise Panic(f"evaluation takes more than {STEPS} steps")

    def now(self) -> Time:
        return self._now()

    # dispatch

    def run(self, node: n.Node) -> Any:
        try:
            return _RUN[type(node)](self, node)
        except Panic as fault:
            if fault.at is None:
                fault.at = node.at
            raise

    def literal(self, node: n.Literal) -> Any:
        return node.value

    def constant(self, node: n.Constant) -> Any:
        return node.value

    def identifier(self, node: n.Identifier) -> Any:
        for name, value in reversed(self._variables):
            if name == node.name:
                return value
        if node.name == "$env":
            return dict(self.environment)
        return self.environment.get(node.name)

    def unary(self, node: n.Unary) -> Any:
        value = self.run(node.node)
        if node.operator in ("!", "not"):
            return not op.assert_bool(value)
        return op.negate(value) if node.operator == "-" else value

    def binary(self, node: n.Binary) -> Any:
        operator = node.operator
        if operator in ("and", "&&"):
            left = self.run(node.left)
            return self.run(node.right) if op.assert_bool(left) else left
        if operator in ("or", "||"):
            left = self.run(node.left)
            return left if op.assert_bool(left) else self.run(node.right)
        if operator == "??":
            left = self.run(node.left)
            return self.run(node.right) if left is None else left
        left, right = self.run(node.left), self.run(node.right)
        rule = _BINARY.get(operator)
        if rule is not None:
            if isinstance(left, list | dict) and isinstance(right, list | dict):
                self.spend(2 * weight(left))
            return rule(left, right)
        if operator == "..":
            return self._range(left, right)
        if operator == "in":
            return self._in(node, left, right)
        return self._text_operator(operator, left, right)

    def _range(self, left: Any, right: Any) -> Ints:
        low, high = op.to_int(left), op.to_int(right)
        self.grow(max(high - low + 1, 0))
        return Ints(range(low, high + 1))

    def _in(self, node: n.Binary, left: Any, right: Any) -> bool:
        if isinstance(right, list):
            self.spend(len(right) if not isinstance(left, list | dict) else weight(right))
        if isinstance(node.right, n.Constant) and node.right.keys and left is None:
            return "" in right
        return op.contained(left, right)

    def _text_operator(self, operator: str, left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if operator == "matches":
            pattern = op.assert_string(right)
            if not isinstance(left, str):
                raise op.conversion(left, "[]uint8")
            try:
                return regex.compile(pattern).search(left)
            except RuleError as wrong:
                raise Panic(wrong.message) from wrong
        left, right = op.assert_string(left), op.assert_string(right)
        if operator == "contains":
            return right in left
        found: bool = left.startswith(right) if operator == "startsWith" else left.endswith(right)
        return found

    # members

    def chain(self, node: n.Chain) -> Any:
        try:
            return self.run(node.node)
        except Skip:
            return None

    def member(self, node: n.Member) -> Any:
        holder = self.run(node.node)
        if node.optional and holder is None:
            raise Skip
        index = self.run(node.property)
        if isinstance(index, str):
            method = bound_method(holder, index)
            if method is not None:
                return method
        return op.fetch(holder, index)

    def slice(self, node: n.Slice) -> Any:
        holder = self.run(node.node)
        end = self.run(node.end) if node.end is not None else None
        if node.end is not None and end is None:
            raise Panic("invalid operation: int(<nil>)")
        begin = self.run(node.begin) if node.begin is not None else 0
        return op.slice_(holder, begin, end)

    # calls

    def call(self, node: n.Call) -> Any:
        arguments = [self.run(argument) for argument in node.arguments]
        name = node.callee.name if isinstance(node.callee, n.Identifier) else ""
        if name and name not in self.environment and name in BUILTINS:
            return self._builtin(name, arguments)
        callee = self.run(node.callee)
        if callee is None:
            raise Panic("invalid operation: cannot call nil")
        if not isinstance(callee, Function):
            raise Panic(f"invalid operation: cannot call non-function of type {type_name(callee)}")
        return callee.invoke(arguments)

    def builtin(self, node: n.BuiltinCall) -> Any:
        loop = _LOOPS.get(node.name)
        if loop is not None:
            return self._loop(node, loop)
        return self._builtin(node.name, [self.run(argument) for argument in node.arguments])

    def _builtin(self, name: str, arguments: list[Any]) -> Any:
        if name in DEEP:
            self.spend(3 * sum(weight(argument) for argument in arguments))
        elif name not in QUICK:
            for argument in arguments:
                if isinstance(argument, list | dict):
                    self.spend(len(argument))
                elif isinstance(argument, str):
                    self.spend(len(argument) // 50)
        return BUILTINS[name].call(self, arguments)

    def pointer(self, node: n.Pointer) -> Any:
        scope = self._scopes[-1]
        if node.name == "index":
            return scope.index
        return scope.acc if node.name == "acc" else scope.item

    def predicate(self, node: n.Predicate) -> Any:
        return self.run(node.node)

    def _loop(
        self, node: n.BuiltinCall, body: Callable[[Interpreter, n.BuiltinCall, _Scope], Any]
    ) -> Any:
        holder = self.run(node.arguments[0])
        if isinstance(holder, str):
            holder = [Uint8(byte) for byte in holder.encode("utf-8", "surrogatepass")]
        if not isinstance(holder, list | dict):
            word = "zero Value" if holder is None else f"{_kind_word(holder)} Value"
            raise Panic(f"reflect: call of reflect.Value.Len on {word}")
        scope = _Scope(list(holder), opaque=isinstance(holder, dict))
        if node.name == "sortBy":
            scope.acc = self._order(node)
        elif node.name == "reduce" and len(node.arguments) == 3:
            scope.acc = self.run(node.arguments[2])
        self._scopes.append(scope)
        try:
            return body(self, node, scope)
        finally:
            self._scopes.pop()

    def _order(self, node: n.BuiltinCall) -> bool:
        order = self.run(node.arguments[2]) if len(node.arguments) == 3 else "asc"
        if not isinstance(order, str):
            raise Panic("sortBy order argument must be a string")
        if order not in ("asc", "desc"):
            raise Panic("unknown order, use asc or desc")
        return order == "desc"

    def each(self, node: n.BuiltinCall, scope: _Scope, *, backwards: bool = False) -> Any:
        """Values of the predicate (or of the elements), moving the scope along."""
        predicate = node.arguments[1] if len(node.arguments) > 1 else None
        cost = predicate.size if isinstance(predicate, n.Predicate) else 2
        places = range(scope.index, len(scope.items))
        for scope.index in reversed(places) if backwards else places:
            self.spend(cost)
            yield self.run(predicate) if predicate is not None else scope.item

    def picked(self, node: n.BuiltinCall, scope: _Scope) -> Any:
        return self.run(node.map) if node.map is not None else scope.item

    # structure

    def variable(self, node: n.Variable) -> Any:
        self._variables.append((node.name, self.run(node.value)))
        try:
            return self.run(node.body)
        finally:
            self._variables.pop()

    def sequence(self, node: n.Sequence) -> Any:
        return [self.run(item) for item in node.nodes][-1]

    def conditional(self, node: n.Conditional) -> Any:
        chosen = node.then if op.assert_bool(self.run(node.condition)) else node.otherwise
        return self.run(chosen)

    def array(self, node: n.Array) -> list[Any]:
        items = [self.run(item) for item in node.nodes]
        self.grow(len(items))
        return items

    def map(self, node: n.Map) -> dict[str, Any]:
        self.grow(len(node.pairs))
        out: dict[str, Any] = {}
        pairs = []
        for pair in node.pairs:
            assert isinstance(pair, n.MapPair)
            pairs.append((self.run(pair.key), self.run(pair.value)))
        for key, value in reversed(pairs):
            out[op.assert_string(key)] = value
        return out


def _kind_word(value: Any) -> str:
    from opsconsole.argo.expr.collections import go_kind

    return go_kind(value)


def _all(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> bool:
    return all(op.assert_bool(value) for value in run.each(node, scope))


def _none(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> bool:
    return all(not op.assert_bool(value) for value in run.each(node, scope))


def _any(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> bool:
    return any(op.assert_bool(value) for value in run.each(node, scope))


def _count(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> int:
    count = 0
    for value in run.each(node, scope):
        count += op.assert_bool(value)
        if node.threshold is not None and count >= node.threshold:
            break
    return count


def _filter(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> list[Any]:
    out = [run.picked(node, scope) for value in run.each(node, scope) if op.assert_bool(value)]
    run.grow(len(out))
    return out


def _map(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> list[Any]:
    out = list(run.each(node, scope))
    run.grow(len(out))
    return out


def _sum(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> Any:
    total: Any = 0
    for value in run.each(node, scope):
        total = op.add(value, total)
    return total


def _find(run: Interpreter, node: n.BuiltinCall, scope: _Scope, *, last: bool = False) -> Any:
    for value in run.each(node, scope, backwards=last):
        if op.assert_bool(value):
            return run.picked(node, scope)
    if node.throws:
        raise Panic("reflect: slice index out of range")
    return None


def _find_index(run: Interpreter, node: n.BuiltinCall, scope: _Scope, *, last: bool = False) -> Any:
    for value in run.each(node, scope, backwards=last):
        if op.assert_bool(value):
            return scope.index
    return None


def _group_by(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> Groups:
    groups = Groups()
    for key in run.each(node, scope):
        if isinstance(key, list | dict):
            raise Panic(f"runtime error: hash of unhashable type {type_name(key)}")
        groups.setdefault(key, []).append(scope.item)
    return groups


def _sort_by(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> list[Any]:
    descending = scope.acc
    pairs = [(value, scope.item) for value in run.each(node, scope)]
    run.spend(len(pairs) * max(len(pairs).bit_length(), 1))
    out = [item for _, item in ordered(pairs, lambda pair: pair[0], descending=descending)]
    run.grow(len(out))
    return out


def _reduce(run: Interpreter, node: n.BuiltinCall, scope: _Scope) -> Any:
    if len(node.arguments) == 2:
        if not scope.items:
            raise Panic("reduce of empty array with no initial value")
        scope.acc = scope.item
        scope.index = 1
    for value in run.each(node, scope):
        scope.acc = value
    return scope.acc


_LOOPS: dict[str, Callable[[Interpreter, n.BuiltinCall, _Scope], Any]] = {
    "all": _all,
    "none": _none,
    "any": _any,
    "one": lambda run, node, scope: _count(run, node, scope) == 1,
    "count": _count,
    "filter": _filter,
    "map": _map,
    "sum": _sum,
    "find": _find,
    "findLast": lambda run, node, scope: _find(run, node, scope, last=True),
    "findIndex": _find_index,
    "findLastIndex": lambda run, node, scope: _find_index(run, node, scope, last=True),
    "groupBy": _group_by,
    "sortBy": _sort_by,
    "reduce": _reduce,
}

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "==": op.equal,
    "!=": lambda a, b: not op.equal(a, b),
    "<": lambda a, b: op.compare("<", a, b),
    ">": lambda a, b: op.compare(">", a, b),
    "<=": lambda a, b: op.compare("<=", a, b),
    ">=": lambda a, b: op.compare(">=", a, b),
    "+": op.add,
    "-": op.subtract,
    "*": op.multiply,
    "/": op.divide,
    "%": op.modulo,
    "**": op.power,
    "^": op.power,
}

_RUN: dict[type, Callable[[Interpreter, Any], Any]] = {
    n.Literal: Interpreter.literal,
    n.Constant: Interpreter.constant,
    n.Identifier: Interpreter.identifier,
    n.Unary: Interpreter.unary,
    n.Binary: Interpreter.binary,
    n.Chain: Interpreter.chain,
    n.Member: Interpreter.member,
    n.Slice: Interpreter.slice,
    n.Call: Interpreter.call,
    n.BuiltinCall: Interpreter.builtin,
    n.Predicate: Interpreter.predicate,
    n.Pointer: Interpreter.pointer,
    n.Variable: Interpreter.variable,
    n.Sequence: Interpreter.sequence,
    n.Conditional: Interpreter.conditional,
    n.Array: Interpreter.array,
    n.Map: Interpreter.map,
}
