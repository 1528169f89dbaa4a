"""Does a live object differ from what git wants? Three-way, normalised as Argo CD does.

    found = Differ(rules, defaults).compare(target, live)
    found.modified, found.live, found.predicted

Rules: gitops-engine `pkg/diff/diff.go`, Argo CD `util/argo/normalizers`. `defaults` is the
API server's own defaulting of a built-in kind, handed in because only a server knows it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opsconsole.argo.cd.identity import LAST_APPLIED, Obj, group_of, is_definition
from opsconsole.argo.cd.ignores import Ignore, without
from opsconsole.argo.cd.merge import three_way
from opsconsole.argo.cd.tracking import TRACKING
from opsconsole.errors import RuleError
from opsconsole.model import quantities
from opsconsole.model.objects import Object, annotations_of, labels_of, mapping, text

Defaults = Callable[[Obj], Obj]

SERVER_SIDE = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Metadata that no manifest decides."""

BUILTIN_GROUPS = frozenset(
    ("", "apps", "batch", "autoscaling", "policy", "extensions", "discovery.k8s.io")
)


def is_builtin(obj: Object) -> bool:
    """Whether Kubernetes' own client knows the type, so that its lists merge by key."""
    group = group_of(obj)
    return group in BUILTIN_GROUPS or (
        group.endswith(".k8s.io") and group not in ("gateway.networking.k8s.io", "metrics.k8s.io")
    )


class Diff(NamedTuple):
    """Both sides normalised; `live` or `predicted` None where there is none."""

    modified: bool
    live: Obj | None
    predicted: Obj | None


@dataclass(frozen=True)
class Differ:
    """`ignore` are the application's and the installation's ignoreDifferences."""

    ignore: Sequence[Ignore] = ()
    defaults: Defaults = field(default=lambda obj: obj)
    ignore_status: bool = True
    ignore_aggregated_roles: bool = False

    def compare(self, target: Object | None, live: Object | None) -> Diff:
        """A target without a live object is modified, a live object without a target is not."""
        if target is None or live is None:
            shown = self._normal(live, live) if live is not None else None
            wanted = self._normal(target, target) if target is not None else None
            return Diff(target is not None, shown, wanted)
        predicted = self._normal(predict(target, live), live)
        current = self._normal(live, live)
        return Diff(_text(predicted) != _text(current), current, predicted)

    def _normal(self, obj: Object, live: Object) -> Obj:
        new = normalise(obj)
        if is_builtin(new):
            try:
                new = normalise(self.defaults(new))
            except Exception:  # noqa: BLE001 - what the server refuses is compared as it is
                new = dict(new)
        if self.ignore_status:
            new.pop("status", None)
        if self.ignore_aggregated_roles and isinstance(new.get("aggregationRule"), Mapping):
            new["rules"] = None
        for rule in self.ignore:
            if rule.matches(new):
                new = without(new, rule, live)
        return new


def predict(target: Object, live: Object) -> Obj:
    """The live object after an apply of the target; without a last-applied it is two-way."""
    raw = annotations_of(live).get(LAST_APPLIED)
    original: Any = target
    if isinstance(raw, str):
        try:
            original = json.loads(raw)
        except ValueError:
            original = target
    return three_way(
        normalise(mapping(original)), normalise(target), live, builtin=is_builtin(live)
    )


def normalise(obj: Object) -> Obj:
    """Without what the server adds, in one spelling: quantities, empty and null fields, Secrets."""
    meta = {k: v for k, v in mapping(obj, "metadata").items() if k not in SERVER_SIDE}
    notes = {k: v for k, v in mapping(meta, "annotations").items() if k != LAST_APPLIED}
    meta["annotations"] = notes
    meta = {k: v for k, v in meta.items() if v not in (None, {}, [])}
    new: Obj = {**obj, "metadata": meta}
    kind = text(obj, "kind")
    if kind == "Secret" and not group_of(obj):
        new = _secret(new)
    if kind in ("Role", "ClusterRole") and not new.get("rules"):
        new["rules"] = None
    spec = mapping(new, "spec")
    if spec:
        new["spec"] = _spec(spec, pod=kind == "Pod")
    return new


