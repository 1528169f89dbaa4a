"""Which application an object belongs to (Argo CD `util/argo/resource_tracking.go`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opsconsole.argo.cd.identity import (
    Obj,
    group_of,
    is_definition,
    with_annotations,
    with_metadata,
)
from opsconsole.model.objects import Object, annotations_of, labels_of, name_of, namespace_of, text

TRACKING = "argocd.argoproj.io/tracking-id"
LABEL = "app.kubernetes.io/instance"
LABEL_LIMIT = 63

METHODS = ("annotation", "label", "annotation+label")


def instance_name(application: str, namespace: str, controller_namespace: str) -> str:
    """The name that marks an application's objects: `NS_NAME` outside the controller's namespace."""
    same = not namespace or namespace == controller_namespace
    return application if same else f"{namespace}_{application}"


@dataclass(frozen=True, slots=True)
class Tracking:
    """How an installation marks objects: `method` and the label's key."""

    method: str = "annotation"
    label: str = LABEL

    def mark(self, obj: Object, instance: str, namespace: str) -> Obj:
        """A copy that carries the mark; definitions of custom resources get none.

        `namespace` is the destination's, which cluster-scoped objects are marked with.
        """
        if is_definition(obj):
            return dict(obj)
        new = dict(obj)
        if self.method != "label":
            home = namespace_of(obj) or namespace
            kind = f"{group_of(obj)}/{text(obj, 'kind')}"
            new = with_annotations(new, {TRACKING: f"{instance}:{kind}:{home}/{name_of(obj)}"})
        if self.method != "annotation":
            value = truncated(instance) if self.method == "annotation+label" else instance
            new = with_metadata(new, labels={**labels_of(new), self.label: value})
        return new

    def instance_of(self, obj: Object) -> str:
        """The application that an object is marked with, or ""."""
        if self.method == "label":
            return text(labels_of(obj), self.label)
        parsed = _parsed(obj)
        return parsed[0] if parsed is not None else ""

    def is_self_referenced(self, live: Object, target: Object | None) -> bool:
        """Whether the mark names this very object: others copy annotations to what they make.

        Where there is a target this says which object is meant, whatever the mark says; a mark
        that cannot be read names every object.
        """
        if self.method == "label":
            return True
        home = namespace_of(live)
        if target is not None:
            named = (group_of(target), text(target, "kind"), name_of(target))
            return named == _identity(live) and home in (namespace_of(target), "")
        parsed = _parsed(live)
        if parsed is None:
            return True
        _, named, named_home = parsed
        return named == _identity(live) and home in (named_home, "")


def truncated(value: str) -> str:
    """A label's value of at most 63 characters, ending in a letter or digit (TruncateLabel)."""
    return (
        value if len(value) <= LABEL_LIMIT else re.sub(r"[^A-Za-z0-9]+$", "", value[:LABEL_LIMIT])
    )


def _parsed(obj: Object) -> tuple[str, tuple[str, str, str], str] | None:
    """(application, (group, kind, name), namespace) of a mark; None where it cannot be read.

    Names may have colons, as those of RBAC do (ParseAppInstanceValue).
    """
    found = annotations_of(obj).get(TRACKING)
    parts = found.split(":", 2) if isinstance(found, str) else []
    if len(parts) != 3:
        return None
    kind, place = parts[1].split("/"), parts[2].split("/")
    if len(kind) != 2 or len(place) != 2:
        return None
    return parts[0], (kind[0], kind[1], place[1]), place[0]


def _identity(obj: Object) -> tuple[str, str, str]:
    return group_of(obj), text(obj, "kind"), name_of(obj)
