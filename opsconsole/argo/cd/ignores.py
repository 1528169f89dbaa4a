"""`ignoreDifferences`: which fields of which objects do not count (`util/argo/normalizers`).

JSON pointers, the paths of jq that people write (`.spec.replicas`, `.a[]?.b`,
`.x[] | select(.name == "y") | .z`) and the fields that a manager owns. Any other jq
expression is refused with a message rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.cd.identity import Obj, group_of
from opsconsole.errors import RuleError, bounded
from opsconsole.model import globs
from opsconsole.model.objects import (
    Object,
    items,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
)

Step = tuple[str, Any]
"""("key", name), ("index", number), ("each", None) or ("select", (path, value))."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """One entry; group and kind are globs, an empty name or namespace matches any."""

    group: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    pointers: tuple[str, ...] = ()
    paths: tuple[tuple[Step, ...], ...] = field(default=())
    managers: tuple[str, ...] = ()

    @classmethod
    def of(cls, entry: Object) -> Ignore:
        """From the API's form. Raises RuleError for an expression that is not understood."""
        return cls(
            text(entry, "group"),
            text(entry, "kind"),
            text(entry, "name"),
            text(entry, "namespace"),
            tuple(str(p) for p in items(entry, "jsonPointers")),
            tuple(parse_path(str(p)) for p in items(entry, "jqPathExpressions")),
            tuple(str(m) for m in items(entry, "managedFieldsManagers")),
        )

    def matches(self, obj: Object) -> bool:
        return (
            globs.matches(self.group, group_of(obj))
            and globs.matches(self.kind, text(obj, "kind"))
            and self.name in ("", name_of(obj))
            and self.namespace in ("", namespace_of(obj))
        )


