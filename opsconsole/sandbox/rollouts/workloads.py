"""`spec.workloadRef`: the template of a Deployment, ReplicaSet or PodTemplate (templateref.go)."""

from __future__ import annotations

from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.errors import RuleError
from opsconsole.model.kinds import DEPLOYMENT, REPLICA_SET, Kind
from opsconsole.model.objects import dig, mapping, text
from opsconsole.sandbox.apierrors import not_found
from opsconsole.sandbox.store import Store

POD_TEMPLATE = Kind("", "v1", "PodTemplate", "podtemplates")

_KINDS: dict[tuple[str, str], tuple[Kind, tuple[str, ...], tuple[str, ...] | None]] = {
    ("apps", "Deployment"): (DEPLOYMENT, ("spec", "template"), ("spec", "selector")),
    ("apps", "ReplicaSet"): (REPLICA_SET, ("spec", "template"), ("spec", "selector")),
    ("", "PodTemplate"): (POD_TEMPLATE, ("template",), None),
}


def resolve(store: Store, ro: RolloutView) -> RolloutView:
    """The Rollout with template and selector of the workload it names.

    Nothing of it is written to the Rollout but the workload's generation, with the revision.
    RuleError in the real words when it cannot be resolved.
    """
    ref = ro.workload_ref
    if ref is None:
        return ro
    if mapping(ro.template, "metadata") or mapping(ro.template, "spec"):
        raise RuleError("template must be empty for workload reference rollout")
    group, _, _ = text(ref, "apiVersion").rpartition("/")
    kind_name = text(ref, "kind")
    known = _KINDS.get((group, kind_name))
    if known is None:
        raise RuleError(f"workload of type {group}/{kind_name} is not supported")
    kind, template_path, selector_path = known
    found = store.find(kind, ro.namespace, text(ref, "name"))
    if found is None:
        raise RuleError(not_found(kind, f"{ro.namespace}/{text(ref, 'name')}").message)
    spec: dict[str, Any] = {**ro.spec, "template": mapping(found, *template_path)}
    if ro.selector is None and selector_path is not None:
        spec["selector"] = mapping(found, *selector_path)
    generation = str(dig(found, "metadata", "generation", default=1))
    meta = {
        **mapping(ro.obj, "metadata"),
        "annotations": {**ro.annotations, n.WORKLOAD_GENERATION: generation},
    }
    return RolloutView({**ro.obj, "metadata": meta, "spec": spec})
