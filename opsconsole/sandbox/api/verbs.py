"""The verbs on objects: get, create, replace, patch, delete; synchronous, over the store.

Separate from `server` so that they are plain functions of a Call; lists and watches answer
in pieces and live elsewhere. Every refusal is a StatusError with the server's own text.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from opsconsole.model.objects import dig, mapping, name_of, namespace_of, text, uid_of
from opsconsole.sandbox import apierrors
from opsconsole.sandbox.api import fieldcheck, lists, managed, negotiation, patches
from opsconsole.sandbox.api.schema import schema
from opsconsole.sandbox.api.strategic import strategic_merge
from opsconsole.sandbox.api.target import Call, Reply, Target
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.resources import Obj
from opsconsole.sandbox.store import Store

PROPAGATION = ("Background", "Foreground", "Orphan")


class Verbs:
    """`answer` serves one request on an object, a collection or its `status`."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def answer(self, call: Call, target: Target) -> Reply:
        if call.method == "GET":
            return Reply(value=target.out(self._get(target)))
        if call.method == "POST" and not target.name:
            return self.create(call, target)
        if call.method == "PUT" and target.name:
            return self.replace(call, target)
        if call.method == "PATCH" and target.name:
            return self.patch(call, target)
        if call.method == "DELETE" and not target.subresource:
            return self.delete(call, target) if target.name else self.delete_all(call, target)
        raise not_allowed()

    def _get(self, target: Target) -> Obj:
        return self.store.get(target.kind, target.namespace, target.name)

    def rehearsal(self, call: Call) -> AbstractContextManager[None]:
        """The context in which a write of this call happens."""
        asked = call.query.get("dryRun", "")
        if asked not in ("", "All"):
            raise StatusError(
                422,
                "Invalid",
                f'dryRun: Unsupported value: "{asked}": supported values: "All"',
            )
        return self.store.rehearsal() if asked else nullcontext()

    # create, replace

    def create(self, call: Call, target: Target) -> Reply:
        obj, warnings = self.read(call, target)
        if text(obj, "metadata", "resourceVersion"):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        obj = target.served.inward(obj)
        with self.rehearsal(call):
            obj = self.tracked(call, target, obj, None)
            made = self.store.create(target.kind, obj)
        return Reply(201, target.out(made), warnings=warnings)

    def replace(self, call: Call, target: Target) -> Reply:
        obj, warnings = self.read(call, target)
        old = self._get(target)
        name = name_of(obj)
        if name != target.name:
            raise apierrors.bad_request(
                f"the name of the object ({name}) does not match the name on the URL ({target.name})"
            )
        if not target.served.resource.builtin and not text(obj, "metadata", "resourceVersion"):
            why = "Invalid value: 0x0: must be specified for an update"
            raise apierrors.invalid(target.kind, name, [("metadata.resourceVersion", why)])
        with self.rehearsal(call):
            return Reply(
                value=self._write(call, target, target.served.inward(obj), old), warnings=warnings
            )

    def read(self, call: Call, target: Target) -> tuple[Obj, list[str]]:
        """The object of a body, with its namespace; and warnings about its fields."""
        decoded = negotiation.decode(call.headers.get("Content-Type", ""), call.body)
        obj = dict(negotiation.as_mapping(decoded))
        self._check_type(obj, target)
        obj, warnings = self.validated(call, target, obj)
        meta = dict(mapping(obj, "metadata"))
        given = text(meta, "namespace")
        if target.namespace and given not in ("", target.namespace):
            raise apierrors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if target.namespace:
            meta["namespace"] = target.namespace
        obj["metadata"] = meta
        return obj, warnings

    def _check_type(self, obj: Mapping[str, Any], target: Target) -> None:
        kind = target.served.kind
        given, api_version = text(obj, "kind"), text(obj, "apiVersion")
        if api_version and api_version != kind.api_version:
            raise apierrors.bad_request(
                f"the API version in the data ({api_version}) does not match the expected API version"
                f" ({kind.api_version})"
            )
        if given and given != kind.kind:
            raise apierrors.bad_request(
                f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: no kind'
                f' "{given}" is registered for version "{kind.api_version}"'
            )
        if not given and not target.served.resource.builtin:
            raise apierrors.bad_request("Object 'Kind' is missing in the request body")

    def validated(
        self, call: Call, target: Target, obj: Obj, *, duplicates: bool = True
    ) -> tuple[Obj, list[str]]:
        """The object as the kind reads it; refused or warned of as `fieldValidation` asks."""
        mode = call.query.get("fieldValidation", "Warn") or "Warn"
        if mode not in ("Strict", "Warn", "Ignore"):
            raise apierrors.bad_request(
                f'fieldValidation: Unsupported value: "{mode}": supported values: "Ignore", "Strict", "Warn"'
            )
        known, findings = fieldcheck.checked(target.served.kind, obj)
        if duplicates and "fieldValidation" in call.query:
            findings = negotiation.duplicate_fields(call.body) + findings
        if findings and mode == "Strict":
            raise fieldcheck.cannot_handle(
                target.served.kind, "strict decoding error: " + ", ".join(findings)
            )
        return known, findings if mode == "Warn" else []

    def _write(self, call: Call, target: Target, obj: Obj, old: Obj) -> Obj:
        """Store a new state of an object that exists; the answer as the client sees it."""
        obj = self.tracked(call, target, obj, old)
        return target.out(self.store.update(target.kind, obj, subresource=target.subresource))

    def tracked(self, call: Call, target: Target, obj: Obj, old: Obj | None) -> Obj:
        """The object with `managedFields` that name this call's manager."""
        return managed.tracked(
            obj,
            old,
            kind=target.kind,
            writer=managed.Writer(call.manager, target.served.kind.api_version, target.subresource),
            now=self.store.simulation.now(),
        )

    # patch

    def patch(self, call: Call, target: Target) -> Reply:
        media = call.headers.get("Content-Type", "").partition(";")[0].strip()
        if media == negotiation.APPLY:
            return self._apply(call, target)
        allowed = [negotiation.JSON_PATCH, negotiation.MERGE]
        struct = schema().of(target.served.kind)
        if target.served.resource.builtin:
            allowed.append(negotiation.STRATEGIC)
        if media not in allowed:
            raise negotiation.unsupported((*allowed, negotiation.APPLY))
        patch = negotiation.decode_json(call.body)
        old = self._get(target)
        shown = target.out(old)
        if media == negotiation.JSON_PATCH:
            new = patches.json_patch(shown, patch)
        elif media == negotiation.MERGE:
            new = patches.merge_patch(shown, negotiation.as_mapping(patch))
        else:
            new = strategic_merge(shown, patch, struct)
        new, warnings = self.validated(call, target, dict(negotiation.as_mapping(new)))
        if name_of(new) != target.name:
            raise apierrors.bad_request(
                f"the name of the object ({name_of(new)}) does not match the name on the URL ({target.name})"
            )
        with self.rehearsal(call):
            return Reply(
                value=self._write(call, target, target.served.inward(new), old), warnings=warnings
            )

    def _apply(self, call: Call, target: Target) -> Reply:
        """Server-side apply; creates what is not there."""
        if not call.query.get("fieldManager"):
            raise StatusError(
                422,
                "Invalid",
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
            )
        config = dict(negotiation.as_mapping(negotiation.decode_yaml(call.body)))
        self._check_type(config, target)
        if dig(config, "metadata", "managedFields"):
            raise apierrors.bad_request("metadata.managedFields must be nil")
        config, warnings = self.validated(call, target, config, duplicates=False)
        meta = {**mapping(config, "metadata"), "name": target.name}
        if target.kind.namespaced:
            meta["namespace"] = target.namespace
        config = target.served.inward({**config, "metadata": meta})
        live = self.store.find(target.kind, target.namespace, target.name)
        if live is None and target.subresource:
            raise apierrors.not_found(target.kind, target.name)
        writer = managed.Writer(
            call.manager, target.served.kind.api_version, target.subresource, apply=True
        )
        with self.rehearsal(call):
            new = managed.apply(
                live, config, kind=target.kind, writer=writer, force=call.flag("force"),
                now=self.store.simulation.now(),
            )  # fmt: skip
            if live is None:
                return Reply(
                    201, target.out(self.store.create(target.kind, new)), warnings=warnings
                )
            done = self.store.update(target.kind, new, subresource=target.subresource)
        return Reply(value=target.out(done), warnings=warnings)

    # delete

    def delete(self, call: Call, target: Target) -> Reply:
        options = self._delete_options(call)
        old = self._get(target)
        version = text(options, "preconditions", "resourceVersion")
        if version and version != old["metadata"]["resourceVersion"]:
            raise apierrors.conflict(
                target.kind,
                target.name,
                f"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in"
                f" object meta: {old['metadata']['resourceVersion']}",
            )
        if options.get("dryRun"):
            call = Call(call.method, call.path, {**call.query, "dryRun": "All"}, call.headers)
        with self.rehearsal(call):
            gone = self._delete_one(target, options, old)
            left = self.store.find(target.kind, target.namespace, target.name)
        waiting = dig(gone, "metadata", "deletionTimestamp") and left is not None
        if waiting and left is not None and uid_of(left) == uid_of(old):
            return Reply(value=target.out(gone))
        return Reply(value=_deleted(target, old))

    def _delete_one(self, target: Target, options: Mapping[str, Any], obj: Obj) -> Obj:
        grace = options.get("gracePeriodSeconds")
        return self.store.delete(
            target.kind,
            namespace_of(obj),
            name_of(obj),
            propagation=_propagation(options),
            grace=grace if isinstance(grace, int) and grace >= 0 else None,
            uid=text(options, "preconditions", "uid"),
        )

    def delete_all(self, call: Call, target: Target) -> Reply:
        """deletecollection: what the selectors match."""
        options = self._delete_options(call)
        page = lists.page(self.store, target, call.query)
        with self.rehearsal(call):
            gone = [self._delete_one(target, options, obj) for obj in page.objects]
        kind = target.served.kind
        return Reply(
            value={
                "kind": f"{kind.kind}List",
                "apiVersion": kind.api_version,
                "metadata": {"resourceVersion": str(self.store.version)},
                "items": [target.out(obj) for obj in gone],
            }
        )

    def _delete_options(self, call: Call) -> dict[str, Any]:
        """DeleteOptions of the body, or of the query where there is no body."""
        if call.body:
            decoded = negotiation.decode(call.headers.get("Content-Type", ""), call.body)
            return dict(negotiation.as_mapping(decoded))
        options: dict[str, Any] = {
            k: call.query[k] for k in ("propagationPolicy",) if k in call.query
        }
        if call.query.get("orphanDependents"):
            options["orphanDependents"] = call.flag("orphanDependents")
        grace = call.query.get("gracePeriodSeconds", "")
        if grace.isdigit():
            options["gracePeriodSeconds"] = int(grace)
        return options


def not_allowed() -> StatusError:
    return StatusError(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    )


def _propagation(options: Mapping[str, Any]) -> str:
    asked = options.get("propagationPolicy")
    if asked is None:
        return "Orphan" if options.get("orphanDependents") is True else "Background"
    if asked not in PROPAGATION:
        listed = ", ".join(f'"{p}"' for p in (*PROPAGATION, "nil"))
        raise StatusError(
            422,
            "Invalid",
            f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "{asked}":'
            f" supported values: {listed}",
        )
    return str(asked)


def _deleted(target: Target, obj: Obj) -> Obj:
    kind = target.served.kind
    details = {"name": name_of(obj), "kind": kind.plural, "uid": uid_of(obj)}
    if kind.group:
        details["group"] = kind.group
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": details,
    }