def _secret(obj: Obj) -> Obj:
    """`stringData` is written into `data`, as the server does."""
    data = {k: "" if v is None else v for k, v in mapping(obj, "data").items()}
    for key, value in mapping(obj, "stringData").items():
        data[key] = base64.b64encode(str(value).encode()).decode()
    new = {k: v for k, v in obj.items() if k not in ("stringData", "data")}
    return {**new, "data": data} if data else new


def _spec(spec: Object, *, pod: bool) -> Obj:
    """Pod specs, wherever they are, in the spelling of the typed object."""
    if pod:
        return _pod(spec)
    new = dict(spec)
    template = mapping(spec, "template")
    if template:
        meta = {
            k: v
            for k, v in mapping(template, "metadata").items()
            if k != "creationTimestamp" and v not in (None, {})
        }
        new["template"] = {**template, "metadata": meta}
        if mapping(template, "spec"):
            new["template"]["spec"] = _pod(mapping(template, "spec"))
    if mapping(spec, "jobTemplate", "spec"):
        job = mapping(spec, "jobTemplate")
        new["jobTemplate"] = {**job, "spec": _spec(mapping(job, "spec"), pod=False)}
    return {k: v for k, v in new.items() if v is not None}


def _pod(spec: Object) -> Obj:
    new = {k: v for k, v in spec.items() if v not in (None, {}, [])}
    for field_name in ("containers", "initContainers"):
        listed = new.get(field_name)
        if isinstance(listed, list):
            new[field_name] = [_container(c) if isinstance(c, Mapping) else c for c in listed]
    return new


def _container(container: Object) -> Obj:
    new = {k: v for k, v in container.items() if v not in (None, {}, [])}
    resources = mapping(new, "resources")
    if resources:
        new["resources"] = {
            k: {n: _quantity(q) for n, q in v.items()} if isinstance(v, Mapping) else v
            for k, v in resources.items()
        }
    return new


def _quantity(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return quantities.canonical(value)
    except RuleError:
        return value


def _text(obj: Obj) -> str:
    """One spelling to compare by; numbers that JSON writes as whole are equal to whole ones."""
    return json.dumps(_plain(obj), sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def align_tracking(target: Object, live: Object, label: str = "") -> Obj:
    """The live object with the target's tracking mark, which never makes a difference by itself.

    `label` is the one of tracking by label: where git has none, a live one is left over from it
    (`resource_tracking.go`, Normalize).
    """
    if is_definition(live):
        return dict(live)
    mark = annotations_of(target).get(TRACKING)
    notes = {k: v for k, v in annotations_of(live).items() if k != TRACKING}
    if isinstance(mark, str):
        notes[TRACKING] = mark
    meta = {**mapping(live, "metadata"), "annotations": notes}
    if label and label not in labels_of(target):
        meta["labels"] = {k: v for k, v in labels_of(live).items() if k != label}
    return {**live, "metadata": meta}


def masked(target: Object | None, live: Object | None) -> tuple[Obj | None, Obj | None]:
    """Both sides of a Secret with its values hidden: equal ones alike, different ones of other length."""
    seen: dict[str, str] = {}

    def hide(obj: Object | None) -> Obj | None:
        if obj is None:
            return None
        new = _secret(dict(obj))
        data = {}
        for key, value in mapping(new, "data").items():
            plain = f"{key}:{value}"
            if plain not in seen:
                taken = sum(1 for other in seen if other.startswith(f"{key}:"))
                seen[plain] = "+" * (8 + 4 * taken)
            data[key] = seen[plain]
        notes = {k: v for k, v in annotations_of(new).items() if k != LAST_APPLIED}
        meta = {**mapping(new, "metadata"), "annotations": notes}
        return {**new, "data": data, "metadata": meta}

    return hide(target), hide(live)
