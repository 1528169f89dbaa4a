"""`scale`, eviction, logs, and the reviews that only answer a create.

Separate from the verbs on whole objects: each has a shape of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opsconsole.model import kinds
from opsconsole.model.objects import (
    condition,
    dig,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
)  # fmt: skip
from opsconsole.model.selectors import matches_selector, selector_text
from opsconsole.sandbox import apierrors
from opsconsole.sandbox.api import discovery, negotiation, patches
from opsconsole.sandbox.api.target import Call, Reply, Target
from opsconsole.sandbox.api.verbs import Verbs, not_allowed
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.resources import Obj
from opsconsole.sandbox.store import Store

Logs = Callable[[Obj, Mapping[str, str]], str]
"""The text that a pod's container printed: the pod, and the query (container, tailLines…)."""


def scale(verbs: Verbs, call: Call, target: Target) -> Reply:
    """GET, PUT and PATCH of `autoscaling/v1 Scale`."""
    old = verbs.store.get(target.kind, target.namespace, target.name)
    shown = _scale_of(target, old)
    if call.method == "GET":
        return Reply(value=shown)
    if call.method == "PUT":
        new = negotiation.decode(call.headers.get("Content-Type", ""), call.body)
    elif call.method == "PATCH":
        new = _patched_scale(call, shown)
    else:
        raise not_allowed()
    spec = mapping(new, "spec")
    wanted = spec.get("replicas", 0)
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise apierrors.bad_request(
            "json: cannot unmarshal into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if wanted < 0:
        why = f"Invalid value: {wanted}: must be greater than or equal to 0"
        raise StatusError(
            422, "Invalid", f'Scale.autoscaling "{target.name}" is invalid: spec.replicas: {why}'
        )
    version = text(new, "metadata", "resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise apierrors.conflict(target.kind, target.name)
    with verbs.rehearsal(call):
        obj = {**old, "spec": {**mapping(old, "spec"), "replicas": wanted}}
        obj = verbs.tracked(call, target, obj, old)
        return Reply(value=_scale_of(target, verbs.store.update(target.kind, obj)))


def _patched_scale(call: Call, shown: Obj) -> Any:
    media = call.headers.get("Content-Type", "").partition(";")[0].strip()
    patch = negotiation.decode_json(call.body)
    if media == negotiation.JSON_PATCH:
        return patches.json_patch(shown, patch)
    if media in (negotiation.MERGE, negotiation.STRATEGIC):
        return patches.merge_patch(shown, patch)
    raise negotiation.unsupported(
        (negotiation.JSON_PATCH, negotiation.MERGE, negotiation.STRATEGIC)
    )


def _scale_of(target: Target, obj: Obj) -> Obj:
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Obj = {"replicas": number(obj, "status", "replicas")}
    selector = selector_text(mapping(obj, "spec", "selector"))
    if not target.served.resource.builtin:
        # the CRD's labelSelectorPath and statusReplicasPath
        selector = text(obj, "status", "selector")
        status = {"replicas": number(obj, "status", "HPAReplicas")}
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {k: meta[k] for k in kept if k in meta},
        "spec": {"replicas": number(obj, "spec", "replicas")},
        "status": status,
    }


def evict(verbs: Verbs, call: Call, target: Target) -> Reply:
    """POST of `policy/v1 Eviction`: delete the pod unless a budget holds it (429)."""
    if call.method != "POST":
        raise not_allowed()
    body = negotiation.decode(call.headers.get("Content-Type", ""), call.body)
    store = verbs.store
    pod = store.get(kinds.POD, target.namespace, target.name)
    options = mapping(body, "deleteOptions")
    with verbs.rehearsal(call):
        if not _finished(pod):
            _spend_budget(store, pod)
        grace = options.get("gracePeriodSeconds")
        store.delete(
            kinds.POD,
            target.namespace,
            target.name,
            grace=grace if isinstance(grace, int) else None,
            uid=text(options, "preconditions", "uid"),
        )
    success = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }
    return Reply(201, success)


