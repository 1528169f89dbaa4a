"""`kubectl apply`, `create` and `replace` on a store, as gitops-engine runs them, and what they print.

Separate from `effects`, which says what a sync may do to a cluster: this is how one object is
written, with the words of kubectl, which are a sync's results. Rules: kubectl `pkg/cmd/apply`,
`pkg/cmd/replace`; gitops-engine `pkg/utils/kube/resource_ops.go` and `kube.go`.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from opsconsole.argo.cd import rbac
from opsconsole.argo.cd.diff import is_builtin
from opsconsole.argo.cd.identity import (
    LAST_APPLIED,
    Obj,
    group_of,
    is_definition,
    version_of,
    with_annotations,
    with_metadata,
)
from opsconsole.argo.cd.merge import three_way
from opsconsole.argo.cd.sync import EffectError
from opsconsole.argo.cd.sync.effects import Application
from opsconsole.model.kinds import NAMESPACE, Kind
from opsconsole.model.objects import Object, annotations_of, name_of, namespace_of, text
from opsconsole.sandbox.api import fieldcheck, managed
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.store import Store

MANAGER = "argocd-controller"

NOT_APPLIED = (
    f"Warning: resource {{}} is missing the {LAST_APPLIED} annotation which is required by"
    "  apply.  apply should only be used on resources created declaratively by either  create"
    " --save-config or  apply. The missing annotation will be patched automatically."
)
BEING_DELETED = "Warning: Detected changes to resource {} which is currently being deleted."

_GO_MAP = re.compile(r"map\[.*\]")


@contextmanager
def refusals(doing: str = "") -> Iterator[None]:
    """Turn the API's refusals into EffectError; `doing` is what kubectl puts before them.

    Argo CD takes Go's maps out of what kubectl says (`cleanKubectlOutput`).
    """
    try:
        yield
    except StatusError as refused:
        message = _GO_MAP.sub("", f"{doing}{refused.message}".strip())
        raise EffectError(message, missing=refused.code == 404) from refused


class Kubectl:
    """Writes one object at a time to one cluster."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def write(self, target: Object, how: Application) -> str:
        """Apply or replace; what kubectl prints. EffectError when it is refused."""
        kind = self.store.resources.by_kind(text(target, "apiVersion"), text(target, "kind"))
        if kind is None:
            raise EffectError(_unmapped(target), missing=True)
        wanted = self._stored(target, kind)
        with self.store.rehearsal() if how.dry_run else nullcontext():
            if how.replace:
                return self._replace(kind, target, wanted, how)
            prefix = text(target, "metadata", "generateName")
            if prefix and not name_of(target):
                raise EffectError(f"from {prefix}: cannot use generate name with apply")
            if how.server_side:
                return self._server_side(kind, target, wanted, how)
            return self._client_side(kind, target, wanted, how)

    def _stored(self, target: Object, kind: Kind) -> Obj:
        """The target as the store keeps it: stored version, no namespace where there is none."""
        wanted = dict(target)
        if not kind.namespaced:
            wanted = with_metadata(wanted, namespace=None)
        served = self.store.resources.served(group_of(target), version_of(target), kind.plural)
        return served.inward(wanted) if served is not None else wanted

    # apply

    def _client_side(self, kind: Kind, target: Object, wanted: Obj, how: Application) -> str:
        before = self._reconcile(kind, wanted, how) if rbac.is_reconciled(target) else ""
        live = self.store.find(kind, namespace_of(wanted), name_of(wanted))
        suffix = " (dry run)" if how.dry_run else ""
        marked = with_annotations(wanted, {LAST_APPLIED: last_applied(wanted)})
        if live is None:
            if not how.dry_run:
                with refusals():
                    self.store.create(kind, _checked(kind, _without_nulls(marked)))
            return f"{before}{label(target)} created{suffix}"
        done = self._patch(kind, marked, live, how)
        warnings = []
        if LAST_APPLIED not in annotations_of(live):
            warnings.append(NOT_APPLIED.format(f"{kind.plural}/{name_of(live)}"))
        if text(live, "metadata", "deletionTimestamp"):
            warnings.append(BEING_DELETED.format(name_of(live)))
        told = f"{before}{label(target)} {done}{suffix}"
        return ". ".join((told, "\n".join(warnings))) if warnings else told

    def _patch(self, kind: Kind, marked: Obj, live: Obj, how: Application) -> str:
        """Bring the live object to the wanted state; kubectl's word for what that took."""
        new = _merged(marked, live)
        if new == live:
            return "unchanged"
        if how.dry_run:
            # a trial on the client's side: the server is not asked
            return "configured"
        with refusals(f'error when patching "{_file(marked)}": '):
            try:
                self.store.update(kind, _checked(kind, new))
            except StatusError as refused:
                if not how.force or refused.reason not in ("Conflict", "Invalid"):
                    raise
                self._recreate(kind, marked)
        return "configured"

    def _reconcile(self, kind: Kind, wanted: Obj, how: Application) -> str:
        """`kubectl auth reconcile`; what it prints, right before what apply prints."""
        doing, home = "error running kubectl auth reconcile: ", namespace_of(wanted)
        with refusals(doing):
            if home and not how.dry_run:
                with refusals(f"{doing}error getting namespace {home}: "):
                    self.store.get(NAMESPACE, "", home)
            live = self.store.find(kind, home, name_of(wanted))
            found = rbac.reconcile(live, wanted)
            if found is None:
                return ""
            if not how.dry_run and not found.protected:
                self._put_reconciled(kind, found)
        suffix = " (dry run)" if how.dry_run else ""
        told = [f"{label(wanted)} reconciled{suffix}", found.told]
        return ". ".join(part for part in told if part)

    def _put_reconciled(self, kind: Kind, found: rbac.Reconciled) -> None:
        if found.operation == "create":
            self.store.create(kind, found.wanted)
        elif found.operation == "update":
            self.store.update(kind, found.wanted)
        elif found.operation == "recreate":
            self._recreate(kind, found.wanted)

    def _server_side(self, kind: Kind, target: Object, wanted: Obj, how: Application) -> str:
        live = self.store.find(kind, namespace_of(wanted), name_of(wanted))
        writer = managed.Writer(MANAGER, kind.api_version, apply=True)
        now = self.store.simulation.now()
        with refusals():
            if live is not None and how.migrate_from:
                live = managed.handed_over(live, how.migrate_from, writer)
            known = _checked(kind, wanted)
            new = managed.apply(live, known, kind=kind, writer=writer, force=True, now=now)
            if live is None:
                self.store.create(kind, new)
            else:
                self.store.update(kind, new)
        return f"{label(target)} serverside-applied"

    # replace

    def _replace(self, kind: Kind, target: Object, wanted: Obj, how: Application) -> str:
        suffix = " (dry run)" if how.dry_run else ""
        if not how.there:
            if not how.dry_run:
                with refusals():
                    self.store.create(kind, _checked(kind, wanted))
            return f"{label(target)} created{suffix}"
        if kind.kind == "Namespace" or is_definition(wanted):
            # never made anew: everything in it would be lost
            with refusals():
                self.store.update(kind, _checked(kind, wanted))
            return f"{kind.kind}/{name_of(wanted)} updated"
        if how.dry_run:
            return f"{label(target)} replaced{suffix}"
        told = ""
        with refusals(f'error when replacing "{_file(wanted)}": '):
            known = _checked(kind, wanted)
            if how.force:
                told = _deleted(kind, wanted)
                self._recreate(kind, known)
            else:
                self.store.update(kind, known)
        return f"{told}{label(target)} replaced"

    def _recreate(self, kind: Kind, wanted: Obj) -> None:
        self.store.delete(kind, namespace_of(wanted), name_of(wanted), grace=0)
        self.store.create(kind, _checked(kind, wanted))


