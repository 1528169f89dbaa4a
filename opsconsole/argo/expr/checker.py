"""Types before running: unknown names, operators that cannot fit, arguments (expr v1.17).

Separate from the interpreter because a condition that can never work must say so even where
it would not be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.builtins import BUILTINS, Builtin
from opsconsole.argo.expr.errors import ExprError
from opsconsole.argo.expr.operations import binary_nature
from opsconsole.argo.expr.parser import PREDICATES
from opsconsole.argo.expr.types import (
    ANY,
    ANY_SLICE,
    BOOL,
    BYTES,
    FLOAT,
    GROUPS,
    INT,
    NIL,
    OBJECT,
    STRING,
    UNKNOWN,
    GoType,
    Nature,
)
from opsconsole.errors import RuleError
from opsconsole.model import regex


class _MismatchError(ExprError):
    """Arguments that do not fit one signature; another one may take them."""


class Checker:
    def __init__(self, source: str, environment: Mapping[str, Nature]) -> None:
        self.source = source
        self.environment = environment
        self._scopes: list[tuple[Nature, dict[str, Nature]]] = []
        self._variables: list[tuple[str, Nature]] = []

    def visit(self, node: n.Node) -> Nature:
        """The node's nature, also written to it. ExprError for the first thing that cannot be."""
        nature = getattr(self, f"_{type(node).__name__.lower()}")(node)
        assert isinstance(nature, Nature)
        node.nature = nature
        return nature

    def _error(self, node: n.Node, message: str) -> ExprError:
        return ExprError(message, self.source, node.at)

    def _mismatch(self, node: n.Node, message: str) -> ExprError:
        return _MismatchError(message, self.source, node.at)

    # leaves

    def _literal(self, node: n.Literal) -> Nature:
        if node.value is None:
            return NIL
        for python, t in ((bool, BOOL), (int, INT), (float, FLOAT), (str, STRING), (bytes, BYTES)):
            if isinstance(node.value, python):
                return Nature(t)
        return UNKNOWN

    def _identifier(self, node: n.Identifier) -> Nature:
        for name, nature in reversed(self._variables):
            if name == node.name:
                return nature
        return UNKNOWN if node.name == "$env" else self._named(node, node.name)

    def _named(self, node: n.Node, name: str, *, builtins: bool = True) -> Nature:
        if name in self.environment:
            return self.environment[name]
        if builtins and name in BUILTINS:
            types = BUILTINS[name].types
            kind = (
                types[0] if types else GoType("func(...interface {}) (interface {}, error)", "func")
            )
            return Nature(kind, builtin=name)
        if builtins and name in PREDICATES:
            return Nature(GoType("func", "func"), builtin=name)
        raise self._error(node, f"unknown name {name}")

    def _pointer(self, node: n.Pointer) -> Nature:
        if not self._scopes:
            raise self._error(node, "cannot use pointer accessor outside predicate")
        collection, names = self._scopes[-1]
        if not node.name:
            return UNKNOWN if collection.unknown else collection.elem()
        if node.name in names:
            return names[node.name]
        raise self._error(node, f"unknown pointer #{node.name}")

    # operators

    def _unary(self, node: n.Unary) -> Nature:
        nature = self.visit(node.node)
        if node.operator in ("!", "not"):
            if nature.kind == "bool" or nature.unknown:
                return Nature(BOOL)
        elif nature.number:
            return nature
        elif nature.unknown:
            return UNKNOWN
        raise self._error(node, f"invalid operation: {node.operator} (mismatched type {nature})")

    def _binary(self, node: n.Binary) -> Nature:
        left, right = self.visit(node.left), self.visit(node.right)
        if node.operator == "matches" and _text(node.right) is not None:
            try:
                regex.compile(_text(node.right) or "")
            except RuleError as wrong:
                raise self._error(node, wrong.message) from wrong
        try:
            found = binary_nature(node.operator, left, right)
        except RuleError as wrong:
            raise self._error(node, wrong.message) from wrong
        if found is not None:
            return found
        raise self._error(
            node,
            f"invalid operation: {node.operator} (mismatched types {left} and {right})",
        )

    # members

    def _chain(self, node: n.Chain) -> Nature:
        return self.visit(node.node)

    def _member(self, node: n.Member) -> Nature:
        name = _text(node.property)
        if isinstance(node.node, n.Identifier) and node.node.name == "$env":
            if name is None or (node.optional and name not in self.environment):
                return UNKNOWN
            return self._named(node, name, builtins=False)
        base, index = self.visit(node.node), self.visit(node.property)
        if base.unknown:
            return UNKNOWN
        if name is not None:
            if base.nil:
                raise self._error(node, f"type nil has no field {name}")
            if base.type and name in base.type.methods:
                return Nature(base.type.methods[name], method=True)
        if base.kind == "map":
            if not index.assignable_to(base.key()) and not index.unknown:
                raise self._error(
                    node.property, f"cannot use {index} to get an element from {base}"
                )
            return base.elem()
        if base.array:
            if not index.integer and not index.unknown:
                raise self._error(
                    node.property,
                    f"array elements can only be selected using an integer (got {index})",
                )
            return base.elem()
        if name is not None:
            word = "method" if node.method else "field"
            raise self._error(node, f"type {base} has no {word} {name}")
        raise self._error(node, f"type {base}[{index}] is undefined")

    def _slice(self, node: n.Slice) -> Nature:
        base = self.visit(node.node)
        if base.unknown:
            return UNKNOWN
        if base.kind not in ("string", "array", "slice"):
            raise self._error(node, f"cannot slice {base}")
        for bound in (node.begin, node.end):
            if bound is not None:
                nature = self.visit(bound)
                if not nature.integer and not nature.unknown:
                    raise self._error(bound, f"non-integer slice index {nature}")
        return base

    # calls

    def _call(self, node: n.Call) -> Nature:
        callee = node.callee
        if isinstance(callee, n.Identifier) and callee.name == "$env":
            raise self._error(node, "map[string]interface {} is not callable")
        nature = self.visit(callee)
        if nature.unknown:
            return UNKNOWN
        if nature.builtin and nature.builtin in BUILTINS:
            return self._function(BUILTINS[nature.builtin], node, node.arguments)
        name = "function"
        if isinstance(callee, n.Identifier):
            name = callee.name
        elif isinstance(callee, n.Member):
            name = _text(callee.property) or name
        if nature.nil:
            raise self._error(node, f"{name} is nil; cannot call nil as function")
        if nature.kind != "func" or nature.type is None:
            raise self._error(node, f"{nature} is not callable")
        return self._arguments(name, nature.type, node, node.arguments)

    def _builtincall(self, node: n.BuiltinCall) -> Nature:
        if node.name in PREDICATES:
            return self._predicated(node)
        if node.name == "get":
            return self._get(node)
        return self._function(BUILTINS[node.name], node, node.arguments)

    def _function(self, builtin: Builtin, node: n.Node, arguments: list[n.Node]) -> Nature:
        if builtin.check is not None:
            natures = [self.visit(argument) for argument in arguments]
            try:
                found = builtin.check([ANY if x.unknown else x.type for x in natures])
            except RuleError as wrong:
                raise self._error(node, wrong.message) from wrong
            return Nature(found)
        last: ExprError | None = None
        for signature in builtin.types:
            try:
                return self._arguments(builtin.name, signature, node, arguments)
            except _MismatchError as wrong:
                last = wrong
        raise last or self._error(node, f"no matching overload for {builtin.name}")

    def _arguments(
        self, name: str, signature: GoType, node: n.Node, arguments: list[n.Node]
    ) -> Nature:
        wanted = signature.inputs
        few = len(arguments) < len(wanted) - signature.variadic
        many = not signature.variadic and len(arguments) > len(wanted)
        if few or many:
            for argument in arguments:
                self.visit(argument)
            word = "not enough" if few else "too many"
            raise self._mismatch(node, f"{word} arguments to call {name}")
        for number, argument in enumerate(arguments):
            given = self.visit(argument)
            rest = signature.variadic and number >= len(wanted) - 1
            expected = Nature(wanted[-1] if rest else wanted[number])
            if expected.type is FLOAT and given.integer:
                arguments[number] = _as_float(argument)
            elif given.nil:
                if expected.kind not in ("ptr", "interface"):
                    raise self._mismatch(
                        argument, f"cannot use nil as argument (type {expected}) to call {name}"
                    )
            elif not (expected.integer and given.integer) and not (
                given.assignable_to(expected) or given.unknown
            ):
                raise self._mismatch(
                    argument, f"cannot use {given} as argument (type {expected}) to call {name} "
                )
        return Nature(signature.output)

    def _get(self, node: n.BuiltinCall) -> Nature:
        if len(node.arguments) != 2:
            raise self._error(
                node, f"invalid number of arguments (expected 2, got {len(node.arguments)})"
            )
        holder, index = node.arguments
        base, given = self.visit(holder), self.visit(index)
        if isinstance(holder, n.Identifier) and holder.name == "$env":
            return self.environment.get(_text(index) or "", UNKNOWN)
        if base.unknown:
            return UNKNOWN
        if base.array:
            if not given.integer and not given.unknown:
                raise self._error(index, f"non-integer slice index {given}")
            return base.elem()
        if base.kind == "map":
            if not given.assignable_to(base.key()) and not given.unknown:
                raise self._error(index, f"cannot use {given} to get an element from {base}")
            return base.elem()
        raise self._error(holder, f"type {base} does not support indexing")

    # predicates

    def _predicated(self, node: n.BuiltinCall) -> Nature:
        collection = self.visit(node.arguments[0])
        if not collection.array and not collection.unknown:
            raise self._error(
                node.arguments[0], f"builtin {node.name} takes only array (got {collection})"
            )
        if len(node.arguments) == 1:
            if node.name == "count":
                return Nature(INT)
            return UNKNOWN if collection.unknown else collection.elem()
        names: dict[str, Nature] = {}
        if node.name in ("map", "reduce"):
            names["index"] = Nature(INT)
        if node.name == "reduce":
            names["acc"] = UNKNOWN
        self._scopes.append((collection, names))
        self.visit(node.arguments[1])
        self._scopes.pop()
        if len(node.arguments) == 3:
            third = self.visit(node.arguments[2])
            if node.name == "sortBy" and third.kind != "string" and not third.unknown:
                raise self._error(
                    node.arguments[2], f"sortBy order argument must be a string (got {third})"
                )
        return self._predicate_result(node, collection)

    def _predicate_result(self, node: n.BuiltinCall, collection: Nature) -> Nature:
        name, predicate = node.name, node.arguments[1]
        given = predicate.nature
        if given.nil:
            count = "two input" if name == "reduce" else "one input"
            raise self._error(predicate, f"predicate should has {count} and one output param")
        boolean = name not in ("map", "sum", "groupBy", "sortBy", "reduce")
        if boolean and given.kind != "bool" and not given.unknown:
            raise self._error(predicate, f"predicate should return boolean (got {given})")
        if name in ("all", "none", "any", "one"):
            return Nature(BOOL)
        if name in ("count", "findIndex", "findLastIndex"):
            return Nature(INT)
        if name == "map":
            return given.array_of()
        if name in ("sum", "reduce"):
            return given
        if name == "sortBy":
            return collection
        if name == "groupBy":
            return Nature(GROUPS)
        if collection.unknown:
            return Nature(ANY_SLICE) if name == "filter" else UNKNOWN
        return collection.elem().array_of() if name == "filter" else collection.elem()

    def _predicate(self, node: n.Predicate) -> Nature:
        return self.visit(node.node)

    # structure

    def _variable(self, node: n.Variable) -> Nature:
        name = node.name
        if name in self.environment:
            raise self._error(node, f"cannot redeclare {name}")
        if name in BUILTINS or name in PREDICATES:
            raise self._error(node, f"cannot redeclare builtin {name}")
        if any(name == known for known, _ in self._variables):
            raise self._error(node, f"cannot redeclare variable {name}")
        self._variables.append((name, self.visit(node.value)))
        try:
            return self.visit(node.body)
        finally:
            self._variables.pop()

    def _sequence(self, node: n.Sequence) -> Nature:
        return [self.visit(item) for item in node.nodes][-1]

    def _conditional(self, node: n.Conditional) -> Nature:
        condition = self.visit(node.condition)
        if condition.kind != "bool" and not condition.unknown:
            raise self._error(
                node.condition, f"non-bool expression (type {condition}) used as condition"
            )
        then, otherwise = self.visit(node.then), self.visit(node.otherwise)
        if then.nil or otherwise.nil:
            return otherwise if then.nil else then
        if not then.assignable_to(otherwise):
            return UNKNOWN
        if then.array and otherwise.array:
            one, two = then.elem(), otherwise.elem()
            if not one.assignable_to(two) or not two.assignable_to(one):
                return Nature(ANY_SLICE)
        return then

    def _array(self, node: n.Array) -> Nature:
        natures = [self.visit(item) for item in node.nodes]
        if not natures:
            return UNKNOWN.array_of()
        if all(nature.kind == natures[0].kind for nature in natures):
            return natures[-1].array_of()
        return Nature(ANY_SLICE)

    def _map(self, node: n.Map) -> Nature:
        for pair in node.pairs:
            self.visit(pair)
        return Nature(OBJECT)

    def _mappair(self, node: n.MapPair) -> Nature:
        self.visit(node.key)
        self.visit(node.value)
        return NIL


def _text(node: n.Node) -> str | None:
    return node.value if isinstance(node, n.Literal) and isinstance(node.value, str) else None


def _as_float(node: n.Node) -> n.Node:
    """Integer literals where a float64 is wanted are floats."""
    if isinstance(node, n.Literal) and type(node.value) is int:
        return n.Literal(float(node.value), at=0, nature=Nature(FLOAT))
    if isinstance(node, n.Unary):
        node.node = _as_float(node.node)
        node.nature = replace(node.nature)
    elif isinstance(node, n.Binary) and node.operator in ("+", "-", "*"):
        node.left, node.right = _as_float(node.left), _as_float(node.right)
    return node
