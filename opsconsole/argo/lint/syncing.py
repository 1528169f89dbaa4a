"""Annotations by which Argo CD is told how to sync an object: what it does not understand."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.syncoptions import ANNOTATION as OPTIONS
from opsconsole.argo.cd.waves import HELM_WEIGHT, WAVE, wave_of
from opsconsole.argo.lint.findings import WARNING, Hit, Path, Placed
from opsconsole.argo.lint.scope import Scope
from opsconsole.model.objects import annotations_of, labels_of, name_of

PREFIX = "argocd.argoproj.io/"
COMPARE = PREFIX + "compare-options"

ANNOTATIONS = frozenset(
    PREFIX + name
    for name in (
        "sync-wave", "sync-options", "hook", "hook-delete-policy", "hook-finalizer",
        "compare-options", "refresh", "refresh-timestamp", "hydrate", "hydrate-timestamp",
        "tracking-id", "installation-id", "managed-by", "skip-reconcile", "ignore-healthcheck", "ignore-restart-policy",
        "ignore-resource-updates", "manifest-generate-paths", "application-set-refresh",
        "application-set-name", "deletion-approved", "cluster-url", "managed-by-url",
        "ignore-default-labels", "auto-label-cluster-info", "kubernetes-version", "secret-type",
        "appset-skip-reconcile", "hydrator.drySha", "applicationset-skip-reconcile",
    )
)  # fmt: skip
LABELS = frozenset(
    PREFIX + name
    for name in (
        "secret-type", "instance", "auto-label-cluster-info", "kubernetes-version",
        "application-set-name",
    )
)  # fmt: skip
"""Keys that are read from the labels."""

TYPES = (*hooks.PHASES, "Skip", *hooks.DELETION)

RESOURCE_OPTIONS = frozenset(
    (
        "Prune=false", "Prune=confirm", "Prune=true", "Delete=false", "Delete=confirm",
        "Delete=true", "Validate=false", "Validate=true", "SkipDryRunOnMissingResource=true",
        "SkipDryRunOnMissingResource=false", "Replace=true", "Replace=false", "Force=true",
        "Force=false", "ServerSideApply=true", "ServerSideApply=false", "PruneLast=true",
        "PruneLast=false", "ClientSideApplyMigration=false", "ClientSideApplyMigration=true",
    )
)  # fmt: skip
APPLICATION_OPTIONS = RESOURCE_OPTIONS | {
    "CreateNamespace=true", "CreateNamespace=false", "ApplyOutOfSyncOnly=true",
    "ApplyOutOfSyncOnly=false", "PrunePropagationPolicy=foreground",
    "PrunePropagationPolicy=background", "PrunePropagationPolicy=orphan",
    "RespectIgnoreDifferences=true", "RespectIgnoreDifferences=false",
    "FailOnSharedResource=true", "FailOnSharedResource=false",
}  # fmt: skip
COMPARE_OPTIONS = (
    "IgnoreExtraneous", "ServerSideDiff=true", "ServerSideDiff=false",
    "IncludeMutationWebhook=true", "IncludeMutationWebhook=false",
)  # fmt: skip


def annotation(key: str) -> Path:
    return ("metadata", "annotations", key)


def unknown_option(option: str, known: frozenset[str] | tuple[str, ...], what: str) -> str:
    """Why an option has no effect; empty when it has one."""
    if option in known:
        return ""
    plain = {k.lower().replace("-", ""): k for k in known}
    close = plain.get(option.lower().replace(" ", "").replace(":", "=").replace("-", ""))
    if close is None:
        near = difflib.get_close_matches(option, sorted(known), 1, 0.8)
        close = near[0] if near else None
    told = f"; {close} is meant" if close else ""
    return f"{what} '{option}' is not known to Argo CD and does nothing{told}"


def wave(one: Placed, _: Scope) -> Iterator[Hit]:
    """`strconv.Atoi`: what is no integer is wave 0."""
    for key in (WAVE, HELM_WEIGHT):
        value = annotations_of(one.manifest).get(key)
        if not isinstance(value, str) or wave_of({"metadata": {"annotations": {key: value}}}):
            continue
        if value.lstrip("+-").strip("0") or not value.lstrip("+-"):
            why = f'{key}: "{value}" is no integer, so that the object is in wave 0'
            yield Hit(why, annotation(key))


def hook(one: Placed, _: Scope) -> Iterator[Hit]:
    own, helm = hooks.listed(one.manifest, hooks.HOOK), hooks.listed(one.manifest, hooks.HELM_HOOK)
    unknown = [kind for kind in own if kind not in TYPES]
    for kind in unknown:
        near = difflib.get_close_matches(kind, TYPES, 1, 0.5)
        told = f"; {near[0]} is meant" if near else ""
        gone = ", and the object is never applied" if hooks.is_ignored(one.manifest) else ""
        yield Hit(
            f"'{kind}' is no hook that Argo CD knows ({', '.join(TYPES)}){gone}{told}",
            annotation(hooks.HOOK),
        )
    if "Skip" in own and len(own) > 1:
        yield Hit("Skip beside another hook type means nothing", annotation(hooks.HOOK), WARNING)
    if not own and helm and hooks.is_ignored(one.manifest):
        why = f"Argo CD runs none of Helm's hooks {', '.join(helm)}: the object is never applied"
        yield Hit(why, annotation(hooks.HELM_HOOK))


_POLICIES = (hooks.BEFORE_CREATION, hooks.SUCCEEDED, hooks.FAILED)


def delete_policy(one: Placed, _: Scope) -> Iterator[Hit]:
    found = hooks.listed(one.manifest, hooks.DELETE_POLICY)
    for policy in found:
        why = unknown_option(policy, _POLICIES, "hook-delete-policy")
        if why:
            yield Hit(why, annotation(hooks.DELETE_POLICY))
    if found and not hooks.is_hook(one.manifest):
        why = f"{hooks.DELETE_POLICY} does nothing on an object that is no hook"
        yield Hit(why, annotation(hooks.DELETE_POLICY))


def options(one: Placed, _: Scope) -> Iterator[Hit]:
    for option in hooks.listed(one.manifest, OPTIONS):
        why = unknown_option(option, RESOURCE_OPTIONS, "sync option")
        if option in APPLICATION_OPTIONS and why:
            why = f"sync option '{option}' counts in an Application's syncOptions only"
        if why:
            yield Hit(why, annotation(OPTIONS))
    for option in hooks.listed(one.manifest, COMPARE):
        why = unknown_option(option, COMPARE_OPTIONS, "compare option")
        if why:
            yield Hit(why, annotation(COMPARE))


def misspelled(one: Placed, _: Scope) -> Iterator[Hit]:
    """Keys of Argo CD's own prefix that it does not read, and keys that nearly have the prefix."""
    for key in annotations_of(one.manifest):
        if key in ANNOTATIONS or key.startswith("argocd.argoproj.io/application-set"):
            continue
        domain, slash, name = key.partition("/")
        near = difflib.get_close_matches(key, sorted(ANNOTATIONS), 1, 0.85)
        foreign = domain != "argocd.argoproj.io"
        if not slash or (foreign and (not near or not name)) or _other(domain):
            continue
        told = f"; {near[0]} is meant" if near else ""
        yield Hit(
            f"annotation {key} is not known to Argo CD and does nothing{told}", annotation(key)
        )
    for key in labels_of(one.manifest):
        if key in ANNOTATIONS and key not in LABELS:
            why = f"{key} is a label here; Argo CD reads it from the annotations"
            yield Hit(why, ("metadata", "labels", key))


def _other(domain: str) -> bool:
    """Prefixes of Argo's other programs, which are near in spelling."""
    return domain.endswith(".argocd.argoproj.io") or domain in (
        "rollout.argoproj.io",
        "notifications.argoproj.io",
        "argo-rollouts.argoproj.io",
    )


def generated_name(one: Placed, _: Scope) -> Iterator[Hit]:
    """`generateName` makes a new object with every sync; Argo CD refuses it outside of hooks."""
    meta = one.manifest.get("metadata")
    if (
        isinstance(meta, dict)
        and meta.get("generateName")
        and not name_of(one.manifest)
        and not hooks.is_hook(one.manifest)
    ):
        why = "generateName is for hooks only: Argo CD cannot compare an object without a name"
        yield Hit(why, ("metadata", "generateName"))
