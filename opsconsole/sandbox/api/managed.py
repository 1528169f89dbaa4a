"""Server-side apply and `managedFields`: who set what, as structured-merge-diff decides it.

Separate from the verbs because it is pure: live object, configuration and writer in, new
object out. In-process writes of the simulated controllers are not tracked; what clients
write over HTTP is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import mapping, mappings, name_of, text, uid_of
from opsconsole.model.times import format_instant
from opsconsole.sandbox import apierrors
from opsconsole.sandbox.api import fieldsets
from opsconsole.sandbox.api.fieldsets import Path, Paths
from opsconsole.sandbox.api.schema import Field, Ref
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.resources import Obj

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: field manager, the apiVersion it used, the subresource it wrote to."""

    manager: str
    api_version: str
    subresource: str = ""
    apply: bool = False

    @property
    def operation(self) -> str:
        return "Apply" if self.apply else "Update"


@dataclass(slots=True)
class _Entry:
    writer: Writer
    fields: Paths
    time: str

    def encode(self) -> Obj:
        found: Obj = {
            "manager": self.writer.manager,
            "operation": self.writer.operation,
            "apiVersion": self.writer.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldsets.encode(self.fields),
        }
        if self.writer.subresource:
            found["subresource"] = self.writer.subresource
        return found


def _entries(obj: Mapping[str, Any] | None) -> list[_Entry]:
    found = []
    for row in mappings(obj, "metadata", "managedFields"):
        writer = Writer(
            text(row, "manager"),
            text(row, "apiVersion"),
            text(row, "subresource"),
            apply=row.get("operation") == "Apply",
        )
        fields = frozenset(fieldsets.decode(row.get("fieldsV1")))
        found.append(_Entry(writer, fields, text(row, "time")))
    return found


def _with_entries(obj: Obj, entries: list[_Entry]) -> Obj:
    listed = [e.encode() for e in entries if e.fields]
    meta = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    if listed:
        meta["managedFields"] = listed
    return {**obj, "metadata": meta}


def _of(entries: list[_Entry], writer: Writer) -> _Entry | None:
    for entry in entries:
        mine = entry.writer
        if (mine.manager, mine.apply, mine.subresource) == (
            writer.manager,
            writer.apply,
            writer.subresource,
        ):
            return entry
    return None


def _scope(paths: Paths, writer: Writer) -> Paths:
    """The status belongs to the writes of the subresource, the rest to the others."""
    inside = writer.subresource == "status"
    return frozenset(p for p in paths if (p[0] == "f:status") == inside)


def tracked(obj: Obj, old: Obj | None, *, kind: Kind, writer: Writer, now: datetime) -> Obj:
    """`obj` with `managedFields` that say `writer` set what differs from `old`."""
    entries = _entries(old)
    cleared = mapping(obj, "metadata").get("managedFields")
    if old is not None and isinstance(cleared, list) and cleared in ([], [{}]):
        entries = []
    new_fields = _scope(fieldsets.fields_of(obj, kind), writer)
    if old is None:
        changed: Paths = new_fields
    else:
        old_fields = _scope(fieldsets.fields_of(old, kind), writer)
        changed = frozenset(
            p
            for p in new_fields
            if p not in old_fields or fieldsets.value_at(obj, p) != fieldsets.value_at(old, p)
            if not p[-1].startswith("k:") or p not in old_fields
        )
        gone = old_fields - new_fields
        if not changed and not gone:
            return _with_entries(obj, entries)
        for entry in entries:
            entry.fields -= changed | gone
    mine = _of(entries, writer)
    if mine is None:
        mine = _Entry(writer, frozenset(), "")
        entries.append(mine)
    mine.fields |= changed
    mine.writer = writer
    mine.time = format_instant(now)
    return _with_entries(obj, entries)


def handed_over(obj: Obj, manager: str, to: Writer) -> Obj:
    """`obj` with what `manager` owns by updates given to `to` (client-go `csaupgrade`)."""
    entries = _entries(obj)
    former = [e for e in entries if (e.writer.manager, e.writer.apply) == (manager, False)]
    former = [e for e in former if not e.writer.subresource]
    if not former:
        return obj
    mine = _of(entries, to) or _Entry(to, frozenset(), former[0].time)
    note = ("f:metadata", "f:annotations", f"f:{LAST_APPLIED}")
    for entry in former:
        mine.fields |= frozenset(p for p in entry.fields if p != note)
    kept = [e for e in entries if e not in former and e is not mine]
    return _with_entries(obj, [*kept, mine])


