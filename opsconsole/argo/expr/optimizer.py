"""Rewrites before running that change what users see: folded constants, loops that end early.

expr always optimizes, and some faults (division by zero, `x and false`) and results depend on
it. Separate because each rewrite is a rule of its own, applied to the whole tree in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.errors import ExprError
from opsconsole.argo.expr.operators import (
    float_divide,
    float_power,
    modulo,
)
from opsconsole.argo.expr.types import (
    ANY_SLICE,
    BOOL,
    FLOAT,
    INT,
    STRING,
    Nature,
)
from opsconsole.argo.golang.values import wrap_int

PASSES = 1000


def optimize(root: n.Node, source: str) -> n.Node:
    root = n.rewrite(root, _in_array)
    for _ in range(PASSES):
        folding = _Fold(source)
        root = n.rewrite(root, folding.visit)
        if not folding.applied:
            break
    for visit in (
        _in_range, _filter_map, _filter_len, _filter_last, _filter_first, _combine, _sum_range,
        _sum_array, _sum_map, _count_any, _count_threshold,
    ):  # fmt: skip
        root = n.rewrite(root, visit)
    return root


def _patched(old: n.Node, new: n.Node, nature: Nature | None = None) -> n.Node:
    new.at = old.at
    new.nature = old.nature if nature is None else nature
    return new


def _value(node: n.Node, *types: type) -> Any:
    """The literal's value when its exact type is one of `types`, else None."""
    if isinstance(node, n.Literal) and type(node.value) in types:
        return node.value
    return None


def _natural(value: Any) -> Nature:
    return Nature({bool: BOOL, int: INT, float: FLOAT, str: STRING}[type(value)])


class _Fold:
    def __init__(self, source: str) -> None:
        self.source = source
        self.applied = False

    def visit(self, node: n.Node) -> n.Node:
        found: n.Node | None = None
        if isinstance(node, n.Unary):
            found = self._unary(node)
        elif isinstance(node, n.Binary):
            found = self._binary(node)
        elif isinstance(node, n.Array):
            values = [_value(item, int, float, str, bool) for item in node.nodes]
            if values and None not in values:
                found = _patched(node, n.Constant(values), Nature(ANY_SLICE))
        elif isinstance(node, n.BuiltinCall) and node.name == "filter":
            found = _filter_filter(node)
        if found is None:
            return node
        self.applied = True
        return found

    def _literal(self, node: n.Node, value: Any) -> n.Node:
        return _patched(node, n.Literal(value), _natural(value))

    def _unary(self, node: n.Unary) -> n.Node | None:
        if node.operator in ("-", "+"):
            value = _value(node.node, int, float)
            if value is None:
                return None
            return self._literal(node, -value if node.operator == "-" else value)
        value = _value(node.node, bool)
        return None if value is None else self._literal(node, not value)

    def _binary(self, node: n.Binary) -> n.Node | None:
        operator = node.operator
        if operator in ("and", "&&", "or", "||"):
            return self._boolean(node, decisive=operator in ("or", "||"))
        if operator == "==":
            for kind in (int, str, bool):
                a, b = _value(node.left, kind), _value(node.right, kind)
                if a is not None and b is not None:
                    return self._literal(node, a == b)
            return None
        a, b = _value(node.left, int, float), _value(node.right, int, float)
        if a is None or b is None:
            a, b = _value(node.left, str), _value(node.right, str)
            if operator == "+" and a is not None and b is not None:
                return self._literal(node, a + b)
            return None
        if operator == "%" and type(a) is int and type(b) is int:
            if b == 0:
                raise ExprError("integer divide by zero", self.source, node.at)
            return self._literal(node, modulo(a, b))
        rule = _ARITHMETIC.get(operator)
        return None if rule is None else self._literal(node, rule(a, b))

    def _boolean(self, node: n.Binary, *, decisive: bool) -> n.Node | None:
        """`decisive` is the value that settles it: false for and, true for or."""
        a, b = _value(node.left, bool), _value(node.right, bool)
        if a is not None and a is not decisive:
            return _patched(node, node.right)
        if b is not None and b is not decisive:
            return _patched(node, node.left)
        return None if a is None and b is None else self._literal(node, decisive)