def _finished(pod: Obj) -> bool:
    return (
        text(pod, "status", "phase") in ("Succeeded", "Failed", "Pending")
        or dig(pod, "metadata", "deletionTimestamp") is not None
    )


def _spend_budget(store: Store, pod: Obj) -> None:
    budgets = [
        pdb
        for pdb in store.objects(kinds.PDB, namespace_of(pod))
        if matches_selector(mapping(pdb, "spec", "selector"), labels_of(pod))
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise StatusError(
            500,
            "InternalError",
            "Internal error occurred: This pod has more than one PodDisruptionBudget, which the"
            " eviction subresource does not support.",
        )
    pdb = budgets[0]
    healthy, wanted = (
        number(pdb, "status", "currentHealthy"),
        number(pdb, "status", "desiredHealthy"),
    )
    if condition(pod, "Ready").get("status") != "True" and healthy >= wanted > 0:
        return
    if number(pdb, "status", "observedGeneration") < number(pdb, "metadata", "generation"):
        raise _too_many(
            f"The disruption budget {name_of(pdb)} is still being processed by the server.", pdb
        )
    allowed = number(pdb, "status", "disruptionsAllowed")
    if allowed <= 0:
        raise _too_many(
            f"The disruption budget {name_of(pdb)} needs {wanted} healthy pods and has {healthy} currently",
            pdb,
        )
    status = {**mapping(pdb, "status"), "disruptionsAllowed": allowed - 1}
    store.update(kinds.PDB, {**pdb, "status": status}, subresource="status")


def _too_many(why: str, pdb: Obj) -> StatusError:  # noqa: ARG001
    return StatusError(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        {"causes": [{"reason": "DisruptionBudget", "message": why}]},
    )


def logs(verbs: Verbs, call: Call, target: Target, read: Logs) -> Reply:
    """GET of a pod's log as plain text."""
    if call.method != "GET":
        raise not_allowed()
    pod = verbs.store.get(kinds.POD, target.namespace, target.name)
    names = [text(c, "name") for c in mappings(pod, "spec", "containers")]
    asked = call.query.get("container", "")
    if asked and asked not in names:
        raise apierrors.bad_request(f"container {asked} is not valid for pod {target.name}")
    if not asked and len(names) > 1:
        raise apierrors.bad_request(
            f"a container name must be specified for pod {target.name}, choose one of: [{' '.join(names)}]"
        )
    if text(pod, "status", "phase") == "Pending":
        name = asked or (names[0] if names else "")
        raise apierrors.bad_request(
            f'container "{name}" in pod "{target.name}" is waiting to start: ContainerCreating'
        )
    return Reply(text=read(pod, call.query))


REVIEW_KINDS = {plural: kind for rows in discovery.REVIEWS.values() for plural, kind, _ in rows}

USER = {
    "username": "sandbox",
    "uid": "",
    "groups": ["system:masters", "system:authenticated"],
}


def review(call: Call) -> Reply | None:
    """Answer an access or identity review; None for a path that is none. Everything is allowed."""
    parts = call.path.strip("/").split("/")
    if len(parts) < 4 or f"{parts[1]}/{parts[2]}" not in discovery.REVIEWS:
        return None
    kind = REVIEW_KINDS.get(parts[-1])
    if kind is None:
        return None
    if call.method != "POST":
        raise not_allowed()
    body = negotiation.as_mapping(
        negotiation.decode(call.headers.get("Content-Type", ""), call.body)
    )
    answer: Obj = {
        "kind": kind,
        "apiVersion": f"{parts[1]}/{parts[2]}",
        "metadata": {"creationTimestamp": None},
        "spec": mapping(body, "spec"),
    }
    if kind == "SelfSubjectRulesReview":
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        answer["status"] = {
            "resourceRules": [everything],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
    elif kind == "SelfSubjectReview":
        answer["status"] = {"userInfo": USER}
    elif kind == "TokenReview":
        answer["status"] = {"authenticated": True, "user": USER}
    else:
        answer["status"] = {"allowed": True, "reason": "the sandbox allows everything"}
    return Reply(201, answer)