def apply(
    live: Obj | None,
    config: Obj,
    *,
    kind: Kind,
    writer: Writer,
    force: bool,
    now: datetime,
) -> Obj:
    """The object after a server-side apply. StatusError 409 lists who else owns what differs."""
    wanted = _scope(fieldsets.fields_of(config, kind), writer)
    if live is None:
        return _with_entries(config, [_Entry(writer, wanted, format_instant(now))])
    _check_identity(live, config, kind)
    entries = _entries(live)
    mine = _of(entries, writer)
    others = [e for e in entries if e is not mine]
    conflicts: list[tuple[_Entry, list[Path]]] = []
    for entry in others:
        hit = [
            p
            for p in sorted(entry.fields & wanted)
            if not p[-1].startswith("k:")
            and fieldsets.value_at(live, p) != fieldsets.value_at(config, p)
        ]
        if hit:
            conflicts.append((entry, hit))
    if conflicts and not force:
        raise _conflict(conflicts)
    for entry, hit in conflicts:
        entry.fields -= frozenset(hit)
    merged = _merge(live, config, fieldsets.root(kind))
    if mine is not None:
        kept = frozenset[Path]().union(*(e.fields for e in others)) | wanted
        merged = _prune(merged, mine.fields - kept, kept)
    entry = _Entry(writer, wanted, format_instant(now))
    if mine is not None and mine.fields == wanted:
        entry.time = mine.time
    return _with_entries(
        merged, [entry if e is mine else e for e in entries] + ([entry] if mine is None else [])
    )


def _check_identity(live: Obj, config: Obj, kind: Kind) -> None:
    version = text(config, "metadata", "resourceVersion")
    if version and version != text(live, "metadata", "resourceVersion"):
        raise apierrors.conflict(kind, name_of(live))
    uid = uid_of(config)
    if uid and uid != uid_of(live):
        raise apierrors.conflict(
            kind,
            name_of(live),
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was found",
        )


def _conflict(conflicts: list[tuple[_Entry, list[Path]]]) -> StatusError:
    """k8s.io/apimachinery/pkg/util/managedfields/internal: NewConflictError."""
    lines = []
    causes = []
    single = sum(len(hit) for _, hit in conflicts) == 1
    for entry, hit in conflicts:
        who = f'"{entry.writer.manager}"'
        if entry.writer.subresource:
            who += f' with subresource "{entry.writer.subresource}"'
        if not entry.writer.apply:
            who += f" using {entry.writer.api_version}"
        fields = [fieldsets.readable(p) for p in hit]
        causes += [
            {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": f}
            for f in fields
        ]
        if len(hit) == 1:
            lines.append(f"conflict with {who}: {fields[0]}")
        else:
            lines.append(f"conflicts with {who}:\n" + "\n".join(f"- {f}" for f in fields))
    count = sum(len(hit) for _, hit in conflicts)
    noun = "conflict" if single else "conflicts"
    separator = " " if len(conflicts) == 1 and single else "\n" if len(conflicts) > 1 else " "
    return StatusError(
        409,
        "Conflict",
        f"Apply failed with {count} {noun}:{separator}" + "\n".join(lines),
        {"causes": causes},
    )


def _merge(live: Any, config: Any, ref: Ref) -> Any:
    result = dict(live)
    for key, value in config.items():
        type_, atomic, field = fieldsets.field_of(ref, key)
        old = live.get(key)
        if atomic or old is None:
            result[key] = value
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            result[key] = _merge(old, value, type_)
        elif isinstance(value, list) and isinstance(old, list) and field is not None:
            result[key] = _merge_list(old, value, field)
        else:
            result[key] = value
    return result


def _merge_list(old: list[Any], new: list[Any], field: Field) -> list[Any]:
    if field.set:
        return old + [item for item in new if item not in old]
    if not field.keys or field.ref.of is None:
        return new
    keyed = {fieldsets.item_key(item, field): item for item in old}
    wanted = [(fieldsets.item_key(item, field), item) for item in new]
    if "" in keyed or any(not key for key, _ in wanted):
        return new
    merged = dict(keyed)
    for key, item in wanted:
        merged[key] = _merge(keyed[key], item, field.ref.of) if key in keyed else item
    return list(merged.values())


def _prune(obj: Obj, gone: Paths, kept: Paths) -> Obj:
    """Remove what the applier owned before and nobody owns now."""
    for path in sorted(gone, key=len):
        if not any(other[: len(path)] == path for other in kept):
            obj = _without(obj, path)
    return obj


def _without(obj: Any, path: Path) -> Any:
    step, rest = path[0], path[1:]
    if step.startswith("f:"):
        key = step[2:]
        if not isinstance(obj, Mapping) or key not in obj:
            return obj
        if not rest:
            return {k: v for k, v in obj.items() if k != key}
        inner = _without(obj[key], rest)
        if not inner and inner is not obj[key]:
            return {k: v for k, v in obj.items() if k != key}
        return {**obj, key: inner}
    if not isinstance(obj, list):
        return obj
    import json

    wanted = json.loads(step[2:])
    if step.startswith("v:"):
        return [item for item in obj if item != wanted]
    if not rest:
        return [item for item in obj if not fieldsets.has_keys(item, wanted)]
    return [_without(item, rest) if fieldsets.has_keys(item, wanted) else item for item in obj]
