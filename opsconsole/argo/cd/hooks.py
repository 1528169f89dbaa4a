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

FINALIZERS = {
    "PreDelete": "pre-delete-finalizer.argocd.argoproj.io",
    "PostDelete": "post-delete-finalizer.argocd.argoproj.io",
}
"""An application keeps these while it has such hooks; each has a second one, for cleaning up."""

CLEANUP = "/cleanup"

BEFORE_CREATION, SUCCEEDED, FAILED = "BeforeHookCreation", "HookSucceeded", "HookFailed"

_HELM = {
    "pre-install": "PreSync",
    "pre-upgrade": "PreSync",
    "post-install": "PostSync",
    "post-upgrade": "PostSync",
}
_HELM_DELETION = {"PreDelete": "pre-delete", "PostDelete": "post-delete"}
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
    """The types that a sync knows, in the order written; Helm's only where Argo's are absent."""
    own = [h for h in listed(obj, HOOK) if h in (*PHASES, "Skip")]
    found = own or [_HELM[h] for h in listed(obj, HELM_HOOK) if h in _HELM]
    return list(dict.fromkeys(found))


def is_deletion_hook(obj: Object, kind: str) -> bool:
    """Whether it runs when the application is deleted; `kind` is one of DELETION (`hook.go`)."""
    return kind in listed(obj, HOOK) or _HELM_DELETION[kind] in listed(obj, HELM_HOOK)


def is_hook(obj: Object) -> bool:
    """Whether an object is kept out of what is synced and compared.

    An object that is only to be skipped, or that carries only Helm's `crd-install`, is an
    ordinary resource.
    """
    notes = annotations_of(obj)
    if HOOK in notes:
        return not is_skip_hook(obj)
    return HELM_HOOK in notes and notes[HELM_HOOK] != "crd-install"


def is_skip_hook(obj: Object) -> bool:
    """`Skip` and nothing else; beside another type it means nothing."""
    return hook_types(obj) == ["Skip"]


def is_ignored(obj: Object) -> bool:
    """Annotated as a hook, but of no type that Argo CD knows: it is left alone."""
    if not is_hook(obj) or hook_types(obj):
        return False
    return not any(is_deletion_hook(obj, kind) for kind in DELETION)


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
    return [obj for obj in objects if is_deletion_hook(obj, kind)]


def wanted_finalizers(finalizers: Iterable[str], targets: Iterable[Object]) -> list[str]:
    """An application's finalizers with those that its deletion hooks want, and no others of them."""
    found, objects = [str(f) for f in finalizers], list(targets)
    for kind, name in FINALIZERS.items():
        both = [name, name + CLEANUP]
        if deletion_hooks(objects, kind):
            found += [f for f in both if f not in found]
        else:
            found = [f for f in found if f not in both]
    return found