def _number(value: Any) -> Any:
    return wrap_int(value) if isinstance(value, int) else value


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: _number(a + b),
    "-": lambda a, b: _number(a - b),
    "*": lambda a, b: _number(a * b),
    "/": lambda a, b: float_divide(float(a), float(b)),
    "**": lambda a, b: float_power(float(a), float(b)),
    "^": lambda a, b: float_power(float(a), float(b)),
}


def _predicate(node: n.Node) -> n.Node:
    assert isinstance(node, n.Predicate)
    return node.node


def _filter_filter(node: n.BuiltinCall) -> n.Node | None:
    base = node.arguments[0]
    if not (isinstance(base, n.BuiltinCall) and base.name == "filter"):
        return None
    both = n.Binary("&&", _predicate(base.arguments[1]), _predicate(node.arguments[1]))
    call = n.BuiltinCall("filter", [base.arguments[0], n.Predicate(both)])
    return _patched(node, call)


def _in_array(node: n.Node) -> n.Node:
    """`x in ["a", "b"]` is a look-up in a set of strings, which takes only strings."""
    if not (isinstance(node, n.Binary) and node.operator == "in"):
        return node
    if not isinstance(node.right, n.Array) or not node.right.nodes:
        return node
    items = [_value(item, str) for item in node.right.nodes]
    if None in items:
        return node
    keys = n.Constant(dict.fromkeys(items, True), keys="string")
    return _patched(node, n.Binary("in", node.left, keys))


def _in_range(node: n.Node) -> n.Node:
    if not (
        isinstance(node, n.Binary) and node.operator == "in" and node.left.nature.kind == "int"
    ):
        return node
    bounds = _range(node.right)
    if bounds is None:
        return node
    low, high = (n.Literal(bound, nature=Nature(INT)) for bound in bounds)
    new = n.Binary("and", n.Binary(">=", node.left, low), n.Binary("<=", node.left, high))
    return _patched(node, new)


def _range(node: n.Node) -> tuple[int, int] | None:
    if not (isinstance(node, n.Binary) and node.operator == ".."):
        return None
    low, high = _value(node.left, int), _value(node.right, int)
    return None if low is None or high is None else (low, high)


def _call_of(node: n.Node, name: str, count: int) -> n.BuiltinCall | None:
    if isinstance(node, n.BuiltinCall) and node.name == name and len(node.arguments) == count:
        return node
    return None


def _has_index(node: n.Node) -> bool:
    if isinstance(node, n.Pointer) and node.name == "index":
        return True
    return any(_has_index(child) for child in n.children(node))


def _filter_map(node: n.Node) -> n.Node:
    call = _call_of(node, "map", 2)
    if call is None or _has_index(call.arguments[1]):
        return node
    base = call.arguments[0]
    if not (isinstance(base, n.BuiltinCall) and base.name == "filter" and base.map is None):
        return node
    new = n.BuiltinCall("filter", base.arguments, map=_predicate(call.arguments[1]))
    return _patched(node, new)


def _filter_len(node: n.Node) -> n.Node:
    call = _call_of(node, "len", 1)
    base = _call_of(call.arguments[0], "filter", 2) if call else None
    return _patched(node, n.BuiltinCall("count", base.arguments)) if base else node


def _filter_end(node: n.Node, at: int, builtin: str, finder: str) -> n.Node:
    if isinstance(node, n.Member) and not node.optional and _value(node.property, int) == at:
        base = _call_of(node.node, "filter", 2)
        if base:
            new = n.BuiltinCall(finder, base.arguments, throws=True, map=base.map)
            return _patched(node, new)
    call = _call_of(node, builtin, 1)
    base = _call_of(call.arguments[0], "filter", 2) if call else None
    if base:
        return _patched(node, n.BuiltinCall(finder, base.arguments, map=base.map))
    return node


def _filter_last(node: n.Node) -> n.Node:
    return _filter_end(node, -1, "last", "findLast")


def _filter_first(node: n.Node) -> n.Node:
    return _filter_end(node, 0, "first", "find")


_COMBINED = {
    ("all", "and"): "and", ("all", "&&"): "&&", ("any", "or"): "or", ("any", "||"): "||",
    ("none", "and"): "or", ("none", "&&"): "||",
}  # fmt: skip


