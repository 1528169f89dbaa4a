"""Which application an object belongs to (Argo CD `util/argo/resource_tracking.go`)."""

from __future__ import annotations

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
            value = instance[:LABEL_LIMIT] if self.method == "annotation+label" else instance
            new = with_metadata(new, labels={**labels_of(new), self.label: value})
        return new

    def instance_of(self, obj: Object) -> str:
        """The application that an object is marked with, or ""."""
        if self.method == "label":
            return text(labels_of(obj), self.label)
        found = annotations_of(obj).get(TRACKING)
        return found.partition(":")[0] if isinstance(found, str) and ":" in found else ""

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
        parts = str(annotations_of(live).get(TRACKING)).split(":")
        if len(parts) != 3:
            return True
        group, _, kind = parts[1].rpartition("/")
        named_home, _, name = parts[2].rpartition("/")
        return (group, kind, name) == _identity(live) and home in (named_home, "")


def _identity(obj: Object) -> tuple[str, str, str]:
    return group_of(obj), text(obj, "kind"), name_of(obj)