def ignores_of(entries: list[Any]) -> list[Ignore]:
    return [Ignore.of(entry) for entry in entries if isinstance(entry, Mapping)]


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<dot>\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)) | (?P<quoted>\."(?P<q>(?:[^"\\]|\\.)*)") |
      (?P<each>\.?\[\s*\]\??) | (?P<index>\.?\[\s*(?P<i>-?\d+)\s*\]) |
      (?P<key>\.?\[\s*"(?P<k>(?:[^"\\]|\\.)*)"\s*\]) | (?P<maybe>\?) |
      (?P<select>\|?\s*select\(\s*(?P<sp>\.[^()=]*?)\s*==\s*(?P<sv>"(?:[^"\\]|\\.)*"|-?\d+|true|false)\s*\)) |
      (?P<pipe>\|)
    )""",
    re.VERBOSE,
)


def parse_path(expression: str) -> tuple[Step, ...]:
    """The steps of a jq path. Raises RuleError for what is not one."""
    steps: list[Step] = []
    at, body = 0, expression.strip()
    while at < len(body):
        found = _TOKEN.match(body, at)
        if found is None or found.end() == at:
            raise RuleError(
                f"jqPathExpressions: {bounded(expression, 120)} is not understood",
                hint='use paths such as .spec.replicas, .a[].b, select(.name == "x")',
            )
        at = found.end()
        if found["name"] is not None:
            steps.append(("key", found["name"]))
        elif found["quoted"] is not None or found["key"] is not None:
            steps.append(("key", _unquoted(found["q"] if found["quoted"] else found["k"])))
        elif found["each"] is not None:
            steps.append(("each", None))
        elif found["index"] is not None:
            steps.append(("index", int(found["i"])))
        elif found["select"] is not None:
            steps.append(("select", (parse_path(found["sp"]), _literal(found["sv"]))))
    return tuple(steps)


def _unquoted(raw: str) -> str:
    return re.sub(r"\\(.)", r"\1", raw)


def _literal(raw: str) -> Any:
    if raw.startswith('"'):
        return _unquoted(raw[1:-1])
    return {"true": True, "false": False}.get(raw, int(raw) if raw.lstrip("-").isdigit() else raw)


def without(obj: Object, rule: Ignore, live: Object) -> Obj:
    """A copy without the fields that a rule ignores."""
    new: Any = obj
    for pointer in rule.pointers:
        steps = [("key", s.replace("~1", "/").replace("~0", "~")) for s in pointer.split("/")[1:]]
        new = _drop(new, tuple(steps))
    for path in rule.paths:
        new = _drop(new, path)
    for entry in mappings(live, "metadata", "managedFields"):
        if text(entry, "manager") in rule.managers:
            new = _drop_owned(new, mapping(entry, "fieldsV1"))
    return dict(new)


def _drop(value: Any, steps: tuple[Step, ...]) -> Any:
    if not steps:
        return value
    (kind, what), rest = steps[0], steps[1:]
    if kind == "select":
        path, wanted = what
        return _drop(value, rest) if _read(value, path) == wanted else value
    if kind == "each" and isinstance(value, list):
        if not rest:
            return []
        # a selection at the end takes the item itself out
        if all(step[0] == "select" for step in rest):
            return [item for item in value if not _selected(item, rest)]
        return [_drop(item, rest) for item in value]
    if kind == "each" and isinstance(value, Mapping):
        return {k: _drop(v, rest) for k, v in value.items()} if rest else {}
    if isinstance(value, Mapping) and kind == "key" and what in value:
        if not rest:
            return {k: v for k, v in value.items() if k != what}
        return {**value, what: _drop(value[what], rest)}
    index = what if kind == "index" else int(what) if str(what).isdigit() else None
    if isinstance(value, list) and index is not None and -len(value) <= index < len(value):
        changed = list(value)
        if rest:
            changed[index] = _drop(changed[index], rest)
        else:
            del changed[index]
        return changed
    return value


def _selected(item: Any, rest: tuple[Step, ...]) -> bool:
    return all(_read(item, what[0]) == what[1] for _, what in rest)


def _read(value: Any, path: tuple[Step, ...]) -> Any:
    for kind, what in path:
        if kind == "key" and isinstance(value, Mapping):
            value = value.get(what)
        elif kind == "index" and isinstance(value, list) and -len(value) <= what < len(value):
            value = value[what]
        else:
            return None
    return value


def _drop_owned(value: Any, fields: Object) -> Any:
    """Without the fields of a managedFields entry (`f:name`, `k:{...}`, `.`)."""
    new = value
    for key, inner in fields.items():
        leaf = not isinstance(inner, Mapping) or not [k for k in inner if k != "."]
        if key.startswith("f:") and isinstance(new, Mapping) and key[2:] in new:
            name = key[2:]
            if leaf:
                new = {k: v for k, v in new.items() if k != name}
            else:
                new = {**new, name: _drop_owned(new[name], inner)}
        elif key.startswith("k:") and isinstance(new, list):
            wanted = _key_of(key[2:])
            new = [
                _drop_owned(i, inner) if wanted and _has(i, wanted) and not leaf else i for i in new
            ]
    return new


def _key_of(raw: str) -> dict[str, Any]:
    import json

    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _has(item: Any, wanted: dict[str, Any]) -> bool:
    return isinstance(item, Mapping) and all(item.get(k) == v for k, v in wanted.items())


def restored(target: Object, live: Object, rules: list[Ignore]) -> Obj:
    """The target with what is ignored taken from the live object (`RespectIgnoreDifferences`)."""
    new: Any = dict(target)
    for rule in rules:
        if not rule.matches(target):
            continue
        for pointer in rule.pointers:
            steps = [
                ("key", s.replace("~1", "/").replace("~0", "~")) for s in pointer.split("/")[1:]
            ]
            new = _copy(new, live, tuple(steps))
        for path in rule.paths:
            if all(kind in ("key", "index") for kind, _ in path):
                new = _copy(new, live, path)
    return dict(new)


def _copy(target: Any, live: Any, steps: tuple[Step, ...]) -> Any:
    if not steps:
        return live
    (kind, what), rest = steps[0], steps[1:]
    reader: Callable[[Any], Any] = lambda value: _read(value, ((kind, what),))  # noqa: E731
    inside = reader(live)
    if isinstance(target, Mapping) and kind == "key":
        if inside is None:
            return {k: v for k, v in target.items() if k != what} if not rest else dict(target)
        return {**target, what: _copy(target.get(what, {}), inside, rest)}
    if isinstance(target, list) and inside is not None and -len(target) <= int(what) < len(target):
        changed = list(target)
        changed[int(what)] = _copy(changed[int(what)], inside, rest)
        return changed
    return target