def _combine(node: n.Node) -> n.Node:
    """`all(x, a) && all(x, b)` is one loop."""
    if not isinstance(node, n.Binary):
        return node
    left, right = node.left, node.right
    if not (isinstance(left, n.BuiltinCall) and isinstance(right, n.BuiltinCall)):
        return node
    operator = _COMBINED.get((left.name, node.operator))
    if operator is None or right.name != left.name:
        return node
    if n.shape(left.arguments[0]) != n.shape(right.arguments[0]):
        return node
    both = _combine(
        n.Binary(operator, _predicate(left.arguments[1]), _predicate(right.arguments[1]))
    )
    return _patched(node, n.BuiltinCall(left.name, [left.arguments[0], n.Predicate(both)]))


def _sum_range(node: n.Node) -> n.Node:
    """Sums of a constant range are computed, not looped."""
    if not (isinstance(node, n.BuiltinCall) and node.name in ("sum", "reduce")):
        return node
    bounds = _range(node.arguments[0])
    if bounds is None or bounds[1] < bounds[0]:
        return node
    count = bounds[1] - bounds[0] + 1
    total = wrap_int(count * (bounds[0] + bounds[1])) // 2
    found = None
    if node.name == "sum":
        found = total if len(node.arguments) == 1 else _mapped_sum(total, count, node.arguments[1])
    elif _is_plain_sum(node.arguments[1]):
        start = _value(node.arguments[2], int) if len(node.arguments) == 3 else 0
        found = None if start is None else start + total
    return node if found is None else _patched(node, n.Literal(wrap_int(found)), Nature(INT))


def _pointer(node: n.Node, name: str = "") -> bool:
    return isinstance(node, n.Pointer) and node.name == name


def _is_plain_sum(predicate: n.Node) -> bool:
    node = _predicate(predicate)
    if not (isinstance(node, n.Binary) and node.operator == "+"):
        return False
    pair = (node.left, node.right)
    return any(_pointer(a) and _pointer(b, "acc") for a, b in (pair, pair[::-1]))


def _mapped_sum(total: int, count: int, predicate: n.Node) -> int | None:
    node = _predicate(predicate)
    if _pointer(node):
        return total
    if not isinstance(node, n.Binary):
        return None
    left = _pointer(node.left)
    constant = _value(node.right if left else node.left, int)
    if constant is None or not (left or _pointer(node.right)):
        return None
    if node.operator == "*":
        return int(constant * total)
    if node.operator == "+":
        return int(total + count * constant)
    if node.operator == "-":
        return int(total - count * constant if left else count * constant - total)
    return None


def _sum_array(node: n.Node) -> n.Node:
    call = _call_of(node, "sum", 1)
    if call is None or not isinstance(call.arguments[0], n.Array):
        return node
    items = call.arguments[0].nodes
    if len(items) < 2:
        return node
    total = items[-1]
    for item in reversed(items[:-1]):
        total = n.Binary("+", item, total)
    return _patched(node, total)


def _sum_map(node: n.Node) -> n.Node:
    call = _call_of(node, "sum", 1)
    base = _call_of(call.arguments[0], "map", 2) if call else None
    return _patched(node, n.BuiltinCall("sum", list(base.arguments))) if base else node


def _counted(node: n.Node) -> tuple[n.BuiltinCall, int, str] | None:
    if not isinstance(node, n.Binary):
        return None
    count = _call_of(node.left, "count", 2)
    limit = _value(node.right, int)
    return None if count is None or limit is None else (count, limit, node.operator)


def _count_any(node: n.Node) -> n.Node:
    found = _counted(node)
    if found is None or (found[2], found[1]) not in ((">", 0), (">=", 1)):
        return node
    return _patched(node, n.BuiltinCall("any", found[0].arguments))


def _count_threshold(node: n.Node) -> n.Node:
    found = _counted(node)
    if found is None or found[1] < 0:
        return node
    count, limit, operator = found
    threshold = {">": limit + 1, ">=": limit, "<": limit, "<=": limit + 1}.get(operator, 0)
    if threshold > 1:
        count.threshold = threshold
    return node
