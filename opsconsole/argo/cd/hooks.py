"""Hooks: which objects are hooks, of which phases, and when they are deleted again.

Rules: gitops-engine `pkg/sync/hook`, `pkg/sync/ignore` and Argo CD `controller/hook.go`.
"""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.model.objects import Object, annotations_of, items

HOOK = "argocd.argoproj.io/hook"
HELM_HOOK = "helm.sh/hook"
DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
HELM_DELETE_POLICY = "helm.sh/hook-delete-policy"
HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"

PHASES = ("PreSync", "Sync", "PostSync", "SyncFail")
"""Phases of a sync in their order."""

DELETION = ("PreDelete", "PostDelete")
TYPES = (*PHASES, "Skip", *DELETION)

BEFORE_CREATION, SUCCEEDED, FAILED = "BeforeHookCreation", "HookSucceeded", "HookFailed"

_HELM = {
    "crd-install": "PreSync",
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
    "pre-delete": "PreDelete",
    "post-delete": "PostDelete",
}
_HELM_POLICY = {
    "before-hook-creation": BEFORE_CREATION,
    "hook-succeeded": SUCCEEDED,
    "hook-failed": FAILED,
}


def listed(obj: Object, annotation: str) -> list[str]:
    """The comma-separated values of an annotation."""
    raw = annotations_of(obj).get(annotation)
    if not isinstance(raw, str):
        return []
    return [part.strip() for part in raw.split(",") if part.strip()]


def hook_types(obj: Object) -> list[str]:
    """The recognised hook types, in the order written; Helm's only where Argo's are absent."""
    own = listed(obj, HOOK)
    found = own or [_HELM[h] for h in listed(obj, HELM_HOOK) if h in _HELM]
    return list(dict.fromkeys(kind for kind in found if kind in TYPES))


def is_hook(obj: Object) -> bool:
    """Whether an object is kept out of what is synced and compared.

    An object that carries only Helm's `crd-install` is an ordinary resource.
    """
    if listed(obj, HOOK):
        return True
    helm = listed(obj, HELM_HOOK)
    return bool(helm) and helm != ["crd-install"]


def is_skip_hook(obj: Object) -> bool:
    return "Skip" in hook_types(obj)


def is_ignored(obj: Object) -> bool:
    """Annotated as a hook, but of no type that Argo CD knows: it is left alone."""
    return is_hook(obj) and not hook_types(obj)


def sync_phases(obj: Object) -> list[str]:
    """The phases in which an object is applied; `Skip` alone means in none."""
    if is_skip_hook(obj):
        return []
    if not is_hook(obj):
        return ["Sync"]
    return [kind for kind in hook_types(obj) if kind in PHASES]


def delete_policies(obj: Object) -> list[str]:
    """BeforeHookCreation where the object says nothing."""
    found = [p for p in listed(obj, DELETE_POLICY) if p in (BEFORE_CREATION, SUCCEEDED, FAILED)]
    found += [_HELM_POLICY[p] for p in listed(obj, HELM_DELETE_POLICY) if p in _HELM_POLICY]
    return found or [BEFORE_CREATION]


def without_finalizer(obj: Object) -> list[str] | None:
    """The finalizers without the hook's own; None when it is not there."""
    found = items(obj, "metadata", "finalizers")
    return [f for f in found if f != HOOK_FINALIZER] if HOOK_FINALIZER in found else None


def deletion_hooks(objects: Iterable[Object], kind: str) -> list[Object]:
    """The hooks of type PreDelete or PostDelete."""
    return [obj for obj in objects if kind in hook_types(obj)]
