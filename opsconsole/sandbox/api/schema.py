"""What the API server knows of the fields of built-in kinds, read from `fields.txt`.

One table for protobuf bodies, strategic merge, server-side apply, field validation and
OpenAPI, so that the five agree. Custom resources have no schema here: None means "any".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from opsconsole.model.kinds import Kind

SCALARS = {"s": "string", "i": "integer", "b": "boolean", "d": "number", "y": "bytes"}

SPECIAL = ("Quantity", "IntOrString", "Time", "MicroTime", "Duration", "FieldsV1", "RawExtension")
"""Messages that JSON writes as one value."""

CORE, META = "core/v1", "meta/v1"


@dataclass(frozen=True, slots=True)
class Ref:
    """A type: `form` is scalar, special, struct, list or map; `name` its code or struct name."""

    form: str
    name: str = ""
    of: Ref | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field as JSON sees it. `numbers` are the protobuf numbers on the way to it."""

    name: str
    numbers: tuple[int, ...]
    ref: Ref
    strategy: tuple[str, ...] = ()
    merge_key: str = ""
    keys: tuple[str, ...] = ()
    set: bool = False
    atomic: bool = False


@dataclass(slots=True)
class Struct:
    """One type. `fields` by JSON name, inline messages flattened."""

    name: str
    package: str
    atomic: bool = False
    fields: dict[str, Field] = field(default_factory=dict)

    def by_number(self) -> dict[int, list[Field]]:
        found: dict[int, list[Field]] = {}
        for one in self.fields.values():
            found.setdefault(one.numbers[0], []).append(one)
        return found


class Schema:
    """All types, by "package.Name"."""

    def __init__(self, text: str) -> None:
        self._raw: dict[str, str] = {}
        self._structs: dict[str, Struct] = {}
        package = ""
        for line in text.splitlines():
            if line.startswith("# "):
                package = line[2:]
            elif line and not line.startswith(";"):
                name, _, fields = line.partition(" ")
                self._raw[f"{package}.{name.lstrip('!')}"] = line[0] + fields
        self._numbers: dict[str, dict[int, list[Field]]] = {}

    def names(self) -> tuple[str, ...]:
        return tuple(self._raw)

    def struct(self, name: str) -> Struct:
        """KeyError for a name that is not in the table."""
        found = self._structs.get(name)
        if found is None:
            raw = self._raw[name]
            package, _, short = name.rpartition(".")
            found = Struct(short, package, atomic=raw[0] == "!")
            self._structs[name] = found
            for word in raw[1:].split():
                self._add(found, word)
        return found

    def of(self, kind: Kind) -> Struct | None:
        """The type of a kind's objects; None when the table does not have it."""
        return self.find(kind.group, kind.version, kind.kind)

    def find(self, group: str, version: str, kind: str) -> Struct | None:
        package = f"{group.partition('.')[0] or 'core'}/{version}"
        if group and "." in group and not group.endswith(".k8s.io"):
            return None
        name = f"{package}.{kind}"
        if name not in self._raw and kind == "DeleteOptions":
            name = f"{META}.{kind}"
        return self.struct(name) if name in self._raw else None

    def numbers(self, struct: Struct) -> dict[int, list[Field]]:
        key = f"{struct.package}.{struct.name}"
        if key not in self._numbers:
            self._numbers[key] = struct.by_number()
        return self._numbers[key]

    def _add(self, struct: Struct, word: str) -> None:
        name, number, code, *marks = word.split(":")
        ref = self._ref(code, struct.package)
        if name == "+":
            for inner in self.struct(ref.name).fields.values():
                struct.fields[inner.name] = Field(
                    inner.name, (int(number), *inner.numbers), inner.ref, inner.strategy,
                    inner.merge_key, inner.keys, inner.set, inner.atomic,
                )  # fmt: skip
            return
        strategy: tuple[str, ...] = ()
        merge_key = ""
        keys: tuple[str, ...] = ()
        for mark in marks:
            if mark.startswith("p="):
                listed, _, merge_key = mark[2:].partition("/")
                strategy = tuple(listed.split("+"))
            elif mark.startswith("k="):
                keys = tuple(mark[2:].split(","))
        struct.fields[name] = Field(
            name, (int(number),), ref, strategy, merge_key, keys, "set" in marks, "atomic" in marks
        )

    def _ref(self, code: str, package: str) -> Ref:
        optional = code.startswith("*")
        code = code.removeprefix("*")
        if code[0] in "[{":
            form = "list" if code[0] == "[" else "map"
            return Ref(form, of=self._ref(code[1:-1], package), optional=optional)
        if code in SCALARS:
            return Ref("scalar", code, optional=optional)
        if code in SPECIAL:
            return Ref("special", code, optional=optional)
        candidates = [code] if "/" in code else [f"{p}.{code}" for p in (package, CORE, META)]
        name = next(c for c in candidates if c in self._raw)
        return Ref("struct", name, optional=optional)


@cache
def schema() -> Schema:
    """The table of `fields.txt`, read once."""
    return Schema(Path(__file__).with_name("fields.txt").read_text(encoding="utf-8"))
