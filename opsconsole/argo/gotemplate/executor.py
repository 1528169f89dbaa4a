"""Runs a template's tree over data (`text/template/exec.go`), within bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.functions import Function as GoFunction
from opsconsole.argo.expr.functions import bound_method
from opsconsole.argo.golang.format import sort_keys, v
from opsconsole.argo.golang.strconv import quote
from opsconsole.argo.golang.values import type_name
from opsconsole.argo.gotemplate import nodes as n
from opsconsole.argo.gotemplate import versions
from opsconsole.argo.gotemplate.calls import (
    INVALID,
    Builtin,
    Signature,
    function,
    is_true,
    plain,
)
from opsconsole.argo.gotemplate.errors import CallError, ExecError
from opsconsole.argo.gotemplate.parser import Tree
from opsconsole.errors import RuleError

MAX_STEPS = 300_000
MAX_DEPTH = 40
"""Templates within templates: Go stops at 100,000 (and says so), our stack much earlier."""


class _Break(Exception):  # noqa: N818 - control flow
    pass


class _Continue(Exception):  # noqa: N818 - control flow
    pass


class Boxed:
    """A value that Go holds as `interface {}`: what a map's element is until it is used."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


_MISSING = object()


class Given(NamedTuple):
    """The words of a command (its name first), and what the pipeline hands on."""

    args: list[n.Node] | None
    final: Any

    @property
    def any(self) -> bool:
        return (self.args is not None and len(self.args) > 1) or self.final is not _MISSING

    @property
    def written(self) -> list[n.Node]:
        return (self.args or [])[1:]


_NOTHING = Given(None, _MISSING)


def unbox(value: Any) -> Any:
    """The value itself; a nil interface is no value at all."""
    if isinstance(value, Boxed):
        return INVALID if value.value is None else value.value
    return value