def label(target: Object) -> str:
    """`rollout.argoproj.io/demo`, as kubectl names an object."""
    return f"{_resource(target)}/{name_of(target)}"


def _resource(target: Object) -> str:
    group, kind = group_of(target), text(target, "kind").lower()
    return f"{kind}.{group}" if group else kind


def _deleted(kind: Kind, target: Object) -> str:
    where = f" from {namespace_of(target)} namespace" if kind.namespaced else ""
    return f'{_resource(target)} "{name_of(target)}" deleted{where}\n'


def _file(target: Object) -> str:
    """The file that kubectl is given: its number means nothing, the same object has the same."""
    return f"/dev/shm/{zlib.crc32(json.dumps(target, sort_keys=True).encode())}"  # noqa: S108 - only said, never opened


def _unmapped(target: Object) -> str:
    return (
        f'resource mapping not found for name: "{name_of(target)}" namespace:'
        f' "{namespace_of(target)}" from "{_file(target)}": no matches for kind'
        f' "{text(target, "kind")}" in version "{text(target, "apiVersion")}"\n'
        "ensure CRDs are installed first"
    )


def _checked(kind: Kind, obj: Obj) -> Obj:
    """What the API server makes of a body: unknown fields are dropped, wrong types refused."""
    return fieldcheck.checked(kind, obj)[0]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


def last_applied(target: Object) -> str:
    """What `kubectl apply` notes of an object in its annotation."""
    plain = with_annotations(target, {LAST_APPLIED: None})
    return json.dumps(plain, separators=(",", ":"), sort_keys=True) + "\n"


def last_own(live: Object) -> Mapping[str, Any] | None:
    """What was applied last, from the annotation."""
    raw = annotations_of(live).get(LAST_APPLIED)
    if not isinstance(raw, str):
        return None
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _merged(wanted: Obj, live: Obj) -> Obj:
    original = last_own(live) or {}
    return three_way(original, wanted, live, builtin=is_builtin(wanted))
