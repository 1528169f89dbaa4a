"""Lists: selectors, pages that are one consistent look, resourceVersion.

Separate from the other verbs because a page is rebuilt from the change log: a continue token
holds the resourceVersion of the first page and the key to go on from, nothing on the server.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import RuleError
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import dig, mapping, name_of, namespace_of
from opsconsole.model.selectors import parse_field_selector, parse_selector
from opsconsole.sandbox import apierrors
from opsconsole.sandbox.api.target import Target
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.resources import Obj
from opsconsole.sandbox.store import Store

Match = Callable[[Mapping[str, Any]], bool]

_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
        "status.nominatedNodeName",
    ),
    "Event": (
        *(f"involvedObject.{name}" for name in _INVOLVED), "reason", "reportingComponent",
        "source", "type",
    ),
    "Secret": ("type",),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Service": ("spec.clusterIP", "spec.type"),
    "ReplicaSet": ("status.replicas",),
    "Job": ("status.successful",),
}  # fmt: skip
"""Fields of built-in kinds that a field selector may name besides name and namespace."""


@dataclass(slots=True)
class Page:
    """One page of a list: stored objects, and what its ListMeta says."""

    objects: list[Obj]
    version: str
    next: str = ""
    remaining: int = 0

    def meta(self) -> dict[str, Any]:
        found: dict[str, Any] = {"resourceVersion": self.version}
        if self.next:
            found["continue"] = self.next
            if self.remaining:
                found["remainingItemCount"] = self.remaining
        return found


def matcher(target: Target, query: Mapping[str, str]) -> Match:
    """The label and field selectors of a query over stored objects; StatusError 400."""
    try:
        labels = parse_selector(query.get("labelSelector", ""))
        source = query.get("fieldSelector", "")
        _check_fields(target.kind, source)
        fields = parse_field_selector(_event_source(target.kind, source))
    except RuleError as error:
        raise apierrors.bad_request(error.message) from error
    if not source:
        return lambda obj: labels(mapping(obj, "metadata", "labels"))
    return lambda obj: labels(mapping(obj, "metadata", "labels")) and fields(obj)


def _check_fields(kind: Kind, source: str) -> None:
    allowed = FIELDS.get(kind.kind, ())
    for part in filter(None, (p.strip() for p in source.split(","))):
        name = part.replace("!", "=").partition("=")[0].strip()
        if name in ("metadata.name", "metadata.namespace") or name in allowed:
            continue
        if allowed:
            raise apierrors.bad_request(f"field label not supported: {name}")
        raise apierrors.bad_request(
            f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        )


def _event_source(kind: Kind, source: str) -> str:
    """The selector `source` of Events means `source.component`."""
    if kind.kind != "Event":
        return source
    parts = (p.strip() for p in source.split(","))
    return ",".join(
        f"source.component{p[6:]}" if p.startswith(("source=", "source!")) else p for p in parts
    )


def page(store: Store, target: Target, query: Mapping[str, str]) -> Page:
    """One page. StatusError 400 for a bad parameter, 410 when a token is too old."""
    match = matcher(target, query)
    limit = _limit(query.get("limit", ""))
    token = query.get("continue", "")
    asked = query.get("resourceVersion", "")
    after: tuple[str, str] | None = None
    if token:
        version, after = _decode(token)
        try:
            objects = store.objects_at(target.kind, target.namespace, version)
        except StatusError as gone:
            raise _too_old(store, after) from gone
    else:
        version = store.version
        objects = _start(store, target, asked, query.get("resourceVersionMatch", ""))
    found = [o for o in objects if target.admits(o) and match(o)]
    if after is not None:
        found = [o for o in found if (namespace_of(o), name_of(o)) > after]
    if not limit or len(found) <= limit:
        return Page(found, str(version))
    last = found[limit - 1]
    selected = bool(query.get("labelSelector") or query.get("fieldSelector"))
    remaining = 0 if selected else len(found) - limit
    return Page(found[:limit], str(version), _encode(version, last), remaining)


def _start(store: Store, target: Target, asked: str, match: str) -> list[Obj]:
    if asked and asked != "0":
        wanted = parse_version(asked)
        if wanted > store.version:
            raise too_large(wanted, store.version)
        if match == "Exact":
            return store.objects_at(target.kind, target.namespace, wanted)
    return store.objects(target.kind, target.namespace)


def parse_version(text: str) -> int:
    """A resourceVersion of a query; StatusError 400 when it is not a number."""
    if not (text.isascii() and text.isdigit()):
        raise apierrors.bad_request(
            f'resourceVersion: Invalid value: "{text[:60]}": strconv.ParseUint: parsing "{text[:60]}": invalid syntax'
        )
    return int(text)


def too_large(wanted: int, current: int) -> StatusError:
    return StatusError(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        {
            "causes": [
                {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            ],
            "retryAfterSeconds": 1,
        },
    )


def _limit(text: str) -> int:
    if not text:
        return 0
    if not text.lstrip("-").isdigit():
        raise apierrors.bad_request(f'limit: Invalid value: "{text[:40]}"')
    return max(int(text), 0)


def _encode(version: int, last: Obj) -> str:
    start = {"v": "meta.k8s.io/v1", "rv": version, "start": [namespace_of(last), name_of(last)]}
    return base64.urlsafe_b64encode(json.dumps(start).encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[int, tuple[str, str]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = dig(found, "start")
        version = int(found["rv"])
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise apierrors.bad_request(
            "continue key is not valid: encoded start key is malformed"
        ) from error
    return version, (str(namespace), str(name))


def _too_old(store: Store, after: tuple[str, str]) -> StatusError:
    """410 with a token that goes on at the newest version, as the server offers."""
    gone = apierrors.expired(
        "The provided continue parameter is too old to display a consistent list result. You can"
        " start a new list without the continue parameter, or use the continue token in this"
        " response to retrieve the remainder of the results. Continuing with the provided token"
        " results in an inconsistent list - objects that were created, modified, or deleted"
        " between the time the first chunk was returned and now may show up in the list."
    )
    last = {"metadata": {"namespace": after[0], "name": after[1]}}
    gone.metadata = {"continue": _encode(store.version, last)}
    return gone