class Executor:
    """One execution. `missing` is Go's missingkey option: default, zero or error."""

    def __init__(
        self,
        trees: Mapping[str, Tree],
        functions: Mapping[str, Builtin],
        *,
        missing: str,
        max_output: int,
    ) -> None:
        self.trees = trees
        self.functions = functions
        self.missing = missing
        self.max_output = max_output
        self.out: list[str] = []
        self.size = 0
        self._steps = 0
        self._depth = 0
        self._node: n.Node | None = None
        self._tree: Tree | None = None
        self._variables: list[list[Any]] = []

    def run(self, name: str, data: Any) -> str:
        tree = self.trees.get(name)
        if tree is None:
            raise ExecError(f"template: {name}: {quote(name)} is an incomplete or empty template")
        self._tree = tree
        self._variables = [["$", data]]
        self._walk(data, tree.root)
        return "".join(self.out)

    # errors

    def error(self, message: str) -> ExecError:
        tree = self._tree
        assert tree is not None
        partial = "".join(self.out)
        if self._node is None:
            return ExecError(f"template: {tree.name}: {message}", partial)
        before = tree.source[: self._node.at]
        column = len(before[before.rfind("\n") + 1 :].encode("utf-8", "surrogatepass"))
        place = f"{tree.parse_name}:{before.count(chr(10)) + 1}:{column}"
        return ExecError(
            f"template: {place}: executing {quote(tree.name)} at <{self._node}>: {message}", partial
        )

    def step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise self.error(f"template takes more than {MAX_STEPS} steps")

    def write(self, text: str) -> None:
        self.size += len(text)
        if self.size > self.max_output:
            raise self.error(f"template writes more than {self.max_output} characters")
        self.out.append(text)

    # control

    def _walk(self, dot: Any, node: n.Node) -> None:
        self._node = node
        self.step()
        if isinstance(node, n.ListNode):
            for inner in node.nodes:
                self._walk(dot, inner)
        elif isinstance(node, n.Text):
            self.write(node.text)
        elif isinstance(node, n.Action):
            value = self._pipeline(dot, node.pipe)
            if not node.pipe.declared:
                self._node = node
                self._print(node, value)
        elif isinstance(node, n.Branch):
            mark = len(self._variables)
            try:
                if node.word == "range":
                    self._range(dot, node)
                else:
                    self._if_or_with(dot, node)
            finally:
                del self._variables[mark:]
        elif isinstance(node, n.Include):
            self._include(dot, node)
        elif isinstance(node, n.Jump):
            raise _Break if node.word == "break" else _Continue

    def _if_or_with(self, dot: Any, node: n.Branch) -> None:
        value = self._pipeline(dot, node.pipe)
        if is_true(plain(unbox(value))):
            self._walk(value if node.word == "with" else dot, node.body)
        elif node.otherwise is not None:
            self._walk(dot, node.otherwise)

    def _range(self, dot: Any, node: n.Branch) -> None:
        value = unbox(self._pipeline(dot, node.pipe))
        pairs = self._pairs(node, value)
        mark = len(self._variables)
        try:
            for index, item in pairs:
                self.step()
                self._loop_variables(node.pipe, index, item)
                try:
                    self._walk(item, node.body)
                except _Continue:
                    continue
                finally:
                    del self._variables[mark:]
        except _Break:
            return
        if not pairs and node.otherwise is not None:
            self._walk(dot, node.otherwise)

    def _pairs(self, node: n.Branch, value: Any) -> list[tuple[Any, Any]]:
        if value is INVALID or value is None:
            return []
        if isinstance(value, list | tuple):
            self.step(len(value) // 8)
            return list(enumerate(_items(value)))
        if isinstance(value, Mapping):
            self.step(len(value))
            return [(key, _element(value, key)) for key in sort_keys(value)]
        if isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipe.declared) > 1:
                raise self.error(f"can't use {v(value)} to iterate over more than one variable")
            self.step(max(int(value), 0))
            return [(INVALID, number) for number in range(int(value))]
        raise self.error(f"range can't iterate over {v(value)}")

    def _loop_variables(self, pipe: n.Pipe, index: Any, item: Any) -> None:
        names = [variable.names[0] for variable in pipe.declared]
        values = [item] if len(names) == 1 else [index, item]
        if pipe.assigns:
            for name, value in zip(names, values, strict=False):
                self._set(name, value)
            return
        # the declared variables were pushed by the pipeline, in their order
        for place, value in zip(range(-len(names), 0), values, strict=False):
            self._variables[place] = [names[place], value]

    def _include(self, dot: Any, node: n.Include) -> None:
        tree = self.trees.get(node.name)
        if tree is None:
            raise self.error(f"template {quote(node.name)} not defined")
        if self._depth >= MAX_DEPTH:
            raise self.error("exceeded maximum template depth (100000)")
        data = self._pipeline(dot, node.pipe) if node.pipe is not None else INVALID
        outer = self._tree, self._variables
        self._tree, self._variables = tree, [["$", data]]
        self._depth += 1
        self._walk(data, tree.root)
        self._depth -= 1
        self._tree, self._variables = outer

    # variables

    def _set(self, name: str, value: Any) -> None:
        for variable in reversed(self._variables):
            if variable[0] == name:
                variable[1] = value
                return
        raise self.error(f"undefined variable: {name}")

    def _get(self, name: str) -> Any:
        for variable in reversed(self._variables):
            if variable[0] == name:
                return variable[1]
        raise self.error(f"undefined variable: {name}")

    # pipelines

    def _pipeline(self, dot: Any, pipe: n.Pipe) -> Any:
        self._node = pipe
        value: Any = _MISSING
        for command in pipe.commands:
            value = unbox(self._command(dot, command, value))
        for variable in pipe.declared:
            if pipe.assigns:
                self._set(variable.names[0], value)
            else:
                self._variables.append([variable.names[0], value])
        return value

    def _command(self, dot: Any, command: n.Command, final: Any) -> Any:
        first = command.args[0]
        given = Given(command.args, final)
        self.step()
        if isinstance(first, n.Field):
            self._node = first
            return self._chain(dot, dot, first, first.names, given)
        if isinstance(first, n.Chain):
            return self._chain_node(dot, first, given)
        if isinstance(first, n.Identifier):
            self._node = first
            return self._function(dot, first, command, given)
        if isinstance(first, n.Pipe):
            self._not_a_function(given)
            return self._pipeline(dot, first)
        if isinstance(first, n.Variable):
            return self._variable(dot, first, given)
        self._node = first
        self._not_a_function(given)
        if isinstance(first, n.Nil):
            raise self.error("nil is not a command")
        return self._literal(dot, first)

    def _literal(self, dot: Any, node: n.Node) -> Any:
        if isinstance(node, n.Dot):
            return dot
        if isinstance(node, n.Boolean):
            return node.value
        if isinstance(node, n.String):
            return node.text
        assert isinstance(node, n.Number)
        value = node.ideal
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise self.error(f"{node.text} overflows int")
        return value

    def _not_a_function(self, given: Given) -> None:
        if given.args is not None and given.any:
            raise self.error(f"can't give argument to non-function {given.args[0]}")

    def _variable(self, dot: Any, node: n.Variable, given: Given) -> Any:
        self._node = node
        value = self._get(node.names[0])
        if len(node.names) == 1:
            self._not_a_function(given)
            return value
        return self._chain(dot, value, node, node.names[1:], given)

    def _chain_node(self, dot: Any, node: n.Chain, given: Given) -> Any:
        self._node = node
        if isinstance(node.node, n.Nil):
            raise self.error(f"indirection through explicit nil in {node}")
        receiver = self._argument(dot, None, node.node)
        return self._chain(dot, receiver, node, node.names, given)

    def _chain(self, dot: Any, receiver: Any, node: n.Node, names: list[str], given: Given) -> Any:
        for name in names[:-1]:
            receiver = self._field(dot, name, node, _NOTHING, receiver)
        return self._field(dot, names[-1], node, given, receiver)

    def _field(self, dot: Any, name: str, node: n.Node, given: Given, receiver: Any) -> Any:
        if receiver is INVALID:
            if self.missing == "error":
                raise self.error(f"nil data; no entry for key {quote(name)}")
            return INVALID
        static = "interface {}" if isinstance(receiver, Boxed) else type_name(receiver)
        value = receiver.value if isinstance(receiver, Boxed) else receiver
        if value is None:
            raise self.error(f"nil pointer evaluating {static}.{name}")
        own = versions.METHODS.get(name) if isinstance(value, versions.Version) else None
        if own is not None:
            ours = function(own[0], lambda *rest: own[1](value, *rest))
            return self._call(dot, name, ours, node, given)
        method = bound_method(value, name)
        if method is not None:
            bound = Builtin(Signature.of(method.signature), _invoker(method))
            return self._call(dot, name, bound, node, given)
        if isinstance(value, Mapping):
            if given.any:
                raise self.error(f"{name} is not a method but has arguments")
            if name in value:
                return _element(value, name)
            if self.missing == "error":
                raise self.error(f"map has no entry for key {quote(name)}")
            return INVALID
        raise self.error(f"can't evaluate field {name} in type {static}")

    # functions

    def _function(self, dot: Any, node: n.Identifier, command: n.Node, given: Given) -> Any:
        function = self.functions.get(node.name)
        if function is None:
            raise self.error(f"{quote(node.name)} is not a defined function")
        if node.name in ("and", "or") and function.lazy:
            return self._and_or(dot, node.name, given)
        return self._call(dot, node.name, function, command, given)

    def _and_or(self, dot: Any, name: str, given: Given) -> Any:
        if not given.any:
            raise self.error(f"wrong number of args for {name}: want at least 1 got 0")
        value: Any = INVALID
        for arg in given.written:
            value = self._argument(dot, "reflect.Value", arg)
            if is_true(plain(unbox(value))) is (name == "or"):
                return value
        return value if given.final is _MISSING else given.final

    def _call(self, dot: Any, name: str, function: Builtin, node: n.Node, given: Given) -> Any:
        signature, written = function.signature, given.written
        count = len(written) + (given.final is not _MISSING)
        problem = signature.count_problem(name, count, len(written))
        if problem:
            raise self.error(problem)
        values = [
            self._argument(dot, signature.type_at(place), arg) for place, arg in enumerate(written)
        ]
        if given.final is not _MISSING:
            values.append(self._valid(given.final, signature.type_at(len(values))))
        self.step()
        try:
            result = function.call(self, *[_handed(value) for value in values])
        except (CallError, Panic, RuleError) as wrong:
            if isinstance(wrong, ExecError):
                raise
            self._node = node
            said = wrong.message
            if name == "call" and written:
                said = said.replace("non-function of", f"non-function {written[0]} of", 1)
            raise self.error(f"error calling {name}: {said}") from wrong
        except RecursionError:
            self._node = node
            raise self.error(f"error calling {name}: the value is nested too deeply") from None
        return Boxed(None) if result is None else result

    def _argument(self, dot: Any, wanted: str | None, node: n.Node) -> Any:
        self._node = node
        if isinstance(node, n.Dot):
            return self._valid(dot, wanted)
        if isinstance(node, n.Nil):
            if wanted in _NILLABLE:
                return INVALID if wanted == "reflect.Value" else None
            raise self.error(f"cannot assign nil to {wanted}")
        if isinstance(node, n.Field):
            found = self._chain(dot, dot, node, node.names, _NOTHING)
        elif isinstance(node, n.Variable):
            found = self._variable(dot, node, _NOTHING)
        elif isinstance(node, n.Pipe):
            found = self._pipeline(dot, node)
        elif isinstance(node, n.Identifier):
            found = self._function(dot, node, node, _NOTHING)
        elif isinstance(node, n.Chain):
            found = self._chain_node(dot, node, _NOTHING)
        else:
            return self._constant(dot, wanted, node)
        return self._valid(found, wanted)

    def _constant(self, dot: Any, wanted: str | None, node: n.Node) -> Any:
        if wanted in ("interface {}", "reflect.Value", None):
            return self._literal(dot, node)
        word = {"bool": "bool", "string": "string", "int": "integer", "int64": "integer",
                "float64": "float"}.get(str(wanted))  # fmt: skip
        if word is None:
            raise self.error(f"can't handle {node} for arg of type {wanted}")
        if word == "bool" and isinstance(node, n.Boolean):
            return node.value
        if word == "string" and isinstance(node, n.String):
            return node.text
        if isinstance(node, n.Number):
            if word == "integer" and node.integer is not None:
                return node.integer
            if word == "float" and node.floating is not None:
                return node.floating
        raise self.error(f"expected {word}; found {node}")

    def _valid(self, value: Any, wanted: str | None) -> Any:
        """The value for a parameter of type `wanted`; None takes everything."""
        inner = unbox(value)
        if inner is INVALID or inner is None:
            if wanted is None:
                return INVALID
            if wanted == "reflect.Value":
                return value if isinstance(value, Boxed) else INVALID
            if wanted == "interface {}":
                return None
            if wanted in _NILLABLE and not isinstance(value, Boxed):
                return None
            if isinstance(value, Boxed):
                raise self.error(f"wrong type for value; expected {wanted}; got interface {{}}")
            raise self.error(f"invalid value; expected {wanted}")
        if wanted in (None, "interface {}", "reflect.Value"):
            return value if wanted == "reflect.Value" else inner
        if not _assignable(inner, str(wanted)):
            raise self.error(f"wrong type for value; expected {wanted}; got {type_name(inner)}")
        return inner

    def _print(self, node: n.Node, value: Any) -> None:
        shown = unbox(value)
        if shown is INVALID:
            self.write("<no value>")
        elif isinstance(shown, GoFunction):
            raise self.error(f"can't print {node} of type {type_name(shown)}")
        else:
            self.write(v(shown))


_NILLABLE = {
    "interface {}", "reflect.Value", "map[string]interface {}", "[]interface {}", "[]string",
}  # fmt: skip


def _handed(value: Any) -> Any:
    return value if value is INVALID else plain(unbox(value))


def _assignable(value: Any, wanted: str) -> bool:
    name = type_name(value)
    return name == wanted or (wanted == "[]interface {}" and type(value) in (list, tuple))


def _element(holder: Mapping[Any, Any], key: Any) -> Any:
    """An element as Go's maps hold it: boxed unless the map is of strings."""
    value = holder[key]
    return value if type_name(holder) == "map[string]string" else Boxed(value)


def _items(holder: Any) -> list[Any]:
    boxed = type(holder) in (list, tuple)
    return [Boxed(item) if boxed else item for item in holder]


def _invoker(method: GoFunction) -> Any:
    return lambda _, *arguments: method.invoke(list(arguments))
